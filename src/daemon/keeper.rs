//! The journal of a daemon, and what stands in for it while it cannot be written.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::view::JournalView;
use crate::journal::{Journal, JournalError, Trouble};

/// Objects that a journal in memory remembers: about 100 bytes each.
const ROOM: u64 = 500_000;

/// The journal that is in use. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Keeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None`: none is wanted on disk.
    dir: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    disk: Option<Journal>,
    memory: Option<Journal>,
    /// Why the one on disk is not used.
    why: Option<String>,
}

impl Keeper {
    /// Opens the journal of `dir`. One that cannot be written now is stood in for, and tried again.
    ///
    /// # Errors
    /// A journal of a newer version: writing beside it would lose what it knows.
    pub fn open(dir: Option<&Path>) -> Result<Self, JournalError> {
        let mut state = State { disk: None, memory: None, why: None };
        match dir.map(Journal::open) {
            None => state.memory = Some(Journal::memory(ROOM)?),
            Some(Ok(journal)) => state.disk = Some(journal),
            Some(Err(error)) if error.trouble() == Trouble::Foreign => return Err(error),
            Some(Err(error)) => state.stand_in(&error)?,
        }
        Ok(Self(Arc::new(Inner { dir: dir.map(Path::to_owned), state: Mutex::new(state) })))
    }

    /// The journal to use now.
    pub fn journal(&self) -> Journal {
        self.state().current()
    }

    /// The journal to use now, after a look whether the one on disk can be written. What was kept in memory goes there as
    /// soon as it can. Blocks.
    pub fn look(&self) -> Journal {
        let mut state = self.state();
        let Some(dir) = &self.0.dir else { return state.current() };
        if let Err(error) = state.recover(dir) {
            if let Err(error) = state.stand_in(&error) {
                tracing::error!("{error}; there is no journal in memory either");
            }
        } else if state.why.take().is_some() {
            tracing::warn!("the journal can be written again; what was kept in memory is in it");
        }
        state.current()
    }

    /// The one on disk cannot be written.
    pub fn is_standing_in(&self) -> bool {
        self.state().why.is_some()
    }

    pub fn view(&self) -> JournalView {
        let state = self.state();
        let disk = state.disk.as_ref();
        JournalView {
            path: disk.and_then(Journal::file).map(Path::to_owned).or_else(|| self.0.dir.clone()),
            unwritable: state.why.clone(),
            bytes: disk.map(Journal::bytes).unwrap_or_default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn current(&self) -> Journal {
        let current = if self.why.is_some() { self.memory.as_ref() } else { self.disk.as_ref() };
        let any = current.or(self.memory.as_ref()).or(self.disk.as_ref());
        any.cloned().unwrap_or_else(|| unreachable!("a keeper is made with one of them"))
    }

    fn recover(&mut self, dir: &Path) -> Result<(), JournalError> {
        let disk = match &self.disk {
            Some(disk) => disk,
            None => self.disk.insert(Journal::open(dir)?),
        };
        disk.probe()?;
        // Runs that were begun in memory end there, also after the disk has come back.
        self.memory.as_ref().map_or(Ok(()), |memory| disk.absorb(memory))
    }

    /// Says so once.
    fn stand_in(&mut self, error: &JournalError) -> Result<(), JournalError> {
        if self.why.is_none() {
            tracing::error!(
                "{error}; until it can be written again, runs and up to {ROOM} warmed objects are kept in memory, and are lost if \
                 the daemon ends before that"
            );
        }
        if self.memory.is_none() {
            self.memory = Some(Journal::memory(ROOM)?);
        }
        self.why = Some(error.to_string());
        Ok(())
    }
}
