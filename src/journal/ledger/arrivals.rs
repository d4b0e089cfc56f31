//! Completions in the order of their arrival, and how they get into the ledger.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::entry::{Entry, in_order, latest, place};
use super::filter::Filters;
use super::hash::{Hasher, Hashes as _, ObjectHash};
use super::leaves::Leaves;
use super::packed::{decode, encode};
use super::{Completion, add_filled, filled, mib};
use crate::clock;
use crate::journal::Journal;
use crate::journal::error::{Fault, JournalError};
use crate::journal::schema::Durability;

/// Arrivals that are merged however large the ledger is: each look at it reads them all.
const MERGE_AT: i64 = 1_000_000;
/// Arrivals for each page of the journal that are worth rewriting it. Both tables have some hundred and fifty entries a page:
/// so it is when as many wait as are merged, and of all that is ever merged each is rewritten a few times.
const A_PAGE: i64 = 75;
/// Arrivals that are merged in one transaction; more are merged in parts.
const AT_ONCE: i64 = 125_000;
/// Of those, how many are sorted together: they are in the processor's cache.
const SORTED: u64 = 300;
/// Two to the power of this many such groups, at the most.
const GROUPS: u32 = 12;
/// Two to the power of this many parts, at the most: each part reads all that is merged.
const PARTS: u32 = 3;

/// One completion, as the ledger will know it.
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) struct Arrival {
    /// Which object, and what it is made of; `None` without an ETag.
    known: Option<(ObjectHash, i64)>,
    /// Seconds since 1970.
    sent: i64,
    /// Bytes.
    size: u64,
}

impl Arrival {
    pub(in crate::journal) fn of(completion: &Completion<'_>, hasher: &mut Hasher) -> Self {
        let Completion { object, etag, size, sent } = *completion;
        let known = etag
            .map(|etag| (hasher.object_hash(&object.bucket, object.key.as_bytes()), hasher.content_hash(etag, size)));
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
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
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
        let mut insert = db.prepare_cached("INSERT INTO arrived (url, count, entries) VALUES (?1, ?2, ?3)")?;
        let count = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        Ok(Some(insert.insert(params![self.url, count, encode(&self.entries)])?))
    }
}

/// What is not merged yet, in the order of its arrival.
pub(in crate::journal) fn batches(db: &Connection) -> Result<Vec<Batch>, Fault> {
    let mut select = db.prepare_cached("SELECT url, entries FROM arrived ORDER BY n")?;
    let rows = select
        .query_map([], |row| Ok(Batch { url: row.get(0)?, entries: decode(row.get_ref(1)?.as_blob()?).collect() }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What is not merged yet: the latest of each, sorted.
#[derive(Debug)]
pub(super) struct Arrivals(Vec<(ObjectHash, Entry)>);

impl Arrivals {
    pub(super) fn read(db: &Connection, but: &Written, now: i64) -> Result<Self, Fault> {
        let mut all = Vec::new();
        let mut select = db.prepare_cached("SELECT n, entries FROM arrived ORDER BY n")?;
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

    /// Moves the arrivals into the ledger, part by part: it can end anywhere and loses nothing, and two may do it at once.
    /// In memory they stay, the latest of each.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(in crate::journal) fn merge(&self) -> Result<(), JournalError> {
        self.merge_by(AT_ONCE)
    }

    /// With so many in one transaction.
    pub(super) fn merge_by(&self, at_once: i64) -> Result<(), JournalError> {
        if self.is_in_memory() {
            return self.transact("tidy", compact);
        }
        let last: Option<i64> =
            self.with("read", |db| Ok(db.query_row("SELECT max(n) FROM arrived", [], |row| row.get(0))?))?;
        let Some(last) = last else { return Ok(()) };
        let waiting = self.waiting()?;
        let bits = (0..PARTS).find(|bits| waiting >> bits <= at_once).unwrap_or(PARTS);
        (0..1 << bits).try_for_each(|part| self.merge_part(last, part, bits))?;
        self.transact_and(Durability::Deferred, "merge the ledger of", |db| {
            db.execute("DELETE FROM arrived WHERE n <= ?1", [last])?;
            Ok(())
        })
    }

    /// Merges where that is worth its while, once what matters more is written; that it cannot is logged. Arrivals are as
    /// good as the ledger, and whoever ends next merges them.
    pub(in crate::journal) fn tidy(&self) {
        let merged = self.is_worth_merging().and_then(|is_worth| if is_worth { self.merge() } else { Ok(()) });
        if let Err(error) = merged {
            tracing::warn!("{error}; what has arrived is merged later");
        }
    }

    /// A few entries among many rewrite a page of the ledger each.
    fn is_worth_merging(&self) -> Result<bool, JournalError> {
        self.with("read", |db| {
            let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
            let waiting = waiting(db)?.cast_signed();
            Ok(waiting >= pages.saturating_mul(A_PAGE).min(MERGE_AT))
        })
    }

    /// Merges the arrivals up to the batch `last` whose hashes begin with these bits, in one transaction.
    pub(super) fn merge_part(&self, last: i64, part: u64, bits: u32) -> Result<(), JournalError> {
        let arrived = self.with("read", |db| {
            let expected = waiting(db)? >> bits;
            let neighbours = (expected / SORTED).checked_ilog2().unwrap_or(0).min(GROUPS);
            // Hashes are spread evenly, or nearly so.
            let room = (expected >> neighbours).min(2 * SORTED) * 9 / 8;
            let mut arrived: Vec<_> = (0..1 << neighbours).map(|_| Vec::with_capacity(room as usize)).collect();
            let mut select = db.prepare_cached("SELECT entries FROM arrived WHERE n <= ?1 ORDER BY n")?;
            let mut rows = select.query([last])?;
            while let Some(row) = rows.next()? {
                for entry in decode(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?) {
                    let among = leads(entry.0, bits + neighbours);
                    if among >> neighbours == part {
                        arrived[(among - (part << neighbours)) as usize].push(entry);
                    }
                }
            }
            Ok(arrived)
        })?;
        // Where it is undone, what was merged is still there.
        self.transact_and(Durability::Deferred, "merge the ledger of", |db| {
            // Of now, and not of before others had written: what these have merged is not of the future.
            let now = clock::now().timestamp();
            for arrived in arrived {
                let arrived = latest(in_order(&arrived), now);
                Leaves::of(db).merge(&arrived, now)?;
                Filters::of(db).add(&arrived)?;
            }
            Ok(())
        })
    }

    /// Arrivals that are not merged yet.
    pub(in crate::journal) fn waiting(&self) -> Result<i64, JournalError> {
        self.with("read", |db| Ok(waiting(db)?.cast_signed()))
    }
}

pub(in crate::journal) fn waiting(db: &Connection) -> Result<u64, Fault> {
    let mut select = db.prepare_cached("SELECT coalesce(sum(count), 0) FROM arrived")?;
    let waiting: i64 = select.query_row([], |row| row.get(0))?;
    Ok(waiting.cast_unsigned())
}

/// Among which of so many neighbours a hash is, in their order: two to the power of `bits`.
fn leads(hash: ObjectHash, bits: u32) -> u64 {
    place(hash).unbounded_shr(ObjectHash::BITS - bits)
}

/// Keeps the latest of each object.
fn compact(db: &Connection) -> Result<(), Fault> {
    let now = clock::now().timestamp();
    let mut caches: HashMap<String, Vec<(ObjectHash, Entry)>> = HashMap::new();
    for mut batch in batches(db)? {
        caches.entry(batch.url).or_default().append(&mut batch.entries);
    }
    db.execute("DELETE FROM arrived", [])?;
    for (url, entries) in caches {
        Batch { url, entries: latest(entries, now) }.store(db)?;
    }
    Ok(())
}
