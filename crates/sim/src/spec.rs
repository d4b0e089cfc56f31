//! Parses a bucket written on one line: `training=datasets/shard-{000000..000099}.tar:500MiB`.

use std::str::FromStr;

use bytesize::ByteSize;

use super::series::Series;
use super::store::{Bucket, Entry};
use model::object::Count;

/// Objects for a bucket, made up by a pattern with numeric ranges.
#[derive(Clone, Debug)]
pub struct BucketSpec {
    pub bucket: String,
    series: Vec<Series>,
    objects: Vec<(String, u64)>,
    /// What it adds up to.
    pub count: Count,
}

/// What is wrong with a bucket written on one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bucket `{spec}`: {problem}; write for example training=datasets/shard-{{000000..000099}}.tar:500MiB")]
pub struct SpecError {
    spec: String,
    problem: &'static str,
}

/// Ranges before the last one are written out; this many times at most.
const MOST_SERIES: usize = 10_000;
const DEFAULT_SIZE: u64 = 1 << 20;

impl BucketSpec {
    /// Adds the objects to a bucket.
    pub fn fill(&self, bucket: Bucket) -> Bucket {
        let bucket = self.series.iter().cloned().fold(bucket, Bucket::series);
        self.objects.iter().fold(bucket, |bucket, (key, size)| bucket.object(key.as_str(), Entry::sized(*size)))
    }
}

impl FromStr for BucketSpec {
    type Err = SpecError;

    fn from_str(spec: &str) -> Result<Self, SpecError> {
        let wrong = |problem| SpecError { spec: spec.to_owned(), problem };
        let (bucket, rest) = spec.split_once('=').unwrap_or((spec, ""));
        if !s3s::path::check_bucket_name(bucket) {
            return Err(wrong("the bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens"));
        }
        let mut parsed =
            Self { bucket: bucket.to_owned(), series: Vec::new(), objects: Vec::new(), count: Count::default() };
        if rest.is_empty() {
            return Ok(parsed);
        }
        // A key may hold colons of its own: only what reads as a size is one.
        let sized = rest.rsplit_once(':').and_then(|(key, size)| Some((key, size.parse::<ByteSize>().ok()?.as_u64())));
        let (pattern, size) = sized.unwrap_or((rest, DEFAULT_SIZE));
        let mut left = MOST_SERIES;
        parsed.expand("", pattern, size, &mut left).map_err(wrong)?;
        Ok(parsed)
    }
}

impl BucketSpec {
    fn expand(&mut self, before: &str, pattern: &str, size: u64, left: &mut usize) -> Result<(), &'static str> {
        let Some((head, range, tail)) = next_range(pattern)? else {
            one_more(left)?;
            self.objects.push((format!("{before}{pattern}"), size));
            self.count.add(size);
            return Ok(());
        };
        let prefix = format!("{before}{head}");
        for (first, last, width) in range.blocks() {
            if next_range(tail)?.is_some() {
                for number in first..=last {
                    self.expand(&format!("{prefix}{number:0width$}"), tail, size, left)?;
                }
            } else {
                one_more(left)?;
                let count = last - first + 1;
                let series = Series::new(prefix.as_str(), count, tail).starting_at(first).width(width).size(size);
                self.series.push(series);
                self.count = self.count + Count { objects: count, bytes: count.saturating_mul(size) };
            }
        }
        Ok(())
    }
}

fn one_more(left: &mut usize) -> Result<(), &'static str> {
    *left = left.checked_sub(1).ok_or("the ranges before the last one make more than 10,000 series")?;
    Ok(())
}

struct Range {
    first: u64,
    last: u64,
    width: usize,
}

impl Range {
    /// Numbers of equal length: key order is numeric order only within one of these.
    fn blocks(&self) -> Vec<(u64, u64, usize)> {
        let mut blocks = Vec::new();
        let (mut from, mut width) = (self.first, self.width);
        while from <= self.last {
            let longest = 10u64.checked_pow(u32::try_from(width).unwrap_or(u32::MAX)).map_or(u64::MAX, |n| n - 1);
            if longest >= from {
                blocks.push((from, longest.min(self.last), width));
                from = longest.saturating_add(1);
            }
            width += 1;
        }
        blocks
    }
}

/// The first `{a..b}`, with what stands before and after it.
fn next_range(pattern: &str) -> Result<Option<(&str, Range, &str)>, &'static str> {
    let Some((head, rest)) = pattern.split_once('{') else { return Ok(None) };
    let (range, tail) = rest.split_once('}').ok_or("a `{` without its `}`")?;
    let (first, last) = range.split_once("..").ok_or("a range is written {000..099}")?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|n| *n < 1_000_000_000_000_000);
    match (number(first), number(last)) {
        (Some(a), Some(b)) if a <= b => Ok(Some((head, Range { first: a, last: b, width: first.len() }, tail))),
        (Some(_), Some(_)) => Err("a range counts upwards"),
        _ => Err("a range has a number at either end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_makes_a_bucket() {
        for (line, objects, bytes, has, has_not) in [
            ("training=d/s-{000..099}.tar:500MiB", 100, 100 * (500 << 20), "d/s-042.tar", "d/s-100.tar"),
            ("training=d/s-{098..101}", 4, 4 << 20, "d/s-101", "d/s-102"),
            ("training=s-{8..11}:1kB", 4, 4000, "s-9", "s-09"),
            ("training=s-{8..11}:1kB", 4, 4000, "s-10", "s-12"),
            ("training=step-{1..2}/__{0..9}_0.distcp:1B", 20, 20, "step-2/__9_0.distcp", "step-3/__0_0.distcp"),
            ("training=one/object:7", 1, 7, "one/object", "one"),
            ("training=with:colon", 1, 1 << 20, "with:colon", "with"),
            ("training", 0, 0, "", "anything"),
        ] {
            let spec: BucketSpec = line.parse().unwrap();
            assert_eq!(spec.count, Count { objects, bytes }, "{line}");
            let bucket = spec.fill(Bucket::new());
            assert!(has.is_empty() || bucket.get(has.as_bytes()).is_some(), "{line}: {has}");
            assert!(bucket.get(has_not.as_bytes()).is_none(), "{line}: {has_not}");
            assert_eq!(bucket.scan(b"", b"").count() as u64, objects, "{line}");
        }
    }

    #[test]
    fn ten_thousand_series_are_allowed_and_no_more() {
        let spec: BucketSpec = "training=checkpoint-{1..10000}/f-{0000..1999}:1KB".parse().unwrap();
        assert_eq!(spec.count, Count { objects: 20_000_000, bytes: 20_000_000_000 });
        let error = "training=checkpoint-{1..10001}/f-{0000..1999}".parse::<BucketSpec>().unwrap_err();
        assert_eq!(error.problem, "the ranges before the last one make more than 10,000 series");
    }

    #[test]
    fn a_wrong_line_is_told_what_to_write() {
        let lines = ["Training=x", "training=a{0", "training=a{0-9}", "training=a{9..0}", "training=a{a..b}", "x=1"];
        let many = "training={0..99999}/{0..9}";
        let told: Vec<_> =
            lines.iter().chain([&many]).map(|line| line.parse::<BucketSpec>().unwrap_err().to_string()).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
