//! Spills plans to disk: what a plan does not keep in memory goes into unnamed files of the state folder, so that nothing is
//! left however the process ends.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use model::object::store::{Room, Spill, SpillFile};

/// Bytes of a plan that stay in memory: about a million objects.
pub(super) const MAX_IN_MEMORY: usize = 32 << 20;

/// Where the plans of a process put what does not stay in memory.
#[derive(Clone, Debug)]
pub(super) struct Spills {
    folder: PathBuf,
    /// Of all that waits to be warmed while the rest is listed: for hours, where a cache is slow.
    waiting: Room,
    /// Bytes that a plan keeps in memory.
    in_memory: usize,
    lost: Lost,
}

/// Why a run's files cannot be read any more, once a read has failed: then nothing is known of what they held, and whatever
/// was made of it does not count.
type Lost = Arc<OnceLock<String>>;

impl Spills {
    pub fn new(folder: PathBuf, in_memory: usize) -> Self {
        Self { folder, waiting: Room::new(in_memory), in_memory, lost: Lost::default() }
    }

    /// For another run, which another's lost files do not concern.
    pub fn of_a_run(&self) -> Self {
        Self { lost: Lost::default(), ..self.clone() }
    }

    /// Why what the run has put on disk cannot be read any more.
    pub fn lost(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }

    /// Where the files of the run are made.
    pub fn folder(&self) -> Arc<dyn Spill> {
        Arc::new(Folder { path: self.folder.clone(), lost: self.lost.clone() })
    }

    /// For what is selected of one profile, and handed over before all is listed.
    pub fn room(&self, is_handed_over: bool) -> Room {
        if is_handed_over { self.waiting.clone() } else { Room::new(self.in_memory) }
    }
}

/// Files in one folder, which is made when the first of them is.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    lost: Lost,
}

impl Spill for Folder {
    fn file(&self) -> io::Result<Arc<dyn SpillFile>> {
        let at = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(at)?;
        let file = tempfile::tempfile_in(&self.path).map_err(at)?;
        let (path, lost) = (self.path.clone(), self.lost.clone());
        Ok(Arc::new(Spilled { file, end: AtomicU64::new(0), path, lost }))
    }
}

#[derive(Debug)]
struct Spilled {
    file: File,
    end: AtomicU64,
    /// Of its folder.
    path: PathBuf,
    lost: Lost,
}

impl SpillFile for Spilled {
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        // What fails to be written leaves a hole.
        let at = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write_all_at(bytes, at)?;
        Ok(at)
    }

    fn read(&self, at: u64, into: &mut [u8]) -> bool {
        let read = self.file.read_exact_at(into, at);
        if let Err(error) = &read {
            let why =
                || format!("what was listed and put into {} cannot be read any more: {error}", self.path.display());
            self.lost.get_or_init(why);
        }
        read.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_leaves_nothing_behind() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("made/when/needed");
        let spills = Spills::new(path.clone(), 0);
        assert!(!path.exists());
        let file = spills.folder().file().unwrap();
        let places: Vec<u64> = [&b"one"[..], b"", b"three"].iter().map(|bytes| file.append(bytes).unwrap()).collect();
        assert_eq!(places, [0, 3, 3]);
        let mut read = [0; 5];
        assert!(file.read(3, &mut read));
        assert_eq!((&read, spills.lost()), (b"three", None));
        assert_eq!(path.read_dir().unwrap().count(), 0, "it has no name");
        assert!(!file.read(4, &mut read));
        let why = format!(
            "what was listed and put into {} cannot be read any more: failed to fill whole buffer",
            path.display()
        );
        assert_eq!((spills.lost(), spills.of_a_run().lost()), (Some(&*why), None));
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("file");
        File::create(&file).unwrap();
        let error = Spills::new(file.join("below"), 0).folder().file().unwrap_err().to_string();
        assert!(error.starts_with(&file.join("below").display().to_string()), "{error}");
    }
}
