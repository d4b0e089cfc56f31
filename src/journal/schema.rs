//! The tables, and how a journal of an older version becomes one of this.

mod carry;

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::error::Fault;
use super::ledger::{Filters, ObjectHash};

/// Each brings a journal from the schema of its index to the next. Never changed once released; only added to.
pub(super) const MIGRATIONS: [&str; 8] = [
    include_str!("schema/1_runs.sql"),
    include_str!("schema/2_ledger.sql"),
    include_str!("schema/3_daemon.sql"),
    include_str!("schema/4_leaves.sql"),
    include_str!("schema/5_filter.sql"),
    include_str!("schema/6_hashes.sql"),
    include_str!("schema/7_packed.sql"),
    include_str!("schema/8_access.sql"),
];

/// The schema whose ledger has shorter hashes than the one before.
const SHORTER: i64 = 3;
/// The schema whose ledger has many entries a row.
const LEAVES: i64 = 4;
/// The schema whose ledger has filters.
const FILTER: i64 = 5;
/// The schema whose ledger has packed entries.
const PACKED: i64 = 7;

/// How long another process's transaction is waited for.
const BUSY: Duration = Duration::from_secs(30);

/// The schema that this version writes.
#[expect(clippy::cast_possible_wrap, reason = "there are a handful of migrations")]
pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// When what is committed goes to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    AtCommit,
    /// With the next one that does at its commit: until then a power cut undoes it.
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

/// Sets the connection up and brings the schema up to date.
pub(super) fn prepare(db: &mut Connection) -> Result<(), Fault> {
    db.busy_timeout(BUSY)?;
    if version(db)? > KNOWN {
        return Err(Fault::Newer { found: version(db)?, known: KNOWN });
    }
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    set_durability(db, Durability::AtCommit)?;
    db.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    tune(db)?;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    for (migration, to) in MIGRATIONS.iter().zip(1..).skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
        match to {
            SHORTER => carry::shorten(&transaction)?,
            LEAVES => carry::gather(&transaction)?,
            PACKED => carry::pack(&transaction)?,
            _ => {}
        }
        transaction.pragma_update(None, "user_version", to)?;
    }
    // Of the ledger as it is now, once it is.
    if found < FILTER {
        Filters::of(&transaction).remake(ObjectHash::MIN..=ObjectHash::MAX)?;
    }
    transaction.commit()?;
    probe(db)
}

/// Sets the connection up, and takes the schema of this version only.
pub(super) fn prepare_to_read(db: &Connection) -> Result<(), Fault> {
    db.busy_timeout(BUSY)?;
    match version(db)? {
        found if found > KNOWN => Err(Fault::Newer { found, known: KNOWN }),
        found if found < KNOWN => Err(Fault::Older),
        _ => {
            tune(db)?;
            probe(db)
        }
    }
}

fn version(db: &Connection) -> Result<i64, Fault> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn tune(db: &Connection) -> Result<(), Fault> {
    db.pragma_update(None, "temp_store", "MEMORY")?;
    // KiB: enough for most filters of ten million entries, and the inner pages.
    db.pragma_update(None, "cache_size", -16 << 10)?;
    Ok(())
}

/// Reads a little of everything: a broken file shows itself now rather than in the middle of a run.
fn probe(db: &Connection) -> Result<(), Fault> {
    for table in ["run", "failure", "cache", "leaf", "filter", "arrived", "mark", "profile", "source", "audit"] {
        db.query_row(&format!("SELECT count(*) FROM (SELECT * FROM {table} LIMIT 1)"), [], |_| Ok(()))?;
    }
    Ok(())
}
