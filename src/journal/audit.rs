//! The audit trail: who asked the daemon for what, and whose requests were refused.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::Journal;
use super::error::{Fault, JournalError};
use super::runs::instant;
use model::api::AuditEntry;

/// Entries that are kept at most, whatever their age. Refusals are written every ten seconds, so a guesser adds six a minute.
const MAX_ENTRIES: u32 = 100_000;

impl Journal {
    /// Keeps an entry.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn audit(&self, entry: &AuditEntry) -> Result<(), JournalError> {
        self.transact("write to", |db| keep(db, entry))
    }

    /// The entries since an instant, the latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn audited(&self, since: Option<DateTime<Utc>>) -> Result<Vec<AuditEntry>, JournalError> {
        self.with("read", |db| all(db, since))
    }
}

fn keep(db: &Connection, entry: &AuditEntry) -> Result<(), Fault> {
    let AuditEntry { at, act, of, by, address, result, times } = entry;
    let times = i64::try_from(*times).unwrap_or(i64::MAX);
    db.execute(
        "INSERT INTO audit (at, act, what, who, address, result, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![at.timestamp_millis(), act, of, by, address, result, times],
    )?;
    db.execute("DELETE FROM audit WHERE n <= (SELECT max(n) FROM audit) - ?1", [MAX_ENTRIES])?;
    Ok(())
}

fn all(db: &Connection, since: Option<DateTime<Utc>>) -> Result<Vec<AuditEntry>, Fault> {
    let mut select =
        db.prepare("SELECT at, act, what, who, address, result, times FROM audit WHERE at >= ?1 ORDER BY n DESC")?;
    let since = since.map_or(i64::MIN, |since| since.timestamp_millis());
    let rows = select.query_map([since], |row| {
        let times = u64::try_from(row.get::<_, i64>(6)?).unwrap_or_default();
        Ok(AuditEntry {
            at: instant(row.get(0)?),
            act: row.get(1)?,
            of: row.get(2)?,
            by: row.get(3)?,
            address: row.get(4)?,
            result: row.get(5)?,
            times,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Takes over what was kept in memory, in its order.
pub(super) fn take_over(from: &Connection, to: &Connection) -> Result<(), Fault> {
    all(from, None)?.iter().rev().try_for_each(|entry| keep(to, entry))
}

pub(super) fn prune(db: &Connection, before: i64) -> Result<(), Fault> {
    db.execute("DELETE FROM audit WHERE at < ?1", [before])?;
    Ok(())
}
