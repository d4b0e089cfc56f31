//! What stood for an object up to schema 5, whose entries keep it until they are swept.

use sha2::{Digest as _, Sha256};

use super::{Hashes, ObjectHash};
use model::object::{Bucket, ETag};

/// SHA-256, fastest for objects of one bucket behind each other.
#[derive(Clone, Debug)]
pub(in crate::journal) struct Hasher {
    cache: Sha256,
    /// What its keys go behind.
    bucket: Option<(Bucket, Sha256)>,
}

impl Hasher {
    pub(in crate::journal) fn new(cache_url: &str) -> Self {
        let mut cache = Sha256::new();
        say(&mut cache, b"hotset ledger 1");
        say(&mut cache, cache_url.as_bytes());
        Self { cache, bucket: None }
    }

    fn of(&mut self, bucket: &Bucket) -> &Sha256 {
        let held = self.bucket.take().filter(|(held, _)| held == bucket);
        let (_, hash) = self.bucket.insert(held.unwrap_or_else(|| {
            let mut hash = self.cache.clone();
            say(&mut hash, bucket.as_str().as_bytes());
            (bucket.clone(), hash)
        }));
        hash
    }
}

impl Hashes for Hasher {
    fn object_hash(&mut self, bucket: &Bucket, key: &[u8]) -> ObjectHash {
        let mut hash = self.of(bucket).clone();
        say(&mut hash, key);
        i64::from_be_bytes(first(&hash.finalize()))
    }

    fn content_hash(&self, etag: &ETag, size: u64) -> i64 {
        let mut hash = Sha256::new();
        hash.update(size.to_be_bytes());
        hash.update(etag.as_str());
        i64::from_be_bytes(first(&hash.finalize()))
    }
}

/// Lengths go before texts, so that no two lists of texts read alike.
fn say(hash: &mut Sha256, text: &[u8]) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text);
}

fn first<const N: usize>(hash: &[u8]) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&hash[..N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As any SHA-256 says: eight bytes of it, of four texts with their lengths before them.
    #[test]
    fn an_identity_stays_the_same_whatever_was_hashed_before() {
        let mut hasher = Hasher::new("http://cwlota.com/");
        for (bucket, key, hash) in [
            ("training", "a", -663_549_155_945_345_172),
            ("training", "b/c", 677_531_021_563_493_685),
            ("models", "a", -1_877_454_753_131_234_750),
            ("training", "a", -663_549_155_945_345_172),
        ] {
            assert_eq!(hasher.object_hash(&Bucket::new(bucket), key.as_bytes()), hash, "{bucket}, {key}");
        }
        let content_hash = hasher.content_hash(&ETag::new("9bb58f26192e4ba00f01e2e7b136bbd8-7"), 5 << 30);
        assert_eq!(content_hash, 635_648_371_958_928_712);
    }
}
