//! The daemon's journal on disk, with a bounded fallback in memory while the disk takes no writes (*degraded*).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::journal::{Journal, JournalError, Trouble};
use crate::sync;
use model::api::JournalState;

/// How many objects the fallback in memory holds, at about 100 bytes each.
const MAX_OBJECTS_IN_MEMORY: u64 = 500_000;

/// The journal that is in use. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct FailoverJournal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None`: no journal on disk is configured.
    dir: Option<PathBuf>,
    /// Held while the disk is waited for: one check at a time, and none in the middle of an entry.
    busy: Mutex<()>,
    /// Never held while the disk is waited for, so that a view does not wait either.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    disk: Option<Journal>,
    memory: Option<Journal>,
    /// Why the journal on disk is not used: set while degraded.
    why: Option<String>,
    /// Size of the journal on disk at the last check.
    bytes: u64,
}

impl FailoverJournal {
    /// Opens the journal of `dir`. While it cannot be written, the fallback is used and the disk is tried again.
    ///
    /// # Errors
    /// There is not enough memory for one.
    pub fn open(dir: Option<&Path>) -> Result<Self, JournalError> {
        let mut state = State { disk: None, memory: None, why: None, bytes: 0 };
        match dir.map(Journal::open) {
            None => state.memory = Some(Journal::memory(MAX_OBJECTS_IN_MEMORY)?),
            Some(Ok(journal)) => (state.bytes, state.disk) = (journal.bytes(), Some(journal)),
            Some(Err(error)) => state.degrade(&error)?,
        }
        Ok(Self(Arc::new(Inner { dir: dir.map(Path::to_owned), busy: Mutex::new(()), state: Mutex::new(state) })))
    }

    /// The journal to use now.
    pub fn journal(&self) -> Journal {
        self.state().current()
    }

    /// Checks whether the journal on disk can be written, copies the fallback into it if so, and returns the one to use. Blocks.
    pub fn check(&self) -> Journal {
        let Some(dir) = &self.0.dir else { return self.journal() };
        let _one = self.busy();
        let (disk, memory) = {
            let state = self.state();
            (state.disk.clone(), state.memory.clone())
        };
        let looked = recover(dir, disk, memory.as_ref()).map(|disk| (disk.bytes(), disk));
        let mut state = self.state();
        match looked {
            Ok((bytes, disk)) => {
                (state.bytes, state.disk) = (bytes, Some(disk));
                if state.why.take().is_some() {
                    tracing::warn!("the journal can be written again; what was kept in memory is in it");
                }
            }
            Err(error) => {
                if is_lost(&error) {
                    // The next check opens what is there then.
                    (state.bytes, state.disk) = (0, None);
                }
                if let Err(error) = state.degrade(&error) {
                    tracing::error!("{error}; there is no journal in memory either");
                }
            }
        }
        state.current()
    }

    /// Writes an entry, or reads one: on disk, or in the fallback where the disk refuses it. Blocks.
    ///
    /// # Errors
    /// Both refuse it.
    pub fn with<T>(&self, job: impl Fn(&Journal) -> Result<T, JournalError>) -> Result<T, JournalError> {
        let done = {
            let _one = self.busy();
            job(&self.journal())
        };
        done.or_else(|_| job(&self.check()))
    }

    /// Whether the fallback holds something that the disk may yet take.
    pub fn has_more(&self) -> bool {
        self.0.dir.is_some() && self.state().memory.is_some()
    }

    /// The journal on disk cannot be written, and the fallback is in use.
    pub fn is_degraded(&self) -> bool {
        self.state().why.is_some()
    }

    pub fn view(&self) -> JournalState {
        let state = self.state();
        let disk = state.disk.as_ref();
        let path = disk.and_then(Journal::file).or(self.0.dir.as_deref());
        JournalState {
            path: path.map(|path| path.display().to_string()),
            writable: state.why.is_none(),
            error: state.why.clone(),
            bytes: state.bytes,
        }
    }

    fn busy(&self) -> MutexGuard<'_, ()> {
        sync::lock(&self.0.busy)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        sync::lock(&self.0.state)
    }
}

impl State {
    fn current(&self) -> Journal {
        let current = if self.why.is_some() { self.memory.as_ref() } else { self.disk.as_ref() };
        let any = current.or(self.memory.as_ref()).or(self.disk.as_ref());
        any.cloned().unwrap_or_else(|| unreachable!("one is made with one of them"))
    }

    /// Switches to the fallback. Logged once.
    fn degrade(&mut self, error: &JournalError) -> Result<(), JournalError> {
        if self.why.is_none() {
            tracing::error!(
                "{error}; until it can be written again, runs and up to {MAX_OBJECTS_IN_MEMORY} warmed objects are kept in memory, and are lost if \
                 the daemon ends before that"
            );
        }
        if self.memory.is_none() {
            self.memory = Some(Journal::memory(MAX_OBJECTS_IN_MEMORY)?);
        }
        self.why = Some(error.to_string());
        Ok(())
    }
}

/// The journal on disk, when it can be written and has what is in memory.
fn recover(dir: &Path, disk: Option<Journal>, memory: Option<&Journal>) -> Result<Journal, JournalError> {
    let disk = disk.map_or_else(|| Journal::open(dir), Ok)?;
    disk.probe()?;
    // Runs that were begun in memory end there, also after the disk has come back.
    memory.map_or(Ok(()), |memory| disk.absorb(memory))?;
    Ok(disk)
}

/// The open file is damaged, or not the one at its path any more: it never comes back by itself.
fn is_lost(error: &JournalError) -> bool {
    matches!(error, JournalError::Io { .. }) || error.trouble() == Trouble::Damaged
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::{io, thread};

    use super::*;
    use crate::clock;
    use crate::journal::Pause;

    /// An entry that no disk takes.
    fn refused(journal: &Journal) -> Result<(), JournalError> {
        if journal.is_in_memory() {
            return journal.set_pause("p", Some(Pause { since: clock::now(), until: None }));
        }
        let cause = io::ErrorKind::StorageFull.into();
        Err(JournalError::Io { doing: "write to", path: journal.path().to_owned(), cause })
    }

    fn is_paused(journal: &Journal) -> bool {
        journal.profiles().unwrap().get("p").is_some_and(|state| state.pause.is_some())
    }

    #[test]
    fn what_is_shown_of_the_journal_waits_for_no_disk() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("state");
        fs::write(&dir, "in the way").unwrap();
        let failover = FailoverJournal::open(Some(&dir)).unwrap();
        fs::remove_file(&dir).unwrap();
        fs::create_dir(&dir).unwrap();
        // Another process opens the journal, and takes its time.
        let gate = File::create(dir.join("journal.lock")).unwrap();
        gate.lock().unwrap();
        let looker = failover.clone();
        let look = thread::spawn(move || looker.check().is_in_memory());
        while failover.0.busy.try_lock().is_ok() {
            assert!(!look.is_finished());
            thread::yield_now();
        }
        assert!(!failover.view().writable && failover.is_degraded());
        assert!(!look.is_finished());
        drop(gate);
        assert!(!look.join().unwrap(), "it is on disk again");
        assert!(failover.view().writable && failover.view().bytes > 0);
    }

    #[test]
    fn an_entry_that_the_disk_does_not_take_is_kept_and_goes_there_later() {
        let folder = tempfile::tempdir().unwrap();
        let failover = FailoverJournal::open(Some(folder.path())).unwrap();
        failover.with(refused).unwrap_err();
        for suffix in ["", "-wal", "-shm"] {
            fs::remove_file(folder.path().join(format!("journal.db{suffix}"))).unwrap();
        }
        failover.with(refused).unwrap();
        assert!(failover.is_degraded() && is_paused(&failover.journal()));
        let journal = failover.check();
        assert!(!journal.is_in_memory() && is_paused(&journal), "a file that was removed is made again");
        assert!(is_paused(&Journal::read(folder.path()).unwrap().unwrap()));
    }
}
