//! What the ledger knows of one object.

use std::time::Duration;

use super::hash::Identity;
use super::{Freshness, MIB};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) struct Entry {
    pub value: i64,
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

    /// Whether the object is fresh if its value is still this entry's. An entry from the future is no better than one from too long ago:
    /// one of the clocks was wrong.
    pub fn counts(self, filled: u64, rules: &Freshness) -> bool {
        let age = u64::try_from(rules.now.timestamp().saturating_sub(self.sent)).ok().map(Duration::from_secs);
        let young = age.is_some_and(|age| age < rules.rewarm_after);
        let kept = rules.capacity.is_none_or(|capacity| self.filled_since(filled) <= capacity);
        young && kept
    }
}

/// Of each object, what was sent last; of several at once, what comes last. Sorted.
pub(super) fn latest(mut all: Vec<(Identity, Entry)>, now: i64) -> Vec<(Identity, Entry)> {
    // Those of one object stay in their order.
    all.sort_by_key(|(identity, _)| *identity);
    all.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same && later.1.rank(now) >= kept.1.rank(now) {
            *kept = *later;
        }
        same
    });
    all
}
