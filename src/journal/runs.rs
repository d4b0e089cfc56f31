//! Past and present runs, as they are listed.

use chrono::{DateTime, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use ulid::Ulid;

use super::Journal;
use super::end::VANISHED;
use super::error::{Fault, JournalError};
use crate::report::{Failure, Outcome, RunInfo, Trigger};
use model::api::{KeyField, ObjectName, RunLine};
use model::object::{Count, Key};
use model::words::Words as _;

/// Which runs are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub profile: Option<String>,
    /// Started at this instant or later.
    pub since: Option<DateTime<Utc>>,
}

impl Journal {
    /// The runs that `filter` lets through, the latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn runs(&self, filter: &Filter) -> Result<Vec<RunLine>, JournalError> {
        self.latest_runs(filter, usize::MAX)
    }

    /// The latest `most` of them, by the time in their ids. The others are not read: there may be hundreds of thousands.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn latest_runs(&self, filter: &Filter, most: usize) -> Result<Vec<RunLine>, JournalError> {
        let since = filter.since.map_or(i64::MIN, |since| since.timestamp_millis());
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let runs = self.with("read", |db| match &filter.profile {
            Some(profile) => {
                let which = "WHERE profile = ?1 AND started >= ?2 ORDER BY id DESC LIMIT ?3";
                select(db, which, params![profile, since, most])
            }
            None => select(db, "WHERE started >= ?1 ORDER BY id DESC LIMIT ?2", params![since, most]),
        })?;
        Ok(runs.into_iter().map(|run| self.as_it_is(run)).collect())
    }

    /// One run.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn run(&self, id: Ulid) -> Result<Option<RunLine>, JournalError> {
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
            let rows = select.query_map([id.to_string()], |row| failure(row, 0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// A run that nobody carries out any more is not going on, even before the journal says so.
    fn as_it_is(&self, (run, seen): (RunLine, DateTime<Utc>)) -> RunLine {
        match run.outcome {
            Outcome::Running if !self.locks().is_held(&run.info.id.to_string()) => run.interrupted(seen, VANISHED),
            _ => run,
        }
    }
}

/// Runs, and when each was last heard of. What a run in progress has warmed is what was recorded of it.
pub(super) fn select(
    db: &Connection,
    which: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(RunLine, DateTime<Utc>)>, Fault> {
    let mut select = db.prepare(&format!("SELECT line, seen, objects, bytes FROM run {which}"))?;
    let rows = select.query_map(params, |row| {
        let (mut line, seen) = (line(row, 0)?, instant(row.get(1)?));
        if line.outcome == Outcome::Running {
            line.warmed = count(row, 2)?;
        }
        Ok((line, seen))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A run's line, from its column.
pub(super) fn line(row: &Row<'_>, column: usize) -> rusqlite::Result<RunLine> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// A run's line as it is stored.
pub(super) fn text_of(line: &RunLine) -> rusqlite::Result<String> {
    serde_json::to_string(line).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The columns of a [`RunInfo`], the first of a row that has one.
pub(super) const INFO: &str = "id, \"trigger\", due, missed, resumes, started";

/// From the columns [`INFO`].
pub(super) fn info(row: &Row<'_>) -> rusqlite::Result<RunInfo> {
    let trigger: String = row.get(1)?;
    Ok(RunInfo {
        id: ulid(row, 0)?,
        trigger: Trigger::named(&trigger).ok_or_else(|| odd(1, "a trigger"))?,
        due: row.get::<_, Option<i64>>(2)?.map(instant),
        missed: row.get::<_, i64>(3)?.cast_unsigned(),
        resumes: row.get::<_, i64>(4)?.cast_unsigned(),
        started: instant(row.get(5)?),
    })
}

/// A failure, from the column of its class on.
pub(super) fn failure(row: &Row<'_>, first: usize) -> rusqlite::Result<Failure> {
    let object =
        ObjectName { bucket: row.get(first + 1)?, key: KeyField(Key::from_bytes(row.get::<_, Vec<u8>>(first + 2)?)) };
    let message = row.get(first + 3)?;
    Ok(Failure { run: None, profile: None, at: None, class: row.get(first)?, object, message })
}

/// Objects and bytes, from the column of the objects on.
pub(super) fn count(row: &Row<'_>, first: usize) -> rusqlite::Result<Count> {
    let [objects, bytes] = [row.get::<_, i64>(first)?, row.get::<_, i64>(first + 1)?].map(i64::cast_unsigned);
    Ok(Count { objects, bytes })
}

pub(super) fn ulid(row: &Row<'_>, column: usize) -> rusqlite::Result<Ulid> {
    Ulid::from_string(&row.get::<_, String>(column)?).map_err(|_| odd(column, "the id of a run"))
}

pub(super) fn odd(column: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("not {what}").into())
}

pub(super) fn instant(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

pub(super) fn millis(at: Option<DateTime<Utc>>) -> Option<i64> {
    at.map(|at| at.timestamp_millis())
}
