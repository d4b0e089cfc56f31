//! Buckets in memory: single objects, and series that are generated as they are read.

use std::collections::{BTreeMap, btree_map};
use std::fmt::Write as _;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeZone as _, Utc};
use sha2::{Digest as _, Sha256};

use super::series::Series;
use super::series::set::{Cursors, SeriesSet};

/// Objects above this many bytes carry the `-N` ETag of a multipart upload.
const UPLOAD_PART: u64 = 64 << 20;

/// One object as the simulator answers for it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: Arc<str>,
    pub last_modified: DateTime<Utc>,
    /// `None` is left out of answers, and means STANDARD.
    pub storage_class: Option<Arc<str>>,
    /// What a GET returns; `None` for a synthetic object, whose body is made up as it is sent.
    pub bytes: Option<Bytes>,
}

impl Entry {
    /// An object with a real body.
    pub fn bytes(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let entry = Self::sized(body.len() as u64);
        Self { etag: digest(&[&body]).into(), bytes: Some(body), ..entry }
    }

    /// A synthetic object of `size` bytes. Its ETag follows from its key when it is stored.
    pub fn sized(size: u64) -> Self {
        Self { size, etag: "".into(), last_modified: default_time(), storage_class: None, bytes: None }
    }

    #[must_use]
    pub fn modified(mut self, at: DateTime<Utc>) -> Self {
        self.last_modified = at;
        self
    }

    #[must_use]
    pub fn class(mut self, class: &str) -> Self {
        self.storage_class = Some(class.into());
        self
    }

    #[must_use]
    pub fn etag(mut self, etag: &str) -> Self {
        self.etag = etag.into();
        self
    }
}

/// What objects without a time of their own carry.
pub(super) fn default_time() -> DateTime<Utc> {
    Utc.timestamp_opt(1_767_225_600, 0).single().unwrap_or_default()
}

/// The ETag of a made-up object: the same on every run, another one for another `version`.
pub(super) fn synthetic_etag(key: &[u8], size: u64, version: u64) -> Arc<str> {
    let mut etag = digest(&[key, &size.to_le_bytes(), &version.to_le_bytes()]);
    if size > UPLOAD_PART {
        let _ = write!(etag, "-{}", size.div_ceil(UPLOAD_PART));
    }
    etag.into()
}

fn digest(parts: &[&[u8]]) -> String {
    let hash = parts.iter().fold(Sha256::new(), Sha256::chain_update).finalize();
    hash.iter().take(16).fold(String::with_capacity(40), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A bucket and what is in it.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// `None` hides an object of a series.
    objects: BTreeMap<Vec<u8>, Option<Entry>>,
    series: SeriesSet,
    pub(super) region: Option<String>,
}

impl Bucket {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series of synthetic objects. Where two hold the same key, either answers for it.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.add(series);
        self
    }

    /// Adds one object.
    #[must_use]
    pub fn object(mut self, key: impl Into<Vec<u8>>, entry: Entry) -> Self {
        self.put(key.into(), entry);
        self
    }

    /// The region requests must be signed for; without one any will do.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    pub fn get(&self, key: &[u8]) -> Option<Entry> {
        match self.objects.get(key) {
            Some(entry) => entry.clone(),
            None => self.series.get(key),
        }
    }

    pub(super) fn put(&mut self, key: Vec<u8>, mut entry: Entry) {
        if entry.etag.is_empty() {
            entry.etag = synthetic_etag(&key, entry.size, 0);
        }
        self.objects.insert(key, Some(entry));
    }

    /// Returns what was there.
    pub(super) fn delete(&mut self, key: &[u8]) -> Option<Entry> {
        let gone = self.get(key)?;
        if self.series.get(key).is_some() {
            self.objects.insert(key.to_vec(), None);
        } else {
            self.objects.remove(key);
        }
        Some(gone)
    }

    /// The objects whose keys begin with `prefix` and are `from` or after it, in key order.
    pub(super) fn scan<'a>(&'a self, prefix: &'a [u8], from: &[u8]) -> impl Iterator<Item = (Vec<u8>, Entry)> + 'a {
        let from = from.max(prefix);
        let range = self.objects.range::<[u8], _>((Bound::Included(from), Bound::Unbounded));
        let scan = Scan { objects: range.peekable(), made_up: self.series.from(from) };
        scan.take_while(move |(key, _)| key.starts_with(prefix))
    }
}

/// Single objects and series, merged in key order. A single object hides that of a series.
struct Scan<'a> {
    objects: Peekable<btree_map::Range<'a, Vec<u8>, Option<Entry>>>,
    made_up: Cursors<'a>,
}

impl Iterator for Scan<'_> {
    type Item = (Vec<u8>, Entry);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let made_up = self.made_up.peek();
            let Some((key, entry)) =
                self.objects.next_if(|(key, _)| made_up.is_none_or(|other| key.as_slice() <= other))
            else {
                return self.made_up.next();
            };
            while self.made_up.peek().is_some_and(|hidden| hidden == key) {
                self.made_up.next();
            }
            if let Some(entry) = entry {
                return Some((key.clone(), entry.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bucket: &Bucket, prefix: &str, from: &str) -> Vec<String> {
        bucket.scan(prefix.as_bytes(), from.as_bytes()).map(|(key, _)| String::from_utf8(key).unwrap()).collect()
    }

    #[test]
    fn series_and_single_objects_are_read_in_one_key_order() {
        let mut bucket = Bucket::new()
            .series(Series::new("b/", 3, "").width(1))
            .series(Series::new("a/", 2, ".x").width(1))
            .object("a/1", Entry::sized(1))
            .object("b/1", Entry::sized(7))
            .object("c", Entry::bytes("real"));
        assert_eq!(keys(&bucket, "", ""), ["a/0.x", "a/1", "a/1.x", "b/0", "b/1", "b/2", "c"]);
        assert_eq!(bucket.get(b"b/1").unwrap().size, 7, "a single object hides that of a series");
        assert_eq!(keys(&bucket, "b/", "b/1"), ["b/1", "b/2"]);

        assert!(bucket.delete(b"b/2").is_some());
        assert!(bucket.delete(b"b/2").is_none());
        assert!(bucket.delete(b"c").is_some());
        assert_eq!(keys(&bucket, "b", ""), ["b/0", "b/1"]);
        assert!(bucket.get(b"b/2").is_none());
    }

    #[test]
    fn a_synthetic_etag_follows_from_key_size_and_version() {
        assert_eq!(synthetic_etag(b"k", 1, 0), synthetic_etag(b"k", 1, 0));
        assert_ne!(synthetic_etag(b"k", 1, 0), synthetic_etag(b"k", 1, 1));
        assert_ne!(synthetic_etag(b"k", 1, 0), synthetic_etag(b"l", 1, 0));
        assert!(synthetic_etag(b"k", 500 << 20, 0).ends_with("-8"), "large objects look like multipart uploads");
    }
}
