//! How runs end: by themselves, with their process, and for good.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::begin::OpenRun;
use super::error::{Fault, JournalError};
use super::runs::{select, text_of};
use super::{Journal, audit, profiles};
use crate::clock;
use crate::report::{Failure, Outcome};
use model::api::RunLine;

/// Why a run that nobody ended is over.
pub(super) const VANISHED: &str = "the process ended in the middle of the run";

/// How a run ended.
#[derive(Clone, Debug)]
pub struct End {
    pub line: RunLine,
    /// It was interrupted by what will pass, and is to be taken up again.
    pub resumable: bool,
    /// As many as are kept.
    pub failures: Vec<Failure>,
}

impl Journal {
    /// Keeps what is known of a run that goes on, for when nobody ends it.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn note(&self, run: &OpenRun, line: &RunLine) -> Result<(), JournalError> {
        self.transact("write to", |db| {
            let seen = clock::now().timestamp_millis();
            db.execute(
                "UPDATE run SET line = ?2, seen = max(seen, ?3) WHERE id = ?1",
                params![run.id, text_of(line)?, seen],
            )?;
            Ok(())
        })
    }

    /// Ends a run, and then merges into the ledger what has arrived, where that is worth its while.
    ///
    /// # Errors
    /// The database cannot be written. The run then counts as interrupted.
    pub fn finish(&self, run: &OpenRun, end: &End) -> Result<(), JournalError> {
        self.transact("end a run in", |db| {
            let RunLine { ended, outcome, ref reason, info, .. } = end.line;
            let ended = ended.unwrap_or(info.started).timestamp_millis();
            let resumable = end.resumable && outcome == Outcome::Interrupted;
            db.execute(
                "UPDATE run SET ended = ?2, seen = max(seen, ?2), outcome = ?3, reason = ?4, resumable = ?5, line = ?6
                 WHERE id = ?1",
                params![run.id, ended, outcome.as_str(), reason, resumable, text_of(&end.line)?],
            )?;
            // Of a run that was taken up again, those of its end count: it tried the others anew.
            db.execute("DELETE FROM failure WHERE run = ?1", [&run.id])?;
            let mut insert = db.prepare("INSERT INTO failure VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for (n, failure) in (0_i64..).zip(&end.failures) {
                let Failure { class, object, message, .. } = failure;
                insert.execute(params![run.id, n, class, object.bucket, object.key.0.as_bytes(), message])?;
            }
            if outcome == Outcome::Complete {
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
        for (line, seen) in select(db, "WHERE outcome = 'running'", [])? {
            let id = line.info.id.to_string();
            if self.locks().is_held(&id) {
                continue;
            }
            let line = line.interrupted(seen, VANISHED);
            db.execute(
                "UPDATE run SET outcome = 'interrupted', resumable = 1, ended = seen, reason = ?2, line = ?3 WHERE id = ?1",
                params![id, VANISHED, text_of(&line)?],
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
