//! What a process that starts wants to know of the last one: what ended last, what completed last, and what is to go on.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};

use super::Journal;
use super::error::{Fault, JournalError};
use super::runs::{INFO, count, failure, info, instant, select, ulid};
use crate::clock;
use crate::report::{Failure, RunInfo, Trigger};
use model::api::RunLine;
use model::object::Count;

/// A run that was interrupted and may be taken up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupted {
    pub info: RunInfo,
    pub profile: String,
    pub fingerprint: String,
    pub ended: DateTime<Utc>,
    /// What was recorded as warmed.
    pub warmed: Count,
    pub rewarm: bool,
}

impl Journal {
    /// The runs to be taken up again, of one profile or of all: those that were interrupted by what passes, or whose process
    /// is gone, where nothing of their profile was run later. Runs by hand are never among them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn interrupted(&self, profile: Option<&str>) -> Result<Vec<Interrupted>, JournalError> {
        let latest = self.with("read", |db| {
            let mut latest = Vec::new();
            let mut select = db.prepare(&format!(
                "SELECT {INFO}, profile, fingerprint, coalesce(ended, seen), objects, bytes, rewarm, outcome = 'running', outcome = 'running' OR outcome = 'interrupted' AND resumable
                 FROM run {}",
                the_latest("outcome <> 'skipped' AND \"trigger\" <> ?3")
            ))?;
            for profile in profiles(db, profile)? {
                let of = params![profile, clock::now().timestamp_millis(), Trigger::Cli.as_str()];
                for row in select.query_map(of, |row| Ok((interrupted(row)?, row.get(12)?, row.get(13)?)))? {
                    latest.push(row?);
                }
            }
            Ok(latest)
        })?;
        let mut runs = Vec::new();
        for (run, is_running, is_resumable) in latest {
            if is_resumable && !(is_running && self.locks().is_held(&run.info.id.to_string())) {
                runs.push(run);
            }
        }
        Ok(runs)
    }

    /// The latest run of every profile that ended, skipped ones left out.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_ended(&self) -> Result<Vec<RunLine>, JournalError> {
        self.each_latest("ended IS NOT NULL AND outcome <> 'skipped'")
    }

    /// The latest run of every profile that completed under the fingerprint in force.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_complete(&self) -> Result<Vec<RunLine>, JournalError> {
        self.each_latest(
            "outcome = 'complete' AND fingerprint = (SELECT applied_fingerprint FROM profile WHERE name = ?1)",
        )
    }

    fn each_latest(&self, which: &str) -> Result<Vec<RunLine>, JournalError> {
        let which = the_latest(which);
        self.with("read", |db| {
            let mut latest = Vec::new();
            for profile in profiles(db, None)? {
                let runs = select(db, &which, params![profile, clock::now().timestamp_millis()])?;
                latest.extend(runs.into_iter().map(|(run, _)| run));
            }
            Ok(latest)
        })
    }

    /// The last `n` failures of all runs that ended, the latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn recent_failures(&self, n: usize) -> Result<Vec<Failure>, JournalError> {
        self.with("read", |db| {
            // Ids are in the order of time.
            let mut select = db.prepare(
                "SELECT id, profile, coalesce(ended, seen), class, bucket, key, message
                 FROM failure CROSS JOIN run ON id = run ORDER BY run DESC, n DESC LIMIT ?1",
            )?;
            let rows = select.query_map([i64::try_from(n).unwrap_or(i64::MAX)], |row| {
                let (run, at) = (Some(ulid(row, 0)?), Some(instant(row.get(2)?)));
                Ok(Failure { run, profile: row.get(1)?, at, ..failure(row, 3)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// Of the profile `?1` the latest run of these; one that was started after `?2`, which is now, only where there is no other:
/// a clock was ahead, and those that came since have lower ids.
fn the_latest(which: &str) -> String {
    let of = format!("SELECT id FROM run WHERE profile = ?1 AND {which}");
    let first = "ORDER BY id DESC LIMIT 1";
    format!("WHERE id = coalesce(({of} AND started <= ?2 {first}), ({of} {first}))")
}

/// The profiles that have runs, by name; or this one.
fn profiles(db: &Connection, one: Option<&str>) -> Result<Vec<String>, Fault> {
    let mut select =
        db.prepare("SELECT DISTINCT profile FROM run WHERE ?1 IS NULL OR profile = ?1 ORDER BY profile")?;
    let rows = select.query_map([one], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn interrupted(row: &Row<'_>) -> rusqlite::Result<Interrupted> {
    Ok(Interrupted {
        info: info(row)?,
        profile: row.get(6)?,
        fingerprint: row.get(7)?,
        ended: instant(row.get(8)?),
        warmed: count(row, 9)?,
        rewarm: row.get(11)?,
    })
}
