//! Which candidates the caps let in: in rank order, until the first that does not fit.
//!
//! That one ends the selection even where smaller ones behind it would fit, so that a larger cap never loses an object. It also
//! bounds memory: what ranks behind it can never come back, and is dropped when seen.
//!
//! With `max_objects` the first so many are what is wanted, and are held until all is seen: how much of them `max_bytes` cuts
//! has to be known.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Order;
use super::rank::{ValueRange, compare, ranked};
use crate::object::store::{Room, Spill, Store, View};
use crate::object::{Object, ObjectIndex, Row};

/// Objects held beyond the caps before the surplus is trimmed, at least: ranking a few costs more than holding them.
const MIN_TRIM_SLACK: u32 = 1 << 14;
/// Trim once 25 % (one in this many) more objects are held than the caps admit.
const TRIM_SLACK_DIVISOR: u32 = 4;

/// Which cap left a candidate out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutBy {
    Objects,
    Bytes,
}

/// How much a profile selects at the most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caps {
    pub objects: Option<u64>,
    pub bytes: Option<u64>,
}

impl Caps {
    pub fn is_none(self) -> bool {
        self.objects.is_none() && self.bytes.is_none()
    }

    /// Whether so many objects of so many bytes are more than one of the caps lets in. Wide, because no sum of sizes may wrap.
    pub fn is_over(self, cap: CutBy, objects: u64, bytes: u128) -> bool {
        match cap {
            CutBy::Objects => self.objects.is_some_and(|max| objects > max),
            CutBy::Bytes => self.bytes.is_some_and(|max| bytes > u128::from(max)),
        }
    }
}

/// The candidates that the caps let in so far, and some more.
#[derive(Debug)]
pub struct Budget {
    caps: Caps,
    order: Order,
    /// In the order of their arrival.
    held: Store,
    /// Of all that was ever held.
    value_range: ValueRange,
    /// Of `held`. Wide, because without a byte cap nothing bounds it.
    bytes: u128,
    /// With so many held, what is over the caps is cut; none where nothing is over yet.
    cut_at: Option<u32>,
    /// The first in rank order that did not fit.
    cutoff: Option<Object>,
}

impl Budget {
    pub fn new(caps: Caps, order: Order) -> Self {
        Self {
            caps,
            order,
            held: Store::default(),
            value_range: ValueRange::default(),
            bytes: 0,
            cut_at: None,
            cutoff: None,
        }
    }

    /// Keeps of what is held in memory what there is room for.
    pub fn spill(&mut self, spill: Arc<dyn Spill>, room: Room) {
        self.held = Store::spilling(spill, room);
    }

    /// What is held, where no cap can cut any of it.
    pub fn hand_over(&mut self) -> Option<Store> {
        (self.caps.is_none() && !self.held.is_empty()).then(|| {
            self.bytes = 0;
            self.held.take_all()
        })
    }

    /// Held by now.
    pub fn held(&self) -> u32 {
        self.held.len()
    }

    /// Hands `over` what is known to be cut by now, each once.
    pub fn offer(&mut self, object: Row<'_>, mut over: impl FnMut(Row<'_>, CutBy)) {
        if self.is_behind_cutoff(object) {
            return over(object, self.cuts_early());
        }
        self.held.push(object);
        self.value_range.add(self.order, object);
        self.bytes += u128::from(object.size);
        let held = self.held.len();
        let is_over = self.caps.is_over(self.cuts_early(), u64::from(held), self.bytes);
        if is_over && held >= *self.cut_at.get_or_insert_with(|| with_slack(held)) {
            self.cut(over);
        }
    }

    /// In rank order. Hands `over` what else is cut.
    pub fn finish(self, mut over: impl FnMut(Row<'_>, CutBy)) -> ObjectIndex {
        let mut places = ranked(&self.held, self.order, &self.value_range);
        let (within, bytes) = self.fitting(CutBy::Objects, &places, self.bytes);
        self.leave(places.split_off(within), |object| over(object, CutBy::Objects));
        let (fitting, bytes) = self.fitting(CutBy::Bytes, &places, bytes);
        self.leave(places.split_off(fitting), |object| over(object, CutBy::Bytes));
        ObjectIndex::counted(self.held, places, u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    fn is_behind_cutoff(&self, object: Row<'_>) -> bool {
        self.cutoff.as_ref().is_some_and(|cutoff| compare(self.order, cutoff.row(), object) != Ordering::Greater)
    }

    /// The cap that bounds what is held before all is seen.
    fn cuts_early(&self) -> CutBy {
        if self.caps.objects.is_some() { CutBy::Objects } else { CutBy::Bytes }
    }

    /// Drops what ranks behind the first that does not fit.
    fn cut(&mut self, mut over: impl FnMut(Row<'_>, CutBy)) {
        let cap = self.cuts_early();
        let mut places = ranked(&self.held, self.order, &self.value_range);
        let (fitting, bytes) = self.fitting(cap, &places, self.bytes);
        self.cutoff = places.get(fitting).and_then(|place| self.held.get(*place));
        let behind = places.split_off(fitting);
        drop(places);
        let behind = self.leave(behind, |object| over(object, cap));
        let mut behind = behind.into_iter().peekable();
        self.held = std::mem::take(&mut self.held).retain(|place| behind.next_if_eq(&place).is_none());
        self.bytes = bytes;
        self.cut_at = Some(with_slack(self.held.len()));
    }

    /// Hands these to `over` in the order of the store, which is ten times as fast as by rank, and returns them so.
    fn leave(&self, mut places: Vec<u32>, mut over: impl FnMut(Row<'_>)) -> Vec<u32> {
        places.sort_unstable();
        let mut cursor = self.held.cursor();
        places
            .iter()
            .filter_map(|place| cursor.read(*place).map(View::to_object))
            .for_each(|object| over(object.row()));
        places
    }

    /// How many of the first of these, which have `all` bytes, `cap` lets in, and their bytes.
    fn fitting(&self, cap: CutBy, places: &[u32], all: u128) -> (usize, u128) {
        if !self.caps.is_over(cap, places.len() as u64, all) {
            return (places.len(), all);
        }
        // In the order of the store, too.
        let mut cursor = self.held.cursor();
        let sizes: Vec<u64> =
            (0..self.held.len()).map(|place| cursor.read(place).map_or(0, |view| view.size())).collect();
        let mut bytes = 0;
        for (place, nth) in places.iter().zip(0..) {
            let more = bytes + u128::from(sizes[*place as usize]);
            if self.caps.is_over(cap, nth + 1, more) {
                return (usize::try_from(nth).unwrap_or(usize::MAX), bytes);
            }
            bytes = more;
        }
        (places.len(), bytes)
    }
}

fn with_slack(held: u32) -> u32 {
    held.saturating_add(MIN_TRIM_SLACK.max(held / TRIM_SLACK_DIVISOR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Key;
    use crate::select::Cap;
    use crate::select::tests::object;

    fn keys(budget: Budget) -> Vec<String> {
        budget.finish(|_, _| ()).iter().map(|object| object.key.to_string()).collect()
    }

    fn caps(objects: Option<u64>, bytes: Cap) -> Caps {
        Caps { objects, bytes: bytes.bytes() }
    }

    fn filled(max_objects: Option<u64>, max_bytes: Cap, order: Order) -> Budget {
        let mut budget = Budget::new(caps(max_objects, max_bytes), order);
        for (key, size, age) in [("d", 40, 1), ("a", 10, 4), ("c", 30, 2), ("b", 20, 3)] {
            budget.offer(object(key, size, age).row(), |_, _| ());
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
        let mut budget = Budget::new(caps(Some(3), Cap::Unlimited), Order::Newest);
        for (bucket, key) in [("b2", "a"), ("b1", "z"), ("b1", "a"), ("b3", "a")] {
            let object = Object { bucket: crate::object::Bucket::new(bucket), ..object(key, 1, 0) };
            budget.offer(object.row(), |_, _| ());
        }
        let kept = budget.finish(|_, _| ());
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
    fn what_max_bytes_cuts_of_the_first_max_objects_is_told_apart() {
        for (name, max_objects, max_bytes, by_objects, by_bytes) in [
            ("the newest two, and no more was wanted", Some(2), Cap::Bytes(70), "ab", ""),
            ("of the newest three one has no room", Some(3), Cap::Bytes(70), "a", "b"),
            ("bytes alone", None, Cap::Bytes(70), "", "ab"),
            ("both, and bytes first", Some(4), Cap::Bytes(40), "", "abc"),
            ("neither", Some(4), Cap::Bytes(100), "", ""),
        ] {
            let (mut objects, mut bytes) = (String::new(), String::new());
            filled(max_objects, max_bytes, Order::Newest).finish(|object, by| {
                let cut = if by == CutBy::Objects { &mut objects } else { &mut bytes };
                cut.insert_str(0, &Key::from_bytes(object.key).to_string());
            });
            let sorted = |text: &str| {
                let mut keys: Vec<_> = text.chars().collect();
                keys.sort_unstable();
                keys.into_iter().collect::<String>()
            };
            assert_eq!((sorted(&objects), sorted(&bytes)), (by_objects.to_owned(), by_bytes.to_owned()), "{name}");
        }
    }

    #[test]
    fn caps_of_nothing_keep_nothing() {
        assert_eq!(keys(filled(Some(0), Cap::Unlimited, Order::Key)), [""; 0]);
        assert_eq!(keys(filled(None, Cap::Bytes(0), Order::Key)), [""; 0]);
    }

    #[test]
    fn sizes_that_no_sum_can_hold_are_ranked_all_the_same() {
        let mut budget = Budget::new(caps(Some(2), Cap::Unlimited), Order::Key);
        for key in ["c", "b", "a"] {
            budget.offer(object(key, u64::MAX, 0).row(), |_, _| ());
        }
        assert_eq!(keys(budget), ["a", "b"]);
    }

    #[test]
    fn holds_little_more_than_the_caps_let_in() {
        for (name, age) in [
            ("in no order", (|n| n * 7_919 % 1_000_003) as fn(i64) -> i64),
            ("the newest last, so that each is let in for a while", |n| -n),
        ] {
            let mut budget = Budget::new(caps(Some(1_000), Cap::Unlimited), Order::Newest);
            let (mut over, mut most, mut ages) = (0, 0, Vec::new());
            for n in 0..200_000 {
                budget.offer(object("k", 1, age(n)).row(), |_, _| over += 1);
                most = most.max(budget.held.len());
                ages.push(age(n));
            }
            let kept = budget.finish(|_, _| over += 1);
            ages.sort_unstable();
            assert!(most <= 1_001 + MIN_TRIM_SLACK, "{name}: {most}");
            assert_eq!(over, 199_000, "{name}");
            assert!(kept.iter().eq(ages[..1_000].iter().map(|age| object("k", 1, *age))), "{name}");
        }
    }

    #[test]
    fn a_byte_cap_cuts_as_it_would_at_once() {
        let objects = |n: u64| object(&format!("{n:06}"), n % 7, i64::try_from(n * 7_919 % 100_003).unwrap());
        let mut budget = Budget::new(caps(None, Cap::Bytes(150_000)), Order::Newest);
        let mut over = Vec::new();
        (0..100_000).for_each(|n| budget.offer(objects(n).row(), |object, _| over.push(Key::from_bytes(object.key))));
        let mut all: Vec<_> = (0..100_000).map(objects).collect();
        all.sort_by(|a, b| compare(Order::Newest, a.row(), b.row()));
        let mut bytes = 0;
        let fits = all.iter().take_while(|object| {
            bytes += object.size;
            bytes <= 150_000
        });
        let fits = fits.count();
        assert!(over.len() > 10_000, "most of it was cut on the way");
        assert!(
            budget.finish(|object, _| over.push(Key::from_bytes(object.key))).iter().eq(all[..fits].iter().cloned())
        );
        over.sort_unstable();
        let mut expected: Vec<_> = all[fits..].iter().map(|object| object.key.clone()).collect();
        expected.sort_unstable();
        assert_eq!(over, expected, "each once");
    }
}
