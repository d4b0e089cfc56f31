//! What stands for an object in the ledger.

use sha2::{Digest as _, Sha256};

use crate::object::{Bucket, ETag};

/// Sixty-four bits: should two objects share them, each makes the other look changed, and both are warmed more often.
pub(in crate::journal) type Identity = i64;

/// Hashes for one cache.
#[derive(Clone, Debug)]
pub(in crate::journal) struct Hasher(Sha256);

impl Hasher {
    pub(in crate::journal) fn new(cache_url: &str) -> Self {
        let mut cache = Sha256::new();
        say(&mut cache, b"hotset ledger 1");
        say(&mut cache, cache_url.as_bytes());
        Self(cache)
    }

    /// Which object it is, of all of all caches.
    pub(in crate::journal) fn identity(&self, bucket: &Bucket, key: &[u8]) -> Identity {
        let mut hash = self.0.clone();
        say(&mut hash, bucket.as_str().as_bytes());
        say(&mut hash, key);
        i64::from_be_bytes(first(&hash.finalize()))
    }
}

/// Lengths go before texts, so that no two lists of texts read alike.
fn say(hash: &mut Sha256, text: &[u8]) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text);
}

/// What the object is made of.
pub(super) fn value(etag: &ETag, size: u64) -> i64 {
    let mut hash = Sha256::new();
    hash.update(size.to_be_bytes());
    hash.update(etag.as_str());
    i64::from_be_bytes(first(&hash.finalize()))
}

fn first<const N: usize>(hash: &[u8]) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&hash[..N]);
    part
}
