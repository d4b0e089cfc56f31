//! The append log of the ledger: completions in the order of their arrival, and how they are merged into the sorted pages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::entry::{Entry, WIDTH, decode, encode, latest};
use super::hash::{Hasher, ObjectHash, content_hash};
use super::sorted_pages::SortedPages;
use super::{Completion, add_filled, filled, mib};
use crate::clock;
use crate::journal::Journal;
use crate::journal::error::{Fault, JournalError};
use crate::journal::schema::Durability;
use crate::sync;

/// Entries that are merged however large the ledger is: each look-up reads all that wait.
const MERGE_AT: i64 = 1_000_000;
/// Entries that wait for each page of the journal, from which on rewriting the pages is worth it. A page has about a hundred
/// of either level, so as many wait as are merged: of all that is ever merged each is rewritten a few times.
const MERGE_PER_PAGE: i64 = 50;
/// Entries that are merged in one transaction; more are merged in parts.
const PART_ENTRIES: i64 = 125_000;
/// A merge has up to two to the power of this many parts: each part reads all that waits.
const MAX_PART_BITS: u32 = 3;

/// One completion, as the ledger will know it.
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) struct Arrival {
    /// Object hash and content hash; `None` without an ETag.
    known: Option<(ObjectHash, i64)>,
    /// Seconds since 1970.
    sent: i64,
    /// Bytes.
    size: u64,
}

impl Arrival {
    pub(in crate::journal) fn of(completion: &Completion<'_>, hasher: &mut Hasher) -> Self {
        let Completion { object, etag, size, sent } = *completion;
        let known =
            etag.map(|etag| (hasher.object_hash(&object.bucket, object.key.as_bytes()), content_hash(etag, size)));
        Self { known, sent: sent.timestamp(), size }
    }
}

/// The batches that a recorder has written. Their numbers are given once.
#[derive(Clone, Debug, Default)]
pub struct Written(Arc<Mutex<Vec<i64>>>);

impl Written {
    pub(in crate::journal) fn add(&self, batch: i64) {
        self.all(|all| all.push(batch));
    }

    fn has(&self, batch: i64) -> bool {
        self.all(|all| all.binary_search(&batch).is_ok())
    }

    fn all<T>(&self, look: impl FnOnce(&mut Vec<i64>) -> T) -> T {
        look(&mut sync::lock(&self.0))
    }
}

/// Entries of one cache that arrived together.
#[derive(Debug)]
pub(in crate::journal) struct Batch {
    pub url: String,
    pub entries: Vec<(ObjectHash, Entry)>,
}

impl Batch {
    /// Gives its number, unless there is nothing in it.
    pub(in crate::journal) fn store(&self, db: &Connection) -> Result<Option<i64>, Fault> {
        if self.entries.is_empty() {
            return Ok(None);
        }
        let mut insert = db.prepare_cached("INSERT INTO append_log (url, entries) VALUES (?1, ?2)")?;
        Ok(Some(insert.insert(params![self.url, encode(&self.entries)])?))
    }
}

/// What is not merged yet, in the order of its arrival.
pub(in crate::journal) fn batches(db: &Connection) -> Result<Vec<Batch>, Fault> {
    let mut select = db.prepare_cached("SELECT url, entries FROM append_log ORDER BY n")?;
    let rows = select
        .query_map([], |row| Ok(Batch { url: row.get(0)?, entries: decode(row.get_ref(1)?.as_blob()?).collect() }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What is not merged yet: the latest entry of each object, sorted by hash.
#[derive(Debug)]
pub(super) struct AppendLog(Vec<(ObjectHash, Entry)>);

impl AppendLog {
    pub(super) fn read(db: &Connection, but: &Written, now: i64) -> Result<Self, Fault> {
        let mut all = Vec::new();
        let mut select = db.prepare_cached("SELECT n, entries FROM append_log ORDER BY n")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            if !but.has(row.get(0)?) {
                all.extend(decode(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?));
            }
        }
        Ok(Self(latest(all, now)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, hash: ObjectHash) -> Option<Entry> {
        self.0.binary_search_by_key(&hash, |(hash, _)| *hash).ok().map(|at| self.0[at].1)
    }
}

impl Journal {
    /// Appends what was warmed by `seen`, and counts its bytes. One without an ETag counts and is never found again. Gives the
    /// number of the batch, unless there is nothing in it. To bring it to the disk may be left to the next transaction.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(in crate::journal) fn append(
        &self,
        url: &str,
        run: &str,
        arrivals: &[Arrival],
        (seen, durability): (DateTime<Utc>, Durability),
    ) -> Result<Option<i64>, JournalError> {
        let (batch, left_out) = self.transact_and(durability, "write to", |db| {
            let before = filled(db, url)?;
            let room = self.room_in(db)?.map_or(usize::MAX, |room| usize::try_from(room).unwrap_or(usize::MAX));
            let (mut after, mut left_out) = (before, 0);
            let mut entries = Vec::with_capacity(arrivals.len());
            for arrival in arrivals {
                after = after.saturating_add(arrival.size);
                match arrival.known {
                    Some(_) if entries.len() >= room => left_out += 1,
                    Some((hash, content_hash)) => {
                        entries.push((hash, Entry { content_hash, sent: arrival.sent, filled: mib(after) }));
                    }
                    None => {}
                }
            }
            let batch = Batch { url: url.to_owned(), entries }.store(db)?;
            add_filled(db, url, after - before)?;
            let bytes = i64::try_from(after - before).unwrap_or(i64::MAX);
            let objects = i64::try_from(arrivals.len()).unwrap_or(i64::MAX);
            db.prepare_cached(
                "UPDATE run SET objects = objects + ?2, bytes = bytes + ?3, seen = max(seen, ?4), cache_url = ?5 WHERE id = ?1",
            )?
            .execute(params![run, objects, bytes, seen.timestamp_millis(), url])?;
            Ok((batch, left_out))
        })?;
        self.is_full(left_out);
        Ok(batch)
    }

    /// Moves the append log into the sorted pages, part by part: it can end anywhere and loses nothing, and two may do it at once.
    /// In memory they stay, the latest of each.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(in crate::journal) fn merge(&self) -> Result<(), JournalError> {
        self.merge_by(PART_ENTRIES)
    }

    /// With so many in one transaction.
    pub(super) fn merge_by(&self, part_entries: i64) -> Result<(), JournalError> {
        if self.is_in_memory() {
            return self.transact("tidy", compact);
        }
        let last: Option<i64> =
            self.with("read", |db| Ok(db.query_row("SELECT max(n) FROM append_log", [], |row| row.get(0))?))?;
        let Some(last) = last else { return Ok(()) };
        let waiting = self.waiting()?;
        let bits = (0..MAX_PART_BITS).find(|bits| waiting >> bits <= part_entries).unwrap_or(MAX_PART_BITS);
        (0..1 << bits).try_for_each(|part| self.merge_part(last, part, bits))?;
        self.transact_and(Durability::Deferred, "merge the ledger of", |db| {
            db.execute("DELETE FROM append_log WHERE n <= ?1", [last])?;
            Ok(())
        })
    }

    /// Merges where that is worth its while, once what matters more is written; that it cannot is logged. What waits
    /// counts as well, and whoever ends next merges it.
    pub(in crate::journal) fn tidy(&self) {
        let merged = self.is_worth_merging().and_then(|is_worth| if is_worth { self.merge() } else { Ok(()) });
        if let Err(error) = merged {
            tracing::warn!("{error}; what has arrived is merged later");
        }
    }

    /// A few entries among many rewrite a page each.
    fn is_worth_merging(&self) -> Result<bool, JournalError> {
        self.with("read", |db| {
            let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
            Ok(waiting(db)? >= pages.saturating_mul(MERGE_PER_PAGE).min(MERGE_AT))
        })
    }

    /// Merges the entries up to the batch `last` whose hashes begin with these bits, in one transaction.
    pub(super) fn merge_part(&self, last: i64, part: u64, bits: u32) -> Result<(), JournalError> {
        let entries = self.with("read", |db| {
            let mut entries = Vec::new();
            let mut select = db.prepare_cached("SELECT entries FROM append_log WHERE n <= ?1 ORDER BY n")?;
            let mut rows = select.query([last])?;
            while let Some(row) = rows.next()? {
                let batch = decode(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
                entries.extend(batch.filter(|(hash, _)| leading(*hash, bits) == part));
            }
            Ok(entries)
        })?;
        // Where it is undone, what was merged is still there.
        self.transact_and(Durability::Deferred, "merge the ledger of", |db| {
            // Of now, and not of before others had written: what these have merged is not of the future.
            let now = clock::now().timestamp();
            SortedPages::of(db).merge(&latest(entries, now), now)
        })
    }

    /// Entries that are not merged yet.
    pub(in crate::journal) fn waiting(&self) -> Result<i64, JournalError> {
        self.with("read", waiting)
    }
}

pub(in crate::journal) fn waiting(db: &Connection) -> Result<i64, Fault> {
    let mut select = db.prepare_cached("SELECT coalesce(sum(length(entries)), 0) / ?1 FROM append_log")?;
    Ok(select.query_row([(WIDTH as u64).cast_signed()], |row| row.get(0))?)
}

/// The first bits of a hash, in the order of hashes, which have a sign.
fn leading(hash: ObjectHash, bits: u32) -> u64 {
    (hash ^ ObjectHash::MIN).cast_unsigned().unbounded_shr(ObjectHash::BITS - bits)
}

/// Keeps the latest of each object.
fn compact(db: &Connection) -> Result<(), Fault> {
    let now = clock::now().timestamp();
    let mut caches: HashMap<String, Vec<(ObjectHash, Entry)>> = HashMap::new();
    for mut batch in batches(db)? {
        caches.entry(batch.url).or_default().append(&mut batch.entries);
    }
    db.execute("DELETE FROM append_log", [])?;
    for (url, entries) in caches {
        Batch { url, entries: latest(entries, now) }.store(db)?;
    }
    Ok(())
}
