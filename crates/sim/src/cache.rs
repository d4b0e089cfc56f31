//! The content of the cache: parts of objects, evicted least recently used first.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

/// One version of one object: a hash of bucket, key and ETag, so that an overwrite is another object to the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectId(u128);

impl ObjectId {
    pub fn new(bucket: &str, key: &[u8], etag: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [bucket.as_bytes(), key, etag.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().iter().take(16).fold(0, |id, byte| id << 8 | u128::from(*byte)))
    }
}

/// A part of an object: its number, and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub number: u32,
    pub size: u64,
}

/// The parts that hold the bytes `span` of an object of `size`.
pub fn parts(size: u64, part_size: u64, span: &std::ops::Range<u64>) -> impl Iterator<Item = Part> + use<> {
    let part_size = part_size.max(1);
    let numbers = span.start / part_size..span.end.min(size).div_ceil(part_size);
    numbers.map(move |n| Part {
        number: u32::try_from(n).unwrap_or(u32::MAX),
        size: part_size.min(size.saturating_sub(n * part_size)),
    })
}

/// An LRU cache of parts. Callers pass its capacity in bytes.
#[derive(Debug, Default)]
pub struct Residency {
    held: HashMap<(ObjectId, u32), Held>,
    by_use: BTreeMap<u64, (ObjectId, u32)>,
    clock: u64,
    bytes: u64,
    evictions: u64,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    size: u64,
    used: u64,
}

impl Residency {
    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Parts that were evicted.
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    pub fn holds(&self, id: ObjectId, part: Part) -> bool {
        self.held.contains_key(&(id, part.number))
    }

    /// Marks a part as just used. False where it is not held.
    pub fn touch(&mut self, id: ObjectId, part: Part) -> bool {
        let Some(held) = self.held.get_mut(&(id, part.number)) else { return false };
        self.clock += 1;
        self.by_use.remove(&held.used);
        held.used = self.clock;
        self.by_use.insert(self.clock, (id, part.number));
        true
    }

    /// Takes a part in; others leave until it fits. One larger than the whole cache does not stay.
    pub fn insert(&mut self, id: ObjectId, part: Part, capacity: Option<u64>) {
        if self.touch(id, part) {
            return;
        }
        self.clock += 1;
        self.held.insert((id, part.number), Held { size: part.size, used: self.clock });
        self.by_use.insert(self.clock, (id, part.number));
        self.bytes += part.size;
        self.shrink_to(capacity.unwrap_or(u64::MAX));
    }

    /// Lets the least recently used parts go until at most `capacity` bytes are held.
    pub fn shrink_to(&mut self, capacity: u64) {
        while self.bytes > capacity
            && let Some((_, which)) = self.by_use.pop_first()
        {
            self.bytes -= self.held.remove(&which).map_or(0, |held| held.size);
            self.evictions += 1;
        }
    }

    /// Drops the parts of an overwritten or deleted object. No eviction: nobody needed the room.
    pub fn forget(&mut self, id: ObjectId, parts: impl Iterator<Item = Part>) {
        for part in parts {
            if let Some(held) = self.held.remove(&(id, part.number)) {
                self.by_use.remove(&held.used);
                self.bytes -= held.size;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(size: u64) -> Part {
        Part { number: 0, size }
    }

    fn id(name: &str) -> ObjectId {
        ObjectId::new("b", name.as_bytes(), "e")
    }

    #[test]
    fn an_object_falls_into_parts_the_last_one_short() {
        let list = |size, span| parts(size, 10, &span).map(|p| (p.number, p.size)).collect::<Vec<_>>();
        assert_eq!(list(25, 0..25), [(0, 10), (1, 10), (2, 5)]);
        assert_eq!(list(20, 0..20), [(0, 10), (1, 10)]);
        assert_eq!(list(25, 12..13), [(1, 10)]);
        assert_eq!(list(25, 9..11), [(0, 10), (1, 10)]);
        assert_eq!(list(0, 0..0), []);
    }

    #[test]
    fn the_least_recently_used_leaves_first() {
        let mut cache = Residency::default();
        for name in ["a", "b", "c"] {
            cache.insert(id(name), whole(10), Some(30));
        }
        assert!(cache.touch(id("a"), whole(10)));
        cache.insert(id("d"), whole(10), Some(30));
        assert!(!cache.holds(id("b"), whole(10)), "b was used the longest ago");
        assert!(cache.holds(id("a"), whole(10)));
        assert_eq!((cache.bytes(), cache.evictions()), (30, 1));
    }

    #[test]
    fn what_is_larger_than_the_cache_does_not_stay() {
        let mut cache = Residency::default();
        cache.insert(id("a"), whole(10), Some(30));
        cache.insert(id("b"), whole(31), Some(30));
        assert_eq!((cache.bytes(), cache.evictions()), (0, 2));
    }

    #[test]
    fn an_overwritten_object_makes_room_without_an_eviction() {
        let mut cache = Residency::default();
        cache.insert(id("a"), whole(10), None);
        cache.forget(id("a"), parts(10, 10, &(0..10)));
        assert_eq!((cache.bytes(), cache.evictions()), (0, 0));
        assert_ne!(ObjectId::new("b", b"k", "1"), ObjectId::new("b", b"k", "2"));
    }
}
