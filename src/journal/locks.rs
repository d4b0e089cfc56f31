//! File locks that show which runs are alive. A process holds the lock of `runs/ID.lock` while it executes the run; the kernel
//! releases it when the process ends, however it ends.
//!
//! Only the holder of its lock removes a file, and a lock counts only while its file is the one at the path: else two
//! processes could hold the lock of one run, each on a file of its own.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::error::JournalError;
use crate::sync;

const SUFFIX: &str = ".lock";
/// How long a lock is tried for: somebody who only looks at it holds it for an instant.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two tries for a lock.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

pub(super) fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("runs")
}

/// Where the runs of a journal are held.
#[derive(Clone, Debug)]
pub(super) enum Locks {
    /// Files in this folder, between processes.
    Files(PathBuf),
    /// Inside this process.
    Names(Arc<Mutex<HashSet<String>>>),
}

/// Held until it is dropped.
#[derive(Debug)]
pub(super) enum Lock {
    File { _file: File },
    Name { held: Arc<Mutex<HashSet<String>>>, run: String },
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Self::Name { held, run } = self {
            sync::lock(held).remove(run);
        }
    }
}

impl Locks {
    /// Takes the lock of a run.
    ///
    /// # Errors
    /// Somebody holds it; the file cannot be made.
    pub(super) fn take(&self, run: &str) -> Result<Lock, JournalError> {
        match self {
            Self::Files(folder) => {
                let path = path(folder, run);
                let file = take(&path, LOCK_TIMEOUT).map_err(JournalError::io("take the run's lock", &path))?;
                Ok(Lock::File { _file: file })
            }
            Self::Names(held) => {
                let is_new = sync::lock(held).insert(run.to_owned());
                let busy = io::Error::from(io::ErrorKind::WouldBlock);
                let lock = || Lock::Name { held: held.clone(), run: run.to_owned() };
                is_new.then(lock).ok_or_else(|| JournalError::io("take the run's lock", Path::new(run))(busy))
            }
        }
    }

    /// Whether somebody holds the lock of `run`. One that cannot be asked about counts as held: a run is never taken from a
    /// process that may be alive.
    pub(super) fn is_held(&self, run: &str) -> bool {
        match self {
            // Shared: two that look do not take each other for the holder.
            Self::Files(folder) => match super::folder::open(&path(folder, run)) {
                Ok(file) => file.try_lock_shared().is_err(),
                Err(error) => error.kind() != io::ErrorKind::NotFound,
            },
            Self::Names(held) => sync::lock(held).contains(run),
        }
    }

    /// Removes the file of a run whose lock is ours.
    pub(super) fn remove(&self, run: &str) {
        let Self::Files(folder) = self else { return };
        let path = path(folder, run);
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "could not remove {}", path.display());
        }
    }

    /// Removes the file of a run that nobody holds. One that stays is harmless.
    pub(super) fn clear(&self, run: &str) {
        let Self::Files(folder) = self else { return };
        let path = path(folder, run);
        if let Ok(file) = super::folder::open(&path)
            && file.try_lock().is_ok()
            && is_at(&file, &path).unwrap_or(false)
        {
            self.remove(run);
        }
    }

    /// The runs that have a file here.
    pub(super) fn present(&self) -> Vec<String> {
        let Self::Files(folder) = self else { return Vec::new() };
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(SUFFIX).map(str::to_owned)).collect()
    }
}

fn path(folder: &Path, run: &str) -> PathBuf {
    folder.join(format!("{run}{SUFFIX}"))
}

/// Takes the lock of the file at `path`, and makes the file where there is none.
pub(super) fn take(path: &Path, timeout: Duration) -> io::Result<File> {
    let until = Instant::now() + timeout;
    loop {
        let file = super::private(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path)? => return Ok(file),
            // It was removed in between.
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::park_timeout(RETRY_INTERVAL),
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// Whether `file` is still the one at `path`.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((opened.dev(), opened.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
