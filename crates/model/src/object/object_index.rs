//! An ordered list of objects: indices into a store, which several lists may share.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::store::{Cursor, Store, View};
use super::{Count, Object};

/// Objects of a store in an order of their own, some or all of them. What the store has put on a disk that cannot be read any
/// more is passed over; whoever made the file knows of it.
#[derive(Clone, Default)]
pub struct ObjectIndex {
    store: Arc<Store>,
    /// Their places.
    order: Vec<u32>,
    /// Of all, once that was asked.
    count: OnceLock<Count>,
}

impl ObjectIndex {
    /// The objects at these places of `store`, each once.
    pub fn new(store: Store, order: Vec<u32>) -> Self {
        Self { store: Arc::new(store), order, count: OnceLock::new() }
    }

    /// The same, of which it is known how many bytes they have.
    pub fn counted(store: Store, order: Vec<u32>, bytes: u64) -> Self {
        let count = Count { objects: order.len() as u64, bytes };
        Self { count: count.into(), ..Self::new(store, order) }
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub fn get(&self, n: usize) -> Option<Object> {
        self.store.get(*self.order.get(n)?)
    }

    pub fn last(&self) -> Option<Object> {
        self.store.get(*self.order.last()?)
    }

    /// Takes the last one away.
    pub fn pop(&mut self) -> Option<Object> {
        self.count.take();
        self.store.get(self.order.pop()?)
    }

    /// Keeps the first `length`.
    pub fn truncate(&mut self, length: usize) {
        self.count.take();
        self.order.truncate(length);
    }

    pub fn iter(&self) -> Iter<'_> {
        Iter { cursor: self.store.cursor(), order: self.order.iter() }
    }

    /// The sizes of some of them, in order.
    pub fn sizes(&self, range: Range<usize>) -> impl Iterator<Item = u64> {
        let mut cursor = self.store.cursor();
        self.order[range].iter().map_while(move |place| cursor.read(*place).map(|view| view.size()))
    }

    /// Shows all of them, in the order in which they are read fastest.
    pub fn scan(&self, mut see: impl FnMut(View<'_>)) {
        let mut cursor = self.store.cursor();
        if self.order.len() == self.store.len() as usize {
            return (0..self.store.len()).for_each(|place| cursor.read(place).into_iter().for_each(&mut see));
        }
        let mut places = self.order.clone();
        places.sort_unstable();
        places.into_iter().for_each(|place| cursor.read(place).into_iter().for_each(&mut see));
    }

    /// Shows some of them by their numbers, each with what it came with, in the order in which they are read fastest.
    pub fn scan_some<T>(&self, some: impl IntoIterator<Item = (usize, T)>, mut see: impl FnMut(usize, T, View<'_>)) {
        let mut places: Vec<_> = some.into_iter().map(|(n, with)| (self.order[n], n, with)).collect();
        places.sort_unstable_by_key(|(place, ..)| *place);
        let mut cursor = self.store.cursor();
        for (place, n, with) in places {
            if let Some(view) = cursor.read(place) {
                see(n, with, view);
            }
        }
    }

    /// Of all.
    pub fn count(&self) -> Count {
        *self.count.get_or_init(|| {
            let mut count = Count::default();
            self.scan(|view| count.add(view.size()));
            count
        })
    }

    /// Keeps those whose numbers, from 0, are `kept`.
    pub fn retain(&mut self, mut kept: impl FnMut(usize) -> bool) {
        let (mut number, before) = (0.., self.len());
        self.order.retain(|_| number.next().is_some_and(&mut kept));
        if self.len() != before {
            self.count.take();
        }
    }

    /// Puts them into another order: `arrange` gets the store and their places in it.
    pub fn arrange(&mut self, arrange: impl FnOnce(&Store, &mut [u32])) {
        arrange(&self.store, &mut self.order);
    }
}

/// The objects of an index, each read from the store when it is asked for.
pub struct Iter<'a> {
    cursor: Cursor<'a>,
    order: std::slice::Iter<'a, u32>,
}

impl Iterator for Iter<'_> {
    type Item = Object;

    fn next(&mut self) -> Option<Object> {
        self.order.next().and_then(|place| self.cursor.read(*place)).map(View::to_object)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.order.size_hint().1)
    }
}

impl<'a> IntoIterator for &'a ObjectIndex {
    type Item = Object;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// In the order of their arrival.
impl From<Store> for ObjectIndex {
    fn from(store: Store) -> Self {
        let order = (0..store.len()).collect();
        Self::new(store, order)
    }
}

impl FromIterator<Object> for ObjectIndex {
    fn from_iter<I: IntoIterator<Item = Object>>(objects: I) -> Self {
        let mut store = Store::default();
        objects.into_iter().for_each(|object| store.push(object.row()));
        store.into()
    }
}

impl From<Vec<Object>> for ObjectIndex {
    fn from(objects: Vec<Object>) -> Self {
        objects.into_iter().collect()
    }
}

impl PartialEq for ObjectIndex {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other)
    }
}

impl Eq for ObjectIndex {}

impl fmt::Debug for ObjectIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
