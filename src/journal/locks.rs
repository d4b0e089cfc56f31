//! A live run holds the lock of its file under `runs/`; the system lets go of it when the process ends, however it ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::JournalError;

const SUFFIX: &str = ".lock";

pub(super) fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("runs")
}

fn path(state_dir: &Path, run: &str) -> PathBuf {
    folder(state_dir).join(format!("{run}{SUFFIX}"))
}

/// Takes the lock of a new run.
pub(super) fn take(state_dir: &Path, run: &str) -> Result<File, JournalError> {
    let path = path(state_dir, run);
    let file = super::private(&path).map_err(JournalError::io("make the run's lock", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(JournalError::io("take the run's lock", &path)(io::Error::from(io::ErrorKind::WouldBlock)))
        }
        Err(TryLockError::Error(error)) => Err(JournalError::io("take the run's lock", &path)(error)),
    }
}

/// Whether a process holds the lock of `run`. One that cannot be asked about counts as held: a run is never taken from a
/// process that may be alive.
pub(super) fn is_held(state_dir: &Path, run: &str) -> bool {
    match File::open(path(state_dir, run)) {
        Ok(file) => file.try_lock().is_err(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Removes the file of a run that is over. One that stays is harmless.
pub(super) fn remove(state_dir: &Path, run: &str) {
    let path = path(state_dir, run);
    if let Err(error) = fs::remove_file(&path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, "could not remove {}", path.display());
    }
}

/// The runs that have a file here.
pub(super) fn present(state_dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder(state_dir)) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(SUFFIX).map(str::to_owned)).collect()
}
