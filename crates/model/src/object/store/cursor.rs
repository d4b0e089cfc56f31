//! A cursor over a store. Sequential reads are the fastest.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Store;
use super::chunk::{Chunk, Reader};
use super::delta_state::Fields;
use super::packed_etag::PackedETag;
use crate::object::{Bucket, ETag, Key, Object};

/// Where one is in a store.
#[derive(Debug)]
pub struct Cursor<'a> {
    store: &'a Store,
    chunk: Option<&'a Chunk>,
    reader: Reader,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, chunk: None, reader: Reader::default() }
    }

    /// The object at a place below the store's length. `None` where it was put on a disk that cannot be read any more.
    pub fn read(&mut self, place: u32) -> Option<View<'_>> {
        if self.chunk.is_none_or(|chunk| chunk.number(place).is_none()) {
            self.reader.leave();
            let after = self.store.chunks.partition_point(|chunk| chunk.first <= place);
            self.chunk = self.store.chunks.get(after.checked_sub(1)?);
        }
        let chunk = self.chunk?;
        let (fields, key, tag) = self.reader.read(chunk, chunk.number(place)?)?;
        Some(View { store: self.store, fields, key, tag })
    }
}

/// An object as it stands in a store.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    store: &'a Store,
    fields: Fields,
    key: &'a [u8],
    tag: PackedETag<'a>,
}

impl<'a> View<'a> {
    pub fn bucket(&self) -> &'a Bucket {
        self.store.bucket(self.fields)
    }

    /// Its place among the store's buckets.
    pub fn bucket_place(&self) -> usize {
        usize::try_from(self.fields.bucket).unwrap_or(usize::MAX)
    }

    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.fields.size
    }

    pub fn has_etag(&self) -> bool {
        self.tag != PackedETag::Absent
    }

    pub fn etag(&self) -> Option<ETag> {
        self.tag.to_etag()
    }

    /// Seconds since 1970, and nanoseconds of the second.
    pub fn modified(&self) -> (i64, u32) {
        (self.fields.seconds, self.fields.nanos)
    }

    pub fn last_modified(&self) -> DateTime<Utc> {
        self.fields.last_modified()
    }

    pub fn storage_class(&self) -> Option<&'a Arc<str>> {
        self.store.classes.get(self.fields.class.checked_sub(1)?)
    }

    /// As it was listed.
    pub fn to_object(self) -> Object {
        Object {
            bucket: self.bucket().clone(),
            key: Key::from_bytes(self.key),
            size: self.size(),
            etag: self.etag(),
            last_modified: self.last_modified(),
            storage_class: self.storage_class().cloned(),
        }
    }
}
