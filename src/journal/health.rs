//! Whether the journal can be written, how large it is, and who else uses it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::params;

use super::{Journal, JournalError, Store};
use crate::clock;

/// A name that no other process has, on this machine or in another container on the same folder.
pub(super) fn process() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("{}-{:016x}", std::process::id(), rand::random::<u64>()))
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
        self.transact("write to", |db| {
            let now = clock::now().timestamp_millis();
            db.execute("INSERT OR REPLACE INTO last_time VALUES ('probe', ?1)", params![now])?;
            Ok(())
        })
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
