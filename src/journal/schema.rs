//! The tables, and what tells a journal of this version from any other file.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::error::Fault;

const SCHEMA: &str = include_str!("schema.sql");
/// `user_version` of a journal that this version of hotset reads and writes, as `schema.sql` sets it.
const VERSION: i64 = 1;

/// How long another process's transaction is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// The write-ahead log is cut to this many bytes once it is merged into the file.
const MAX_LOG_BYTES: i64 = 64 << 20;
/// SQLite's page cache, in KiB; negative, as SQLite reads it. It holds the inner pages of ten million entries.
const CACHE_KIB: i64 = -16 << 10;

/// When what is committed goes to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    AtCommit,
    /// With the next transaction that is `AtCommit`; a power cut before that loses it.
    Deferred,
}

/// Sets it for the transactions that begin from now on.
pub(super) fn set_durability(db: &Connection, durability: Durability) -> Result<(), Fault> {
    let mode = match durability {
        Durability::AtCommit => "FULL",
        Durability::Deferred => "NORMAL",
    };
    Ok(db.pragma_update(None, "synchronous", mode)?)
}

/// Sets the connection up, and makes the tables where the database is empty.
pub(super) fn prepare(db: &mut Connection) -> Result<(), Fault> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    let is_new = shape(db)?.is_empty();
    if !is_new {
        check(db)?;
    }
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    set_durability(db, Durability::AtCommit)?;
    db.pragma_update_and_check(None, "journal_size_limit", MAX_LOG_BYTES, |_| Ok(()))?;
    tune(db)?;
    if is_new {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.commit()?;
    }
    probe(db)
}

/// Sets the connection up to read only.
pub(super) fn prepare_to_read(db: &Connection) -> Result<(), Fault> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    check(db)?;
    tune(db)?;
    probe(db)
}

/// Whether it is a journal of this version.
fn check(db: &Connection) -> Result<(), Fault> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != VERSION {
        return Err(Fault::OtherSchema);
    }
    let ours = Connection::open_in_memory()?;
    ours.execute_batch(SCHEMA)?;
    if shape(db)? == shape(&ours)? { Ok(()) } else { Err(Fault::OtherSchema) }
}

/// The columns of all tables, in order: table, column, type.
fn shape(db: &Connection) -> Result<Vec<[String; 3]>, Fault> {
    let mut select = db.prepare(
        "SELECT tables.name, columns.name, columns.type FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' ORDER BY tables.name, columns.cid",
    )?;
    let rows = select.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn tune(db: &Connection) -> Result<(), Fault> {
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(db.pragma_update(None, "cache_size", CACHE_KIB)?)
}

/// Reads a little of everything: a broken file shows itself now rather than in the middle of a run.
fn probe(db: &Connection) -> Result<(), Fault> {
    for table in ["run", "failure", "profile", "source", "audit", "last_time", "cache", "append_log", "sorted_page"] {
        db.query_row(&format!("SELECT count(*) FROM (SELECT * FROM {table} LIMIT 1)"), [], |_| Ok(()))?;
    }
    Ok(())
}
