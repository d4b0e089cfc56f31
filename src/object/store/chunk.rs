//! Neighbours in a store, with all that is needed to read them.

use super::entry::{Fields, Known};
use super::tag::Tag;

/// Objects that are read from one start: what finding one costs against what a start takes.
const BLOCK: usize = 16;
/// Objects of a chunk, in whole blocks.
const MOST: usize = 256 * BLOCK;
/// Bytes from which on a chunk takes no more.
const FULL: usize = 8 << 20;

/// An object as it is written and read.
pub(super) type Entry<'a> = (Fields, &'a [u8], Tag<'a>);

#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// The place of its first object in the store.
    pub first: u32,
    length: usize,
    /// The first object, by which the first of each block is told.
    head: Known,
    /// Where the blocks start.
    blocks: Vec<u32>,
    bytes: Vec<u8>,
}

impl Chunk {
    pub fn new(first: u32, (fields, key, _): Entry<'_>) -> Self {
        let head = Known { key: key.to_vec(), fields };
        Self { first, length: 0, head, blocks: Vec::new(), bytes: Vec::new() }
    }

    pub fn is_full(&self) -> bool {
        self.length >= MOST || self.bytes.len() >= FULL
    }

    /// Takes one more. `last` is the one before it, and becomes it.
    pub fn append(&mut self, last: &mut Known, entry: Entry<'_>) {
        if self.length.is_multiple_of(BLOCK) {
            let start = u32::try_from(self.bytes.len());
            self.blocks.push(start.unwrap_or_else(|_| unreachable!("a page is no larger than memory")));
            last.set(&self.head);
        }
        last.write(entry, &mut self.bytes);
        self.length += 1;
    }

    /// It takes no more.
    pub fn close(&mut self) {
        self.bytes.shrink_to_fit();
        self.blocks.shrink_to_fit();
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
        size_of::<Self>() + self.head.key.capacity() + self.blocks.capacity() * size_of::<u32>() + self.bytes.capacity()
    }
}

/// Where one is in a chunk.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    /// What follows.
    rest: &'a [u8],
    /// The number of the object that was read last.
    at: Option<usize>,
    known: Known,
    tag: Tag<'a>,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Self { rest: &[], at: None, known: Known::default(), tag: Tag::Absent }
    }
}

impl<'a> Reader<'a> {
    /// Begins anew, in another chunk.
    pub fn leave(&mut self) {
        self.at = None;
    }

    /// The `n`-th object of a chunk, which is the one that was read before unless that was left.
    pub fn read(&mut self, chunk: &'a Chunk, n: usize) -> Entry<'_> {
        let block = n / BLOCK;
        let mut next = match self.at {
            Some(at) if at <= n && at / BLOCK == block => at + 1,
            _ => block * BLOCK,
        };
        while next <= n {
            if next.is_multiple_of(BLOCK) {
                self.rest = &chunk.bytes[usize::try_from(chunk.blocks[block]).unwrap_or(usize::MAX)..];
                self.known.set(&chunk.head);
            }
            self.tag = self.known.read(&mut self.rest);
            next += 1;
        }
        self.at = Some(n);
        (self.known.fields, &self.known.key, self.tag)
    }
}
