//! How runs end: by themselves, with their process, and for good.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::begin::OpenRun;
use super::error::{Fault, JournalError};
use super::runs::{instant, select};
use super::{Journal, audit, profiles};
use crate::clock;
use crate::report::json::interrupted;
use crate::report::{Failure, Outcome};

/// Why a run that nobody ended is over.
pub(super) const VANISHED: &str = "the process ended in the middle of the run";

/// How a run ended.
#[derive(Clone, Debug)]
pub struct End {
    pub ended: DateTime<Utc>,
    pub outcome: Outcome,
    pub reason: Option<String>,
    /// It was interrupted by what will pass, and is to be taken up again.
    pub resumable: bool,
    /// The JSON line of the run.
    pub line: String,
    /// As many as are kept.
    pub failures: Vec<Failure>,
}

impl Journal {
    /// Keeps what is known of a run that goes on, for when nobody ends it.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn note(&self, run: &OpenRun, line: &str) -> Result<(), JournalError> {
        self.transact("write to", |db| {
            let seen = clock::now().timestamp_millis();
            db.execute("UPDATE run SET line = ?2, seen = max(seen, ?3) WHERE id = ?1", params![run.id, line, seen])?;
            Ok(())
        })
    }

    /// Ends a run, and then merges into the ledger what has arrived, where that is worth its while.
    ///
    /// # Errors
    /// The database cannot be written. The run then counts as interrupted.
    pub fn finish(&self, run: &OpenRun, end: &End) -> Result<(), JournalError> {
        self.transact("end a run in", |db| {
            let ended = end.ended.timestamp_millis();
            let resumable = end.resumable && end.outcome == Outcome::Interrupted;
            db.execute(
                "UPDATE run SET ended = ?2, seen = max(seen, ?2), outcome = ?3, reason = ?4, resumable = ?5, line = ?6
                 WHERE id = ?1",
                params![run.id, ended, end.outcome.as_str(), end.reason, resumable, end.line],
            )?;
            // Of a run that was taken up again, those of its end count: it tried the others anew.
            db.execute("DELETE FROM failure WHERE run = ?1", [&run.id])?;
            let mut insert = db.prepare("INSERT INTO failure VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for (n, failure) in (0_i64..).zip(&end.failures) {
                let key = failure.key.as_bytes();
                insert.execute(params![run.id, n, failure.class, failure.bucket.as_str(), key, failure.message])?;
            }
            if end.outcome == Outcome::Complete {
                profiles::completed(db, &run.id)?;
            }
            self.keep_within_bounds(db)
        })?;
        self.locks().remove(&run.id);
        self.tidy();
        Ok(())
    }

    /// Marks the runs whose process is gone, and merges what has arrived.
    pub(super) fn recover(&self) -> Result<(), JournalError> {
        let dead = self.transact("recover", |db| {
            let mut dead = self.bury(db)?;
            // Of a process that ended before it could name its run.
            let known = |id: &String| {
                let which = "SELECT EXISTS (SELECT 1 FROM run WHERE id = ?1)";
                Ok::<bool, Fault>(db.query_row(which, [id], |row| row.get(0))?)
            };
            for id in self.locks().present() {
                if !known(&id)? && !self.locks().is_held(&id) {
                    dead.push(id);
                }
            }
            Ok(dead)
        })?;
        if !dead.is_empty() {
            self.tidy();
        }
        for id in dead {
            tracing::debug!(run = id, "{VANISHED}");
            self.locks().clear(&id);
        }
        Ok(())
    }

    /// Interrupts the runs that nobody carries out any more, and names them.
    fn bury(&self, db: &Connection) -> Result<Vec<String>, Fault> {
        let mut dead = Vec::new();
        for run in select(db, "WHERE outcome = 'running'", [])? {
            let id = run.info.id.to_string();
            if self.locks().is_held(&id) {
                continue;
            }
            let seen: i64 = db.query_row("SELECT seen FROM run WHERE id = ?1", [&id], |row| row.get(0))?;
            let line = interrupted(&run.line, run.warmed, instant(seen), VANISHED);
            db.execute(
                "UPDATE run SET outcome = 'interrupted', resumable = 1, ended = seen, reason = ?2, line = ?3 WHERE id = ?1",
                params![id, VANISHED, line],
            )?;
            dead.push(id);
        }
        Ok(dead)
    }

    /// Forgets runs that ended longer than `retention` ago, and ledger entries as old.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn prune(&self, now: DateTime<Utc>, retention: Duration) -> Result<(), JournalError> {
        let age = chrono::TimeDelta::from_std(retention).unwrap_or(chrono::TimeDelta::MAX);
        let Some(before) = now.checked_sub_signed(age) else { return Ok(()) };
        self.transact("tidy", |db| {
            let before = before.timestamp_millis();
            db.execute("DELETE FROM failure WHERE run IN (SELECT id FROM run WHERE ended < ?1)", [before])?;
            db.execute("DELETE FROM run WHERE ended < ?1", [before])?;
            audit::prune(db, before)
        })?;
        self.sweep(before, now)
    }
}
