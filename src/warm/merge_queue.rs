//! A merge queue of portions, each sorted by size, taken from as if they were one: the largest or the smallest object of all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::order::WarmingOrder;
use model::object::Object;

/// Portions, each in its own order, that are taken from as if they were one.
#[derive(Debug, Default)]
pub(super) struct MergeQueue {
    portions: Vec<Portion>,
    /// The size of each one's largest object, and its place; none of those that are empty.
    larger: BinaryHeap<(u64, usize)>,
    /// The same of its smallest, which may have been taken as the largest since.
    smaller: BinaryHeap<Reverse<(u64, usize)>>,
}

#[derive(Debug, Default)]
struct Portion {
    order: WarmingOrder,
    /// It stands among `smaller`. A portion may have none to offer, and some again in its next stretch.
    offers: bool,
}

impl MergeQueue {
    pub fn new(first: WarmingOrder) -> Self {
        let mut merge_queue = Self::default();
        merge_queue.add(first);
        merge_queue
    }

    pub fn add(&mut self, order: WarmingOrder) {
        if let Some(largest) = order.largest() {
            let place = self.portions.len();
            self.larger.push((largest.size, place));
            self.portions.push(Portion { order, offers: false });
            self.offer(place);
        }
    }

    pub fn largest(&self) -> Option<&Object> {
        let (_, place) = self.larger.peek()?;
        self.portions[*place].order.largest()
    }

    pub fn take_largest(&mut self) -> Option<Object> {
        let mut first = self.larger.peek_mut()?;
        let place = first.1;
        let portion = &mut self.portions[place];
        let taken = portion.order.take_largest();
        if let Some(next) = portion.order.largest() {
            first.0 = next.size;
            drop(first);
            self.offer(place);
        } else {
            portion.order = WarmingOrder::default();
            PeekMut::pop(first);
        }
        taken
    }

    /// Another one, if there are two.
    pub fn smallest(&mut self) -> Option<&Object> {
        // What is noted of a portion was its smallest once.
        while let Some(mut first) = self.smaller.peek_mut() {
            let Reverse((noted, place)) = *first;
            let Portion { order, offers } = &mut self.portions[place];
            match order.smallest().map(|object| object.size) {
                Some(size) if size == noted => break,
                Some(size) => first.0.0 = size,
                None => {
                    *offers = false;
                    PeekMut::pop(first);
                }
            }
        }
        let Reverse((_, place)) = self.smaller.peek()?;
        self.portions[*place].order.smallest()
    }

    pub fn take_smallest(&mut self) -> Option<Object> {
        self.smallest()?;
        let mut first = self.smaller.peek_mut()?;
        let Portion { order, offers } = &mut self.portions[first.0.1];
        let taken = order.take_smallest();
        if let Some(next) = order.smallest() {
            first.0.0 = next.size;
        } else {
            *offers = false;
            PeekMut::pop(first);
        }
        taken
    }

    fn offer(&mut self, place: usize) {
        let Portion { order, offers } = &mut self.portions[place];
        if !*offers && let Some(smallest) = order.smallest() {
            *offers = true;
            self.smaller.push(Reverse((smallest.size, place)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::warm::warming_order;
    use model::object::{Bucket, Key};

    fn portion(mut sizes: Vec<u64>) -> WarmingOrder {
        sizes.sort_unstable();
        sizes.into_iter().enumerate().map(|(n, size)| sized(n, size)).collect::<Vec<_>>().into()
    }

    fn sized(n: usize, size: u64) -> Object {
        Object {
            bucket: Bucket::new("b"),
            key: Key::from(format!("{n}").as_str()),
            size,
            etag: None,
            last_modified: chrono::DateTime::UNIX_EPOCH,
            storage_class: None,
        }
    }

    #[derive(Clone, Debug)]
    enum Act {
        Add(Vec<u64>),
        Largest,
        Smallest,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            prop::collection::vec(0_u64..20, 0..6).prop_map(Act::Add),
            Just(Act::Largest),
            Just(Act::Largest),
            Just(Act::Smallest),
        ]
    }

    #[test]
    fn a_stretch_without_smaller_ones_hides_none_of_the_next() {
        let objects = (1..=5).map(|size| sized(0, size)).collect::<Vec<_>>().into();
        let mut merge_queue = MergeQueue::new(warming_order(objects, &[1]));
        merge_queue.add(portion(vec![0, 0]));
        let sizes = |object: Option<Object>| object.map(|object| object.size);
        assert_eq!((sizes(merge_queue.take_largest()), sizes(merge_queue.take_smallest())), (Some(1), Some(0)));
        let smallest = std::iter::from_fn(|| merge_queue.take_smallest()).map(|object| object.size).collect::<Vec<_>>();
        assert_eq!(smallest, [2, 3, 4]);
        assert_eq!((sizes(merge_queue.take_largest()), sizes(merge_queue.take_largest())), (Some(5), Some(0)));
    }

    proptest! {
        #[test]
        fn the_largest_of_all_portions_comes_first_and_none_is_lost(acts in prop::collection::vec(act(), 0..40)) {
            let (mut merge_queue, mut left) = (MergeQueue::default(), Vec::new());
            let take = |size: u64, left: &mut Vec<u64>| {
                let at = left.iter().position(|one| *one == size);
                at.map(|at| left.swap_remove(at))
            };
            for act in acts {
                match act {
                    Act::Add(sizes) => {
                        left.extend(&sizes);
                        merge_queue.add(portion(sizes));
                    }
                    Act::Largest => {
                        let largest = merge_queue.take_largest().map(|object| object.size);
                        prop_assert_eq!(largest, left.iter().max().copied());
                        largest.map(|size| take(size, &mut left));
                    }
                    Act::Smallest => {
                        let shown = merge_queue.smallest().map(|object| object.size);
                        let smallest = merge_queue.take_smallest().map(|object| object.size);
                        prop_assert_eq!(shown, smallest);
                        prop_assert!(smallest.is_none_or(|size| take(size, &mut left).is_some()));
                    }
                }
                prop_assert_eq!(merge_queue.largest().map(|object| object.size), left.iter().max().copied());
            }
            while let Some(object) = merge_queue.take_largest() {
                prop_assert!(take(object.size, &mut left).is_some());
            }
            prop_assert!(left.is_empty());
        }
    }
}
