//! A series: objects that exist only as a rule. A million of them cost as much as one.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::store::{Entry, default_time, synthetic_etag};

pub(super) mod set;

/// Objects named `PREFIX 0007 SUFFIX`, numbered with leading zeros, so that key order is numeric order.
#[derive(Clone, Debug)]
pub struct Series {
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    first: u64,
    count: u64,
    width: usize,
    sizes: Sizes,
    last_modified: DateTime<Utc>,
    step: TimeDelta,
    storage_class: Option<Arc<str>>,
}

/// Bytes of the objects of a series.
#[derive(Clone, Copy, Debug)]
pub enum Sizes {
    All(u64),
    /// Spread evenly from the first to the second, the same on every run.
    Between(u64, u64),
    /// Many small ones and a few large ones, the same on every run: half are smaller than `median`, and one in six is larger
    /// than it by e^`sigma`. None is larger than `most`.
    LogNormal {
        median: u64,
        sigma: f64,
        most: u64,
    },
}

impl Sizes {
    fn of(self, index: u64) -> u64 {
        match self {
            Self::All(size) => size,
            Self::Between(low, high) => low + scramble(index) % (high.saturating_sub(low) + 1),
            Self::LogNormal { median, sigma, most } => log_normal(index, median, sigma).clamp(1, most.max(1)),
        }
    }
}

impl Series {
    /// `count` objects from number 0, of 1 MiB each.
    pub fn new(prefix: impl Into<Vec<u8>>, count: u64, suffix: impl Into<Vec<u8>>) -> Self {
        let series = Self {
            prefix: prefix.into(),
            suffix: suffix.into(),
            first: 0,
            count,
            width: 0,
            sizes: Sizes::All(1 << 20),
            last_modified: default_time(),
            step: TimeDelta::zero(),
            storage_class: None,
        };
        series.width(6)
    }

    /// The number of the first object.
    #[must_use]
    pub fn starting_at(mut self, first: u64) -> Self {
        self.first = first;
        let width = self.width;
        self.width(width)
    }

    /// Digits of the numbers; never fewer than the last one needs.
    #[must_use]
    pub fn width(mut self, width: usize) -> Self {
        let last = (self.first + self.count).saturating_sub(1);
        self.width = width.max(last.to_string().len());
        self
    }

    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.sizes = Sizes::All(bytes);
        self
    }

    #[must_use]
    pub fn sizes(mut self, sizes: Sizes) -> Self {
        self.sizes = sizes;
        self
    }

    /// When the first object was last modified, and how much later each next one.
    #[must_use]
    pub fn modified(mut self, first: DateTime<Utc>, step: TimeDelta) -> Self {
        self.last_modified = first;
        self.step = step;
        self
    }

    #[must_use]
    pub fn class(mut self, class: &str) -> Self {
        self.storage_class = Some(class.into());
        self
    }

    pub fn len(&self) -> u64 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The key of the `index`-th object.
    pub fn key(&self, index: u64) -> Vec<u8> {
        let number = format!("{:0width$}", self.first + index, width = self.width);
        [&self.prefix, number.as_bytes(), &self.suffix].concat()
    }

    /// The object behind `key`, if it is one of these.
    pub(super) fn get(&self, key: &[u8]) -> Option<Entry> {
        self.index_of(key).map(|index| self.entry(index, key))
    }

    pub(super) fn entry(&self, index: u64, key: &[u8]) -> Entry {
        let size = self.sizes.of(index);
        let step = self.step * i32::try_from(index).unwrap_or(i32::MAX);
        Entry {
            size,
            etag: synthetic_etag(key, size, 0),
            last_modified: self.last_modified + step,
            storage_class: self.storage_class.clone(),
            bytes: None,
        }
    }

    /// The index of the first object whose key is `bound` or after it; `len()` when there is none.
    pub(super) fn seek(&self, bound: &[u8]) -> u64 {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle).as_slice() < bound { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn index_of(&self, key: &[u8]) -> Option<u64> {
        let digits = key.strip_prefix(&self.prefix[..])?.strip_suffix(&self.suffix[..])?;
        if digits.len() != self.width || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        number.checked_sub(self.first).filter(|index| *index < self.count)
    }
}

/// By the method of Box and Muller, from two numbers that follow from `index`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "made-up sizes are not exact to the byte"
)]
fn log_normal(index: u64, median: u64, sigma: f64) -> u64 {
    let even = |n: u64| (scramble(n) as f64 + 1.0) / (2_f64.powi(64) + 1.0);
    let (a, b) = (even(2 * index + 1), even(2 * index + 2));
    let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    (median as f64 * (sigma * normal).exp()) as u64
}

/// Spreads neighbouring numbers apart (the finaliser of SplitMix64).
pub(super) fn scramble(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_answers_for_its_own_keys_only() {
        let series = Series::new("a/shard-", 100, ".tar").starting_at(5).width(4);
        assert_eq!(series.key(0), b"a/shard-0005.tar");
        assert_eq!(series.key(99), b"a/shard-0104.tar");
        for (key, there) in [
            ("a/shard-0005.tar", true),
            ("a/shard-0104.tar", true),
            ("a/shard-0004.tar", false),
            ("a/shard-0105.tar", false),
            ("a/shard-005.tar", false),
            ("a/shard-00x5.tar", false),
            ("a/shard-0005.tar.gz", false),
        ] {
            assert_eq!(series.get(key.as_bytes()).is_some(), there, "{key}");
        }
    }

    #[test]
    fn numbers_never_outgrow_their_width() {
        assert_eq!(Series::new("", 10_000_000, "").width(2).key(0), b"0000000");
    }

    #[test]
    fn sizes_spread_between_their_bounds_the_same_on_every_run() {
        let series = || Series::new("s", 1000, "").sizes(Sizes::Between(100, 200));
        let sizes = |series: Series| (0..1000).map(|n| series.entry(n, b"").size).collect::<Vec<_>>();
        let spread = sizes(series());
        assert!(spread.iter().all(|size| (100..=200).contains(size)));
        assert!(spread.contains(&100) && spread.contains(&200));
        assert_eq!(spread, sizes(series()));
    }

    #[test]
    fn log_normal_sizes_have_their_median_and_spread() {
        let series = Series::new("s", 10_000, "").sizes(Sizes::LogNormal { median: 1000, sigma: 2.0, most: 1_000_000 });
        let sizes: Vec<u64> = (0..10_000).map(|n| series.entry(n, b"").size).collect();
        let below = |bound: u64| sizes.iter().filter(|size| **size < bound).count();
        assert!((4_800..5_200).contains(&below(1000)), "half are below the median: {}", below(1000));
        assert!((8_200..8_620).contains(&below(7_389)), "five in six are below median e^sigma: {}", below(7_389));
        assert!((1_400..1_780).contains(&below(135)), "one in six is below median / e^sigma: {}", below(135));
        assert!(sizes.iter().all(|size| (1..=1_000_000).contains(size)) && sizes.contains(&1_000_000));
        assert_eq!(sizes, (0..10_000).map(|n| series.entry(n, b"").size).collect::<Vec<_>>());
    }

    #[test]
    fn each_object_is_modified_a_step_after_the_one_before() {
        let series = Series::new("s", 3, "").modified(default_time(), TimeDelta::minutes(5));
        assert_eq!(series.entry(2, b"").last_modified - default_time(), TimeDelta::minutes(10));
    }

    #[test]
    fn seeking_finds_the_first_key_at_or_after_a_bound() {
        let series = Series::new("s", 1_000_000, "");
        for (bound, index) in [("", 0), ("s000007", 7), ("s000007x", 8), ("s1", 100_000), ("t", 1_000_000)] {
            assert_eq!(series.seek(bound.as_bytes()), index, "{bound}");
        }
    }
}
