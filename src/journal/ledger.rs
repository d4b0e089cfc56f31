//! What was warmed when, and whether that still counts.
//!
//! Completions are appended in the order of their arrival and merged into the ledger in the order of their hash, many at a
//! time.

mod arrivals;
mod by_row;
mod entry;
mod filter;
mod hash;
mod leaves;
mod look_up;
mod packed;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Journal;
use super::error::{Fault, JournalError};
use model::object::{ETag, Object};

pub use arrivals::Written;
pub(super) use arrivals::{Arrival, Batch, batches, waiting};
pub(super) use entry::Entry;
pub(super) use filter::Filters;
pub(super) use hash::{Hasher, ObjectHash};
pub(super) use leaves::Leaves;
use look_up::forget_earlier;
pub use look_up::{Freshness, LastWarmed};

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

impl Journal {
    /// Forgets entries older than `before`, at most once a day, and merges what waits, which may be as old.
    pub(super) fn sweep(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), JournalError> {
        let swept: Option<i64> = self.with("read", |db| {
            Ok(db.query_row("SELECT at FROM mark WHERE name = 'swept'", [], |row| row.get(0)).optional()?)
        })?;
        if swept.is_some_and(|at| at > (now - SWEEP).timestamp_millis()) {
            return Ok(());
        }
        self.merge()?;
        let slices = if self.with("read", leaves::is_empty)? { 0..0 } else { -SLICES / 2..SLICES / 2 };
        for slice in slices {
            let first = slice * SLICE;
            let slice = first..=first + (SLICE - 1);
            self.transact("tidy", |db| match Leaves::of(db).sweep(slice.clone(), before.timestamp())? {
                true => Filters::of(db).remake(slice),
                false => Ok(()),
            })?;
        }
        self.transact("tidy", |db| {
            db.execute("INSERT OR REPLACE INTO mark VALUES ('swept', ?1)", [now.timestamp_millis()])?;
            forget_earlier(db, before)
        })
    }
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

#[cfg(test)]
pub(super) mod tests;
