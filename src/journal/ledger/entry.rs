//! What the ledger knows of one object, in memory and as bytes.

use std::time::Duration;

use super::hash::ObjectHash;
use super::{Freshness, MIB};

/// Bytes of an entry on disk: hash, content hash, `sent` and `filled`, 8 each, the highest first.
pub(super) const WIDTH: usize = 4 * size_of::<i64>();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) struct Entry {
    /// A hash of ETag and size.
    pub content_hash: i64,
    /// When the request was sent, in seconds since 1970.
    pub sent: i64,
    /// Filled through the cache by then, in MiB.
    pub filled: i64,
}

impl Entry {
    pub fn filled_since(self, filled: u64) -> u64 {
        filled.saturating_sub(u64::try_from(self.filled).unwrap_or(0).saturating_mul(MIB))
    }

    /// When it was sent, if that was by `now`. One from the future must not stand before those that come after it until that
    /// future is there: it would have the object sent again and again, and count as fresh in the end.
    pub fn rank(self, now: i64) -> i64 {
        if self.sent > now { i64::MIN } else { self.sent }
    }

    /// Whether the object is fresh if its content hash is still this entry's. An entry from the future is no better than one
    /// from too long ago: one of the clocks was wrong.
    pub fn counts(self, filled: u64, rules: &Freshness) -> bool {
        let age = u64::try_from(rules.now.timestamp().saturating_sub(self.sent)).ok().map(Duration::from_secs);
        let young = age.is_some_and(|age| age < rules.rewarm_after);
        let kept = rules.capacity.is_none_or(|capacity| self.filled_since(filled) <= capacity);
        young && kept
    }
}

/// Of each object, what was sent last; of several at once, what comes last. Sorted by hash.
pub(super) fn latest(mut all: Vec<(ObjectHash, Entry)>, now: i64) -> Vec<(ObjectHash, Entry)> {
    // The sort is stable: entries of one object stay in their order.
    all.sort_by_key(|(hash, _)| *hash);
    all.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same && later.1.rank(now) >= kept.1.rank(now) {
            *kept = *later;
        }
        same
    });
    all
}

pub(super) fn encode(entries: &[(ObjectHash, Entry)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * WIDTH);
    for (hash, Entry { content_hash, sent, filled }) in entries {
        bytes.extend_from_slice([*hash, *content_hash, *sent, *filled].map(i64::to_be_bytes).as_flattened());
    }
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> impl Iterator<Item = (ObjectHash, Entry)> + '_ {
    bytes.as_chunks().0.iter().map(read)
}

/// The entry of one object, by binary search of entries that are sorted.
pub(super) fn find(page: &[u8], wanted: ObjectHash) -> Option<Entry> {
    let entries = page.as_chunks().0;
    let at = entries.binary_search_by_key(&wanted, |entry| read(entry).0).ok()?;
    Some(read(&entries[at]).1)
}

fn read(bytes: &[u8; WIDTH]) -> (ObjectHash, Entry) {
    let fields = bytes.as_chunks().0;
    let [hash, content_hash, sent, filled] = std::array::from_fn(|n| i64::from_be_bytes(fields[n]));
    (hash, Entry { content_hash, sent, filled })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_is_read_as_it_was_written(
            fields in prop::collection::btree_map(any::<i64>(), any::<[i64; 3]>(), 0..40),
            others in prop::collection::vec(any::<ObjectHash>(), 0..9),
        ) {
            let entry = |[content_hash, sent, filled]: [i64; 3]| Entry { content_hash, sent, filled };
            let all: Vec<_> = fields.iter().map(|(hash, fields)| (*hash, entry(*fields))).collect();
            let bytes = encode(&all);
            prop_assert_eq!(bytes.len(), all.len() * WIDTH);
            prop_assert_eq!(decode(&bytes).collect::<Vec<_>>(), all);
            for wanted in fields.keys().copied().chain(others) {
                prop_assert_eq!(find(&bytes, wanted), fields.get(&wanted).copied().map(entry));
            }
        }
    }
}
