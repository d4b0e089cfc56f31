//! The embedded database: runs, their failures, the state of each profile, the last good configuration, the audit trail, and the
//! ledger of what was warmed when.
//!
//! One SQLite file under `state_dir`, in WAL mode, shared by any number of processes in short transactions. What is committed
//! outlives `kill -9` and, on a disk that honours fsync, a power cut.

mod audit;
mod begin;
mod database;
mod end;
mod error;
mod folder;
mod health;
mod instance;
mod latest;
mod ledger;
mod locks;
mod memory;
mod profiles;
mod recorder;
mod runs;
mod schema;
mod sources;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::clock;
use crate::sync;

pub use begin::{Begun, NewRun, OpenRun, Watermark};
use database::Database;
pub use end::End;
use error::Fault;
pub use error::{JournalError, Trouble};
use folder::private;
pub use instance::Instance;
pub use latest::Interrupted;
pub use ledger::{Completion, Freshness, LastWarmed, Written};
use locks::Locks;
pub use profiles::{Pause, ProfileRecord};
pub use recorder::{RecordBuffer, Recorder};
pub use runs::Filter;
use schema::Durability;
pub use sources::LastGood;

const FILE: &str = "journal.db";
/// How long another process is waited for that opens the journal: longer than it may wait for the database.
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);

/// An open journal. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    locks: Locks,
    /// Which process this is, among those that share the journal.
    process: String,
    db: Mutex<Database>,
}

/// Where it is kept.
#[derive(Debug)]
enum Store {
    File {
        path: PathBuf,
        /// Of the file when it was opened: device and inode.
        identity: (u64, u64),
    },
    Memory {
        /// For errors.
        name: PathBuf,
        /// Ledger entries.
        bound: u64,
        said_full: AtomicBool,
    },
}

impl Journal {
    /// Opens the journal of `state_dir`, and makes it where there is none. Runs whose process is gone are marked
    /// interrupted, and what they warmed goes into the ledger.
    ///
    /// A file that is no journal, or none of this version, is moved aside, under a name with the time, and that is logged.
    ///
    /// # Errors
    /// A folder or file that cannot be made, read or locked.
    pub fn open(state_dir: &Path) -> Result<Self, JournalError> {
        let path = state_dir.join(FILE);
        let io = JournalError::io;
        let runs = locks::folder(state_dir);
        folder::make(state_dir)?;
        folder::make(&runs)?;
        // Two processes must not both find the file broken and move each other's new one aside.
        let gate = state_dir.join("journal.lock");
        let gate_file = locks::take(&gate, OPEN_TIMEOUT).map_err(io("take the lock", &gate))?;
        private(&path).map_err(io("open the journal", &path))?;
        folder::regular_files(&path).map_err(io("open the journal", &path))?;
        let db = match connect(&path) {
            Err(error) if error.is_corrupt() => replace(&path, "damaged", "corrupt")?,
            Err(JournalError::OtherSchema { .. }) => replace(&path, "not of this version of hotset", "other")?,
            other => other?,
        };
        drop(gate_file);
        let journal = Self::of(path, runs, db)?;
        journal.recover()?;
        Ok(journal)
    }

    /// Opens the journal of `state_dir` to read it; `None` where there is none. Nothing is made or changed.
    ///
    /// # Errors
    /// A file that cannot be read, is no journal, or has another schema than this version's.
    pub fn read(state_dir: &Path) -> Result<Option<Self>, JournalError> {
        let path = state_dir.join(FILE);
        if !path.try_exists().map_err(JournalError::io("look for the journal", &path))? {
            return Ok(None);
        }
        folder::regular_files(&path).map_err(JournalError::io("open the journal", &path))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags).map_err(Fault::from);
        let checked = opened.and_then(|db| schema::prepare_to_read(&db).map(|()| db));
        let db = checked.map_err(|fault| fault.of("read", &path))?;
        Self::of(path, locks::folder(state_dir), db).map(Some)
    }

    fn of(path: PathBuf, runs: PathBuf, db: Connection) -> Result<Self, JournalError> {
        let store = Store::File { identity: health::identity(&path)?, path };
        let process = health::process().to_owned();
        Ok(Self(Arc::new(Inner { store, locks: Locks::Files(runs), process, db: Mutex::new(Database::of(db)) })))
    }

    /// The file, or what stands for it in errors.
    pub fn path(&self) -> &Path {
        match &self.0.store {
            Store::File { path, .. } | Store::Memory { name: path, .. } => path,
        }
    }

    /// The file; none in memory.
    pub fn file(&self) -> Option<&Path> {
        match &self.0.store {
            Store::File { path, .. } => Some(path),
            Store::Memory { .. } => None,
        }
    }

    pub fn is_in_memory(&self) -> bool {
        self.file().is_none()
    }

    fn process(&self) -> &str {
        &self.0.process
    }

    fn locks(&self) -> &Locks {
        &self.0.locks
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        // A transaction that a panic left behind was rolled back when it was dropped.
        sync::lock(&self.0.db)
    }

    /// Does `what` with the database, outside any transaction.
    fn with<T>(
        &self,
        doing: &'static str,
        what: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        what(&self.lock()).map_err(|fault| fault.of(doing, self.path()))
    }

    /// Does `what` in one exclusive write transaction. Once committed it is on the disk, with all that was before it.
    fn transact<T>(
        &self,
        doing: &'static str,
        what: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        self.transact_and(Durability::AtCommit, doing, what)
    }

    fn transact_and<T>(
        &self,
        durability: Durability,
        doing: &'static str,
        what: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        self.lock().transact(durability, what).map_err(|fault| fault.of(doing, self.path()))
    }
}

fn connect(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).map_err(Fault::from);
    let prepared = opened.and_then(|mut db| schema::prepare(&mut db).map(|()| db));
    prepared.map_err(|fault| fault.of("open", path))
}

/// Moves a file aside that is `wrong`, for whoever wants to look into it, and begins a new journal.
fn replace(path: &Path, wrong: &str, suffix: &str) -> Result<Connection, JournalError> {
    let time = clock::now().format("%Y%m%dT%H%M%S%.3fZ");
    let aside = format!("{FILE}.{suffix}-{time}");
    for part in ["", "-wal", "-shm"] {
        let from = path.with_file_name(format!("{FILE}{part}"));
        match fs::rename(&from, path.with_file_name(format!("{aside}{part}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(JournalError::io("move aside", &from)(error));
            }
            _ => {}
        }
    }
    tracing::error!(
        "the journal {} is {wrong}; it was moved to {}, and a new one begins: nothing is fresh, and past runs are not listed",
        path.display(),
        path.with_file_name(aside).display()
    );
    private(path).map_err(JournalError::io("make the journal", path))?;
    connect(path)
}

#[cfg(test)]
mod tests;
