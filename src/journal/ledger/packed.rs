//! Many entries as bytes.
//!
//! Hashes have nothing in common, but times and counts of entries that are written together differ by little. So the earliest
//! time and the least count come first, and each entry has what it is beyond them in as few bytes as hold that of all: it
//! takes 16 to 24 bytes in place of 32, and each can still be found by its number.

use super::entry::Entry;
use super::hash::ObjectHash;

/// Bytes of a number.
const WORD: usize = size_of::<i64>();
/// Bytes before the first entry.
pub(super) const HEAD: usize = 2 * WORD + 2;

/// How entries are written.
#[derive(Clone, Copy)]
struct Shape {
    /// The earliest.
    sent: i64,
    /// The least.
    filled: i64,
    /// In how many bytes it is written what `sent` and `filled` are beyond these.
    beyond: [usize; 2],
}

impl Shape {
    fn of(entries: &[(ObjectHash, Entry)]) -> Self {
        let range = |of: fn(&Entry) -> i64| {
            let all = || entries.iter().map(|(_, entry)| of(entry));
            let least = all().min().unwrap_or(0);
            (least, len(all().max().map_or(0, |most| most.abs_diff(least))))
        };
        let ((sent, sent_len), (filled, filled_len)) = (range(|entry| entry.sent), range(|entry| entry.filled));
        Self { sent, filled, beyond: [sent_len, filled_len] }
    }

    /// What `bytes` begin with, and the rest of them.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let (sent, head) = head.split_at(WORD);
        let (filled, beyond) = head.split_at(WORD);
        let beyond = [usize::from(beyond[0]), usize::from(beyond[1])];
        let is_sound = beyond.iter().all(|len| *len <= WORD);
        is_sound
            .then(|| (Self { sent: number(sent).cast_signed(), filled: number(filled).cast_signed(), beyond }, rest))
    }

    /// Bytes of an entry.
    fn width(&self) -> usize {
        2 * WORD + self.beyond[0] + self.beyond[1]
    }

    fn entry(&self, bytes: &[u8]) -> (ObjectHash, Entry) {
        let (hash, rest) = bytes.split_at(WORD);
        let (content_hash, rest) = rest.split_at(WORD);
        let (sent, filled) = rest.split_at(self.beyond[0]);
        let entry = Entry {
            content_hash: number(content_hash).cast_signed(),
            sent: self.sent.wrapping_add_unsigned(number(sent)),
            filled: self.filled.wrapping_add_unsigned(number(filled)),
        };
        (number(hash).cast_signed(), entry)
    }
}

/// Bytes that these entries take.
pub(super) fn size(entries: &[(ObjectHash, Entry)]) -> usize {
    HEAD + entries.len() * Shape::of(entries).width()
}

/// How many of these fit into so many bytes, whichever they are: one at least.
pub(super) fn fitting(entries: &[(ObjectHash, Entry)], bytes: usize) -> usize {
    (bytes.saturating_sub(HEAD) / Shape::of(entries).width()).max(1)
}

pub(super) fn encode(entries: &[(ObjectHash, Entry)]) -> Vec<u8> {
    let shape = Shape::of(entries);
    let mut bytes = Vec::with_capacity(HEAD + entries.len() * shape.width());
    for number in [shape.sent, shape.filled] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    // No more than eight.
    bytes.extend(shape.beyond.map(|len| len as u8));
    for (hash, Entry { content_hash, sent, filled }) in entries {
        bytes.extend_from_slice(&hash.to_be_bytes());
        bytes.extend_from_slice(&content_hash.to_be_bytes());
        bytes.extend_from_slice(&sent.abs_diff(shape.sent).to_be_bytes()[WORD - shape.beyond[0]..]);
        bytes.extend_from_slice(&filled.abs_diff(shape.filled).to_be_bytes()[WORD - shape.beyond[1]..]);
    }
    bytes
}

/// Nothing where it is not what `encode` writes.
pub(super) fn decode(bytes: &[u8]) -> impl Iterator<Item = (ObjectHash, Entry)> + '_ {
    let shape = Shape::read(bytes).into_iter();
    shape.flat_map(|(shape, rest)| rest.chunks_exact(shape.width()).map(move |entry| shape.entry(entry)))
}

/// Of entries that are sorted, that of one object.
pub(super) fn find(bytes: &[u8], wanted: ObjectHash) -> Option<Entry> {
    let (shape, rest) = Shape::read(bytes)?;
    let at = |n: usize| &rest[n * shape.width()..(n + 1) * shape.width()];
    let (mut from, mut to) = (0, rest.len() / shape.width());
    while from < to {
        let middle = usize::midpoint(from, to);
        let hash = number(&at(middle)[..WORD]).cast_signed();
        match hash.cmp(&wanted) {
            std::cmp::Ordering::Less => from = middle + 1,
            std::cmp::Ordering::Greater => to = middle,
            std::cmp::Ordering::Equal => return Some(shape.entry(at(middle)).1),
        }
    }
    None
}

/// Bytes that hold a number.
fn len(number: u64) -> usize {
    (u64::BITS - number.leading_zeros()).div_ceil(8) as usize
}

/// Of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    match bytes.try_into() {
        Ok(word) => u64::from_be_bytes(word),
        Err(_) => bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Vec<(ObjectHash, Entry)>> {
        // Of neighbours mostly, and of anything.
        let number =
            |near| prop_oneof![4 => near..near + 300_i64, 1 => any::<i64>(), 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
        let entry = (any::<i64>(), number(1_700_000_000), number(5));
        prop::collection::vec((any::<ObjectHash>(), entry), 0..40).prop_map(|all| {
            all.into_iter()
                .map(|(hash, (content_hash, sent, filled))| (hash, Entry { content_hash, sent, filled }))
                .collect()
        })
    }

    #[test]
    fn an_entry_takes_as_little_as_it_differs_from_its_neighbours() {
        let entry = |sent, filled| (0, Entry { content_hash: 1, sent, filled });
        let all = |last| [entry(1_700_000_000, 1 << 30), last];
        for (last, width) in [
            (entry(1_700_000_000, 1 << 30), 16),
            (entry(1_700_000_255, 1 << 30), 17),
            (entry(1_700_000_000, (1 << 30) + 256), 18),
            (entry(1_699_999_744, (1 << 30) - 1), 19),
            (entry(i64::MIN, i64::MAX), 32),
        ] {
            assert_eq!((size(&all(last)), encode(&all(last)).len()), (HEAD + 2 * width, HEAD + 2 * width), "{last:?}");
        }
    }

    proptest! {
        #[test]
        fn all_is_read_as_it_was_written(mut all in entries(), others in prop::collection::vec(any::<ObjectHash>(), 0..9)) {
            let bytes = encode(&all);
            prop_assert_eq!(bytes.len(), size(&all));
            for room in [0, 40, 200, bytes.len()] {
                let some = all.chunks(fitting(&all, room)).map(size);
                prop_assert!(some.max().is_none_or(|most| most <= room.max(HEAD + 32)));
            }
            prop_assert_eq!(decode(&bytes).collect::<Vec<_>>(), &all[..]);
            all.sort_by_key(|(hash, _)| *hash);
            all.dedup_by_key(|(hash, _)| *hash);
            let bytes = encode(&all);
            for wanted in all.iter().map(|(hash, _)| *hash).chain(others) {
                let held = all.iter().find(|(hash, _)| *hash == wanted).map(|(_, entry)| *entry);
                prop_assert_eq!(find(&bytes, wanted), held);
            }
        }

        #[test]
        fn what_is_no_entry_is_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let all: Vec<_> = decode(&bytes).collect();
            prop_assert!(all.len() <= bytes.len() / 16);
            let found = find(&bytes, 0);
            prop_assert!(found.is_none() || all.iter().any(|(hash, entry)| (*hash, Some(*entry)) == (0, found)));
        }
    }
}
