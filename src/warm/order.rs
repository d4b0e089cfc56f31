//! The order in which objects are warmed. It is not the rank by which caps choose them.

use std::vec::IntoIter;

use rand::seq::SliceRandom;

use model::object::store::Store;
use model::object::{Count, Object, ObjectIndex};

/// The objects to warm, segment by segment, the largest first. While the largest does not fit the bytes in flight, the smallest
/// goes.
#[derive(Clone, Debug, Default)]
pub struct WarmingOrder {
    /// Segments, the first one last, each from its smallest to its largest.
    objects: ObjectIndex,
    /// Of all, before any was taken.
    count: Count,
    /// Where the segments begin, after the current one.
    starts: IntoIter<usize>,
    start: usize,
    /// Where what is left of the current one begins.
    low: usize,
    /// The two ends, as they are looked at again and again.
    largest: Option<Object>,
    smallest: Option<Object>,
}

/// Segments in the given order, of `segments[i]` objects each; the rest forms the last one. Within a segment the largest comes
/// first, so that no giant is left alone at the end; equal sizes are shuffled, so that no node of the cache gets a run of
/// neighbouring keys.
pub fn warming_order(mut objects: ObjectIndex, segments: &[usize]) -> WarmingOrder {
    let mut starts = Vec::with_capacity(segments.len() + 1);
    objects.arrange(|store, places| {
        places.reverse();
        let mut rest = places;
        for length in segments {
            let (behind, segment) = rest.split_at_mut(rest.len().saturating_sub(*length));
            largest_last(store, segment);
            rest = behind;
            starts.push(rest.len());
        }
        largest_last(store, rest);
    });
    starts.push(0);
    WarmingOrder::new(objects, starts)
}

impl WarmingOrder {
    fn new(objects: ObjectIndex, starts: Vec<usize>) -> Self {
        let (count, end) = (objects.count(), objects.len());
        let starts = starts.into_iter();
        let mut order = Self { objects, count, starts, start: end, low: end, largest: None, smallest: None };
        order.largest = order.pop();
        order
    }

    /// Of all, before any was taken.
    pub fn count(&self) -> Count {
        self.count
    }

    pub fn largest(&self) -> Option<&Object> {
        self.largest.as_ref()
    }

    pub fn take_largest(&mut self) -> Option<Object> {
        let next = self.pop();
        std::mem::replace(&mut self.largest, next)
    }

    /// The smallest object of the current segment other than the largest.
    pub fn smallest(&mut self) -> Option<&Object> {
        if self.smallest.is_none() && self.low < self.objects.len() {
            self.smallest = self.objects.get(self.low);
            self.low += 1;
        }
        self.smallest.as_ref()
    }

    pub fn take_smallest(&mut self) -> Option<Object> {
        self.smallest();
        self.smallest.take()
    }

    fn pop(&mut self) -> Option<Object> {
        while self.low == self.objects.len() {
            if let Some(smallest) = self.smallest.take() {
                return Some(smallest);
            }
            self.objects.truncate(self.start);
            self.start = self.starts.next()?;
            self.low = self.start;
        }
        self.objects.pop()
    }
}

/// In the order given, with the next one last.
#[cfg(test)]
impl From<Vec<Object>> for WarmingOrder {
    fn from(objects: Vec<Object>) -> Self {
        Self::new(objects.into(), vec![0])
    }
}

fn largest_last(store: &Store, places: &mut [u32]) {
    // In their order they are read fastest.
    places.sort_unstable();
    let mut cursor = store.cursor();
    let mut sized: Vec<(u64, u32)> =
        places.iter().map(|place| (cursor.read(*place).map_or(0, |view| view.size()), *place)).collect();
    sized.shuffle(&mut rand::rng());
    sized.sort_unstable_by_key(|(size, _)| *size);
    for (place, (_, sorted)) in places.iter_mut().zip(sized) {
        *place = sorted;
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::*;
    use model::object::{Bucket, Key, Object};

    fn object(size: u64, n: usize) -> Object {
        Object {
            bucket: Bucket::new("b"),
            key: Key::from(format!("{n:04}").as_str()),
            size,
            etag: None,
            last_modified: chrono::DateTime::UNIX_EPOCH,
            storage_class: None,
        }
    }

    fn taken(mut order: WarmingOrder) -> Vec<Object> {
        std::iter::from_fn(|| order.take_largest()).collect()
    }

    fn number(object: &Object) -> usize {
        object.key.as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn the_largest_comes_first_and_equals_are_shuffled() {
        let objects: ObjectIndex = (0..200).map(|n| object(if n % 2 == 0 { 10 } else { 20 }, n)).collect();
        let order = taken(warming_order(objects, &[]));
        assert!(order.is_sorted_by_key(|object| Reverse(object.size)));
        assert!(
            !order[..100].is_sorted_by_key(|object| object.key.clone()),
            "100 keys in order by chance: 1 in 10^157"
        );
    }

    #[test]
    fn a_segment_is_warmed_before_the_next_one_however_large_that_is() {
        for (segments, ends) in [(&[3, 0, 5][..], &[3, 8, 12][..]), (&[12], &[12]), (&[7, 99], &[7, 12]), (&[], &[12])]
        {
            // The sizes grow with the rank, and repeat in pairs.
            let objects: ObjectIndex = (0..12).map(|n| object(n as u64 / 2, n)).collect();
            let order = taken(warming_order(objects, segments));
            let mut from = 0;
            for end in ends {
                let segment = &order[from..*end];
                let mut numbers: Vec<_> = segment.iter().map(number).collect();
                numbers.sort_unstable();
                assert_eq!(numbers, (from..*end).collect::<Vec<_>>(), "{segments:?}");
                assert!(segment.is_sorted_by_key(|object| Reverse(object.size)), "{segments:?}");
                from = *end;
            }
        }
    }

    #[test]
    fn the_smallest_of_a_segment_may_pass_and_those_of_the_next_one_may_not() {
        let objects: ObjectIndex = (0..12).map(|n| object(n as u64, n)).collect();
        let mut order = warming_order(objects, &[4, 1, 0]);
        let mut sizes = |ends: &str| -> Vec<u64> {
            let take = |end| if end == 'l' { order.take_largest() } else { order.take_smallest() };
            ends.chars().filter_map(take).map(|object| object.size).collect()
        };
        assert_eq!(sizes("lssss"), [3, 0, 1], "the largest waits, and nothing is left beside it");
        assert_eq!(sizes("lsl"), [2, 4]);
        assert_eq!(sizes("slslslslsl"), [5, 11, 6, 10, 7, 9, 8]);
    }

    proptest::proptest! {
        #[test]
        fn each_comes_once_whatever_is_taken_from_which_end(
            sizes in proptest::collection::vec(0_u64..20, 0..60),
            segments in proptest::collection::vec(0_usize..30, 0..5),
            looks in proptest::collection::vec(0_u8..3, 0..200),
        ) {
            let objects: ObjectIndex = sizes.iter().enumerate().map(|(n, size)| object(*size, n)).collect();
            let mut order = warming_order(objects, &segments);
            let mut seen: Vec<usize> = vec![];
            for look in looks {
                let (largest, smallest) = (order.largest().cloned(), order.smallest().cloned());
                proptest::prop_assert!(smallest.as_ref().is_none_or(|small| small.size <= largest.as_ref().unwrap().size));
                let (told, taken) = match look {
                    0 => (largest, order.take_largest()),
                    1 => (smallest, order.take_smallest()),
                    _ => continue,
                };
                proptest::prop_assert_eq!(&told, &taken);
                seen.extend(taken.as_ref().map(number));
            }
            let mut before: Vec<_> = seen.iter().map(|n| segment(*n, &segments)).collect();
            seen.extend(taken(order).iter().map(number));
            before.extend(seen[before.len()..].iter().map(|n| segment(*n, &segments)));
            proptest::prop_assert!(before.is_sorted(), "segment by segment");
            seen.sort_unstable();
            proptest::prop_assert_eq!(seen, (0..sizes.len()).collect::<Vec<_>>());
        }
    }

    /// Which segment the object of this rank belongs to.
    fn segment(rank: usize, segments: &[usize]) -> usize {
        let mut end = 0;
        segments
            .iter()
            .take_while(|length| {
                end += **length;
                rank >= end
            })
            .count()
    }
}
