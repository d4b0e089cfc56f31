//! A compact store of many objects: about thirty bytes each, and no allocation for any.
//!
//! Objects are delta-encoded against the one before. A block of them can be read from its start; blocks are grouped into
//! chunks, which are self-contained and can be dropped or spilled to disk one by one.

mod chunk;
mod cursor;
mod delta_state;
mod names;
mod packed_etag;
mod spill;
mod spilling;
#[cfg(test)]
mod tests;
mod varint;

use std::sync::Arc;

use super::{Bucket, Object, Row};
use chunk::{Chunk, Entry, Reader};
pub use cursor::{Cursor, View};
use delta_state::{DeltaState, Fields};
use names::Names;
use packed_etag::PackedETag;
pub use spill::{Room, Spill, SpillFile};
use spilling::Spilling;

/// Objects by their places, which are numbers from 0 in the order of their arrival.
#[derive(Debug, Default)]
pub struct Store {
    buckets: Names<Bucket>,
    classes: Names<Arc<str>>,
    chunks: Vec<Chunk>,
    length: u32,
    /// The last chunk takes more.
    is_open: bool,
    last: DeltaState,
    is_unsorted: bool,
    spilling: Option<Spilling>,
}

impl Store {
    /// Keeps in memory what there is `room` for, beside a few bytes for each chunk, and spills the rest.
    pub fn spilling(spill: Arc<dyn Spill>, room: Room) -> Self {
        Self { spilling: Some(Spilling::new(spill, room)), ..Self::default() }
    }

    /// Objects.
    pub fn len(&self) -> u32 {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether they arrived in the order of buckets and keys.
    pub fn is_sorted(&self) -> bool {
        !self.is_unsorted
    }

    /// Where each bucket stands among them by name; see [`View::bucket_place`].
    pub fn bucket_ranks(&self) -> Vec<u32> {
        self.buckets.ranks()
    }

    /// Takes one more, as the last.
    ///
    /// # Panics
    /// With more than 4 billion objects, which take a hundred gigabytes.
    pub fn push(&mut self, object: Row<'_>) {
        let class = object.storage_class.map_or(0, |class| self.classes.place(class) + 1);
        let bucket = self.buckets.place(object.bucket);
        let mut fields = Fields { bucket, class, size: object.size, ..Fields::default() };
        fields.modified(object.last_modified);
        self.append((fields, object.key, PackedETag::of(object.etag)));
    }

    fn append(&mut self, entry: Entry<'_>) {
        let (fields, key, _) = entry;
        if self.length > 0 && self.is_sorted() {
            self.is_unsorted = match self.last.fields.bucket == fields.bucket {
                true => &self.last.key[..] > key,
                false => self.bucket(self.last.fields) > self.bucket(fields),
            };
        }
        if self.chunks.last().is_none_or(Chunk::is_full) {
            self.close();
        }
        if !self.is_open {
            self.chunks.push(Chunk::new(self.length, entry));
            self.is_open = true;
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.append(&mut self.last, entry);
        }
        self.length = self.length.checked_add(1).unwrap_or_else(|| unreachable!("they would not fit into memory"));
    }

    fn close(&mut self) {
        let was_open = std::mem::take(&mut self.is_open);
        let Some(chunk) = self.chunks.last_mut().filter(|_| was_open) else { return };
        chunk.close();
        if let Some(spilling) = &mut self.spilling {
            spilling.take(chunk);
        }
    }

    fn bucket(&self, fields: Fields) -> &Bucket {
        let bucket = self.buckets.get(fields.bucket);
        bucket.unwrap_or_else(|| unreachable!("every object's bucket has a place"))
    }

    /// Reads objects, fastest in their order.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor::new(self)
    }

    /// The object at a place below the length. `None` where it was put on a disk that cannot be read any more.
    pub fn get(&self, place: u32) -> Option<Object> {
        self.cursor().read(place).map(View::to_object)
    }

    /// Takes all of them; what follows begins anew.
    pub fn take_all(&mut self) -> Self {
        let spilling = self.spilling.clone();
        let mut all = std::mem::replace(self, Self { spilling, ..Self::default() });
        all.close();
        all
    }

    /// Keeps those at the places that are `kept`; they move up. Takes memory for one chunk at a time. What was put on a disk
    /// that cannot be read any more is lost.
    #[must_use]
    pub fn retain(mut self, mut kept: impl FnMut(u32) -> bool) -> Self {
        let chunks = std::mem::take(&mut self.chunks);
        let is_unsorted = self.is_unsorted;
        let spilling = self.spilling.take().map(Spilling::anew);
        let mut rest = Self { length: 0, is_open: false, is_unsorted: true, spilling, ..self };
        for chunk in chunks {
            let places: Vec<u32> = (chunk.first..chunk.first + chunk.len()).filter(|place| kept(*place)).collect();
            if places.len() == chunk.len() as usize {
                rest.take(chunk);
                continue;
            }
            let mut reader = Reader::default();
            for number in places.into_iter().filter_map(|place| chunk.number(place)) {
                if let Some(entry) = reader.read(&chunk, number) {
                    rest.append(entry);
                }
            }
        }
        Self { is_unsorted, ..rest }
    }

    /// Takes all of a chunk.
    fn take(&mut self, mut chunk: Chunk) {
        self.close();
        let mut reader = Reader::default();
        if let Some((fields, key, _)) = reader.read(&chunk, chunk.len().saturating_sub(1) as usize) {
            self.last = DeltaState { key: key.to_vec(), fields };
        }
        chunk.first = self.length;
        self.length += chunk.len();
        chunk.close();
        if let Some(spilling) = &mut self.spilling {
            spilling.take(&mut chunk);
        }
        self.chunks.push(chunk);
    }

    /// Bytes in memory, without names.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.chunks.iter().map(Chunk::bytes).sum()
    }
}
