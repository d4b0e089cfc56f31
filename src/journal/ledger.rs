//! What was warmed when, and whether that still counts.
//!
//! Completions are appended in the order of their arrival and merged into the ledger in the order of their identity, which is
//! an order of magnitude cheaper than inserting hashes as they come.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use super::Journal;
use super::error::{Fault, JournalError};
use crate::object::{Bucket, ETag, Key, Object};
use crate::report::Completion;

/// Arrivals that are too many to leave them for the end of the run.
pub(super) const MERGE_AT: i64 = 1_000_000;
/// Arrivals that are merged in one transaction; more are merged part by part.
const AT_ONCE: i64 = 50_000;
/// Objects that are looked up together, sorted.
const LOOK_UP: usize = 100_000;
/// The unit in which an entry keeps the cache's count.
const MIB: u64 = 1 << 20;
/// How often entries past their time are looked for.
const SWEEP: chrono::TimeDelta = chrono::TimeDelta::days(1);

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

type Identity = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    value: i64,
    /// Seconds since 1970.
    sent: i64,
    /// MiB.
    filled: i64,
}

impl Entry {
    /// From the columns after the identity.
    fn of(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self { value: row.get(first)?, sent: row.get(first + 1)?, filled: row.get(first + 2)? })
    }

    fn filled_since(self, filled: u64) -> u64 {
        filled.saturating_sub(u64::try_from(self.filled).unwrap_or(0).saturating_mul(MIB))
    }

    /// An entry from the future is no better than one from too long ago: one of the clocks was wrong.
    fn is_fresh(self, value: i64, filled: u64, rules: &Freshness) -> bool {
        let age = u64::try_from(rules.now.timestamp().saturating_sub(self.sent)).ok().map(Duration::from_secs);
        let young = age.is_some_and(|age| age < rules.rewarm_after);
        let kept = rules.capacity.is_none_or(|capacity| self.filled_since(filled) <= capacity);
        self.value == value && young && kept
    }
}

/// Hashes for one cache.
#[derive(Clone, Debug)]
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn new(cache_url: &str) -> Self {
        let mut cache = Sha256::new();
        say(&mut cache, b"hotset ledger 1");
        say(&mut cache, cache_url.as_bytes());
        Self(cache)
    }

    fn identity(&self, bucket: &Bucket, key: &Key) -> Identity {
        let mut hash = self.0.clone();
        say(&mut hash, bucket.as_str().as_bytes());
        say(&mut hash, key.as_bytes());
        first(&hash.finalize())
    }
}

/// Lengths go before texts, so that no two lists of texts read alike.
fn say(hash: &mut Sha256, text: &[u8]) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text);
}

fn value(etag: &ETag, size: u64) -> i64 {
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

impl Journal {
    /// Appends what was warmed, and counts its bytes. A completion without an ETag counts and is never found again.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(super) fn append(
        &self,
        hasher: &Hasher,
        url: &str,
        run: &str,
        batch: &[Completion],
    ) -> Result<(), JournalError> {
        let left_out = self.transact("write to", |db| {
            let mut room = self.room_in(db)?.unwrap_or(u64::MAX);
            let mut left_out = 0;
            let before = filled(db, url)?;
            let mut filled = before;
            let mut insert =
                db.prepare_cached("INSERT INTO arrived (identity, value, sent, filled) VALUES (?1, ?2, ?3, ?4)")?;
            for done in batch {
                filled = filled.saturating_add(done.size);
                let Some(etag) = &done.etag else { continue };
                if room == 0 {
                    left_out += 1;
                    continue;
                }
                room -= 1;
                let identity = hasher.identity(&done.object.bucket, &done.object.key);
                insert.execute(params![identity, value(etag, done.size), done.sent.timestamp(), mib(filled)])?;
                if self.is_in_memory() {
                    db.prepare_cached("INSERT OR IGNORE INTO belongs VALUES (?1, ?2)")?
                        .execute(params![identity, url])?;
                }
            }
            add_filled(db, url, filled - before)?;
            let seen = batch.iter().map(|done| done.at.timestamp_millis()).max().unwrap_or(0);
            let bytes = i64::try_from(filled - before).unwrap_or(i64::MAX);
            let objects = i64::try_from(batch.len()).unwrap_or(i64::MAX);
            db.prepare_cached(
                "UPDATE run SET objects = objects + ?2, bytes = bytes + ?3, seen = max(seen, ?4) WHERE id = ?1",
            )?
            .execute(params![run, objects, bytes, seen])?;
            Ok(left_out)
        })?;
        self.is_full(left_out);
        Ok(())
    }

    /// Moves the arrivals into the ledger, part by part: it can end anywhere and loses nothing.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(super) fn merge(&self) -> Result<(), JournalError> {
        let waiting = self.waiting()?;
        if waiting == 0 {
            return Ok(());
        }
        let step = if waiting > AT_ONCE { 16 } else { 256 };
        (0..256).step_by(step).try_for_each(|low| self.merge_part(low, low + step))
    }

    /// Merges the arrivals whose identities begin with a byte from `low` to before `high`, in one transaction.
    fn merge_part(&self, low: usize, high: usize) -> Result<(), JournalError> {
        let (low, high) = (beginning(low), beginning(high));
        self.transact("merge the ledger of", |db| {
            db.prepare_cached(
                "INSERT INTO ledger SELECT identity, value, sent, filled FROM arrived
                 WHERE identity >= ?1 AND identity < ?2 ORDER BY identity, n
                 ON CONFLICT (identity) DO UPDATE SET value = excluded.value, sent = excluded.sent, filled = excluded.filled
                 WHERE excluded.sent >= ledger.sent",
            )?
            .execute(params![low, high])?;
            db.prepare_cached("DELETE FROM arrived WHERE identity >= ?1 AND identity < ?2")?.execute(params![low, high])?;
            Ok(())
        })
    }

    /// Arrivals that are not merged yet.
    pub(super) fn waiting(&self) -> Result<i64, JournalError> {
        self.with("read", |db| Ok(db.query_row("SELECT count(*) FROM arrived", [], |row| row.get(0))?))
    }

    /// Which of `objects` need no request, in their order. One without an ETag always needs one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn fresh(&self, objects: &[Object], rules: &Freshness) -> Result<Vec<bool>, JournalError> {
        let hasher = Hasher::new(&rules.cache_url);
        let (filled, arrived) = self.with("read", |db| Ok((filled(db, &rules.cache_url)?, arrivals(db)?)))?;
        let mut fresh = vec![false; objects.len()];
        for (part, fresh) in objects.chunks(LOOK_UP).zip(fresh.chunks_mut(LOOK_UP)) {
            let tagged = part.iter().enumerate().filter_map(|(n, object)| Some((n, object, object.etag.as_ref()?)));
            let mut asked: Vec<(Identity, i64, usize)> = tagged
                .map(|(n, object, etag)| (hasher.identity(&object.bucket, &object.key), value(etag, object.size), n))
                .collect();
            asked.sort_unstable();
            self.with("read", |db| {
                for (identity, value, n) in asked {
                    let entry = look_up(db, &arrived, &identity)?;
                    fresh[n] = entry.is_some_and(|entry| entry.is_fresh(value, filled, rules));
                }
                Ok(())
            })?;
        }
        Ok(fresh)
    }

    /// What is known of one object, however long ago it was.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_warmed(&self, cache_url: &str, bucket: &Bucket, key: &Key) -> Result<Option<LastWarmed>, JournalError> {
        let identity = Hasher::new(cache_url).identity(bucket, key);
        self.with("read", |db| {
            let filled = filled(db, cache_url)?;
            let entry = look_up(db, &arrivals(db)?, &identity)?;
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
        for low in 0..256 {
            self.transact("tidy", |db| {
                db.prepare_cached("DELETE FROM ledger WHERE identity >= ?1 AND identity < ?2 AND sent < ?3")?
                    .execute(params![beginning(low), beginning(low + 1), before.timestamp()])?;
                Ok(())
            })?;
        }
        self.transact("tidy", |db| {
            db.execute("INSERT OR REPLACE INTO mark VALUES ('swept', ?1)", [now.timestamp_millis()])?;
            Ok(())
        })
    }
}

/// What sorts before all identities that begin with this byte, and behind all others where there is no such byte.
fn beginning(byte: usize) -> Vec<u8> {
    u8::try_from(byte).map_or_else(|_| vec![u8::MAX; size_of::<Identity>() + 1], |byte| vec![byte])
}

/// An entry, unless a later one is there.
pub(super) const UPSERT: &str = "INSERT INTO ledger VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (identity) DO UPDATE SET value = excluded.value, sent = excluded.sent, filled = excluded.filled
    WHERE excluded.sent >= ledger.sent";

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

fn look_up(db: &Connection, arrived: &HashMap<Identity, Entry>, identity: &Identity) -> Result<Option<Entry>, Fault> {
    let mut select = db.prepare_cached("SELECT value, sent, filled FROM ledger WHERE identity = ?1")?;
    let merged = select.query_row([identity], |row| Entry::of(row, 0)).optional()?;
    let arrived = arrived.get(identity).copied();
    Ok(match (merged, arrived) {
        (Some(merged), Some(arrived)) if arrived.sent < merged.sent => Some(merged),
        (merged, arrived) => arrived.or(merged),
    })
}

/// What is not merged yet, the latest of each.
fn arrivals(db: &Connection) -> Result<HashMap<Identity, Entry>, Fault> {
    let mut select = db.prepare_cached("SELECT identity, value, sent, filled FROM arrived ORDER BY n")?;
    let rows = select.query_map([], |row| Ok((row.get::<_, Identity>(0)?, Entry::of(row, 1)?)))?;
    let mut latest: HashMap<Identity, Entry> = HashMap::new();
    for row in rows {
        let (identity, entry) = row?;
        let known = latest.entry(identity).or_insert(entry);
        if entry.sent >= known.sent {
            *known = entry;
        }
    }
    Ok(latest)
}

#[cfg(test)]
pub(super) mod tests;
