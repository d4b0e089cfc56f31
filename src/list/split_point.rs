//! Finds the key at which a range is split in two, by the statistics of the keys seen so far.
//!
//! Any split point is correct. A good one has about as many keys before it as behind it.

use super::key_stats::{Bytes, KeyStats, Position, common};

/// Bytes of a split point beyond what both ends share, at the most.
const MAX_SPLIT_BYTES: usize = 24;
/// Bytes of a key, by S3.
const MAX_KEY_BYTES: usize = 1024;
/// Keys nearer to each other than this, as fractions of the range, are one.
const RESOLUTION: f64 = 1e-13;

/// The range that is split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch<'a> {
    /// The last key so far.
    pub last: &'a [u8],
    /// Its end, included. Without one it ends with the keys that begin with the first `prefix` bytes of `last`.
    pub until: Option<&'a [u8]>,
    pub prefix: usize,
    /// The first position where the keys of its latest page differ.
    pub differ: usize,
    /// Splits in a row that had nothing behind them.
    pub misses: usize,
    /// Some split had nothing behind it.
    pub is_careful: bool,
}

/// A key beyond `last` at which the range may be split, or none where there is nothing to split.
pub(super) fn split_point(stats: &KeyStats, stretch: Stretch<'_>) -> Option<Vec<u8>> {
    let middle = || stretch.middle(stats);
    let unseen = || stretch.beside_one(stats, Looks::Unseen);
    let name = || stretch.next_name(stats);
    let any = || stretch.beside_one(stats, Looks::All);
    // Where there is no miss what was seen is right. One miss, and it is looked for how far what counts goes; two, and
    // nothing that was seen elsewhere is trusted.
    let ways: [&dyn Fn() -> Option<Vec<u8>>; 4] = match stretch.misses {
        0 | 1 if stretch.is_careful => [&unseen, &middle, &name, &any],
        0 | 1 => [&middle, &unseen, &name, &any],
        misses if misses % 2 == 0 => [&any, &middle, &name, &unseen],
        _ => [&middle, &any, &name, &unseen],
    };
    ways.into_iter().find_map(|way| way().and_then(text).filter(|cut| stretch.holds(cut)))
}

/// Which positions are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looks {
    All,
    /// Those of which one byte has been seen, and not that it is the only one.
    Unseen,
}

impl Stretch<'_> {
    fn holds(&self, cut: &[u8]) -> bool {
        cut.len() <= MAX_KEY_BYTES && cut > self.last && self.until.is_none_or(|until| cut < until)
    }

    /// The first position where there may be anything between both ends.
    fn top(&self) -> usize {
        self.until.map_or(self.prefix, |until| common(self.last, until)).min(self.last.len())
    }

    /// Where that begins to count which differs at `position`: `shard-000999` in front of its zeros.
    fn beginning(&self, stats: &KeyStats, position: usize) -> usize {
        let mut start = position.clamp(self.prefix.min(self.last.len()), self.last.len());
        while start > self.prefix && stats.counts(self.last[start - 1]) {
            start -= 1;
        }
        start
    }

    /// A cut behind all that begins as `last` does up to `at`, with the least of what may stand there.
    fn beside(&self, at: usize, may: Bytes) -> Option<Vec<u8>> {
        let (before, own) = (&self.last[..at], *self.last.get(at)?);
        let next = may.beyond(own)?;
        let cut = [before, &[next]].concat();
        self.holds(&cut).then_some(cut)
    }

    /// Of the positions where another byte may stand the one in the middle: half of them are settled by what comes behind it.
    fn beside_one(&self, stats: &KeyStats, looks: Looks) -> Option<Vec<u8>> {
        let end = (self.differ + 1).min(self.last.len());
        let differ = if looks == Looks::Unseen { stats.differ? } else { self.differ };
        let start = self.top().max(self.beginning(stats, differ)).min(end);
        let mut position = Position::of(&self.last[..start]);
        let mut cuts = Vec::new();
        for at in start..end {
            let own = self.last[at];
            let may = match looks {
                Looks::All => stats.any(position),
                Looks::Unseen if stats.is_settled(position, own) => Bytes::default(),
                Looks::Unseen => stats.at(position),
            };
            cuts.extend(self.beside(at, may));
            position = position.next(own);
        }
        middle_of(cuts)
    }

    /// The middle between both ends, of what counts.
    fn middle(&self, stats: &KeyStats) -> Option<Vec<u8>> {
        let (outer, top) = (self.beginning(stats, stats.differ.unwrap_or(self.differ)), self.top());
        let up_to_end = || between(stats, self.last, self.until, top);
        if self.until.is_some() && top >= outer {
            return up_to_end();
        }
        let counted = |from| between(stats, self.last, None, from).filter(|cut| self.holds(cut));
        // Names such as `train/` are no numbers, and their middle is nowhere: then what counts within them is cut.
        counted(outer)
            .or_else(|| counted(self.beginning(stats, self.differ)))
            .or_else(|| self.until.and_then(|_| up_to_end()))
    }

    /// What comes after a name, or after one of those that it is in.
    fn next_name(&self, stats: &KeyStats) -> Option<Vec<u8>> {
        let names = self.top()..self.beginning(stats, self.differ);
        let next = |at: usize| {
            let next = self.last[at].checked_add(1);
            self.beside(at, stats.seen(Position::of(&self.last[..at])).with(next.as_ref()))
        };
        middle_of(names.filter_map(next).collect())
    }
}

fn middle_of(mut cuts: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    let middle = cuts.len() / 2;
    (middle < cuts.len()).then(|| cuts.swap_remove(middle))
}

/// What the bytes stand for that the keys of both ends have where they part.
#[derive(Clone, Copy)]
struct Scale<'a> {
    stats: &'a KeyStats,
    position: Position,
    ends: [Option<u8>; 2],
}

impl Scale<'_> {
    fn may(&self, position: Position) -> Bytes {
        let ends = if position == self.position { self.ends } else { [None; 2] };
        self.stats.at(position).with(ends[0].as_ref()).with(ends[1].as_ref())
    }

    /// A key, from the position on, as a number from 0 to 1.
    fn value(&self, key: &[u8]) -> f64 {
        let (mut position, mut value, mut weight) = (self.position, 0.0, 1.0);
        for byte in key {
            weight /= f64::from(self.may(position).len().max(1));
            value += weight * f64::from(self.may(position).rank(*byte));
            if weight < RESOLUTION {
                break;
            }
            position = position.next(*byte);
        }
        value.min(1.0)
    }
}

/// The shortest key beyond `low` and before `high` near the middle of both; without `high`, of what begins as `low` does up to
/// `at`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than the number of bytes")]
fn between(stats: &KeyStats, low: &[u8], high: Option<&[u8]>, at: usize) -> Option<Vec<u8>> {
    let ends = [low.get(at).copied(), high.and_then(|high| high.get(at)).copied()];
    let scale = Scale { stats, position: Position::of(&low[..at]), ends };
    let mut value = f64::midpoint(scale.value(&low[at..]), high.map_or(1.0, |high| scale.value(&high[at..])));
    let (mut position, mut cut) = (scale.position, low[..at].to_vec());
    // Longer than both it would have no more than a few keys behind it.
    let longest = low.len().max(high.map_or(0, <[u8]>::len)) - at;
    for _ in 0..longest.min(MAX_SPLIT_BYTES) {
        let may = scale.may(position);
        value *= f64::from(may.len());
        let letter = may.nth(value as u32)?;
        value -= value.floor();
        cut.push(letter);
        position = position.next(letter);
        if cut.as_slice() > low && high.is_none_or(|high| cut.as_slice() < high) {
            return Some(cut);
        }
    }
    None
}

/// How far `at` is from `from` to `until`, from 0 to 1.
pub(super) fn progress(stats: &KeyStats, from: &[u8], at: &[u8], until: &[u8]) -> f64 {
    let shared = common(from, until);
    let ends = [from.get(shared).copied(), until.get(shared).copied()];
    let scale = Scale { stats, position: Position::of(&from[..shared]), ends };
    let [from, at, until] = [from, at, until].map(|key| scale.value(key.get(shared..).unwrap_or_default()));
    if until > from { ((at - from) / (until - from)).clamp(0.0, 1.0) } else { 1.0 }
}

/// The split point as a key that every server accepts: UTF-8 without control characters. Half a character becomes the first one
/// that begins so.
fn text(mut cut: Vec<u8>) -> Option<Vec<u8>> {
    match cut.last_mut()? {
        control if *control < b' ' => *control = b' ',
        0x7f => {
            cut.pop();
            cut.extend("\u{a0}".as_bytes());
        }
        _ => {}
    }
    let rests: [&[u8]; 7] =
        [&[], &[0x80], &[0x80, 0x80], &[0x80, 0x80, 0x80], &[0xa0], &[0xa0, 0x80], &[0x90, 0x80, 0x80]];
    let whole = rests.into_iter().map(|rest| [cut.as_slice(), rest].concat());
    whole.into_iter().find(|cut| std::str::from_utf8(cut).is_ok_and(|text| !text.contains(char::is_control)))
}

#[cfg(test)]
mod tests;
