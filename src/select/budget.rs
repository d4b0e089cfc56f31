//! Which candidates the caps let in: in rank order, until the first that does not fit.
//!
//! That one ends the selection even where smaller ones behind it would fit, so that a larger cap never loses an object. It also
//! bounds memory: what ranks behind it can never come back, and is dropped when seen.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::{Cap, Order};
use crate::object::Object;

/// The candidates that the caps let in so far.
#[derive(Debug)]
pub struct Budget {
    max_objects: Option<u64>,
    max_bytes: Cap,
    order: Order,
    /// The last in rank order is on top.
    kept: BinaryHeap<Ranked>,
    /// Of `kept`. Wide, because without a byte cap nothing bounds it.
    bytes: u128,
    /// The first in rank order that did not fit.
    fence: Option<Ranked>,
}

impl Budget {
    pub fn new(max_objects: Option<u64>, max_bytes: Cap, order: Order) -> Self {
        Self { max_objects, max_bytes, order, kept: BinaryHeap::new(), bytes: 0, fence: None }
    }

    /// Hands `over` what the caps cut on account of `object`, each once: itself, or those that it ranks before.
    pub fn offer(&mut self, object: Object, mut over: impl FnMut(&Object)) {
        let candidate = Ranked { order: self.order, object };
        if self.fence.as_ref().is_some_and(|fence| *fence <= candidate) {
            over(&candidate.object);
            return;
        }
        self.bytes += u128::from(candidate.object.size);
        self.kept.push(candidate);
        while self.is_over()
            && let Some(last) = self.kept.pop()
        {
            self.bytes -= u128::from(last.object.size);
            over(&last.object);
            self.fence = Some(last);
        }
    }

    /// In rank order.
    pub fn finish(self) -> Vec<Object> {
        self.kept.into_sorted_vec().into_iter().map(|ranked| ranked.object).collect()
    }

    fn is_over(&self) -> bool {
        let objects = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        let over_bytes = match self.max_bytes {
            Cap::Bytes(max) => self.bytes > u128::from(max),
            Cap::Unlimited => false,
        };
        over_bytes || self.max_objects.is_some_and(|max| objects > max)
    }

    /// Objects in memory.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.kept.len()
    }
}

/// A candidate that compares by rank: the smaller is let in first.
#[derive(Debug)]
struct Ranked {
    order: Order,
    object: Object,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.object, &other.object);
        let by_order = match self.order {
            Order::Newest => b.last_modified.cmp(&a.last_modified),
            Order::Oldest => a.last_modified.cmp(&b.last_modified),
            Order::Largest => b.size.cmp(&a.size),
            Order::Smallest => a.size.cmp(&b.size),
            Order::Key => a.key.cmp(&b.key),
        };
        by_order.then_with(|| (&a.bucket, &a.key).cmp(&(&b.bucket, &b.key)))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::tests::object;

    fn keys(budget: Budget) -> Vec<String> {
        budget.finish().iter().map(|object| object.key.to_string()).collect()
    }

    fn filled(max_objects: Option<u64>, max_bytes: Cap, order: Order) -> Budget {
        let mut budget = Budget::new(max_objects, max_bytes, order);
        for (key, size, age) in [("d", 40, 1), ("a", 10, 4), ("c", 30, 2), ("b", 20, 3)] {
            budget.offer(object(key, size, age), |_| ());
        }
        budget
    }

    #[test]
    fn keeps_the_first_of_each_order() {
        for (order, first) in [
            (Order::Newest, ["d", "c"]),
            (Order::Oldest, ["a", "b"]),
            (Order::Key, ["a", "b"]),
            (Order::Largest, ["d", "c"]),
            (Order::Smallest, ["a", "b"]),
        ] {
            assert_eq!(keys(filled(Some(2), Cap::Unlimited, order)), first, "{order:?}");
        }
    }

    #[test]
    fn ties_go_by_bucket_and_key() {
        let mut budget = Budget::new(Some(3), Cap::Unlimited, Order::Newest);
        for (bucket, key) in [("b2", "a"), ("b1", "z"), ("b1", "a"), ("b3", "a")] {
            budget.offer(Object { bucket: crate::object::Bucket::new(bucket), ..object(key, 1, 0) }, |_| ());
        }
        let kept = budget.finish();
        let names: Vec<_> = kept.iter().map(|object| format!("{}/{}", object.bucket, object.key)).collect();
        assert_eq!(names, ["b1/a", "b1/z", "b2/a"]);
    }

    #[test]
    fn a_cap_that_is_met_exactly_lets_in() {
        assert_eq!(keys(filled(Some(4), Cap::Bytes(100), Order::Key)), ["a", "b", "c", "d"]);
        assert_eq!(keys(filled(None, Cap::Bytes(60), Order::Key)), ["a", "b", "c"]);
        assert_eq!(keys(filled(None, Cap::Bytes(59), Order::Key)), ["a", "b"]);
    }

    #[test]
    fn the_first_that_does_not_fit_ends_the_selection() {
        assert_eq!(
            keys(filled(None, Cap::Bytes(65), Order::Largest)),
            ["d"],
            "after 40, 30 does not fit and 20 is not tried"
        );
    }

    #[test]
    fn caps_of_nothing_keep_nothing() {
        assert_eq!(keys(filled(Some(0), Cap::Unlimited, Order::Key)), [""; 0]);
        assert_eq!(keys(filled(None, Cap::Bytes(0), Order::Key)), [""; 0]);
    }

    #[test]
    fn sizes_that_no_sum_can_hold_are_ranked_all_the_same() {
        let mut budget = Budget::new(Some(2), Cap::Unlimited, Order::Key);
        for key in ["c", "b", "a"] {
            budget.offer(object(key, u64::MAX, 0), |_| ());
        }
        assert_eq!(keys(budget), ["a", "b"]);
    }

    #[test]
    fn holds_no_more_than_the_caps_let_in() {
        let mut budget = Budget::new(Some(1_000), Cap::Unlimited, Order::Newest);
        let (mut over, mut most) = (0, 0);
        for n in 0..1_000_000_i64 {
            // Visits every age once, in no order.
            let age = n * 7_919 % 1_000_003;
            budget.offer(object("k", 1, age), |_| over += 1);
            most = most.max(budget.held());
        }
        assert_eq!((most, over), (1_000, 999_000));
    }
}
