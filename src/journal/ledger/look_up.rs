//! What the ledger says of objects: of many at once, in the order of their hash.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::arrivals::{Arrivals, Written};
use super::by_row::Asked;
use super::entry::Entry;
use super::hash::{Earlier, Hasher, Hashes};
use super::{filled, filter, leaves};
use crate::clock;
use crate::journal::Journal;
use crate::journal::error::{Fault, JournalError};
use model::object::{Bucket, Key, ObjectIndex};

/// Objects that are read together, to be hashed.
const READ: usize = 100_000;
/// Objects that are looked up in the order of their hash, as a row of the ledger is then read once for all of them: 16
/// bytes each, and as many where it is known, for a million, of which ten are in a row of ten million entries.
const SORTED: usize = 1_000_000;
/// Of those, how many are looked up before others have the journal.
const LOOK_UP: usize = 20_000;
/// How long the journal is left to others between two of these.
const PAUSE: Duration = Duration::from_millis(1);
/// What says that the ledger has entries by the hashes of before, and when a version came that writes no more of them.
const EARLIER: &str = "sha-256";

/// What makes an entry count.
#[derive(Clone, Debug)]
pub struct Freshness {
    pub cache_url: String,
    pub rewarm_after: Duration,
    /// Of the cache, in bytes. What it has filled since an entry tells whether the object may have been evicted.
    pub capacity: Option<u64>,
    pub now: DateTime<Utc>,
}

/// What the ledger says of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastWarmed {
    /// When the request was sent.
    pub sent: DateTime<Utc>,
    /// A hash of ETag and size.
    pub content_hash: u64,
    /// Bytes that hotset has filled through this cache since, to the MiB above.
    pub filled_since: u64,
}

impl Journal {
    /// Which of `objects` need no request, in their order. One without an ETag always needs one. What was `written` is not
    /// looked at before it is merged: a run asks for each object once, before it warms it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn fresh(
        &self,
        objects: &ObjectIndex,
        rules: &Freshness,
        written: &Written,
    ) -> Result<Vec<bool>, JournalError> {
        self.fresh_by(objects, rules, written, (SORTED, LOOK_UP))
    }

    pub(super) fn fresh_by(
        &self,
        objects: &ObjectIndex,
        rules: &Freshness,
        written: &Written,
        portions: (usize, usize),
    ) -> Result<Vec<bool>, JournalError> {
        let url = &rules.cache_url;
        let (filled, arrived, is_empty, has_earlier) = self.with("read", |db| {
            let arrived = Arrivals::read(db, written, rules.now.timestamp())?;
            Ok((filled(db, url)?, arrived, leaves::is_empty(db)?, has_earlier(db)?))
        })?;
        let (fresh, known) = (vec![false; objects.len()], vec![false; objects.len()]);
        let mut look = LookUp { journal: self, objects, rules, filled, arrived, portions, fresh, known };
        if !is_empty || !look.arrived.is_empty() {
            look.up(&mut Hasher::new(url))?;
            if has_earlier {
                look.up(&mut Earlier::new(url))?;
            }
        }
        Ok(look.fresh)
    }

    /// What is known of one object, however long ago it was.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_warmed(&self, cache_url: &str, bucket: &Bucket, key: &Key) -> Result<Option<LastWarmed>, JournalError> {
        let now = clock::now().timestamp();
        self.with("read", |db| {
            let filled = filled(db, cache_url)?;
            let arrived = Arrivals::read(db, &Written::default(), now)?;
            let last = |hash| Ok::<_, Fault>(last_known(db, &arrived, now, &[(hash, ())])?.pop());
            let mut found = last(Hasher::new(cache_url).object_hash(bucket, key.as_bytes()))?;
            if found.is_none() && has_earlier(db)? {
                found = last(Earlier::new(cache_url).object_hash(bucket, key.as_bytes()))?;
            }
            Ok(found.map(|((), entry)| LastWarmed {
                sent: DateTime::from_timestamp(entry.sent, 0).unwrap_or_default(),
                content_hash: entry.content_hash.cast_unsigned(),
                filled_since: entry.filled_since(filled),
            }))
        })
    }
}

/// Many objects of which is asked what is known.
struct LookUp<'a> {
    journal: &'a Journal,
    objects: &'a ObjectIndex,
    rules: &'a Freshness,
    /// Bytes filled through the cache.
    filled: u64,
    arrived: Arrivals,
    /// How many are sorted together, and how many of these are looked up before others have the journal.
    portions: (usize, usize),
    fresh: Vec<bool>,
    /// What was found, fresh or not: what was sent before that, and found by the hashes of before, does not count.
    known: Vec<bool>,
}

impl LookUp<'_> {
    /// Looks up by these hashes what is not known yet.
    fn up(&mut self, hashes: &mut impl Hashes) -> Result<(), JournalError> {
        let (sorted, look_up) = self.portions;
        for first in (0..self.objects.len()).step_by(sorted) {
            let asked = self.asked(first..self.objects.len().min(first + sorted), hashes);
            let mut counting = Vec::new();
            for asked in asked.chunks(look_up) {
                for (n, entry) in self.look(asked)? {
                    self.known[n] = true;
                    counting.extend(entry.counts(self.filled, self.rules).then_some((n, entry.content_hash)));
                }
            }
            drop(asked);
            // Most that a run asks for is not known, and what it is made of does not matter.
            counting.sort_unstable();
            for some in counting.chunks(READ) {
                self.objects.scan_some(some.iter().copied(), |n, content_hash, object| {
                    self.fresh[n] =
                        object.etag().is_some_and(|etag| hashes.content_hash(&etag, object.size()) == content_hash);
                });
            }
        }
        Ok(())
    }

    /// ObjectHash and number of those that have an ETag and are not known, sorted.
    fn asked(&self, numbers: Range<usize>, hashes: &mut impl Hashes) -> Vec<Asked<usize>> {
        let mut asked = Vec::with_capacity(numbers.len());
        for first in numbers.clone().step_by(READ) {
            let some = (first..numbers.end.min(first + READ)).filter(|n| !self.known[*n]);
            self.objects.scan_some(some.map(|n| (n, ())), |n, (), object| {
                if object.has_etag() {
                    asked.push((hashes.object_hash(object.bucket(), object.key()), n));
                }
            });
        }
        asked.sort_unstable();
        asked
    }

    fn look(&self, asked: &[Asked<usize>]) -> Result<Vec<(usize, Entry)>, JournalError> {
        let found = self.journal.with("read", |db| {
            // One lock of the file for all of them.
            let reading = db.unchecked_transaction()?;
            let found = last_known(&reading, &self.arrived, self.rules.now.timestamp(), asked)?;
            reading.commit()?;
            Ok(found)
        })?;
        // Whoever waits wakes up meanwhile: to let go for an instant is not enough.
        #[expect(clippy::disallowed_methods, reason = "the journal is read on a thread that may block")]
        std::thread::sleep(PAUSE);
        Ok(found)
    }
}

/// What is known of `asked`, which are sorted: the later of what is merged and what has arrived.
fn last_known<T: Copy + PartialEq>(
    db: &Connection,
    arrived: &Arrivals,
    now: i64,
    asked: &[Asked<T>],
) -> Result<Vec<(T, Entry)>, Fault> {
    let merged = leaves::held(db, &filter::passing(db, asked)?)?;
    if arrived.is_empty() {
        return Ok(merged);
    }
    let mut merged = merged.into_iter().peekable();
    let latest = asked.iter().filter_map(|(hash, with)| {
        let merged = merged.next_if(|(held, _)| held == with).map(|(_, entry)| entry);
        let latest = match (merged, arrived.get(*hash)) {
            (Some(merged), Some(arrived)) if arrived.rank(now) < merged.rank(now) => Some(merged),
            (merged, arrived) => arrived.or(merged),
        };
        Some((*with, latest?))
    });
    Ok(latest.collect())
}

/// Whether the ledger has entries by the hashes of before.
fn has_earlier(db: &Connection) -> Result<bool, Fault> {
    Ok(db.prepare_cached("SELECT 1 FROM mark WHERE name = ?1")?.exists([EARLIER])?)
}

/// Looks for entries by the hashes of before no longer, once what was sent before this is swept and none of them is left.
pub(super) fn forget_earlier(db: &Connection, swept: DateTime<Utc>) -> Result<(), Fault> {
    // Entries have whole seconds.
    db.execute("DELETE FROM mark WHERE name = ?1 AND at < ?2", (EARLIER, swept.timestamp() * 1000))?;
    Ok(())
}

#[cfg(test)]
mod tests;
