//! A chunk of a store: neighbouring objects, with all that is needed to read them.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::delta_state::{DeltaState, Fields};
use super::packed_etag::PackedETag;
use super::spill::{Held, SpillFile};

/// Objects of a block. Finding one reads half a block; each block has an index entry of four bytes.
const BLOCK_OBJECTS: usize = 16;
/// Objects of a chunk at most, in whole blocks.
const MAX_CHUNK_OBJECTS: usize = 256 * BLOCK_OBJECTS;
/// A chunk of at least so many bytes takes no more objects.
const MAX_CHUNK_BYTES: usize = 8 << 20;
/// Blocks of a spilled chunk that a sequential reader reads at once.
const READ_AHEAD_BLOCKS: usize = 64;

/// An object as it is written and read.
pub(super) type Entry<'a> = (Fields, &'a [u8], PackedETag<'a>);

#[derive(Debug)]
pub(super) struct Chunk {
    /// The place of its first object in the store.
    pub first: u32,
    length: usize,
    /// The first object, by which the first of each block is told.
    head: DeltaState,
    /// Where the blocks start.
    blocks: Vec<u32>,
    bytes: Bytes,
}

/// Where the bytes of a chunk are.
#[derive(Debug)]
enum Bytes {
    /// With the room that they take, once that is known.
    Memory(Vec<u8>, Option<Held>),
    Spilled {
        file: Arc<dyn SpillFile>,
        at: u64,
        length: usize,
    },
}

impl Bytes {
    fn len(&self) -> usize {
        match self {
            Self::Memory(bytes, _) => bytes.len(),
            Self::Spilled { length, .. } => *length,
        }
    }
}

impl Chunk {
    pub fn new(first: u32, (fields, key, _): Entry<'_>) -> Self {
        let head = DeltaState { key: key.to_vec(), fields };
        Self { first, length: 0, head, blocks: Vec::new(), bytes: Bytes::Memory(Vec::new(), None) }
    }

    pub fn is_full(&self) -> bool {
        self.length >= MAX_CHUNK_OBJECTS || self.bytes.len() >= MAX_CHUNK_BYTES
    }

    /// Takes one more, unless it was spilled. `last` is the one before it, and becomes it.
    pub fn append(&mut self, last: &mut DeltaState, entry: Entry<'_>) {
        let Bytes::Memory(bytes, _) = &mut self.bytes else { unreachable!("what is spilled takes no more") };
        if self.length.is_multiple_of(BLOCK_OBJECTS) {
            let start = u32::try_from(bytes.len());
            self.blocks.push(start.unwrap_or_else(|_| unreachable!("a page is no larger than memory")));
            last.set(&self.head);
        }
        last.write(entry, bytes);
        self.length += 1;
    }

    /// It takes no more.
    pub fn close(&mut self) {
        self.blocks.shrink_to_fit();
        if let Bytes::Memory(bytes, _) = &mut self.bytes {
            bytes.shrink_to_fit();
        }
    }

    /// Its bytes in memory, without what is small, where they hold no room yet.
    pub fn unaccounted(&self) -> Option<usize> {
        match &self.bytes {
            Bytes::Memory(bytes, None) => Some(bytes.len()),
            _ => None,
        }
    }

    /// Its bytes in memory take this room for as long as they are there.
    pub fn hold(&mut self, room: Held) {
        if let Bytes::Memory(_, held) = &mut self.bytes {
            *held = Some(room);
        }
    }

    /// Puts its bytes away.
    pub fn spill(&mut self, file: &Arc<dyn SpillFile>) -> io::Result<()> {
        if let Bytes::Memory(bytes, _) = &self.bytes {
            let (at, length) = (file.append(bytes)?, bytes.len());
            self.bytes = Bytes::Spilled { file: file.clone(), at, length };
        }
        Ok(())
    }

    /// Objects; fewer than a store has places for.
    pub fn len(&self) -> u32 {
        u32::try_from(self.length).unwrap_or(u32::MAX)
    }

    /// The number within this chunk of what stands at a place of the store.
    pub fn number(&self, place: u32) -> Option<usize> {
        let number = usize::try_from(place.checked_sub(self.first)?).ok()?;
        (number < self.length).then_some(number)
    }

    /// Bytes in memory.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        let bytes = match &self.bytes {
            Bytes::Memory(bytes, _) => bytes.capacity(),
            Bytes::Spilled { .. } => 0,
        };
        size_of::<Self>() + self.head.key.capacity() + self.blocks.capacity() * size_of::<u32>() + bytes
    }
}

/// Where one is in a chunk.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The number of the object that was read last.
    at: Option<usize>,
    known: DeltaState,
    /// Where its tag begins in what is read from, and of which kind it is.
    tag: usize,
    kind: u8,
    /// Where the next object begins there.
    next: usize,
    /// What is read from, of a chunk that is spilled: some of its blocks.
    read: Vec<u8>,
    blocks: Range<usize>,
}

impl Reader {
    /// Begins anew, in another chunk.
    pub fn leave(&mut self) {
        (self.at, self.blocks) = (None, 0..0);
    }

    /// The `n`-th object of a chunk, which is the one that was read before unless that was left. `None` where the chunk is
    /// spilled and cannot be read any more.
    pub fn read<'a>(&'a mut self, chunk: &'a Chunk, n: usize) -> Option<Entry<'a>> {
        let block = n / BLOCK_OBJECTS;
        let mut number = match self.at {
            Some(at) if at <= n && at / BLOCK_OBJECTS == block => at + 1,
            _ => block * BLOCK_OBJECTS,
        };
        if number.is_multiple_of(BLOCK_OBJECTS) && number <= n {
            // Should it fail, nothing is left to go on from.
            self.at = None;
            self.next = self.start(chunk, block)?;
            self.known.set(&chunk.head);
        }
        let bytes = match &chunk.bytes {
            Bytes::Memory(bytes, _) => bytes,
            Bytes::Spilled { .. } => &self.read,
        };
        while number <= n {
            let mut rest = &bytes[self.next..];
            self.kind = self.known.read(&mut rest);
            self.tag = bytes.len() - rest.len();
            PackedETag::read(self.kind, &mut rest);
            self.next = bytes.len() - rest.len();
            number += 1;
        }
        self.at = Some(n);
        Some((self.known.fields, &self.known.key, PackedETag::read(self.kind, &mut &bytes[self.tag..])))
    }

    /// Where a block starts in what is read from, which is read first if need be.
    fn start(&mut self, chunk: &Chunk, block: usize) -> Option<usize> {
        let start = |block: usize| chunk.blocks.get(block).map_or(chunk.bytes.len(), |start| *start as usize);
        let Bytes::Spilled { file, at, .. } = &chunk.bytes else { return Some(start(block)) };
        if !self.blocks.contains(&block) {
            let is_next = block == self.blocks.end;
            let end = if is_next { chunk.blocks.len().min(block + READ_AHEAD_BLOCKS) } else { block + 1 };
            self.read.resize(start(end) - start(block), 0);
            self.blocks = 0..0;
            if !file.read(at + start(block) as u64, &mut self.read) {
                return None;
            }
            self.blocks = block..end;
        }
        Some(start(block) - start(self.blocks.start))
    }
}
