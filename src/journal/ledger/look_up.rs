//! Looks up objects in the ledger, many at once, in the order of their hashes.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::append_log::{AppendLog, Written};
use super::entry::Entry;
use super::hash::{Hasher, content_hash};
use super::page_scan::{self, Asked};
use super::{filled, sorted_pages};
use crate::clock;
use crate::journal::Journal;
use crate::journal::error::{Fault, JournalError};
use model::object::{Bucket, Key, ObjectIndex};

/// Objects that are hashed together: what is read of a plan at once.
const HASH_BATCH: usize = 100_000;
/// Objects that are sorted by hash together, so that a page of the ledger is read once for all of them. It takes 16 bytes each,
/// and 32 where one is found. With ten million entries a page answers about ten of a million objects.
const SORT_BATCH: usize = 1_000_000;
/// Of those, how many are looked up before others have the journal.
const READ_BATCH: usize = 20_000;
/// How long the journal is left to others between two of these.
const YIELD_TIME: Duration = Duration::from_millis(1);

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
    /// Bytes that hotset has filled through this cache since, rounded up to a MiB.
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
        self.fresh_by(objects, rules, written, (SORT_BATCH, READ_BATCH))
    }

    pub(super) fn fresh_by(
        &self,
        objects: &ObjectIndex,
        rules: &Freshness,
        written: &Written,
        batches: (usize, usize),
    ) -> Result<Vec<bool>, JournalError> {
        let (filled, log, is_empty) = self.with("read", |db| {
            let log = AppendLog::read(db, written, rules.now.timestamp())?;
            Ok((filled(db, &rules.cache_url)?, log, sorted_pages::is_empty(db)?))
        })?;
        if is_empty && log.is_empty() {
            return Ok(vec![false; objects.len()]);
        }
        LookUp { journal: self, objects, rules, filled, log, batches }.fresh()
    }

    /// What is known of one object, however long ago it was.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_warmed(&self, cache_url: &str, bucket: &Bucket, key: &Key) -> Result<Option<LastWarmed>, JournalError> {
        let now = clock::now().timestamp();
        let hash = Hasher::new(cache_url).object_hash(bucket, key.as_bytes());
        self.with("read", |db| {
            let filled = filled(db, cache_url)?;
            let log = AppendLog::read(db, &Written::default(), now)?;
            let found = last_known(db, &log, now, &[(hash, ())])?.pop();
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
    log: AppendLog,
    /// How many are sorted together, and how many of these are looked up before others have the journal.
    batches: (usize, usize),
}

impl LookUp<'_> {
    fn fresh(&self) -> Result<Vec<bool>, JournalError> {
        let (sort_batch, read_batch) = self.batches;
        let mut hasher = Hasher::new(&self.rules.cache_url);
        let mut fresh = vec![false; self.objects.len()];
        for first in (0..self.objects.len()).step_by(sort_batch) {
            let asked = self.asked(first..self.objects.len().min(first + sort_batch), &mut hasher);
            let mut counting = Vec::new();
            for asked in asked.chunks(read_batch) {
                let known = self.look(asked)?.into_iter().filter(|(_, entry)| entry.counts(self.filled, self.rules));
                counting.extend(known.map(|(n, entry)| (n, entry.content_hash)));
            }
            drop(asked);
            // Most that a run asks for is not known, and what it is made of does not matter.
            counting.sort_unstable();
            for some in counting.chunks(HASH_BATCH) {
                self.objects.scan_some(some.iter().copied(), |n, known, object| {
                    fresh[n] = object.etag().is_some_and(|etag| content_hash(&etag, object.size()) == known);
                });
            }
        }
        Ok(fresh)
    }

    /// Hash and number of those that have an ETag, sorted.
    fn asked(&self, numbers: Range<usize>, hasher: &mut Hasher) -> Vec<Asked<usize>> {
        let mut asked = Vec::with_capacity(numbers.len());
        for first in numbers.clone().step_by(HASH_BATCH) {
            let some = first..numbers.end.min(first + HASH_BATCH);
            self.objects.scan_some(some.map(|n| (n, ())), |n, (), object| {
                if object.has_etag() {
                    asked.push((hasher.object_hash(object.bucket(), object.key()), n));
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
            let found = last_known(&reading, &self.log, self.rules.now.timestamp(), asked)?;
            reading.commit()?;
            Ok(found)
        })?;
        // A waiting thread gets the lock meanwhile; to unlock and lock again would win against it.
        #[expect(clippy::disallowed_methods, reason = "the journal is read on a thread that may block")]
        std::thread::sleep(YIELD_TIME);
        Ok(found)
    }
}

/// What is known of `asked`, which is sorted: the later of what is merged and what waits in the append log.
fn last_known<T: Copy + PartialEq>(
    db: &Connection,
    log: &AppendLog,
    now: i64,
    asked: &[Asked<T>],
) -> Result<Vec<(T, Entry)>, Fault> {
    let merged = page_scan::scan(db, asked)?;
    if log.is_empty() {
        return Ok(merged);
    }
    let mut merged = merged.into_iter().peekable();
    let latest = asked.iter().filter_map(|(hash, with)| {
        let merged = merged.next_if(|(held, _)| held == with).map(|(_, entry)| entry);
        let latest = match (merged, log.get(*hash)) {
            (Some(merged), Some(appended)) if appended.rank(now) < merged.rank(now) => Some(merged),
            (merged, appended) => appended.or(merged),
        };
        Some((*with, latest?))
    });
    Ok(latest.collect())
}

#[cfg(test)]
mod tests;
