//! What was warmed when, and whether that still counts.
//!
//! Completions are appended in the order of their arrival and merged into the ledger in the order of their identity, many at a
//! time.

mod arrivals;
mod by_row;
mod entry;
mod filter;
mod hash;
mod leaves;

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Journal;
use super::error::{Fault, JournalError};
use crate::clock;
use crate::object::{Bucket, ETag, Key, Object, Roll};

use arrivals::Arrivals;
pub use arrivals::Written;
pub(super) use arrivals::{Arrival, batches, waiting};
use by_row::Asked;
pub(super) use entry::Entry;
pub(super) use filter::Filters;
pub(super) use hash::Hasher;
pub(super) use hash::Identity;
use hash::value;
pub(super) use leaves::Leaves;
use leaves::is_empty;

/// Objects that are read together, to be hashed.
const READ: usize = 100_000;
/// Objects that are looked up in the order of their identity, as a row of the ledger is then read once for all of them: 16
/// bytes each, and as many where it is known, for a million, of which ten are in a row of ten million entries.
const SORTED: usize = 1_000_000;
/// Of those, how many are looked up before others have the journal.
const LOOK_UP: usize = 20_000;
/// How long the journal is left to others between two of these.
const PAUSE: Duration = Duration::from_millis(1);
/// The unit in which an entry keeps the cache's count.
const MIB: u64 = 1 << 20;
/// The ledger is swept in so many transactions.
const SLICES: i64 = 256;
/// Identities of each.
const SLICE: i64 = 1 << 56;
/// How often entries past their time are looked for.
const SWEEP: chrono::TimeDelta = chrono::TimeDelta::days(1);

/// One object that the cache answered for.
#[derive(Clone, Copy, Debug)]
pub struct Completion<'a> {
    pub object: &'a Object,
    /// As the answer names it, else as it was listed.
    pub etag: Option<&'a ETag>,
    /// Bytes.
    pub size: u64,
    /// When the request was sent.
    pub sent: DateTime<Utc>,
}

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
    pub value: u64,
    /// Bytes that hotset has filled through this cache since, to the MiB above.
    pub filled_since: u64,
}

impl Journal {
    /// Which of `objects` need no request, in their order. One without an ETag always needs one. What was `written` is not
    /// looked at before it is merged: a run asks for each object once, before it warms it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn fresh(&self, objects: &Roll, rules: &Freshness, written: &Written) -> Result<Vec<bool>, JournalError> {
        self.fresh_by(objects, rules, written, (SORTED, LOOK_UP))
    }

    fn fresh_by(
        &self,
        objects: &Roll,
        rules: &Freshness,
        written: &Written,
        (sorted, look_up): (usize, usize),
    ) -> Result<Vec<bool>, JournalError> {
        let mut hasher = Hasher::new(&rules.cache_url);
        let now = rules.now.timestamp();
        let (filled, arrived, is_empty) = self
            .with("read", |db| Ok((filled(db, &rules.cache_url)?, Arrivals::read(db, written, now)?, is_empty(db)?)))?;
        let mut fresh = vec![false; objects.len()];
        if is_empty && arrived.is_empty() {
            return Ok(fresh);
        }
        for first in (0..objects.len()).step_by(sorted) {
            let mut known = Vec::new();
            for asked in asked(objects, first..objects.len().min(first + sorted), &mut hasher).chunks(look_up) {
                self.with("read", |db| {
                    // One lock of the file for all of them.
                    let reading = db.unchecked_transaction()?;
                    let entries = last_known(&reading, &arrived, now, asked)?.into_iter();
                    let counting = entries.filter(|(_, entry)| entry.counts(filled, rules));
                    known.extend(counting.map(|(n, entry)| (n, entry.value)));
                    Ok(reading.commit()?)
                })?;
                // Whoever waits wakes up meanwhile: to let go for an instant is not enough.
                #[expect(clippy::disallowed_methods, reason = "the journal is read on a thread that may block")]
                std::thread::sleep(PAUSE);
            }
            // Most that a run asks for is not known, and what it is made of does not matter.
            known.sort_unstable();
            for some in known.chunks(READ) {
                objects.scan_some(some.iter().copied(), |n, known, object| {
                    fresh[n] = object.etag().is_some_and(|etag| value(&etag, object.size()) == known);
                });
            }
        }
        Ok(fresh)
    }

    /// What is known of one object, however long ago it was.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_warmed(&self, cache_url: &str, bucket: &Bucket, key: &Key) -> Result<Option<LastWarmed>, JournalError> {
        let identity = Hasher::new(cache_url).identity(bucket, key.as_bytes());
        let now = clock::now().timestamp();
        self.with("read", |db| {
            let filled = filled(db, cache_url)?;
            let arrived = Arrivals::read(db, &Written::default(), now)?;
            Ok(last_known(db, &arrived, now, &[(identity, ())])?.first().map(|((), entry)| LastWarmed {
                sent: DateTime::from_timestamp(entry.sent, 0).unwrap_or_default(),
                value: entry.value.cast_unsigned(),
                filled_since: entry.filled_since(filled),
            }))
        })
    }

    /// Forgets entries older than `before`, at most once a day.
    pub(super) fn sweep(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), JournalError> {
        let swept: Option<i64> = self.with("read", |db| {
            Ok(db.query_row("SELECT at FROM mark WHERE name = 'swept'", [], |row| row.get(0)).optional()?)
        })?;
        if swept.is_some_and(|at| at > (now - SWEEP).timestamp_millis()) {
            return Ok(());
        }
        for slice in -SLICES / 2..SLICES / 2 {
            let first = slice * SLICE;
            let slice = first..=first + (SLICE - 1);
            self.transact("tidy", |db| match Leaves::of(db).sweep(slice.clone(), before.timestamp())? {
                true => Filters::of(db).remake(slice),
                false => Ok(()),
            })?;
        }
        self.transact("tidy", |db| {
            db.execute("INSERT OR REPLACE INTO mark VALUES ('swept', ?1)", [now.timestamp_millis()])?;
            Ok(())
        })
    }
}

/// Identity and number of those objects that have an ETag, sorted.
fn asked(objects: &Roll, numbers: Range<usize>, hasher: &mut Hasher) -> Vec<Asked<usize>> {
    let mut asked = Vec::with_capacity(numbers.len());
    for first in numbers.clone().step_by(READ) {
        let some = first..numbers.end.min(first + READ);
        objects.scan_some(some.map(|n| (n, ())), |n, (), object| {
            if object.has_etag() {
                asked.push((hasher.identity(object.bucket(), object.key()), n));
            }
        });
    }
    asked.sort_unstable();
    asked
}

/// Whole MiB.
pub(super) fn mib(bytes: u64) -> i64 {
    i64::try_from(bytes / MIB).unwrap_or(i64::MAX)
}

/// Counts bytes that were filled through a cache.
pub(super) fn add_filled(db: &Connection, cache_url: &str, bytes: u64) -> Result<(), Fault> {
    let all = i64::try_from(filled(db, cache_url)?.saturating_add(bytes)).unwrap_or(i64::MAX);
    db.prepare_cached("INSERT INTO cache VALUES (?1, ?2) ON CONFLICT DO UPDATE SET filled = excluded.filled")?
        .execute(params![cache_url, all])?;
    Ok(())
}

/// Bytes filled through a cache, ever.
pub(super) fn filled(db: &Connection, cache_url: &str) -> Result<u64, Fault> {
    let mut select = db.prepare_cached("SELECT filled FROM cache WHERE url = ?1")?;
    let filled: Option<i64> = select.query_row([cache_url], |row| row.get(0)).optional()?;
    Ok(filled.and_then(|filled| u64::try_from(filled).ok()).unwrap_or(0))
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
    let latest = asked.iter().filter_map(|(identity, with)| {
        let merged = merged.next_if(|(held, _)| held == with).map(|(_, entry)| entry);
        let latest = match (merged, arrived.get(*identity)) {
            (Some(merged), Some(arrived)) if arrived.rank(now) < merged.rank(now) => Some(merged),
            (merged, arrived) => arrived.or(merged),
        };
        Some((*with, latest?))
    });
    Ok(latest.collect())
}

#[cfg(test)]
pub(super) mod tests;
