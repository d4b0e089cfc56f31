//! The order in which objects are warmed, which is not the order in which caps choose them.

use rand::seq::SliceRandom;

use crate::object::Object;

/// Largest first, so that no giant is left alone at the end; equal sizes shuffled, so that no node of the cache gets a run
/// of neighbouring keys. The next object to warm stands last.
pub fn warming_order(objects: &mut [Object]) {
    objects.shuffle(&mut rand::rng());
    objects.sort_by_key(|object| object.size);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Bucket, Key};

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

    #[test]
    fn the_largest_comes_first_and_equals_are_shuffled() {
        let mut objects: Vec<_> = (0..200).map(|n| object(if n % 2 == 0 { 10 } else { 20 }, n)).collect();
        warming_order(&mut objects);
        let order: Vec<_> = objects.iter().rev().collect();
        assert!(order.is_sorted_by_key(|object| std::cmp::Reverse(object.size)));
        assert!(
            !order[..100].is_sorted_by_key(|object| object.key.clone()),
            "100 keys in order by chance: 1 in 10^157"
        );
    }
}
