//! Interned names: what many objects share is held once.

use std::collections::HashMap;
use std::hash::Hash;

/// Names by their places, which are numbers from 0.
#[derive(Clone, Debug)]
pub(super) struct Names<T> {
    all: Vec<T>,
    places: HashMap<T, u32>,
    /// Neighbours mostly share a name.
    last: u32,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::new(), last: 0 }
    }
}

impl<T: Clone + Eq + Hash + AsRef<str>> Names<T> {
    pub fn place(&mut self, name: &T) -> u32 {
        // Neighbours mostly hold the very same text.
        let is_last = |last: &T| std::ptr::eq(last.as_ref(), name.as_ref()) || last == name;
        if self.get(self.last).is_some_and(is_last) {
            return self.last;
        }
        let next = u32::try_from(self.all.len()).unwrap_or_else(|_| unreachable!("they would not fit into memory"));
        self.last = *self.places.entry(name.clone()).or_insert(next);
        if self.last == next {
            self.all.push(name.clone());
        }
        self.last
    }

    /// By their places, where each stands among all.
    pub fn ranks(&self) -> Vec<u32>
    where
        T: Ord,
    {
        let mut sorted: Vec<(&T, usize)> = self.all.iter().zip(0..).collect();
        sorted.sort_unstable();
        let mut ranks = vec![0; sorted.len()];
        for ((_, place), rank) in sorted.into_iter().zip(0..) {
            ranks[place] = rank;
        }
        ranks
    }

    pub fn get(&self, place: u32) -> Option<&T> {
        self.all.get(usize::try_from(place).ok()?)
    }
}
