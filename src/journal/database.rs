//! The connection, and transactions on it.

use std::ops::Deref;

use rusqlite::Connection;

use super::error::Fault;
use super::schema::{Durability, set_durability};

/// A connection that was set up.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    /// Of the transactions that begin from now on.
    durability: Durability,
}

impl Database {
    /// Of one whose transactions go to the disk.
    pub fn of(connection: Connection) -> Self {
        Self { connection, durability: Durability::AtCommit }
    }

    /// Does `what` in one transaction that nobody else writes beside.
    pub fn transact<T>(
        &mut self,
        durability: Durability,
        what: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.durability != durability {
            set_durability(self, durability)?;
            self.durability = durability;
        }
        let writing = Writing::begin(self)?;
        let made = what(self)?;
        writing.commit()?;
        Ok(made)
    }
}

impl Deref for Database {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// A transaction that is undone unless it is committed. That of rusqlite compiles its beginning and its end each time, which
/// is a seventh of what it takes to record a batch.
struct Writing<'a>(&'a Connection);

impl<'a> Writing<'a> {
    fn begin(db: &'a Connection) -> rusqlite::Result<Self> {
        db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(db))
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(drop)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        // Committed, or undone by SQLite, there is none left.
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            tracing::error!("a transaction of the journal cannot be undone: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn what_is_not_committed_is_undone_whatever_ended_it() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT").unwrap();
        let mut db = Database::of(connection);
        let insert = |db: &Connection| -> Result<(), Fault> {
            db.execute("INSERT INTO t VALUES (1)", [])?;
            Ok(())
        };
        let twice = db.transact(Durability::Deferred, |db| insert(db).and_then(|()| insert(db)));
        assert!(twice.is_err());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            db.transact(Durability::AtCommit, |db| insert(db).map(|()| panic!("amid a transaction")))
        }));
        assert!(panicked.is_err());
        let count = |db: &Database| db.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((count(&db), db.is_autocommit()), (0, true));
        db.transact(Durability::AtCommit, insert).unwrap();
        assert_eq!((count(&db), db.is_autocommit()), (1, true));
    }
}
