//! What the ledger knows of one object.

use std::time::Duration;

use super::hash::ObjectHash;
use super::{Freshness, MIB};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) struct Entry {
    pub content_hash: i64,
    /// Seconds since 1970.
    pub sent: i64,
    /// MiB.
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

    /// Whether the object is fresh if its content hash is still this entry's. An entry from the future is no better than one from too long ago:
    /// one of the clocks was wrong.
    pub fn counts(self, filled: u64, rules: &Freshness) -> bool {
        let age = u64::try_from(rules.now.timestamp().saturating_sub(self.sent)).ok().map(Duration::from_secs);
        let young = age.is_some_and(|age| age < rules.rewarm_after);
        let kept = rules.capacity.is_none_or(|capacity| self.filled_since(filled) <= capacity);
        young && kept
    }
}

/// Where a hash is among all there can be.
pub(super) fn place(hash: ObjectHash) -> u64 {
    (hash ^ ObjectHash::MIN).cast_unsigned()
}

/// Of each object, what was sent last; of several at once, what comes last. Sorted.
pub(super) fn latest(mut all: Vec<(ObjectHash, Entry)>, now: i64) -> Vec<(ObjectHash, Entry)> {
    // Those of one object stay in their order.
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

/// As `latest` sorts them: a few hundred in half the time.
pub(super) fn in_order(all: &[(ObjectHash, Entry)]) -> Vec<(ObjectHash, Entry)> {
    // Numbers are compared without a branch. Those of one object stay in their order, by their place.
    let numbered = |(at, (hash, _)): (u32, &(ObjectHash, _))| u128::from(place(*hash)) << u32::BITS | u128::from(at);
    let mut order: Vec<u128> = (0..).zip(all).map(numbered).collect();
    order.sort_unstable();
    order.into_iter().map(|numbered| all[numbered as u32 as usize]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn those_of_one_object_stay_in_the_order_of_their_arrival(
            hashes in prop::collection::vec(prop_oneof![-2..2_i64, Just(ObjectHash::MIN), Just(ObjectHash::MAX), any::<i64>()], 0..40),
        ) {
            let entry = |(hash, content_hash)| (hash, Entry { content_hash, sent: 0, filled: 0 });
            let all: Vec<_> = hashes.into_iter().zip(0..).map(entry).collect();
            let mut sorted = all.clone();
            sorted.sort_by_key(|(hash, _)| *hash);
            prop_assert_eq!(in_order(&all), sorted);
        }
    }
}
