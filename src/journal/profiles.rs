//! The persistent state of each profile: watermark, applied fingerprint, pause, last fires.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};

use super::Journal;
use super::begin::{NewRun, Watermark};
use super::error::{Fault, JournalError};
use super::health::set_last_time;
use super::runs::{instant, millis};
use crate::clock;
use crate::report::Trigger;

/// The prefix, in the table `last_time`, of profiles that were forgotten while the journal was in memory.
pub(super) const FORGOTTEN: &str = "forgotten ";

/// What the journal knows of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileRecord {
    /// Fires up to here have been dealt with, under `timetable`.
    pub watermark: Option<DateTime<Utc>>,
    pub timetable: Option<String>,
    /// The fingerprint of the last run that began, or of a configuration that was applied without one.
    pub applied_fingerprint: Option<String>,
    /// By hand.
    pub pause: Option<Pause>,
    /// The latest fire that was begun or skipped.
    pub last_due: Option<DateTime<Utc>>,
    /// The latest fire whose run ended complete.
    pub last_complete_due: Option<DateTime<Utc>>,
}

/// A pause that was made by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    pub since: DateTime<Utc>,
    /// `None`: until it is lifted.
    pub until: Option<DateTime<Utc>>,
}

impl Journal {
    /// All profiles that something is known of, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn profiles(&self) -> Result<BTreeMap<String, ProfileRecord>, JournalError> {
        self.with("read", |db| {
            let mut select = db.prepare(
                "SELECT name, watermark, timetable, applied_fingerprint, paused, paused_until, last_due, last_complete_due FROM profile",
            )?;
            let rows = select.query_map([], |row| Ok((row.get(0)?, state(row)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Sets how far a profile's schedule has been dealt with, forwards or backwards.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_watermark(&self, profile: &str, to: DateTime<Utc>, timetable: &str) -> Result<(), JournalError> {
        self.transact("write to", |db| watermark(db, profile, to, timetable))
    }

    /// Stores a fingerprint that needs no run.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn apply_fingerprint(&self, profile: &str, fingerprint: &str) -> Result<(), JournalError> {
        self.transact("write to", |db| apply_fingerprint(db, profile, fingerprint))
    }

    /// Pauses a profile by hand, or lifts its pause.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_pause(&self, profile: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        self.transact("write to", |db| {
            let (since, until) = (millis(pause.map(|pause| pause.since)), millis(pause.and_then(|pause| pause.until)));
            db.execute(
                "INSERT INTO profile (name, paused, paused_until, pause_set) VALUES (?1, ?2, ?3, 1)
                 ON CONFLICT DO UPDATE SET paused = excluded.paused, paused_until = excluded.paused_until, pause_set = 1",
                params![profile, since, until],
            )?;
            Ok(())
        })
    }

    /// Forgets what is known of a profile that is gone; its runs stay.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn forget(&self, profile: &str) -> Result<(), JournalError> {
        self.transact("write to", |db| {
            db.execute("DELETE FROM profile WHERE name = ?1", [profile])?;
            if self.is_in_memory() {
                // The one on disk has yet to forget it.
                set_last_time(db, &format!("{FORGOTTEN}{profile}"), clock::now())?;
            }
            Ok(())
        })
    }
}

/// From the columns after the name.
fn state(row: &Row<'_>) -> rusqlite::Result<ProfileRecord> {
    let at = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(instant));
    let until = at(5)?;
    Ok(ProfileRecord {
        watermark: at(1)?,
        timetable: row.get(2)?,
        applied_fingerprint: row.get(3)?,
        pause: at(4)?.map(|since| Pause { since, until }),
        last_due: at(6)?,
        last_complete_due: at(7)?,
    })
}

fn watermark(db: &Connection, profile: &str, to: DateTime<Utc>, timetable: &str) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO profile (name, watermark, timetable) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET watermark = excluded.watermark, timetable = excluded.timetable",
        params![profile, to.timestamp_millis(), timetable],
    )?;
    Ok(())
}

fn apply_fingerprint(db: &Connection, profile: &str, fingerprint: &str) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO profile (name, applied_fingerprint) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET applied_fingerprint = excluded.applied_fingerprint",
        [profile, fingerprint],
    )?;
    Ok(())
}

/// A run by hand says nothing of its profile: it may have been another configuration's.
fn counts(new: &NewRun) -> bool {
    new.line.info.trigger != Trigger::Cli
}

/// What a run that begins says of its profile.
pub(super) fn begun(db: &Connection, new: &NewRun) -> Result<(), Fault> {
    if counts(new) {
        apply_fingerprint(db, &new.line.profile, &new.line.fingerprint)?;
    }
    due(db, new)
}

/// Notes the due of a run that begins or is skipped.
pub(super) fn due(db: &Connection, new: &NewRun) -> Result<(), Fault> {
    if let Some(due) = new.line.info.due.filter(|_| counts(new)) {
        db.execute(
            "INSERT INTO profile (name, last_due) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET last_due = max(coalesce(last_due, excluded.last_due), excluded.last_due)",
            params![new.line.profile, due.timestamp_millis()],
        )?;
    }
    Ok(())
}

pub(super) fn set_watermark(db: &Connection, new: &NewRun) -> Result<(), Fault> {
    match &new.watermark {
        Some(Watermark { at, timetable }) => watermark(db, &new.line.profile, *at, timetable),
        None => Ok(()),
    }
}

/// Notes the due of a run that completed. A profile that was forgotten meanwhile stays so.
pub(super) fn completed(db: &Connection, run: &str) -> Result<(), Fault> {
    db.execute(
        "UPDATE profile SET last_complete_due = max(coalesce(last_complete_due, run.due), run.due)
         FROM run WHERE run.id = ?1 AND run.profile = name AND run.due IS NOT NULL AND run.\"trigger\" <> ?2",
        params![run, Trigger::Cli.as_str()],
    )?;
    Ok(())
}
