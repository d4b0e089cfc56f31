//! The delta encoding of one object against the object before it.

use chrono::{DateTime, Utc};

use super::packed_etag::PackedETag;
use super::varint;

/// Flags of an entry's first byte, beside the kind of its ETag: which fields follow.
const NAMES: u8 = 1 << 2;
const SIZE: u8 = 1 << 3;
const SECONDS: u8 = 1 << 4;
const MILLIS: u8 = 1 << 5;
const NANOS: u8 = 1 << 6;
const ENDING: u8 = 1 << 7;
const NANOS_A_MILLI: u32 = 1_000_000;
/// Bytes. Two keys that end alike by at least so many share their ending in the encoding.
const MIN_SHARED_ENDING: usize = 2;

/// The fields of an object beside its key and its ETag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    /// Its place among the store's buckets.
    pub bucket: u32,
    /// Its place among the store's classes, from 1; 0 is no class.
    pub class: u32,
    /// Bytes.
    pub size: u64,
    /// Since 1970.
    pub seconds: i64,
    /// Of the second; from 10^9 on within a leap second.
    pub nanos: u32,
}

impl Fields {
    pub fn modified(&mut self, at: DateTime<Utc>) {
        (self.seconds, self.nanos) = (at.timestamp(), at.timestamp_subsec_nanos());
    }

    pub fn last_modified(self) -> DateTime<Utc> {
        let time = DateTime::from_timestamp(self.seconds, self.nanos);
        time.unwrap_or_else(|| unreachable!("it was taken from a time"))
    }
}

/// The object that the next one is encoded against, without its ETag.
#[derive(Clone, Debug, Default)]
pub(super) struct DeltaState {
    pub key: Vec<u8>,
    pub fields: Fields,
}

impl DeltaState {
    pub fn set(&mut self, other: &Self) {
        self.key.clear();
        self.key.extend_from_slice(&other.key);
        self.fields = other.fields;
    }

    /// Writes an object by what it has in common with this one, and becomes it.
    pub fn write(&mut self, (fields, key, tag): (Fields, &[u8], PackedETag<'_>), to: &mut Vec<u8>) {
        let (old, start) = (self.fields, to.len());
        let mut flags = tag.kind();
        to.push(flags);
        let shared = beginning(&self.key, key);
        let (was, is) = (&self.key[shared..], &key[shared..]);
        let ending = was.iter().rev().zip(is.iter().rev()).take_while(|(a, b)| a == b).count();
        let ending = if ending >= MIN_SHARED_ENDING { ending } else { 0 };
        let own = &is[..is.len() - ending];
        varint::write(shared as u64, to);
        varint::write(own.len() as u64, to);
        to.extend_from_slice(own);
        if ending > 0 {
            flags |= ENDING;
            varint::write(ending as u64, to);
        }
        replace(&mut self.key, shared, ending, own);
        if (old.bucket, old.class) != (fields.bucket, fields.class) {
            flags |= NAMES;
            varint::write(u64::from(fields.bucket), to);
            varint::write(u64::from(fields.class), to);
        }
        if old.size != fields.size {
            flags |= SIZE;
            varint::write(fields.size, to);
        }
        if old.seconds != fields.seconds {
            flags |= SECONDS;
            varint::write_signed(fields.seconds.wrapping_sub(old.seconds), to);
        }
        if old.nanos != fields.nanos {
            let is_milli = fields.nanos.is_multiple_of(NANOS_A_MILLI);
            flags |= if is_milli { MILLIS } else { NANOS };
            varint::write(u64::from(if is_milli { fields.nanos / NANOS_A_MILLI } else { fields.nanos }), to);
        }
        tag.write(to);
        to[start] = flags;
        self.fields = fields;
    }

    /// Reads what `write` wrote, but for the tag, and becomes it. Gives the kind of the tag, which is what follows.
    pub fn read(&mut self, from: &mut &[u8]) -> u8 {
        let flags = varint::take(from, 1)[0];
        let has = |flag: u8| flags & flag != 0;
        let shared = varint::read_length(from);
        let length = varint::read_length(from);
        let own = varint::take(from, length);
        let ending = if has(ENDING) { varint::read_length(from) } else { 0 };
        replace(&mut self.key, shared, ending, own);
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        if has(NAMES) {
            self.fields.bucket = small(varint::read(from));
            self.fields.class = small(varint::read(from));
        }
        if has(SIZE) {
            self.fields.size = varint::read(from);
        }
        if has(SECONDS) {
            self.fields.seconds = self.fields.seconds.wrapping_add(varint::read_signed(from));
        }
        if has(MILLIS) {
            self.fields.nanos = small(varint::read(from)).saturating_mul(NANOS_A_MILLI);
        } else if has(NANOS) {
            self.fields.nanos = small(varint::read(from));
        }
        flags & PackedETag::KINDS
    }
}

/// Puts `own` between the first `shared` and the last `ending` bytes of `key`.
fn replace(key: &mut Vec<u8>, shared: usize, ending: usize, own: &[u8]) {
    let end = key.len() - ending;
    if ending == 0 {
        key.truncate(shared);
        key.extend_from_slice(own);
    } else if end - shared == own.len() {
        key[shared..end].copy_from_slice(own);
    } else {
        key.splice(shared..end, own.iter().copied());
    }
}

/// How many bytes both begin with: eight at a time first, as keys share most of theirs.
fn beginning(a: &[u8], b: &[u8]) -> usize {
    let eights = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let from = 8 * eights.take_while(|(a, b)| a == b).count();
    from + a[from..].iter().zip(&b[from..]).take_while(|(a, b)| a == b).count()
}
