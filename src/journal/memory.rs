//! A journal in memory, for while the one on disk cannot be written, and how the one on disk takes over what it gathered.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::database::Database;
use super::error::{Fault, JournalError};
use super::ledger::{add_filled, batches, filled, mib};
use super::locks::Locks;
use super::profiles::FORGOTTEN;
use super::{Inner, Journal, Store, audit, health, ledger, schema, sources};

/// What stands for its path in errors.
const NAME: &str = "in memory";
/// Runs that ended, and are kept.
const MAX_RUNS: u32 = 1_000;
/// The last runs whose failures are kept.
const MAX_RUNS_WITH_FAILURES: u32 = 20;

/// Empties it once the journal on disk has taken over. Runs in progress stay, and the rows of their profiles.
const EMPTY: &str = "
    DELETE FROM failure WHERE run IN (SELECT id FROM run WHERE outcome <> 'running');
    DELETE FROM run WHERE outcome <> 'running';
    DELETE FROM audit; DELETE FROM append_log; DELETE FROM cache; DELETE FROM source; DELETE FROM last_time;
    UPDATE profile SET watermark = NULL, timetable = NULL, applied_fingerprint = NULL, paused = NULL, paused_until = NULL,
        pause_set = 0, last_due = NULL, last_complete_due = NULL";

impl Journal {
    /// A journal in memory, with room for `bound` ledger entries. What it gathers is lost with the process, unless a journal
    /// on disk absorbs it.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn memory(bound: u64) -> Result<Self, JournalError> {
        let path = Path::new(NAME);
        let opened = Connection::open_in_memory().map_err(Fault::from);
        let made = opened.and_then(|mut db| schema::prepare(&mut db).map(|()| db));
        let db = Mutex::new(Database::of(made.map_err(|fault| fault.of("make", path))?));
        let locks = Locks::Names(Arc::new(Mutex::new(HashSet::new())));
        let store = Store::Memory { name: path.to_owned(), bound, said_full: AtomicBool::new(false) };
        Ok(Self(Arc::new(Inner { store, locks, process: health::process().to_owned(), db })))
    }

    /// How many more objects may be recorded; `None` where there is no bound. Objects beyond it are counted, and not remembered as warmed.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn room(&self) -> Result<Option<u64>, JournalError> {
        self.with("read", |db| self.room_in(db))
    }

    pub(super) fn room_in(&self, db: &Connection) -> Result<Option<u64>, Fault> {
        let Store::Memory { bound, .. } = &self.0.store else { return Ok(None) };
        Ok(Some(bound.saturating_sub(ledger::waiting(db)?.cast_unsigned())))
    }

    /// Says, once, that entries are left out.
    pub(super) fn is_full(&self, left_out: usize) {
        let Store::Memory { bound, said_full, .. } = &self.0.store else { return };
        if left_out > 0 && !said_full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the journal in memory is full with {bound} objects; what is warmed beyond them is not fresh"
            );
        }
    }

    /// Drops the oldest runs and failures of a journal in memory.
    pub(super) fn keep_within_bounds(&self, db: &Connection) -> Result<(), Fault> {
        if self.is_in_memory() {
            let latest = "SELECT id FROM run ORDER BY id DESC LIMIT ?1";
            let failures = format!("DELETE FROM failure WHERE run NOT IN ({latest})");
            let runs = format!("DELETE FROM run WHERE ended IS NOT NULL AND id NOT IN ({latest})");
            let dropped = db.execute(&failures, [MAX_RUNS_WITH_FAILURES])? + db.execute(&runs, [MAX_RUNS])?;
            if dropped > 0 {
                tracing::warn!(
                    "the journal in memory keeps {MAX_RUNS} runs and the failures of {MAX_RUNS_WITH_FAILURES}; the oldest are dropped"
                );
            }
        }
        Ok(())
    }

    /// Takes over all that `memory` gathered, in one transaction: its runs that ended, its ledger and counts, and what it
    /// knows of profiles and of the configuration. Runs that still go on there stay, for the next time.
    ///
    /// # Errors
    /// This journal cannot be written; then nothing is taken over, and nothing lost.
    pub fn absorb(&self, memory: &Self) -> Result<(), JournalError> {
        memory.recover()?;
        memory.merge()?;
        let from = memory.lock();
        self.transact("take over the journal in memory into", |to| {
            runs(&from, to)?;
            profiles(&from, to)?;
            entries(&from, to)?;
            audit::take_over(&from, to)?;
            sources::last_good(&from)?.map_or(Ok(()), |good| sources::keep(to, &good.sources, good.at))
        })?;
        let emptied =
            from.unchecked_transaction().and_then(|from| from.execute_batch(EMPTY).and_then(|()| from.commit()));
        if let Store::Memory { said_full, .. } = &memory.0.store {
            said_full.store(false, Ordering::Relaxed);
        }
        emptied.map_err(|error| Fault::from(error).of("empty", Path::new(NAME)))?;
        drop(from);
        self.tidy();
        Ok(())
    }
}

/// Copies rows as they are: the tables are the same.
fn copy(from: &Connection, to: &Connection, rows: &str, table: &str) -> Result<(), Fault> {
    let mut select = from.prepare(rows)?;
    let columns = select.column_count();
    let marks = vec!["?"; columns].join(", ");
    let mut insert = to.prepare(&format!("INSERT OR REPLACE INTO {table} VALUES ({marks})"))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let values: Vec<Value> = (0..columns).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?;
        insert.execute(params_from_iter(values))?;
    }
    Ok(())
}

fn runs(from: &Connection, to: &Connection) -> Result<(), Fault> {
    copy(from, to, "SELECT * FROM run WHERE outcome <> 'running'", "run")?;
    let ended = "SELECT failure.* FROM failure JOIN run ON id = run WHERE outcome <> 'running'";
    copy(from, to, ended, "failure")
}

/// What is later wins; what memory says nothing of stays.
fn profiles(from: &Connection, to: &Connection) -> Result<(), Fault> {
    let mut forgotten = from.prepare("SELECT substr(name, ?1) FROM last_time WHERE name LIKE ?2")?;
    let first = i64::try_from(FORGOTTEN.len() + 1).unwrap_or(i64::MAX);
    let mut names = forgotten.query(params![first, format!("{FORGOTTEN}%")])?;
    while let Some(row) = names.next()? {
        to.execute("DELETE FROM profile WHERE name = ?1", [row.get::<_, String>(0)?])?;
    }
    let mut select = from.prepare(
        "SELECT name, watermark, timetable, applied_fingerprint, paused, paused_until, pause_set, last_due, last_complete_due
         FROM profile WHERE pause_set OR coalesce(watermark, applied_fingerprint, last_due, last_complete_due) IS NOT NULL",
    )?;
    let mut upsert = to.prepare(
        "INSERT INTO profile (name, watermark, timetable, applied_fingerprint, paused, paused_until, pause_set, last_due, last_complete_due)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET
         timetable = CASE WHEN excluded.watermark >= coalesce(watermark, excluded.watermark)
             THEN excluded.timetable ELSE timetable END,
         watermark = max(coalesce(watermark, excluded.watermark), coalesce(excluded.watermark, watermark)),
         applied_fingerprint = coalesce(excluded.applied_fingerprint, applied_fingerprint),
         paused = CASE WHEN excluded.pause_set THEN excluded.paused ELSE paused END,
         paused_until = CASE WHEN excluded.pause_set THEN excluded.paused_until ELSE paused_until END,
         pause_set = max(pause_set, excluded.pause_set),
         last_due = max(coalesce(last_due, excluded.last_due), coalesce(excluded.last_due, last_due)),
         last_complete_due = max(coalesce(last_complete_due, excluded.last_complete_due),
             coalesce(excluded.last_complete_due, last_complete_due))",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let values: Vec<Value> = (0..9).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?;
        upsert.execute(params_from_iter(values))?;
    }
    Ok(())
}

/// Completions: their counts go on from what was filled when memory began.
fn entries(from: &Connection, to: &Connection) -> Result<(), Fault> {
    let mut offsets: HashMap<String, i64> = HashMap::new();
    let mut caches = from.prepare("SELECT url, filled FROM cache")?;
    let mut rows = caches.query([])?;
    while let Some(row) = rows.next()? {
        let url: String = row.get(0)?;
        let before = filled(to, &url)?;
        add_filled(to, &url, row.get::<_, i64>(1)?.cast_unsigned())?;
        offsets.insert(url, mib(before));
    }
    for mut batch in batches(from)? {
        let offset = offsets.get(&batch.url).copied().unwrap_or(0);
        batch.entries.iter_mut().for_each(|(_, entry)| entry.filled = entry.filled.saturating_add(offset));
        batch.store(to)?;
    }
    Ok(())
}
