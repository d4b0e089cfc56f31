//! Where chunks of a store are spilled to, and the memory that they may keep.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

    /// Fills `into` with the bytes from `at` on. `false` where they cannot be read any more: whoever made the file learns why
    /// from it, and must not rely on what is selected.
    fn read(&self, at: u64, into: &mut [u8]) -> bool;
}

/// Bytes that may stay in memory, of all stores that share it.
#[derive(Clone, Debug)]
pub struct Room(Arc<AtomicUsize>);

impl Room {
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(bytes.into()))
    }

    /// Takes so many, until what is given is dropped; `None` where fewer are left.
    pub(super) fn take(&self, bytes: usize) -> Option<Held> {
        let left = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).ok().map(|_| Held { room: self.clone(), bytes })
    }
}

/// Bytes of a room that are taken.
#[derive(Debug)]
pub(super) struct Held {
    room: Room,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}
