//! The order in which objects are warmed, which is not the order in which caps choose them.

use rand::seq::SliceRandom;

use crate::object::Roll;
use crate::object::store::Store;

/// Stretch by stretch, the first of them first: so many objects each, and all others behind them. Within a stretch largest
/// first, so that no giant is left alone at the end; equal sizes shuffled, so that no node of the cache gets a run of
/// neighbouring keys. The next object to warm stands last.
pub fn warming_order(objects: &mut Roll, stretches: &[usize]) {
    objects.arrange(|store, places| {
        places.reverse();
        let mut rest = places;
        for length in stretches {
            let (behind, stretch) = rest.split_at_mut(rest.len().saturating_sub(*length));
            largest_last(store, stretch);
            rest = behind;
        }
        largest_last(store, rest);
    });
}

fn largest_last(store: &Store, places: &mut [u32]) {
    // In their order they are read fastest.
    places.sort_unstable();
    let mut cursor = store.cursor();
    let mut sized: Vec<(u64, u32)> = places.iter().map(|place| (cursor.read(*place).size(), *place)).collect();
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
    use crate::object::{Bucket, Key, Object};

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

    fn reversed(objects: &Roll) -> Vec<Object> {
        let mut reversed: Vec<_> = objects.iter().collect();
        reversed.reverse();
        reversed
    }

    fn number(object: &Object) -> usize {
        object.key.as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn the_largest_comes_first_and_equals_are_shuffled() {
        let mut objects: Roll = (0..200).map(|n| object(if n % 2 == 0 { 10 } else { 20 }, n)).collect();
        warming_order(&mut objects, &[]);
        let order = reversed(&objects);
        assert!(order.is_sorted_by_key(|object| Reverse(object.size)));
        assert!(
            !order[..100].is_sorted_by_key(|object| object.key.clone()),
            "100 keys in order by chance: 1 in 10^157"
        );
    }

    #[test]
    fn a_stretch_is_warmed_before_the_next_one_however_large_that_is() {
        for (stretches, ends) in [(&[3, 0, 5][..], &[3, 8, 12][..]), (&[12], &[12]), (&[7, 99], &[7, 12]), (&[], &[12])]
        {
            // The sizes grow with the rank, and repeat in pairs.
            let mut objects: Roll = (0..12).map(|n| object(n as u64 / 2, n)).collect();
            warming_order(&mut objects, stretches);
            let order = reversed(&objects);
            let mut from = 0;
            for end in ends {
                let stretch = &order[from..*end];
                let mut numbers: Vec<_> = stretch.iter().map(number).collect();
                numbers.sort_unstable();
                assert_eq!(numbers, (from..*end).collect::<Vec<_>>(), "{stretches:?}");
                assert!(stretch.is_sorted_by_key(|object| Reverse(object.size)), "{stretches:?}");
                from = *end;
            }
        }
    }
}
