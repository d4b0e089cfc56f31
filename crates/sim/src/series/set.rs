//! Merges thousands of series into one sequence of keys, and generates only the keys that a reader reaches.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;

use super::super::store::Entry;
use super::Series;

/// Where two hold the same key, either answers for it.
#[derive(Clone, Debug, Default)]
pub struct SeriesSet {
    /// By what all keys of a series begin with.
    by_prefix: BTreeMap<Vec<u8>, Vec<Series>>,
    /// Of these.
    lengths: BTreeSet<usize>,
}

impl SeriesSet {
    pub fn add(&mut self, series: Series) {
        self.lengths.insert(series.prefix.len());
        self.by_prefix.entry(series.prefix.clone()).or_default().push(series);
    }

    pub fn get(&self, key: &[u8]) -> Option<Entry> {
        self.around(key).find_map(|series| series.get(key))
    }

    /// All keys that are `bound` or after it, in order; a key that several hold comes several times.
    pub fn from(&self, bound: &[u8]) -> Cursors<'_> {
        let later = self.by_prefix.range::<[u8], _>((Bound::Excluded(bound), Bound::Unbounded)).peekable();
        let mut cursors = Cursors { later, series: Vec::new(), open: BinaryHeap::new() };
        self.around(bound).for_each(|series| cursors.open(series, bound));
        cursors.reach();
        cursors
    }

    /// Those whose prefix `key` begins with. No other series has keys on both sides of it.
    fn around<'a>(&'a self, key: &[u8]) -> impl Iterator<Item = &'a Series> {
        self.lengths.range(..=key.len()).filter_map(|length| self.by_prefix.get(&key[..*length])).flatten()
    }
}

/// A place in a set.
pub struct Cursors<'a> {
    /// Not reached yet: all of their keys are behind what is open.
    later: Peekable<btree_map::Range<'a, Vec<u8>, Vec<Series>>>,
    /// Reached, if only to be seen that they have ended.
    series: Vec<&'a Series>,
    open: BinaryHeap<Reverse<Cursor>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cursor {
    key: Vec<u8>,
    series: usize,
    index: u64,
}

impl<'a> Cursors<'a> {
    pub fn peek(&self) -> Option<&[u8]> {
        self.open.peek().map(|Reverse(cursor)| cursor.key.as_slice())
    }

    fn open(&mut self, series: &'a Series, bound: &[u8]) {
        self.series.push(series);
        self.push(self.series.len() - 1, series.seek(bound));
    }

    fn push(&mut self, number: usize, index: u64) {
        let Some(series) = self.series.get(number).filter(|series| index < series.len()) else { return };
        self.open.push(Reverse(Cursor { key: series.key(index), series: number, index }));
    }

    /// Opens what could hold the next key.
    fn reach(&mut self) {
        loop {
            let next = self.open.peek().map(|Reverse(cursor)| &cursor.key);
            let Some((prefix, reached)) = self.later.next_if(|(prefix, _)| next.is_none_or(|next| *prefix <= next))
            else {
                return;
            };
            reached.iter().for_each(|series| self.open(series, prefix));
        }
    }
}

impl Iterator for Cursors<'_> {
    type Item = (Vec<u8>, Entry);

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse(Cursor { key, series: number, index }) = self.open.pop()?;
        let entry = self.series.get(number)?.entry(index, &key);
        self.push(number, index + 1);
        self.reach();
        Some((key, entry))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checkpoints() -> SeriesSet {
        let mut set = SeriesSet::default();
        (1..=10_000).for_each(|n| set.add(Series::new(format!("checkpoint-{n}/f-"), 2_000, "").width(4)));
        set
    }

    #[test]
    fn only_series_that_a_reader_comes_to_are_opened() {
        let set = checkpoints();
        for (bound, first, opened) in [
            ("", "checkpoint-1/f-0000", 1),
            ("checkpoint-77/", "checkpoint-77/f-0000", 1),
            ("checkpoint-77/f-1000", "checkpoint-77/f-1000", 1),
            ("checkpoint-77/f-2000", "checkpoint-770/f-0000", 2),
            ("checkpoint-770", "checkpoint-770/f-0000", 1),
            ("d", "", 0),
        ] {
            let mut keys = set.from(bound.as_bytes());
            assert_eq!(keys.peek().unwrap_or_default(), first.as_bytes(), "{bound}");
            assert_eq!(keys.series.len(), opened, "{bound}");
            assert!(keys.by_ref().take(1_000).is_sorted_by_key(|(key, _)| key));
            assert!(keys.series.len() <= opened + 1, "{bound}");
        }
        assert!(set.get(b"checkpoint-9999/f-1999").is_some());
        assert_eq!(set.around(b"checkpoint-9999/f-1999").count(), 1);
        assert!(set.get(b"checkpoint-9999/f-2000").is_none());
    }

    fn series() -> impl Strategy<Value = Series> {
        let text = |longest| prop::collection::vec(prop::sample::select(b"a/01".to_vec()), 0..longest);
        (text(4), 0_u64..12, 0_u64..12, 0_usize..3, text(3)).prop_map(|(prefix, first, count, width, end)| {
            Series::new(prefix, count, end).starting_at(first).width(width)
        })
    }

    proptest! {
        #[test]
        fn a_set_is_read_as_if_all_keys_were_sorted(
            series in prop::collection::vec(series(), 0..6),
            bound in prop::collection::vec(prop::sample::select(b"a/01\0".to_vec()), 0..6),
        ) {
            let mut set = SeriesSet::default();
            series.iter().cloned().for_each(|series| set.add(series));
            let mut keys: Vec<_> = series.iter().flat_map(|series| (0..series.len()).map(|n| series.key(n))).collect();
            keys.sort();
            prop_assert!(keys.iter().all(|key| set.get(key).is_some()));
            prop_assert_eq!(set.get(&bound).is_some(), keys.contains(&bound));
            keys.retain(|key| *key >= bound);
            prop_assert_eq!(set.from(&bound).map(|(key, _)| key).collect::<Vec<_>>(), keys);
        }
    }
}
