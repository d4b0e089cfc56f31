//! State that both listeners share: buckets, cache, faults, counters, credentials.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::cache::ObjectId;
use super::counters::Ledger;
use super::faults::Faults;
use super::fill::{Filler, Wanted};
use super::store::{Bucket, Entry, synthetic_etag};
use super::throttle::Throttle;
use super::{read, write};
use crate::clock;

/// How the list endpoint behaves. Can be changed while it runs.
#[derive(Clone, Debug)]
pub struct Listing {
    /// What every request at this endpoint takes.
    pub delay: Duration,
    /// What a page of a LIST takes beyond that.
    pub page_delay: Duration,
    /// The most keys a page holds, whatever was asked for.
    pub max_page: usize,
    pub url_encoding: UrlEncoding,
    pub throttle: Throttle,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            page_delay: Duration::ZERO,
            max_page: 1000,
            url_encoding: UrlEncoding::Plus,
            throttle: Throttle::default(),
        }
    }
}

/// How keys are written when a LIST asks for `encoding-type=url`. Servers differ; clients must read all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlEncoding {
    /// `+` for a space, `/` as it is.
    Plus,
    /// `%20` for a space, `%2F` for a slash.
    Percent,
    /// Claims the encoding and sends keys raw.
    ClaimedOnly,
}

/// A key pair requests must be signed with.
#[derive(Clone)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
    /// Must come along where there is one.
    pub session_token: Option<String>,
}

pub struct World {
    pub buckets: RwLock<BTreeMap<String, Bucket>>,
    pub filler: Filler,
    pub faults: Faults,
    pub ledger: Arc<Ledger>,
    pub listing: RwLock<Arc<Listing>>,
    /// Empty: anybody may do anything.
    pub credentials: RwLock<Vec<Credentials>>,
    pub base_domain: String,
}

impl World {
    pub fn listing(&self) -> Arc<Listing> {
        read(&self.listing).clone()
    }

    pub fn get(&self, bucket: &str, key: &[u8]) -> Option<Entry> {
        read(&self.buckets).get(bucket)?.get(key)
    }

    /// Stores an object and drops what it replaces from the cache. False where there is no such bucket.
    pub fn put(&self, bucket: &str, key: &[u8], entry: Entry) -> bool {
        let old = self.get(bucket, key);
        if let Some(bucket) = write(&self.buckets).get_mut(bucket) {
            bucket.put(key.to_vec(), entry);
        } else {
            return false;
        }
        self.forget(bucket, key, old.as_ref());
        true
    }

    /// False where there is no such object.
    pub fn delete(&self, bucket: &str, key: &[u8]) -> bool {
        let old = write(&self.buckets).get_mut(bucket).and_then(|bucket| bucket.delete(key));
        self.forget(bucket, key, old.as_ref());
        old.is_some()
    }

    /// The same object written again: another ETag, modified now.
    pub fn overwrite(&self, bucket: &str, key: &[u8]) -> bool {
        self.get(bucket, key).is_some_and(|old| {
            let version = clock::now().timestamp_nanos_opt().unwrap_or(1);
            let version = u64::try_from(version).unwrap_or(1);
            let etag = synthetic_etag(key, old.size, version);
            self.put(bucket, key, Entry { etag, last_modified: clock::now(), ..old })
        })
    }

    /// The same object without its bytes.
    pub fn truncate(&self, bucket: &str, key: &[u8]) -> bool {
        self.get(bucket, key).is_some_and(|old| {
            let etag = synthetic_etag(key, 0, 0);
            let bytes = old.bytes.map(|_| bytes::Bytes::new());
            let last_modified = clock::now();
            self.put(bucket, key, Entry { size: 0, etag, bytes, last_modified, storage_class: old.storage_class })
        })
    }

    fn forget(&self, bucket: &str, key: &[u8], old: Option<&Entry>) {
        if let Some(old) = old {
            self.filler.forget(&wanted(bucket, key, old));
        }
    }
}

/// The whole of an object, as the cache knows it.
pub fn wanted(bucket: &str, key: &[u8], entry: &Entry) -> Wanted {
    Wanted { id: ObjectId::new(bucket, key, &entry.etag), size: entry.size, span: 0..entry.size }
}
