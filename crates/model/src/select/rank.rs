//! The rank order in which caps let objects in. Indices into a store are sorted; the objects stay where they are.

use std::cmp::Ordering;
use std::ops::Range;

use super::Order;
use crate::object::Row;
use crate::object::store::{Store, View};

/// Ties of at most so many objects are sorted by comparing the objects themselves.
const MAX_SMALL_TIE: usize = 32;
/// Bytes of keys that are compared at once.
const CHUNK_BYTES: usize = size_of::<u128>();

/// How `a` ranks against `b`: the smaller is let in first.
pub fn compare(order: Order, a: Row<'_>, b: Row<'_>) -> Ordering {
    let by_order = match order {
        Order::Newest => b.last_modified.cmp(&a.last_modified),
        Order::Oldest => a.last_modified.cmp(&b.last_modified),
        Order::Largest => b.size.cmp(&a.size),
        Order::Smallest => a.size.cmp(&b.size),
        Order::Key => a.key.cmp(b.key),
    };
    by_order.then_with(|| (a.bucket, a.key).cmp(&(b.bucket, b.key)))
}

/// The places of all objects of `store`, in rank order. Takes twelve bytes an object. `value_range` covers the values of all of them.
pub fn ranked(store: &Store, order: Order, value_range: &ValueRange) -> Vec<u32> {
    let mut places: Vec<u32> = (0..store.len()).collect();
    let place_bits = u32::BITS - store.len().leading_zeros();
    let ranking = Ranking { store, order, place_bits, buckets: store.bucket_ranks() };
    if order == Order::Key {
        ranking.sort(&mut places, By::Key);
    } else {
        let ties = ranking.split(&mut places, value_range, |view| ranking.value(view));
        ranking.sort_ties(&mut places, ties, (By::Value, By::Bucket));
    }
    places
}

/// The range of the values that objects are ranked by, and the bits in which they differ.
#[derive(Clone, Copy, Debug)]
pub struct ValueRange {
    least: u128,
    most: u128,
    first: Option<u128>,
    differ: u128,
}

impl Default for ValueRange {
    fn default() -> Self {
        Self { least: u128::MAX, most: 0, first: None, differ: 0 }
    }
}

impl ValueRange {
    /// Takes in by what `object` is ranked.
    pub fn add(&mut self, order: Order, object: Row<'_>) {
        let at = object.last_modified;
        self.widen(value(order, (at.timestamp(), at.timestamp_subsec_nanos()), object.size));
    }

    fn widen(&mut self, value: u128) {
        (self.least, self.most) = (self.least.min(value), self.most.max(value));
        self.differ |= value.wrapping_sub(*self.first.get_or_insert(value));
    }
}

/// Smaller for what is let in first.
fn value(order: Order, (seconds, nanos): (i64, u32), size: u64) -> u128 {
    let seconds = seconds.wrapping_sub(i64::MIN).cast_unsigned();
    let time = u128::from(seconds) << u32::BITS | u128::from(nanos);
    match order {
        Order::Newest => u128::MAX - time,
        Order::Oldest => time,
        Order::Largest => u128::from(u64::MAX - size),
        Order::Smallest => u128::from(size),
        Order::Key => 0,
    }
}

/// What is compared, one after the other; only a ranking by key begins with the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The time or the size.
    Value,
    Bucket,
    Key,
}

struct Ranking<'a> {
    store: &'a Store,
    order: Order,
    /// Of the largest place.
    place_bits: u32,
    /// Where each bucket stands among them by name.
    buckets: Vec<u32>,
}

/// What is left to sort after a split.
enum Ties {
    /// All of it, as all were equal.
    All,
    /// These, of which each is of equals.
    Equal(Vec<Range<usize>>),
    /// These, of which each is of neighbours in value.
    Close(Vec<Range<usize>>),
}

impl Ranking<'_> {
    /// Sorts ascending places of objects that are equal in what comes before `by`.
    fn sort(&self, places: &mut [u32], by: By) {
        match by {
            By::Value => {
                let ties = self.split_by(places, |view| self.value(view));
                self.sort_ties(places, ties, (by, By::Bucket));
            }
            By::Bucket if self.store.is_sorted() => {}
            By::Bucket => {
                let ties = self.split_by(places, |view| self.bucket(view));
                self.sort_ties(places, ties, (by, By::Key));
            }
            By::Key => {
                let Some(shared) = self.disorder(places) else { return };
                // Never equal: behind a key that ends here, another one may go on with zeros.
                match self.split_by(places, |view| number(view.key().get(shared..).unwrap_or_default())) {
                    Ties::All => self.sort_small(places),
                    Ties::Equal(ties) | Ties::Close(ties) => self.sort_ties(places, Ties::Close(ties), (by, by)),
                }
            }
        }
    }

    /// Sorts what a split by the first has left, also by the second, which comes after it.
    fn sort_ties(&self, places: &mut [u32], ties: Ties, (by, next): (By, By)) {
        let (ties, by) = match ties {
            Ties::All => return self.sort(places, next),
            Ties::Equal(_) if next == By::Bucket && self.store.is_sorted() => return,
            Ties::Equal(ties) => (ties, next),
            Ties::Close(ties) => (ties, by),
        };
        for tie in ties {
            let tie = &mut places[tie];
            if tie.len() <= MAX_SMALL_TIE { self.sort_small(tie) } else { self.sort(tie, by) }
        }
    }

    /// Sorts by numbers, as many of their leading bits as a place leaves room for in 64.
    fn split_by(&self, places: &mut [u32], value: impl Fn(View<'_>) -> u128) -> Ties {
        let (mut cursor, mut value_range) = (self.store.cursor(), ValueRange::default());
        places.iter().for_each(|place| value_range.widen(cursor.read(*place).map_or(0, &value)));
        self.split(places, &value_range, value)
    }

    fn split(&self, places: &mut [u32], value_range: &ValueRange, value: impl Fn(View<'_>) -> u128) -> Ties {
        let ValueRange { least, most, differ, .. } = *value_range;
        let mut cursor = self.store.cursor();
        if least >= most {
            return Ties::All;
        }
        // Bits in which no two differ: times are of whole seconds on most servers.
        let idle = differ.trailing_zeros();
        let bits = u128::BITS - (most - least).leading_zeros() - idle;
        let cut = bits.saturating_sub(u64::BITS - self.place_bits);
        let lead = |place: &u32| {
            let value = cursor.read(*place).map_or(0, &value).saturating_sub(least) >> (idle + cut);
            u64::try_from(value).unwrap_or(u64::MAX) << self.place_bits | u64::from(*place)
        };
        let mut packed: Vec<u64> = places.iter().map(lead).collect();
        packed.sort_unstable();
        let mask = (1_u64 << self.place_bits) - 1;
        for (place, packed) in places.iter_mut().zip(&packed) {
            *place = u32::try_from(packed & mask).unwrap_or(u32::MAX);
        }
        let mut from = 0;
        let ties = packed.chunk_by(|a, b| a >> self.place_bits == b >> self.place_bits).map(|tie| {
            from += tie.len();
            from - tie.len()..from
        });
        let ties = ties.filter(|tie| tie.len() > 1).collect();
        if cut == 0 { Ties::Equal(ties) } else { Ties::Close(ties) }
    }

    /// How many bytes the keys begin with alike; `None` where they are in order.
    fn disorder(&self, places: &[u32]) -> Option<usize> {
        let mut cursor = self.store.cursor();
        let (mut is_sorted, mut shared) = (true, usize::MAX);
        let (mut last, mut last_bucket) = (Vec::new(), 0);
        for (nth, place) in places.iter().enumerate() {
            let Some(view) = cursor.read(*place) else { continue };
            let bucket = self.bucket(view);
            if nth > 0 {
                is_sorted = is_sorted && (&*last, last_bucket) <= (view.key(), bucket);
                shared = last.iter().zip(view.key()).take(shared).take_while(|(a, b)| a == b).count();
            }
            last.clear();
            last.extend_from_slice(view.key());
            last_bucket = bucket;
        }
        (!is_sorted).then_some(shared)
    }

    fn sort_small(&self, places: &mut [u32]) {
        let mut cursor = self.store.cursor();
        let mut few: Vec<_> = places.iter().map(|place| (cursor.read(*place).map(View::to_object), *place)).collect();
        few.sort_unstable_by(|(a, _), (b, _)| match (a, b) {
            (Some(a), Some(b)) => compare(self.order, a.row(), b.row()),
            (a, b) => a.is_some().cmp(&b.is_some()),
        });
        for (place, (_, sorted)) in places.iter_mut().zip(few) {
            *place = sorted;
        }
    }

    fn value(&self, view: View<'_>) -> u128 {
        value(self.order, view.modified(), view.size())
    }

    fn bucket(&self, view: View<'_>) -> u128 {
        self.buckets.get(view.bucket_place()).copied().unwrap_or_default().into()
    }
}

/// The first bytes as a number, of which the order is that of the bytes.
fn number(bytes: &[u8]) -> u128 {
    let mut first = [0; CHUNK_BYTES];
    let length = bytes.len().min(CHUNK_BYTES);
    first[..length].copy_from_slice(&bytes[..length]);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::object::{Bucket, Key, Object};
    use crate::select::tests::object;

    const ORDERS: [Order; 5] = [Order::Newest, Order::Oldest, Order::Key, Order::Largest, Order::Smallest];

    /// Ties of all kinds, and more than a few of each; keys of zeros, and keys that differ late.
    fn objects() -> impl Strategy<Value = Vec<Object>> {
        let key =
            prop_oneof!["[ab]{0,3}", "[\0]{0,2}", "(same start of forty bytes and a little more )?[a-z]{0,2}[\0]?"];
        let one = (key, prop_oneof![0..3_u64, any::<u64>()], prop_oneof![Just(0), 0..3_i64, 0..1_i64 << 40]);
        let one = (one, 0..2_u32, prop::sample::select(vec!["b", "a", "c"]));
        let one = one.prop_map(|((key, size, age), nanos, bucket)| {
            let object = object(&key, size, age);
            let last_modified = object.last_modified + chrono::TimeDelta::nanoseconds(nanos.into());
            Object { bucket: Bucket::new(bucket), key: Key::from_bytes(key.as_bytes()), last_modified, ..object }
        });
        prop::collection::vec(one, 0..300)
    }

    fn all(store: &Store, order: Order) -> Vec<u32> {
        let mut value_range = ValueRange::default();
        (0..store.len()).for_each(|place| value_range.add(order, store.get(place).unwrap().row()));
        ranked(store, order, &value_range)
    }

    fn stored(objects: &[Object]) -> Store {
        let mut store = Store::default();
        objects.iter().for_each(|object| store.push(object.row()));
        store
    }

    proptest! {
        #[test]
        fn places_are_in_the_order_of_their_objects(objects in objects(), order in prop::sample::select(ORDERS.to_vec())) {
            let store = stored(&objects);
            let places = all(&store, order);
            let mut sorted = places.clone();
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..store.len()), "each place once");
            let ranked: Vec<_> = places.iter().map(|place| store.get(*place).unwrap()).collect();
            let in_order = ranked.is_sorted_by(|a, b| compare(order, a.row(), b.row()).is_le());
            prop_assert!(in_order, "{:?}", ranked);
        }
    }

    #[test]
    fn pages_of_several_ranges_that_come_by_turns_are_in_order_in_the_end() {
        let range = |range: u32, page: u32| (0..10).map(move |n| format!("range-{range}/shard-{:06}", page * 10 + n));
        let keys = (0..50).flat_map(|page| (0..4).rev().flat_map(move |nth| range(nth, page)));
        let store = stored(&keys.map(|key| object(&key, 1, 0)).collect::<Vec<_>>());
        for order in ORDERS {
            let keys: Vec<_> = all(&store, order).into_iter().map(|place| store.get(place).unwrap().key).collect();
            assert!(keys.is_sorted(), "{order:?}");
        }
    }
}
