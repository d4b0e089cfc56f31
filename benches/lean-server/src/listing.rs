//! The pages of a LIST, cut out of one prepared text: every entry has the same length.

use std::fmt::Write;

use percent_encoding::percent_decode_str;

use crate::names::Names;

pub const BUCKETS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult><Owner><ID>bench</ID></Owner>\
    <Buckets><Bucket><Name>bench</Name><CreationDate>2026-11-01T00:00:00.000Z</CreationDate></Bucket></Buckets>\
    </ListAllMyBucketsResult>";
pub const ETAG: &str = "9b2cf535f27731c974343645a3985328";
const FOLDER: &str = "datasets/";

pub struct Listing {
    keys: u64,
    names: Names,
    entries: Vec<u8>,
    entry_len: usize,
}

/// What a request asks for.
#[derive(Default)]
struct Query {
    prefix: String,
    start_after: String,
    from: Option<u64>,
    max_keys: Option<u64>,
    delimiter: String,
}

impl Listing {
    pub fn new(keys: u64, names: Names) -> Self {
        let mut entries = String::new();
        let mut entry_len = 0;
        for index in 0..keys {
            // Spread over the days of a month, in no order of the keys, so that "newest" has work to do.
            let mixed = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let (day, second) = ((mixed >> 32) % 28 + 1, mixed % 86_400);
            let _ = write!(
                entries,
                "<Contents><Key>{}</Key><LastModified>2026-10-{day:02}T{:02}:{:02}:{:02}.000Z</LastModified>\
                 <ETag>&quot;{ETAG}&quot;</ETag><Size>1048576</Size><StorageClass>STANDARD</StorageClass></Contents>",
                names.key(index),
                second / 3600,
                second / 60 % 60,
                second % 60,
            );
            if index == 0 {
                entry_len = entries.len();
                entries.reserve_exact(entry_len * usize::try_from(keys).unwrap_or_default());
            }
        }
        Self { keys, names, entries: entries.into_bytes(), entry_len }
    }

    /// One page, or why it cannot be had.
    pub fn page(&self, target: &str) -> Result<Vec<u8>, &'static str> {
        let query = Query::parse(target);
        if !matches!(query.delimiter.as_str(), "" | "/") {
            return Err("Only The Delimiter Slash");
        }
        let is_folder = query.delimiter == "/" && FOLDER.starts_with(&query.prefix) && query.prefix != FOLDER;
        if is_folder && self.keys > 0 && query.start_after.as_str() < FOLDER && query.from.is_none() {
            return Ok(wrap(
                &query,
                b"",
                &format!("<CommonPrefixes><Prefix>{FOLDER}</Prefix></CommonPrefixes>"),
                1,
                None,
            ));
        }
        let first = self.first(|key| key >= query.prefix.as_str());
        let end = self.first(|key| key > query.prefix.as_str() && !key.starts_with(&query.prefix)).max(first);
        let after = self.first(|key| key > query.start_after.as_str());
        let start = query.from.unwrap_or(after).clamp(first, end);
        let stop = end.min(start + query.max_keys.unwrap_or(1000).min(1000));
        let (start, stop) = if is_folder { (end, end) } else { (start, stop) };
        let at = |index: u64| usize::try_from(index).unwrap_or(usize::MAX) * self.entry_len;
        Ok(wrap(&query, &self.entries[at(start)..at(stop)], "", stop - start, (stop < end).then_some(stop)))
    }

    /// The first key that is `beyond`, which all keys after it are too.
    fn first(&self, beyond: impl Fn(&str) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.keys);
        while low < high {
            let middle = low.midpoint(high);
            if beyond(&self.names.key(middle)) { high = middle } else { low = middle + 1 }
        }
        low
    }
}

fn wrap(query: &Query, entries: &[u8], folders: &str, count: u64, next: Option<u64>) -> Vec<u8> {
    let next_token = next.map(|at| format!("<NextContinuationToken>{at}</NextContinuationToken>")).unwrap_or_default();
    let mut page = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>bench</Name><Prefix>{}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>1000</MaxKeys>\
         <EncodingType>url</EncodingType><IsTruncated>{}</IsTruncated>{next_token}",
        query.prefix,
        next.is_some(),
    )
    .into_bytes();
    page.extend_from_slice(entries);
    page.extend_from_slice(folders.as_bytes());
    page.extend_from_slice(b"</ListBucketResult>");
    page
}

impl Query {
    fn parse(target: &str) -> Self {
        let mut query = Self::default();
        for (name, value) in target.split(['?', '&']).filter_map(|pair| pair.split_once('=')) {
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "prefix" => query.prefix = value,
                "start-after" => query.start_after = value,
                "continuation-token" => query.from = value.parse().ok(),
                "max-keys" => query.max_keys = value.parse().ok(),
                "delimiter" => query.delimiter = value,
                _ => {}
            }
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(listing: &Listing, query: &str) -> (usize, bool) {
        let page = String::from_utf8(listing.page(&format!("/bench?list-type=2&{query}")).unwrap()).unwrap();
        (page.matches("<Key>").count(), page.contains("<IsTruncated>true"))
    }

    #[test]
    fn pages_follow_one_another_and_keep_to_what_was_asked() {
        let names = || Names::of("counted", 2500).unwrap();
        let (listing, lead) = (Listing::new(2500, names()), "datasets/imagenet-webdataset-shuffled-train-set-");
        assert_eq!(counted(&listing, ""), (1000, true));
        assert_eq!(counted(&listing, "continuation-token=2000"), (500, false));
        assert_eq!(counted(&listing, &format!("start-after={}", names().key(2489))), (10, false));
        assert_eq!(counted(&listing, &format!("prefix={lead}000012")), (100, false));
        assert_eq!(counted(&listing, &format!("prefix={lead}000012&max-keys=7")), (7, true));
        assert_eq!(counted(&listing, "prefix=none"), (0, false));
        assert_eq!(counted(&listing, "delimiter=/"), (0, false));
        assert_eq!(counted(&listing, "delimiter=%2F&prefix=datasets%2F"), (1000, true));
    }
}
