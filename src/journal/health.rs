//! Whether the journal can be written, how large it is, and who else uses it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Fault;
use super::runs::instant;
use super::{Journal, JournalError, Store};
use crate::clock;

/// A name that no other process has, on this machine or in another container on the same folder.
pub(super) fn process() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("{}-{:016x}", std::process::id(), rand::random::<u64>()))
}

/// Sets when something was last done.
pub(super) fn set_last_time(db: &Connection, what: &str, at: DateTime<Utc>) -> Result<(), Fault> {
    db.prepare_cached("INSERT OR REPLACE INTO last_time VALUES (?1, ?2)")?
        .execute(params![what, at.timestamp_millis()])?;
    Ok(())
}

/// When something was last done.
pub(super) fn last_time(db: &Connection, what: &str) -> Result<Option<DateTime<Utc>>, Fault> {
    let mut select = db.prepare_cached("SELECT at FROM last_time WHERE name = ?1")?;
    Ok(select.query_row([what], |row| row.get(0)).optional()?.map(instant))
}

/// Which file it is, whatever it is called.
pub(super) fn identity(path: &Path) -> Result<(u64, u64), JournalError> {
    let there = fs::metadata(path).map_err(JournalError::io("look for the journal", path))?;
    Ok((there.dev(), there.ino()))
}

impl Journal {
    /// Writes a little, to know whether the journal can be written.
    ///
    /// # Errors
    /// It cannot; or its file is gone, and what is written now would be lost with this process.
    pub fn probe(&self) -> Result<(), JournalError> {
        if let Store::File { path, identity: opened } = &self.0.store
            && identity(path)? != *opened
        {
            let replaced = io::Error::other("another file is in its place");
            return Err(JournalError::io("go on with the journal", path)(replaced));
        }
        self.transact("write to", |db| set_last_time(db, "probe", clock::now()))
    }

    /// Bytes of its files, the write-ahead log included; in memory, of its pages.
    pub fn bytes(&self) -> u64 {
        let Some(path) = self.file() else {
            let pages = |name| self.lock().pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap_or(0);
            return pages("page_count").saturating_mul(pages("page_size")).cast_unsigned();
        };
        let size = |suffix: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            fs::metadata(name).map_or(0, |file| file.len())
        };
        ["", "-wal", "-shm"].map(size).into_iter().sum()
    }

    /// How many other processes send requests to this cache in a live run.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn others(&self, cache_url: &str) -> Result<usize, JournalError> {
        let runs: Vec<(String, String)> = self.with("read", |db| {
            let mut select = db.prepare(
                "SELECT process, id FROM run WHERE outcome = 'running' AND cache_url = ?1 AND process <> ?2",
            )?;
            let rows = select.query_map([cache_url, self.process()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        let live = runs.into_iter().filter(|(_, run)| self.locks().is_held(run));
        Ok(live.map(|(process, _)| process).collect::<HashSet<_>>().len())
    }

    /// Notes which cache a run sends requests to.
    pub(super) fn sends_to(&self, run: &str, cache_url: &str) -> Result<(), JournalError> {
        self.transact("write to", |db| {
            db.execute("UPDATE run SET cache_url = ?2 WHERE id = ?1", [run, cache_url])?;
            Ok(())
        })
    }
}
