//! Spills chunks of a store to disk once memory is short.

use std::io;
use std::sync::Arc;

use super::chunk::Chunk;
use super::spill::{Room, Spill, SpillFile};

/// How a store spills.
#[derive(Clone, Debug)]
pub(super) struct Spilling {
    spill: Arc<dyn Spill>,
    file: Option<Arc<dyn SpillFile>>,
    /// For what stays in memory.
    room: Room,
    failed: bool,
}

impl Spilling {
    pub fn new(spill: Arc<dyn Spill>, room: Room) -> Self {
        Self { spill, file: None, room, failed: false }
    }

    /// For what a store is written anew as: in a file of its own, so that the old one's place is given back.
    pub fn anew(self) -> Self {
        Self { file: None, ..self }
    }

    /// Takes a full chunk: it stays in memory where there is room, is put away, or stays because it cannot be.
    pub fn take(&mut self, chunk: &mut Chunk) {
        let Some(bytes) = chunk.unaccounted() else { return };
        if let Some(held) = self.room.take(bytes) {
            chunk.hold(held);
        } else if !self.failed
            && let Err(error) = self.put_away(chunk)
        {
            tracing::warn!(%error, "what is listed stays in memory: it cannot be put on disk");
            self.failed = true;
        }
    }

    fn put_away(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(self.spill.file()?);
        }
        self.file.as_ref().map_or(Ok(()), |file| chunk.spill(file))
    }
}
