//! Who may start a run, or take one up again.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};
use ulid::Ulid;

use super::Journal;
use super::error::{Fault, JournalError};
use super::locks::Lock;
use super::profiles;
use super::runs::{instant, line, millis, text_of};
use crate::report::{Outcome, RunInfo, Trigger};
use model::api::RunLine;

/// A run about to begin, or a fire that passes without one. No profile begins or skips one due twice.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The run as it stands.
    pub line: RunLine,
    /// No two live runs hold the same claim.
    pub claim: String,
    /// It warms what is fresh, too.
    pub rewarm: bool,
    /// How far the profile's schedule has been dealt with, this run included.
    pub watermark: Option<Watermark>,
}

/// How far a schedule has been dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    pub at: DateTime<Utc>,
    /// The schedule that was asked.
    pub timetable: String,
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
    /// The profile has begun or skipped this due before, in the run of this id; or this run is not one to be taken up again.
    AlreadyDone {
        id: String,
    },
}

impl Journal {
    /// Begins a run, unless a live one holds its claim or its due has been dealt with.
    ///
    /// With the run goes what it says of its profile: fingerprint, latest due, and the watermark. A run by hand (`cli`) says
    /// nothing of its profile. A due that was dealt with still sets the watermark.
    ///
    /// # Errors
    /// The database or the folder of locks cannot be written.
    pub fn begin(&self, new: &NewRun) -> Result<Begun, JournalError> {
        let id = new.line.info.id.to_string();
        // The lock is taken inside the transaction: nobody sees a run of ours before it is locked.
        let begun = self.transact("begin a run in", |db| {
            if let Some(id) = done(db, new)? {
                profiles::set_watermark(db, new)?;
                return Ok(Begun::AlreadyDone { id });
            }
            if let Some((id, since)) = self.holder(db, &new.claim)? {
                return Ok(Begun::AlreadyRunning { id, since });
            }
            let lock = self.locks().take(&id)?;
            self.insert(db, new)?;
            profiles::begun(db, new)?;
            profiles::set_watermark(db, new)?;
            Ok(Begun::Run(OpenRun { id: id.clone(), _lock: lock }))
        });
        if begun.is_err() {
            self.locks().clear(&id);
        }
        begun
    }

    /// Notes a fire that passed without a run, and whatever it says of its profile: a run that was skipped. `false` where
    /// its due had been dealt with; then only the watermark is set.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn skip(&self, skipped: &NewRun) -> Result<bool, JournalError> {
        self.transact("skip a run in", |db| {
            let is_new = done(db, skipped)?.is_none();
            if is_new {
                self.insert(db, skipped)?;
                profiles::due(db, skipped)?;
            }
            profiles::set_watermark(db, skipped)?;
            self.keep_within_bounds(db)?;
            Ok(is_new)
        })
    }

    /// Takes up a run again that [`Journal::interrupted`] named, under its id; what it records counts on.
    ///
    /// # Errors
    /// The database or the folder of locks cannot be written.
    pub fn resume(&self, id: Ulid, now: DateTime<Utc>) -> Result<Begun, JournalError> {
        let id = id.to_string();
        let begun = self.transact("begin a run again in", |db| {
            let Some((claim, line)) = resumable(db, &id)? else {
                return Ok(Begun::AlreadyDone { id: id.clone() });
            };
            if let Some((id, since)) = self.holder(db, &claim)? {
                return Ok(Begun::AlreadyRunning { id, since });
            }
            let lock = self.locks().take(&id)?;
            let info = RunInfo { trigger: Trigger::Resume, resumes: line.info.resumes + 1, ..line.info };
            let line = RunLine { info, outcome: Outcome::Running, reason: None, reason_class: None, ended: None, ..line };
            db.execute(
                "UPDATE run SET outcome = 'running', \"trigger\" = 'resume', reason = NULL, ended = NULL, resumable = 0, resumes = ?2,
                 seen = max(seen, ?3), process = ?4, line = ?5 WHERE id = ?1",
                params![id, info.resumes.cast_signed(), now.timestamp_millis(), self.process(), text_of(&line)?],
            )?;
            Ok(Begun::Run(OpenRun { id: id.clone(), _lock: lock }))
        });
        if begun.is_err() {
            self.locks().clear(&id);
        }
        begun
    }

    /// The live run that holds `claim`.
    fn holder(&self, db: &Connection, claim: &str) -> Result<Option<(String, DateTime<Utc>)>, Fault> {
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

    fn insert(&self, db: &Connection, new: &NewRun) -> Result<(), Fault> {
        let RunLine { info, outcome, .. } = new.line;
        db.execute(
            "INSERT INTO run (id, claim, profile, endpoint, fingerprint, \"trigger\", due, missed, resumes, started, seen,
             outcome, line, reason, ended, rewarm, process)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            params![
                info.id.to_string(),
                new.claim,
                new.line.profile,
                new.line.endpoint,
                new.line.fingerprint,
                info.trigger.as_str(),
                millis(info.due),
                info.missed.cast_signed(),
                info.resumes.cast_signed(),
                info.started.timestamp_millis(),
                outcome.as_str(),
                text_of(&new.line)?,
                new.line.reason,
                millis(new.line.ended),
                new.rewarm,
                self.process(),
            ],
        )?;
        Ok(())
    }
}

/// The run that dealt with the due of `new`, where it is not this run itself that goes on, and not one of what the profile
/// was, which `new` replaces.
fn done(db: &Connection, new: &NewRun) -> Result<Option<String>, Fault> {
    let Some(due) = new.line.info.due.filter(|_| new.line.info.resumes == 0) else { return Ok(None) };
    let mut select = db.prepare(
        "SELECT id FROM run WHERE profile = ?1 AND due = ?2 AND NOT (outcome = 'interrupted' AND fingerprint <> ?3) LIMIT 1",
    )?;
    let of = params![new.line.profile, due.timestamp_millis(), new.line.fingerprint];
    Ok(select.query_row(of, |row| row.get(0)).optional()?)
}

/// Claim and line of a run that may be taken up again, or that its process left; whether it is live is asked later.
fn resumable(db: &Connection, id: &str) -> Result<Option<(String, RunLine)>, Fault> {
    let mut select = db.prepare(
        "SELECT claim, line FROM run WHERE id = ?1 AND \"trigger\" <> ?2
         AND (outcome = 'running' OR outcome = 'interrupted' AND resumable)",
    )?;
    let row = select.query_row(params![id, Trigger::Cli.as_str()], |row| Ok((row.get(0)?, line(row, 1)?)));
    Ok(row.optional()?)
}
