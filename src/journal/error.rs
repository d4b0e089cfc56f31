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
    #[error(
        "the journal {} was written by a newer hotset: its schema is {found}, this version knows {known}; use that version, or another --state-dir",
        path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("the journal {} has the schema of an older hotset; the next `hotset warm` brings it up to date", path.display())]
    Older { path: PathBuf },
}

impl JournalError {
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
    Newer { found: i64, known: i64 },
    Older,
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
            Self::Newer { found, known } => JournalError::Newer { path, found, known },
            Self::Older => JournalError::Older { path },
            Self::Other(error) => error,
        }
    }
}
