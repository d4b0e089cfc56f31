//! The last configuration that was accepted, for a start with bad files.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::Journal;
use super::error::{Fault, JournalError};
use super::health::{last_time, set_last_time};
use model::config::Source;

const LAST_GOOD: &str = "last good";

/// A configuration that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastGood {
    /// In the order of reading.
    pub sources: Vec<Source>,
    /// When it was accepted.
    pub at: DateTime<Utc>,
}

impl Journal {
    /// The last configuration that was taken.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_good(&self) -> Result<Option<LastGood>, JournalError> {
        self.with("read", last_good)
    }

    /// Keeps the texts of a configuration that was taken, in place of those before.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_last_good(&self, sources: &[Source], at: DateTime<Utc>) -> Result<(), JournalError> {
        self.transact("write to", |db| keep(db, sources, at))
    }
}

pub(super) fn last_good(db: &Connection) -> Result<Option<LastGood>, Fault> {
    let Some(at) = last_time(db, LAST_GOOD)? else { return Ok(None) };
    let mut select = db.prepare("SELECT name, text, layer, team FROM source ORDER BY n")?;
    let rows = select.query_map([], |row| {
        let layer = usize::try_from(row.get::<_, i64>(2)?).unwrap_or_default();
        Ok(Source { name: row.get(0)?, text: row.get(1)?, layer, team: row.get(3)? })
    })?;
    Ok(Some(LastGood { sources: rows.collect::<rusqlite::Result<_>>()?, at }))
}

pub(super) fn keep(db: &Connection, sources: &[Source], at: DateTime<Utc>) -> Result<(), Fault> {
    db.execute("DELETE FROM source", [])?;
    let mut insert = db.prepare("INSERT INTO source (layer, name, text, team) VALUES (?1, ?2, ?3, ?4)")?;
    for source in sources {
        let layer = i64::try_from(source.layer).unwrap_or(i64::MAX);
        insert.execute(params![layer, source.name, source.text, source.team])?;
    }
    set_last_time(db, LAST_GOOD, at)
}
