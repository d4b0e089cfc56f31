//! What can be wrong with a journal.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the journal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot {doing} {}: {cause}", path.display())]
    Io { doing: &'static str, path: PathBuf, cause: io::Error },
    #[error("cannot {doing} the journal {}: {cause}", path.display())]
    Database { doing: &'static str, path: PathBuf, cause: rusqlite::Error },
    #[error("the journal {} is not of this version of hotset; the next `hotset warm` or `hotset daemon` moves it aside and begins a new one", path.display())]
    OtherSchema { path: PathBuf },
    #[error("another daemon{} uses {}; stop it, or give this one another state_dir", process(*pid), path.display())]
    Taken { path: PathBuf, pid: Option<u32> },
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot be written or read now (disk full, read-only, I/O, waited for too long): a later try may go well.
    Passing,
    /// The file is damaged: opening the journal anew moves it aside.
    Damaged,
    /// It is for another version of hotset, or another process's: trying again changes nothing.
    Foreign,
    /// A fault of hotset itself.
    Fault,
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl JournalError {
    /// What kind of trouble it is.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Io { .. } => Trouble::Passing,
            Self::OtherSchema { .. } | Self::Taken { .. } => Trouble::Foreign,
            Self::Database { .. } if self.is_corrupt() => Trouble::Damaged,
            Self::Database { cause, .. } => match cause.sqlite_error_code() {
                Some(
                    ErrorCode::DiskFull
                    | ErrorCode::ReadOnly
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::PermissionDenied
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::FileLockingProtocolFailed
                    | ErrorCode::OutOfMemory,
                ) => Trouble::Passing,
                _ => Trouble::Fault,
            },
        }
    }

    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { doing, path, cause }
    }

    /// Whether the file is no database, or a broken one.
    pub(super) fn is_corrupt(&self) -> bool {
        let Self::Database { cause, .. } = self else { return false };
        matches!(cause.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }
}

/// What went wrong, before it is known in which file and what for.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    /// It is no journal of this version.
    OtherSchema,
    Other(JournalError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<JournalError> for Fault {
    fn from(error: JournalError) -> Self {
        Self::Other(error)
    }
}

impl Fault {
    pub(super) fn of(self, doing: &'static str, path: &Path) -> JournalError {
        let path = path.to_owned();
        match self {
            Self::Sql(cause) => JournalError::Database { doing, path, cause },
            Self::OtherSchema => JournalError::OtherSchema { path },
            Self::Other(error) => error,
        }
    }
}
