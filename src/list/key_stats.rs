//! Statistics of the keys seen so far: which bytes stand at which position, and up to which one.

use std::cmp::Ordering;
use std::collections::HashMap;

/// Positions of a key that count, behind the first that tells it from others. A split point needs no more.
const MAX_POSITIONS: usize = 24;
/// Sample every 16th key of a page. Halve that while pages teach nothing new, down to an eighth of it.
const SAMPLE_EVERY: usize = 16;
const MAX_SELDOM: usize = 8;

/// A position with at least this many different bytes counts up.
const MIN_COUNTING_BYTES: u32 = 3;

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bytes([u64; 4]);

impl Bytes {
    pub fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & 1 << (byte & 63) != 0
    }

    pub fn with(mut self, byte: Option<&u8>) -> Self {
        byte.into_iter().for_each(|byte| self.insert(*byte));
        self
    }

    fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|n| self.0[n] | other.0[n]))
    }

    fn of(self, other: Self) -> Self {
        Self(std::array::from_fn(|n| self.0[n] & other.0[n]))
    }

    /// Those before `byte`.
    fn before(self, byte: u8) -> Self {
        let (part, bits) = (usize::from(byte >> 6), (1 << (byte & 63)) - 1);
        Self(std::array::from_fn(|n| match n.cmp(&part) {
            Ordering::Less => self.0[n],
            Ordering::Equal => self.0[n] & bits,
            Ordering::Greater => 0,
        }))
    }

    /// Those from `from` up to `to`, both included.
    fn within(self, from: u8, to: u8) -> Self {
        let (before, up_to) = (self.before(from), to.checked_add(1).map_or(self, |end| self.before(end)));
        Self(std::array::from_fn(|n| up_to.0[n] & !before.0[n]))
    }

    pub fn len(self) -> u32 {
        self.0.iter().map(|part| part.count_ones()).sum()
    }

    /// How many are less than `byte`.
    pub fn rank(self, byte: u8) -> u32 {
        self.before(byte).len()
    }

    pub fn first(self) -> Option<u8> {
        let (part, bits) = (0..).zip(self.0).find(|(_, bits)| *bits != 0)?;
        u8::try_from(part * 64 + bits.trailing_zeros()).ok()
    }

    fn last(self) -> Option<u8> {
        let (part, bits) = (0_u32..4).zip(self.0).rfind(|(_, bits)| *bits != 0)?;
        u8::try_from(part * 64 + 63 - bits.leading_zeros()).ok()
    }

    /// The least that is greater than `byte`.
    pub fn beyond(self, byte: u8) -> Option<u8> {
        self.within(byte.checked_add(1)?, u8::MAX).first()
    }

    /// The n-th, from 0.
    pub fn nth(mut self, n: u32) -> Option<u8> {
        for _ in 0..n {
            let first = self.first()?;
            self.0[usize::from(first >> 6)] &= !(1 << (first & 63));
        }
        self.first()
    }
}

/// A position in a key: the n-th character behind its m-th `/`, so that names of different lengths before it do not move it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Position {
    slashes: usize,
    behind: usize,
    /// Bytes that are left of a multi-byte character.
    inside: u32,
}

impl Position {
    pub fn of(before: &[u8]) -> Self {
        before.iter().fold(Self::default(), |position, byte| position.next(*byte))
    }

    pub fn next(self, byte: u8) -> Self {
        match byte {
            b'/' => Self { slashes: self.slashes + 1, behind: 0, inside: 0 },
            0x80..=0xbf if self.inside > 1 => Self { inside: self.inside - 1, ..self },
            0xc0.. => Self { inside: byte.leading_ones() - 1, ..self },
            _ => Self { behind: self.behind + 1, inside: 0, ..self },
        }
    }

    /// What may stand here in any text.
    fn text(self) -> Bytes {
        let continues = [0, 0, u64::MAX, 0];
        Bytes(if self.inside > 0 { continues } else { continues.map(|part| !part) })
    }
}

/// What was seen at one position.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    bytes: Bytes,
    /// The largest byte behind which came a key that differs at an earlier position: with it what begins alike ended.
    ended: Option<u8>,
    /// Nothing was found from this byte on.
    nothing: Option<u8>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct KeyStats {
    positions: HashMap<Position, Seen>,
    /// All bytes with which keys have been told apart.
    all: Bytes,
    /// The first position where any two keys differ, and one of the keys.
    pub differ: Option<usize>,
    sample: Vec<u8>,
    /// Counts changes: the version of these statistics.
    changes: u64,
    /// How much more seldom than at first keys are sampled: a factor, less one.
    seldom: usize,
}

impl KeyStats {
    /// Takes note of a page's keys, which are in order. Gives the first position where they differ.
    pub fn see<'a>(&mut self, keys: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> usize {
        let (Some(first), Some(last)) = (keys.clone().next(), keys.clone().last()) else { return 0 };
        let differ = common(first, last);
        if self.differ.is_none() {
            self.sample = first.to_vec();
        }
        let outer = self.differ.unwrap_or(differ).min(differ);
        let outer = if self.sample == first { outer } else { outer.min(common(&self.sample, first)) };
        if self.differ.is_some_and(|before| outer < before) {
            let sample = std::mem::take(&mut self.sample);
            self.note(&sample, outer, outer);
            self.sample = sample;
        }
        self.differ = Some(outer);
        let (changes, mut before) = (self.changes, None::<&[u8]>);
        for key in keys.step_by(SAMPLE_EVERY * (self.seldom + 1)).chain([last]) {
            self.note(key, outer, differ);
            if let Some(before) = before {
                self.next(before, key);
            }
            before = Some(key);
        }
        self.seldom = if self.changes == changes { (2 * self.seldom + 1).min(MAX_SELDOM - 1) } else { 0 };
        differ
    }

    /// Takes note of the bytes of one key.
    fn note(&mut self, key: &[u8], outer: usize, differ: usize) {
        let mut position = Position::of(&key[..outer.min(key.len())]);
        for (at, byte) in key.iter().enumerate().skip(outer).take(differ - outer + MAX_POSITIONS) {
            let bytes = &mut self.positions.entry(position).or_default().bytes;
            let before = (*bytes, self.all);
            bytes.insert(*byte);
            if bytes.len() >= MIN_COUNTING_BYTES {
                self.all = self.all.union(*bytes);
            } else if at == outer || (differ..differ + 2).contains(&at) {
                self.all.insert(*byte);
            }
            self.changes += u64::from(before != (*bytes, self.all));
            position = position.next(*byte);
        }
    }

    /// Counts changes: the version of these statistics.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Behind `key` comes `next`: what begins as `key` does and not as `next` has ended.
    pub fn next(&mut self, key: &[u8], next: &[u8]) {
        let shared = common(key, next);
        let Some(first) = key.get(..=shared) else { return };
        let mut position = Position::of(first);
        for byte in key.iter().skip(shared + 1).take(MAX_POSITIONS) {
            if let Some(seen) = self.positions.get_mut(&position).filter(|seen| seen.ended < Some(*byte)) {
                seen.ended = Some(*byte);
                self.changes += 1;
            }
            position = position.next(*byte);
        }
    }

    /// Behind a cut came `next`.
    pub fn found(&mut self, cut: &[u8], next: &[u8]) {
        if common(cut, next) + 1 < cut.len() {
            self.miss(cut);
        }
    }

    /// Behind a cut came nothing that begins as it does, but for its last byte.
    pub fn miss(&mut self, cut: &[u8]) {
        let Some((byte, before)) = cut.split_last() else { return };
        let seen = self.positions.entry(Position::of(before)).or_default();
        let last = seen.bytes.last();
        if Some(*byte) > last {
            let known = seen.nothing.filter(|nothing| Some(*nothing) > last);
            seen.nothing = Some(known.map_or(*byte, |nothing| nothing.min(*byte)));
            self.changes += 1;
        }
    }

    pub fn counts(&self, byte: u8) -> bool {
        self.all.has(byte)
    }

    pub fn seen(&self, position: Position) -> Bytes {
        self.positions.get(&position).map(|seen| seen.bytes).unwrap_or_default()
    }

    /// What may stand at a position is known: more than `own`, or that there is no more.
    pub fn is_settled(&self, position: Position, own: u8) -> bool {
        let Some(seen) = self.positions.get(&position) else { return false };
        seen.ended >= seen.bytes.last() || seen.bytes.with(Some(&own)).len() > 1
    }

    /// What may stand at a position. Between two that were seen, all that are used anywhere.
    pub fn at(&self, position: Position) -> Bytes {
        let Some(seen) = self.positions.get(&position) else { return self.all.of(position.text()) };
        let (all, last) = (seen.bytes.union(self.all.of(position.text())), seen.bytes.last());
        match (last, seen.nothing) {
            (Some(last), _) if seen.ended >= Some(last) => all.within(seen.bytes.first().unwrap_or_default(), last),
            (_, Some(nothing)) if Some(nothing) > last => all.before(nothing),
            _ => all,
        }
    }

    /// All that are used anywhere or were seen here.
    pub fn any(&self, position: Position) -> Bytes {
        self.all.of(position.text()).union(self.seen(position))
    }
}

/// How many bytes both begin with.
pub(super) fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
