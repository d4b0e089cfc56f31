//! The daemon's lock on its state folder. It does not depend on the database.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;
use std::process;

use super::{Journal, JournalError, folder, private};

const FILE: &str = "daemon.lock";

/// This process is the daemon of its state folder, until this is dropped.
#[derive(Debug)]
pub struct Instance(File);

impl Drop for Instance {
    fn drop(&mut self) {
        // The file stays: removing it could take the lock from under the next one. Only the PID in it is stale.
        let _ = self.0.set_len(0);
    }
}

impl Journal {
    /// Makes this process the daemon of `state_dir`, and the folder where there is none.
    ///
    /// # Errors
    /// [`JournalError::Taken`] while another process is; a folder or file that cannot be made.
    pub fn instance(state_dir: &Path) -> Result<Instance, JournalError> {
        let wrong = JournalError::io;
        folder::make(state_dir)?;
        let path = state_dir.join(FILE);
        let file = private(&path).map_err(wrong("open the lock", &path))?;
        match file.try_lock() {
            Ok(()) => {
                // The lock holds without the PID.
                let noted = file.set_len(0).and_then(|()| write!(&file, "{}", process::id()));
                if let Err(error) = noted {
                    tracing::warn!("cannot write the number of this process to {}: {error}", path.display());
                }
                Ok(Instance(file))
            }
            Err(TryLockError::WouldBlock) => {
                let pid = io::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
                Err(JournalError::Taken { path: state_dir.to_owned(), pid })
            }
            Err(TryLockError::Error(error)) => Err(wrong("take the lock", &path)(error)),
        }
    }
}
