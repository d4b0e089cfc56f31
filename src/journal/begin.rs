//! Who may start a run, or take one up again.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;
use ulid::Ulid;

use super::Journal;
use super::error::{Fault, JournalError};
use super::locks::Lock;
use super::profiles;
use super::runs::{instant, millis, with_fields};
use crate::report::json::time;
use crate::report::{Outcome, RunInfo, Trigger};

/// A run about to begin. No profile begins or skips one due twice.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub info: RunInfo,
    /// No two live runs hold the same claim.
    pub claim: String,
    pub profile: String,
    pub endpoint: String,
    pub fingerprint: String,
    /// It warms what is fresh, too.
    pub rewarm: bool,
    /// How far the profile's schedule has been dealt with, this run included.
    pub watermark: Option<Watermark>,
    /// The JSON line of the run as it stands.
    pub line: String,
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
    /// With the run goes what it says of its profile: fingerprint, latest due, and the mark. A run by hand (`cli`) says
    /// nothing of its profile. A due that was dealt with still sets the mark.
    ///
    /// # Errors
    /// The database or the folder of locks cannot be written.
    pub fn begin(&self, new: &NewRun) -> Result<Begun, JournalError> {
        let id = new.info.id.to_string();
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
            self.insert(db, new, Outcome::Running, None)?;
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
    /// its due had been dealt with; then only the mark is set.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn skip(&self, new: &NewRun, reason: &str) -> Result<bool, JournalError> {
        let fields =
            [("outcome", json!("skipped")), ("reason", json!(reason)), ("ended", json!(time(new.info.started)))];
        let skipped = NewRun { line: with_fields(&new.line, fields), ..new.clone() };
        self.transact("skip a run in", |db| {
            let is_new = done(db, &skipped)?.is_none();
            if is_new {
                self.insert(db, &skipped, Outcome::Skipped, Some(reason))?;
                profiles::due(db, &skipped)?;
            }
            profiles::set_watermark(db, &skipped)?;
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
            let Some((claim, line, resumes)) = resumable(db, &id)? else {
                return Ok(Begun::AlreadyDone { id: id.clone() });
            };
            if let Some((id, since)) = self.holder(db, &claim)? {
                return Ok(Begun::AlreadyRunning { id, since });
            }
            let lock = self.locks().take(&id)?;
            let running = json!(Outcome::Running);
            let fields = [
                ("outcome", running),
                ("trigger", json!(Trigger::Resume)),
                ("reason", json!(null)),
                ("ended", json!(null)),
                ("resumes", json!(resumes + 1)),
            ];
            db.execute(
                "UPDATE run SET outcome = 'running', \"trigger\" = 'resume', reason = NULL, ended = NULL, resumable = 0, resumes = ?2,
                 seen = max(seen, ?3), process = ?4, line = ?5 WHERE id = ?1",
                params![id, resumes + 1, now.timestamp_millis(), self.process(), with_fields(&line, fields)],
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

    fn insert(&self, db: &Connection, new: &NewRun, as_: Outcome, reason: Option<&str>) -> Result<(), Fault> {
        let started = new.info.started.timestamp_millis();
        db.execute(
            "INSERT INTO run (id, claim, profile, endpoint, fingerprint, \"trigger\", due, missed, resumes, started, seen,
             outcome, line, reason, ended, rewarm, process)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            params![
                new.info.id.to_string(),
                new.claim,
                new.profile,
                new.endpoint,
                new.fingerprint,
                new.info.trigger.as_str(),
                millis(new.info.due),
                new.info.missed.cast_signed(),
                new.info.resumes.cast_signed(),
                started,
                as_.as_str(),
                new.line,
                reason,
                (as_ != Outcome::Running).then_some(started),
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
    let Some(due) = new.info.due.filter(|_| new.info.resumes == 0) else { return Ok(None) };
    let mut select = db.prepare(
        "SELECT id FROM run WHERE profile = ?1 AND due = ?2 AND NOT (outcome = 'interrupted' AND fingerprint <> ?3) LIMIT 1",
    )?;
    let of = params![new.profile, due.timestamp_millis(), new.fingerprint];
    Ok(select.query_row(of, |row| row.get(0)).optional()?)
}

/// Claim, line and resumes of a run that may be taken up again, or that its process left; whether it is live is asked later.
fn resumable(db: &Connection, id: &str) -> Result<Option<(String, String, i64)>, Fault> {
    let mut select = db.prepare(
        "SELECT claim, line, resumes FROM run WHERE id = ?1 AND \"trigger\" <> ?2
         AND (outcome = 'running' OR outcome = 'interrupted' AND resumable)",
    )?;
    let row = select.query_row(params![id, Trigger::Cli.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    Ok(row.optional()?)
}
