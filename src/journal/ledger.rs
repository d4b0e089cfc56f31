//! What was warmed when, and whether that still counts.
//!
//! A two-level LSM tree: completions go to an append log, and are merged from it, many at a time, into pages sorted by object
//! hash.

mod append_log;
mod entry;
mod hash;
mod look_up;
mod page_scan;
mod sorted_pages;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Journal;
use super::error::{Fault, JournalError};
use super::health::{last_time, set_last_time};
use model::object::{ETag, Object};

pub use append_log::Written;
pub(super) use append_log::{Arrival, batches, waiting};
pub(super) use hash::Hasher;
use hash::ObjectHash;
pub use look_up::{Freshness, LastWarmed};
use sorted_pages::SortedPages;

/// The unit in which an entry keeps the cache's count.
const MIB: u64 = 1 << 20;
/// The ledger is swept in so many transactions, each of an equal part of all hashes.
const SLICES: i64 = 256;
const SLICE_HASHES: ObjectHash = 1 << 56;
/// What the time of the last sweep is kept as.
const SWEPT: &str = "swept";
/// How often entries past their time are looked for.
const SWEEP_INTERVAL: chrono::TimeDelta = chrono::TimeDelta::days(1);

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
        if self.with("read", |db| last_time(db, SWEPT))?.is_some_and(|at| at > now - SWEEP_INTERVAL) {
            return Ok(());
        }
        self.merge()?;
        let slices = if self.with("read", sorted_pages::is_empty)? { 0..0 } else { -SLICES / 2..SLICES / 2 };
        for slice in slices {
            let first = slice * SLICE_HASHES;
            let slice = first..=first + (SLICE_HASHES - 1);
            self.transact("tidy", |db| SortedPages::of(db).sweep(slice, before.timestamp()))?;
        }
        self.transact("tidy", |db| set_last_time(db, SWEPT, now))
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
