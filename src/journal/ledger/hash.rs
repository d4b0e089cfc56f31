//! What stands for an object in the ledger.

use siphasher::sip::SipHasher13;

use model::object::{Bucket, ETag};

/// A hash of cache, bucket and key. Sixty-four bits: should two objects share them, each makes the other look changed, and
/// both are warmed more often.
pub(in crate::journal) type ObjectHash = i64;

/// SipHash-1-3 of the objects of one cache, fastest for those of one bucket behind each other.
#[derive(Clone, Debug)]
pub(in crate::journal) struct Hasher {
    cache: u64,
    /// What hashes its keys.
    bucket: Option<(Bucket, SipHasher13)>,
}

impl Hasher {
    pub fn new(cache_url: &str) -> Self {
        Self { cache: SipHasher13::new().hash(cache_url.as_bytes()), bucket: None }
    }

    /// Of the key, under hashes of cache and bucket.
    pub fn object_hash(&mut self, bucket: &Bucket, key: &[u8]) -> ObjectHash {
        let held = self.bucket.take().filter(|(held, _)| held == bucket);
        let hasher = || SipHasher13::new_with_keys(self.cache, SipHasher13::new().hash(bucket.as_str().as_bytes()));
        let (_, hasher) = self.bucket.insert(held.unwrap_or_else(|| (bucket.clone(), hasher())));
        hasher.hash(key).cast_signed()
    }
}

/// A hash of what an object is made of: of the ETag, under the size in bytes.
pub(in crate::journal) fn content_hash(etag: &ETag, size: u64) -> i64 {
    SipHasher13::new_with_keys(size, 0).hash(etag.as_str().as_bytes()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As another implementation says of these texts and keys.
    #[test]
    fn a_hash_stays_the_same_whatever_was_hashed_before() {
        let mut hasher = Hasher::new("http://cwlota.com/");
        let long = "k".repeat(1024);
        for (bucket, key, hash) in [
            ("training", "a", -9_220_747_680_539_054_467),
            ("training", "b/c", 8_362_667_413_766_531_111),
            ("models", "a", -5_047_406_458_395_402_755),
            ("models", long.as_str(), -8_183_533_892_511_898_014),
            ("training", "a", -9_220_747_680_539_054_467),
        ] {
            assert_eq!(hasher.object_hash(&Bucket::new(bucket), key.as_bytes()), hash, "{bucket}, {key}");
        }
        assert_eq!(content_hash(&ETag::new("9bb58f26192e4ba00f01e2e7b136bbd8-7"), 5 << 30), -6_767_624_177_277_891_492);
    }
}
