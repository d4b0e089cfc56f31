//! Past and present runs, and who may start one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, Transaction, params};
use ulid::Ulid;

use super::Journal;
use super::error::{Fault, JournalError};
use super::locks::Lock;
use crate::clock;
use crate::object::{Bucket, Count, Key};
use crate::report::json::interrupted;
use crate::report::{Failure, Outcome};

/// Why a run that nobody ended is over.
const VANISHED: &str = "the process ended in the middle of the run";

/// A run about to begin.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub id: Ulid,
    /// No two live runs hold the same claim.
    pub claim: String,
    pub profile: String,
    pub endpoint: String,
    pub fingerprint: String,
    pub trigger: String,
    /// When it was to start, where a schedule said so.
    pub due: Option<DateTime<Utc>>,
    /// Fires that passed before this one.
    pub missed: u64,
    /// How often it was taken up again.
    pub resumes: u64,
    pub started: DateTime<Utc>,
    /// The JSON line of the run as it stands.
    pub line: String,
}

/// A run that this process carries out. Dropped without an end, it counts as interrupted.
#[derive(Debug)]
pub struct OpenRun {
    pub(super) id: String,
    _lock: Lock,
}

/// What came of wanting to begin.
#[derive(Debug)]
pub enum Begun {
    Run(OpenRun),
    /// A live process holds the claim.
    AlreadyRunning {
        id: String,
        since: DateTime<Utc>,
    },
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct End {
    pub ended: DateTime<Utc>,
    pub outcome: Outcome,
    pub reason: Option<String>,
    /// The JSON line of the run.
    pub line: String,
    /// As many as are kept.
    pub failures: Vec<Failure>,
}

/// A run as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub id: Ulid,
    pub profile: String,
    pub endpoint: String,
    pub trigger: String,
    pub started: DateTime<Utc>,
    /// `None` while it runs.
    pub ended: Option<DateTime<Utc>>,
    pub outcome: Outcome,
    pub reason: Option<String>,
    /// What was recorded as warmed.
    pub warmed: Count,
    /// As `warm --json` prints it.
    pub line: String,
}

/// Which runs are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub profile: Option<String>,
    /// Started at this instant or later.
    pub since: Option<DateTime<Utc>>,
}

impl Journal {
    /// Begins a run, unless a live one holds its claim.
    ///
    /// # Errors
    /// The database or the folder of locks cannot be written.
    pub fn begin(&self, new: &NewRun) -> Result<Begun, JournalError> {
        let id = new.id.to_string();
        // The lock is taken inside the transaction: nobody sees a run of ours before it is locked.
        let begun = self.transact("begin a run in", |db| {
            if let Some((id, since)) = self.holder(db, &new.claim)? {
                return Ok(Begun::AlreadyRunning { id, since });
            }
            let lock = self.locks().take(&id)?;
            let started = new.started.timestamp_millis();
            db.execute(
                "INSERT INTO run (id, claim, profile, endpoint, fingerprint, \"trigger\", due, missed, resumes, started, seen, outcome, line)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, 'running', ?11)",
                params![
                    id,
                    new.claim,
                    new.profile,
                    new.endpoint,
                    new.fingerprint,
                    new.trigger,
                    new.due.map(|due| due.timestamp_millis()),
                    new.missed.cast_signed(),
                    new.resumes.cast_signed(),
                    started,
                    new.line
                ],
            )?;
            Ok(Begun::Run(OpenRun { id: id.clone(), _lock: lock }))
        });
        if begun.is_err() {
            self.locks().clear(&id);
        }
        begun
    }

    /// The live run that holds `claim`.
    fn holder(&self, db: &Transaction<'_>, claim: &str) -> Result<Option<(String, DateTime<Utc>)>, Fault> {
        let mut select = db.prepare("SELECT id, started FROM run WHERE outcome = 'running' AND claim = ?1")?;
        let rows = select.query_map([claim], |row| Ok((row.get::<_, String>(0)?, instant(row.get(1)?))))?;
        for row in rows {
            let (id, since) = row?;
            if self.locks().is_held(&id) {
                return Ok(Some((id, since)));
            }
        }
        Ok(None)
    }

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

    /// Ends a run, and merges its completions into the ledger. That this cannot be done yet is logged.
    ///
    /// # Errors
    /// The database cannot be written. The run then counts as interrupted.
    pub fn finish(&self, run: &OpenRun, end: &End) -> Result<(), JournalError> {
        self.transact("end a run in", |db| {
            let ended = end.ended.timestamp_millis();
            db.execute(
                "UPDATE run SET ended = ?2, seen = max(seen, ?2), outcome = ?3, reason = ?4, line = ?5 WHERE id = ?1",
                params![run.id, ended, end.outcome.as_str(), end.reason, end.line],
            )?;
            // Of a run that was taken up again, those of its end count: it tried the others anew.
            db.execute("DELETE FROM failure WHERE run = ?1", [&run.id])?;
            let mut insert = db.prepare("INSERT INTO failure VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for (n, failure) in (0_i64..).zip(&end.failures) {
                let key = failure.key.as_bytes();
                insert.execute(params![run.id, n, failure.class, failure.bucket.as_str(), key, failure.message])?;
            }
            Ok(())
        })?;
        self.locks().remove(&run.id);
        // The end is what must not be lost; arrivals are as good as the ledger, and the next to end merges them.
        if let Err(error) = self.merge() {
            tracing::warn!("{error}; what run {} warmed is merged later", run.id);
        }
        Ok(())
    }

    /// Marks the runs whose process is gone, and merges what they recorded.
    pub(super) fn recover(&self) -> Result<(), JournalError> {
        let dead = self.transact("recover", |db| {
            let mut dead = Vec::new();
            for run in select(db, "WHERE outcome = 'running'", [])? {
                let id = run.id.to_string();
                if self.locks().is_held(&id) {
                    continue;
                }
                let seen: i64 = db.query_row("SELECT seen FROM run WHERE id = ?1", [&id], |row| row.get(0))?;
                let line = interrupted(&run.line, run.warmed, instant(seen), VANISHED);
                db.execute(
                    "UPDATE run SET outcome = 'interrupted', ended = seen, reason = ?2, line = ?3 WHERE id = ?1",
                    params![id, VANISHED, line],
                )?;
                dead.push(id);
            }
            // Of a process that ended before it could name its run.
            let known = |id: &String| {
                Ok::<bool, Fault>(
                    db.query_row("SELECT EXISTS (SELECT 1 FROM run WHERE id = ?1)", [id], |row| row.get(0))?,
                )
            };
            for id in self.locks().present() {
                if !known(&id)? && !self.locks().is_held(&id) {
                    dead.push(id);
                }
            }
            Ok(dead)
        })?;
        if !dead.is_empty() {
            self.merge()?;
        }
        for id in dead {
            tracing::debug!(run = id, "{VANISHED}");
            self.locks().clear(&id);
        }
        Ok(())
    }

    /// The runs that `filter` lets through, the latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn runs(&self, filter: &Filter) -> Result<Vec<Recorded>, JournalError> {
        let since = filter.since.map_or(i64::MIN, |since| since.timestamp_millis());
        let runs = self.with("read", |db| {
            select(
                db,
                "WHERE (?1 IS NULL OR profile = ?1) AND started >= ?2 ORDER BY started DESC, id DESC",
                params![filter.profile, since],
            )
        })?;
        Ok(runs.into_iter().map(|run| self.as_it_is(run)).collect())
    }

    /// One run.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn run(&self, id: Ulid) -> Result<Option<Recorded>, JournalError> {
        let runs = self.with("read", |db| select(db, "WHERE id = ?1", [id.to_string()]))?;
        Ok(runs.into_iter().next().map(|run| self.as_it_is(run)))
    }

    /// The failures kept of one run, in the order in which they came.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn failures(&self, id: Ulid) -> Result<Vec<Failure>, JournalError> {
        self.with("read", |db| {
            let mut select = db.prepare("SELECT class, bucket, key, message FROM failure WHERE run = ?1 ORDER BY n")?;
            let rows = select.query_map([id.to_string()], |row| {
                Ok(Failure {
                    class: row.get::<_, String>(0)?.into(),
                    bucket: Bucket::new(&row.get::<_, String>(1)?),
                    key: Key::from_bytes(row.get::<_, Vec<u8>>(2)?),
                    message: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// A run that nobody carries out any more is not going on, even before the journal says so.
    fn as_it_is(&self, run: Recorded) -> Recorded {
        if run.outcome != Outcome::Running || self.locks().is_held(&run.id.to_string()) {
            return run;
        }
        let line = interrupted(&run.line, run.warmed, run.started, VANISHED);
        Recorded { outcome: Outcome::Interrupted, reason: Some(VANISHED.to_owned()), line, ..run }
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
            Ok(())
        })?;
        self.sweep(before, now)
    }
}

fn select(db: &Connection, which: &str, params: impl rusqlite::Params) -> Result<Vec<Recorded>, Fault> {
    let columns = "id, profile, endpoint, \"trigger\", started, ended, outcome, reason, objects, bytes, line";
    let mut select = db.prepare(&format!("SELECT {columns} FROM run {which}"))?;
    let rows = select.query_map(params, recorded)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let odd = |column: usize, what: &str| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("not {what}").into())
    };
    let id: String = row.get(0)?;
    let outcome: String = row.get(6)?;
    Ok(Recorded {
        id: Ulid::from_string(&id).map_err(|_| odd(0, "the id of a run"))?,
        profile: row.get(1)?,
        endpoint: row.get(2)?,
        trigger: row.get(3)?,
        started: instant(row.get(4)?),
        ended: row.get::<_, Option<i64>>(5)?.map(instant),
        outcome: Outcome::named(&outcome).ok_or_else(|| odd(6, "an outcome"))?,
        reason: row.get(7)?,
        warmed: Count { objects: row.get::<_, i64>(8)?.cast_unsigned(), bytes: row.get::<_, i64>(9)?.cast_unsigned() },
        line: row.get(10)?,
    })
}

fn instant(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}
