//! What was warmed when, and whether that still counts.
//!
//! Completions are appended in the order of their arrival and merged into the ledger in the order of their identity, which is
//! an order of magnitude cheaper than inserting hashes as they come.

mod arrivals;
mod hash;

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

use super::Journal;
use super::error::{Fault, JournalError};
use crate::clock;
use crate::object::{Bucket, ETag, Key, Object, Roll};

use arrivals::Arrivals;
pub use arrivals::Written;
pub(super) use arrivals::{Arrival, batches, waiting};
pub(super) use hash::Hasher;
use hash::{Identity, value};

/// Objects whose keys are read together, to be hashed.
const READ: usize = 100_000;
/// Objects that are looked up in the order of their identity, as a page of the ledger is then read once for all of them: 24
/// bytes each, for a million, of which ten are on a page of ten million entries.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    value: i64,
    /// Seconds since 1970.
    sent: i64,
    /// MiB.
    pub(super) filled: i64,
}

impl Entry {
    fn filled_since(self, filled: u64) -> u64 {
        filled.saturating_sub(u64::try_from(self.filled).unwrap_or(0).saturating_mul(MIB))
    }

    /// When it was sent, if that was by `now`. One from the future must not stand before those that come after it until that
    /// future is there: it would have the object sent again and again, and count as fresh in the end.
    fn rank(self, now: i64) -> i64 {
        if self.sent > now { i64::MIN } else { self.sent }
    }

    /// An entry from the future is no better than one from too long ago: one of the clocks was wrong.
    fn is_fresh(self, value: i64, filled: u64, rules: &Freshness) -> bool {
        let age = u64::try_from(rules.now.timestamp().saturating_sub(self.sent)).ok().map(Duration::from_secs);
        let young = age.is_some_and(|age| age < rules.rewarm_after);
        let kept = rules.capacity.is_none_or(|capacity| self.filled_since(filled) <= capacity);
        self.value == value && young && kept
    }
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
        let hasher = Hasher::new(&rules.cache_url);
        let now = rules.now.timestamp();
        let (filled, arrived, is_empty) = self
            .with("read", |db| Ok((filled(db, &rules.cache_url)?, Arrivals::read(db, written, now)?, is_empty(db)?)))?;
        let mut fresh = vec![false; objects.len()];
        if is_empty && arrived.is_empty() {
            return Ok(fresh);
        }
        for first in (0..objects.len()).step_by(sorted) {
            for asked in asked(objects, first..objects.len().min(first + sorted), &hasher).chunks(look_up) {
                self.with("read", |db| {
                    // One lock of the file for all of them.
                    let reading = db.unchecked_transaction()?;
                    let mut select = Select::new(&reading)?;
                    for &(identity, value, n) in asked {
                        let entry = select.look_up(&arrived, identity, now)?;
                        fresh[n] = entry.is_some_and(|entry| entry.is_fresh(value, filled, rules));
                    }
                    drop(select);
                    Ok(reading.commit()?)
                })?;
                // Whoever waits wakes up meanwhile: to let go for an instant is not enough.
                #[expect(clippy::disallowed_methods, reason = "the journal is read on a thread that may block")]
                std::thread::sleep(PAUSE);
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
            let entry = Select::new(db)?.look_up(&arrived, identity, now)?;
            Ok(entry.map(|entry| LastWarmed {
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
            self.transact("tidy", |db| {
                db.prepare_cached("DELETE FROM ledger WHERE identity BETWEEN ?1 AND ?2 AND sent < ?3")?
                    .execute(params![first, first + (SLICE - 1), before.timestamp()])?;
                Ok(())
            })?;
        }
        self.transact("tidy", |db| {
            db.execute("INSERT OR REPLACE INTO mark VALUES ('swept', ?1)", [now.timestamp_millis()])?;
            Ok(())
        })
    }
}

/// Identity, value and number of those objects that have an ETag, sorted.
fn asked(objects: &Roll, numbers: Range<usize>, hasher: &Hasher) -> Vec<(Identity, i64, usize)> {
    let mut asked = Vec::with_capacity(numbers.len());
    for first in numbers.clone().step_by(READ) {
        objects.scan_numbered(first..numbers.end.min(first + READ), |n, object| {
            if let Some(etag) = object.etag() {
                asked.push((hasher.identity(object.bucket(), object.key()), value(&etag, object.size()), n));
            }
        });
    }
    asked.sort_unstable();
    asked
}

/// An entry, unless a later one is there. One that was sent after `?5`, which is now, is the earliest of all.
pub(super) const UPSERT: &str = "INSERT INTO ledger VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (identity) DO UPDATE SET value = excluded.value, sent = excluded.sent, filled = excluded.filled
    WHERE excluded.sent >= ledger.sent AND excluded.sent <= ?5 OR ledger.sent > ?5";

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

/// Nothing has been merged into it yet.
fn is_empty(db: &Connection) -> Result<bool, Fault> {
    Ok(!db.prepare_cached("SELECT 1 FROM ledger LIMIT 1")?.exists([])?)
}

/// Looks one object up after another.
struct Select<'a>(CachedStatement<'a>);

impl<'a> Select<'a> {
    fn new(db: &'a Connection) -> Result<Self, Fault> {
        Ok(Self(db.prepare_cached("SELECT value, sent, filled FROM ledger WHERE identity = ?1")?))
    }

    /// The later of what is merged and what has arrived.
    fn look_up(&mut self, arrived: &Arrivals, identity: Identity, now: i64) -> Result<Option<Entry>, Fault> {
        let entry = |row: &Row<'_>| Ok(Entry { value: row.get(0)?, sent: row.get(1)?, filled: row.get(2)? });
        let merged = self.0.query_row([identity], entry).optional()?;
        let arrived = arrived.get(identity);
        Ok(match (merged, arrived) {
            (Some(merged), Some(arrived)) if arrived.rank(now) < merged.rank(now) => Some(merged),
            (merged, arrived) => arrived.or(merged),
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
