//! What stands for an object in the ledger.

mod earlier;

use twox_hash::XxHash3_64;

use crate::object::{Bucket, ETag};

pub(super) use earlier::Hasher as Earlier;

/// Sixty-four bits: should two objects share them, each makes the other look changed, and both are warmed more often.
pub(in crate::journal) type Identity = i64;

/// How objects of one cache are told from each other, and from what they were made of before.
pub(super) trait Hashes {
    /// Which object it is, of all of all caches.
    fn identity(&mut self, bucket: &Bucket, key: &[u8]) -> Identity;
    /// What the object is made of.
    fn value(&self, etag: &ETag, size: u64) -> i64;
}

/// XXH3, fastest for objects of one bucket behind each other.
#[derive(Clone, Debug)]
pub(in crate::journal) struct Hasher {
    cache: u64,
    /// The seed of its keys.
    bucket: Option<(Bucket, u64)>,
}

impl Hasher {
    pub(in crate::journal) fn new(cache_url: &str) -> Self {
        Self { cache: XxHash3_64::oneshot(cache_url.as_bytes()), bucket: None }
    }

    fn of(&mut self, bucket: &Bucket) -> u64 {
        let held = self.bucket.take().filter(|(held, _)| held == bucket);
        let hash = || XxHash3_64::oneshot_with_seed(self.cache, bucket.as_str().as_bytes());
        self.bucket.insert(held.unwrap_or_else(|| (bucket.clone(), hash()))).1
    }
}

impl Hashes for Hasher {
    /// Each is the seed of the next: of cache, bucket and key.
    fn identity(&mut self, bucket: &Bucket, key: &[u8]) -> Identity {
        XxHash3_64::oneshot_with_seed(self.of(bucket), key).cast_signed()
    }

    fn value(&self, etag: &ETag, size: u64) -> i64 {
        XxHash3_64::oneshot_with_seed(size, etag.as_str().as_bytes()).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As xxHash's own program says of these texts and seeds.
    #[test]
    fn an_identity_stays_the_same_whatever_was_hashed_before() {
        let mut hasher = Hasher::new("http://cwlota.com/");
        let long = "k".repeat(1024);
        for (bucket, key, identity) in [
            ("training", "a", -6_414_902_125_509_890_705),
            ("training", "b/c", -8_079_772_273_743_771_527),
            ("models", "a", -3_674_441_240_853_285_411),
            ("models", long.as_str(), 4_671_585_180_628_442_735),
            ("training", "a", -6_414_902_125_509_890_705),
        ] {
            assert_eq!(hasher.identity(&Bucket::new(bucket), key.as_bytes()), identity, "{bucket}, {key}");
        }
        assert_eq!(hasher.value(&ETag::new("9bb58f26192e4ba00f01e2e7b136bbd8-7"), 5 << 30), 3_485_407_941_411_427_243);
    }
}
