//! A flat listing of a folder, page by page, and what it shows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Alike, Found, Id, Terms, ancestors, merge, whole};
use crate::object::{Count, Key, Object};

/// Folders of a page from which on they are small.
const MANY: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct Glance {
    pub pages: u32,
    /// Folders right below the one that is listed.
    folders: u32,
    last_folder: Vec<u8>,
    groups: BTreeMap<Id, Found>,
    /// Folders that are groups if one of those called alike is, with what is in them and in no group.
    maybe: BTreeMap<Id, (Found, Count)>,
    /// The outermost of them that the last object is in.
    last_maybe: Option<Id>,
    signed: BTreeSet<Alike>,
    others: Count,
}

impl Glance {
    /// One page of the flat listing of `prefix`.
    pub fn see(&mut self, objects: Vec<Object>, prefix: &Key, terms: &Terms) {
        self.pages = self.pages.saturating_add(1);
        for object in objects {
            self.count_folder(&object.key.as_bytes()[prefix.as_bytes().len()..]);
            let newest = Some(object.last_modified).filter(|_| !terms.naming.counts());
            let found = match terms.signs.is_empty() {
                true => {
                    let place = terms.naming.place(object.key.as_bytes());
                    place.map(|place| Found::at(&object.bucket, place, &object.key, newest))
                }
                false => self.signed(&object, terms).map(|found| Found { newest, ..found }),
            };
            match found {
                Some(found) => merge(&mut self.groups, found),
                None => {
                    let maybe = self.last_maybe.take().and_then(|id| self.maybe.get_mut(&id));
                    maybe.map_or(&mut self.others, |(_, count)| count).add(object.size);
                }
            }
        }
    }

    fn count_folder(&mut self, name: &[u8]) {
        let folder = ancestors(name).next().unwrap_or_default();
        if !folder.is_empty() && folder != self.last_folder {
            self.folders = self.folders.saturating_add(1);
            self.last_folder = folder.to_vec();
        }
    }

    /// The outermost folder that holds `object` and shows to be a group, by its name and a sign among its direct members.
    fn signed(&mut self, object: &Object, terms: &Terms) -> Option<Found> {
        self.last_maybe = None;
        let key = object.key.as_bytes();
        for folder in std::iter::once(&b""[..]).chain(ancestors(key)) {
            let Some(place) = terms.naming.place(folder) else { continue };
            let found = Found::at(&object.bucket, whole(place, folder), &object.key, None);
            if place.temporary {
                return Some(found);
            }
            if terms.is_sign(&key[folder.len()..]) {
                self.signed.insert(found.alike());
                return Some(found);
            }
            if terms.naming.counts() {
                let id = found.id();
                self.maybe.entry(id.clone()).or_insert((found, Count::default()));
                self.last_maybe.get_or_insert(id);
            }
        }
        None
    }

    /// Whether it holds many small folders, and no group so far: what is below it is listed in fewer pages flat.
    pub fn is_of_small_folders(&self) -> bool {
        self.groups.is_empty() && self.folders >= MANY.saturating_mul(self.pages)
    }

    /// The groups, and how much belongs to none.
    pub fn finish(mut self) -> (Vec<Found>, Count) {
        for (id, (found, count)) in std::mem::take(&mut self.maybe) {
            if self.signed.contains(&found.alike()) {
                self.groups.entry(id).or_insert(found);
            } else {
                self.others = self.others + count;
            }
        }
        (self.groups.into_values().collect(), self.others)
    }
}
