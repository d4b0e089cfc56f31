//! What a store does not keep in memory, where it may put it elsewhere.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use super::chunk::Chunk;

/// Where files for what does not stay in memory come from.
pub trait Spill: Debug + Send + Sync {
    /// A new file, which is gone when nothing refers to it.
    ///
    /// # Errors
    /// As the file system has them.
    fn file(&self) -> io::Result<Arc<dyn SpillFile>>;
}

/// Bytes that are read as they were written.
pub trait SpillFile: Debug + Send + Sync {
    /// Takes more; gives where they begin.
    ///
    /// # Errors
    /// As the file system has them: none of the bytes count then.
    fn append(&self, bytes: &[u8]) -> io::Result<u64>;

    /// Fills `into` with the bytes from `at` on.
    ///
    /// # Errors
    /// As the file system has them, and where there are fewer.
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()>;
}

/// How a store spills.
#[derive(Clone, Debug)]
pub(super) struct Spilling {
    spill: Arc<dyn Spill>,
    file: Option<Arc<dyn SpillFile>>,
    /// Bytes that stay in memory, and that do by now.
    most: usize,
    kept: usize,
    failed: bool,
}

impl Spilling {
    pub fn new(spill: Arc<dyn Spill>, most: usize) -> Self {
        Self { spill, file: None, most, kept: 0, failed: false }
    }

    /// For what a store is written anew as: in a file of its own, so that the old one's place is given back.
    pub fn anew(self) -> Self {
        Self { file: None, kept: 0, ..self }
    }

    /// Takes a full chunk with so many bytes in memory: they stay there, are put away, or stay because they cannot be.
    pub fn take(&mut self, chunk: &mut Chunk, bytes: usize) {
        if self.kept + bytes > self.most && !self.failed {
            match self.put_away(chunk) {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, "what is listed stays in memory: it cannot be put on disk");
                    self.failed = true;
                }
            }
        }
        self.kept += bytes;
    }

    fn put_away(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(self.spill.file()?);
        }
        self.file.as_ref().map_or(Ok(()), |file| chunk.spill(file))
    }
}
