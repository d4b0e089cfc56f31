//! Spills plans to disk: what a plan does not keep in memory goes into unnamed files of the state folder, so that nothing is
//! left however the process ends.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::object::store::{Room, Spill, SpillFile};

/// Bytes of a plan that stay in memory: about a million objects.
const MAX_IN_MEMORY: usize = 32 << 20;

/// Where the plans of a process put what does not stay in memory.
#[derive(Clone, Debug)]
pub(super) struct Spills {
    pub folder: Arc<dyn Spill>,
    /// Of all that waits to be warmed while the rest is listed: for hours, where a cache is slow.
    waiting: Room,
}

impl Spills {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder: Arc::new(Folder(folder)), waiting: Room::new(MAX_IN_MEMORY) }
    }

    /// For what is selected of one profile, and handed over before all is listed.
    pub fn room(&self, is_handed_over: bool) -> Room {
        if is_handed_over { self.waiting.clone() } else { Room::new(MAX_IN_MEMORY) }
    }
}

/// Files in one folder, which is made when the first of them is.
#[derive(Debug)]
struct Folder(PathBuf);

impl Spill for Folder {
    fn file(&self) -> io::Result<Arc<dyn SpillFile>> {
        let at = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.0.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(at)?;
        let file = tempfile::tempfile_in(&self.0).map_err(at)?;
        Ok(Arc::new(Spilled { file, end: AtomicU64::new(0) }))
    }
}

#[derive(Debug)]
struct Spilled {
    file: File,
    end: AtomicU64,
}

impl SpillFile for Spilled {
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        // What fails to be written leaves a hole.
        let at = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write_all_at(bytes, at)?;
        Ok(at)
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_leaves_nothing_behind() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder(state.path().join("made/when/needed"));
        assert!(!folder.0.exists());
        let file = folder.file().unwrap();
        let places: Vec<u64> = [&b"one"[..], b"", b"three"].iter().map(|bytes| file.append(bytes).unwrap()).collect();
        assert_eq!(places, [0, 3, 3]);
        let mut read = [0; 5];
        file.read(3, &mut read).unwrap();
        assert_eq!(&read, b"three");
        assert_eq!(folder.0.read_dir().unwrap().count(), 0, "it has no name");
        assert_eq!(file.read(4, &mut read).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("file");
        File::create(&file).unwrap();
        let error = Folder(file.join("below")).file().unwrap_err().to_string();
        assert!(error.starts_with(&file.join("below").display().to_string()), "{error}");
    }
}
