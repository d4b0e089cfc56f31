//! Which groups there are, found by as few LISTs as it takes: a group is not looked into, and what is none is looked through.
//!
//! A folder that is no group is listed flat for one page, which is all there is of most; a larger one up to the next `/`, and
//! so on below. Where names alone do not tell a group from a folder on the way to one, the newest of those that are called
//! alike are looked at, two more each time as before, until one shows that it is a group: then the others are, too.
//! Groups that do not count are ranked by the times of their objects, so that everything is listed.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::naming::{Place, folder_of, last_segment};
use super::search::Listing;
use super::{Checkpoint, naming::Naming};
use crate::object::{Bucket, Key, Object};
use crate::pattern::KeyGlob;
use crate::select::Rules;

/// A group that was found, and not yet looked into.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub bucket: Bucket,
    /// See [`Place`].
    pub stem: Key,
    pub is_folder: bool,
    pub run: Key,
    pub name: Key,
    pub step: Option<u64>,
    pub temporary: bool,
    /// What all of its keys begin with.
    pub prefix: Key,
    /// Of the objects that showed it, in layouts that do not count.
    pub newest: Option<DateTime<Utc>>,
}

/// Tells groups of a bucket apart: a folder by itself, files by their folder and name.
type Id = (Bucket, Key, Option<Key>);

/// One listing that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub bucket: Bucket,
    pub prefix: Key,
    pub listing: Listing,
    /// It is one of these, and may be a group.
    among: Option<Alike>,
}

/// Folders beside each other that are called alike but for their numbers.
type Alike = (Bucket, Key, Vec<u8>);

#[derive(Debug, Default)]
struct Siblings {
    /// Not looked at yet, the newest last.
    waiting: Vec<Found>,
    looked_at: Vec<Found>,
    are_groups: bool,
}

#[derive(Debug)]
pub(super) struct Finder {
    rules: Arc<Rules>,
    naming: Naming,
    signs: Vec<KeyGlob>,
    wanted: Vec<Look>,
    siblings: BTreeMap<Alike, Siblings>,
    found: BTreeMap<Id, Found>,
    /// Objects of no group.
    pub others: crate::object::Count,
}

impl Finder {
    pub fn new(rules: Arc<Rules>, checkpoint: &Checkpoint, scopes: Vec<(Bucket, Key)>) -> Self {
        let listing = if checkpoint.naming.counts() { Listing::FirstKeys } else { Listing::Keys };
        let wanted = scopes.into_iter().map(|(bucket, prefix)| Look { bucket, prefix, listing, among: None });
        Self {
            rules,
            naming: checkpoint.naming.clone(),
            signs: checkpoint.signs.clone(),
            wanted: wanted.collect(),
            siblings: BTreeMap::new(),
            found: BTreeMap::new(),
            others: crate::object::Count::default(),
        }
    }

    /// What to list next; all of it has to be answered before this is asked again. Nothing: the groups are found.
    pub fn looks(&mut self) -> Vec<Look> {
        let mut looks = std::mem::take(&mut self.wanted);
        for (alike, siblings) in &mut self.siblings {
            if siblings.are_groups {
                let all = siblings.waiting.drain(..).chain(siblings.looked_at.drain(..));
                self.found.extend(all.map(|found| (found.id(), found)));
                continue;
            }
            let batch = siblings.looked_at.len().clamp(1, 64);
            let rest = siblings.waiting.len().saturating_sub(batch);
            for found in siblings.waiting.drain(rest..) {
                let (bucket, prefix) = (found.bucket.clone(), found.prefix.clone());
                let among = Some(alike.clone());
                looks.push(Look { bucket, prefix, listing: Listing::Folders, among });
                siblings.looked_at.push(found);
            }
        }
        looks.retain(|look| look.listing == Listing::Keys || !self.is_within_a_group(&look.bucket, &look.prefix));
        looks
    }

    /// One page of what was asked for; `more` says whether it is not the last. Whether the rest of it is wanted.
    pub fn page(&mut self, look: &Look, page: (Vec<Object>, Vec<Key>), more: bool) {
        let (objects, folders) = page;
        if look.listing == Listing::FirstKeys && more {
            let (bucket, prefix) = (look.bucket.clone(), look.prefix.clone());
            self.wanted.push(Look { bucket, prefix, listing: Listing::Folders, among: None });
            return;
        }
        if let Some(alike) = &look.among {
            let from = look.prefix.as_bytes().len();
            let mut names = objects.iter().map(|object| &object.key).chain(&folders);
            if names.any(|name| is_sign(&self.signs, &name.as_bytes()[from..])) {
                self.siblings.entry(alike.clone()).or_default().are_groups = true;
            }
        }
        for object in objects {
            self.object(&object);
        }
        let mut alike = Vec::new();
        for folder in folders {
            if !self.is_wanted(&look.bucket, &folder) {
                continue;
            }
            match self.naming.place(folder.as_bytes()) {
                Some(place) if self.signs.is_empty() => self.find(Found::at(&look.bucket, place, &folder, None)),
                Some(place) => {
                    let found = Found::at(&look.bucket, whole(place, folder.as_bytes()), &folder, None);
                    let kind = (look.bucket.clone(), look.prefix.clone(), shape(last_segment(folder.as_bytes())));
                    self.siblings.entry(kind.clone()).or_default().waiting.push(found);
                    alike.push(kind);
                }
                None => {
                    let listing = Listing::FirstKeys;
                    self.wanted.push(Look { bucket: look.bucket.clone(), prefix: folder, listing, among: None });
                }
            }
        }
        for kind in alike {
            if let Some(siblings) = self.siblings.get_mut(&kind) {
                siblings.waiting.sort_by(|a, b| (a.step, &a.stem).cmp(&(b.step, &b.stem)));
            }
        }
    }

    /// All groups, without those inside of another.
    pub fn finish(&mut self) -> Vec<Found> {
        let mut groups: Vec<Found> = Vec::new();
        for (_, found) in std::mem::take(&mut self.found) {
            let inside = |outer: &Found| {
                outer.is_folder
                    && outer.bucket == found.bucket
                    && found.prefix.as_bytes().starts_with(outer.stem.as_bytes())
            };
            // In the order of keys, the outer one comes first and what it holds right behind it.
            if !groups.iter().rev().find(|group| group.is_folder).is_some_and(inside) {
                groups.push(found);
            }
        }
        groups
    }

    fn object(&mut self, object: &Object) {
        let key = object.key.as_bytes();
        let newest = Some(object.last_modified).filter(|_| !self.naming.counts());
        let found = if self.signs.is_empty() {
            self.naming.place(key).map(|place| Found::at(&object.bucket, place, &object.key, newest))
        } else {
            self.signed(key).map(|place| Found::at(&object.bucket, place, &object.key, newest))
        };
        match found.filter(|_| self.is_wanted(&object.bucket, &object.key)) {
            Some(found) => self.find(found),
            None => self.others.add(object.size),
        }
    }

    /// The outermost folder of `key` that its name and a sign among its direct members show to be a group.
    fn signed<'k>(&self, key: &'k [u8]) -> Option<Place<'k>> {
        let ends = key.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at + 1);
        std::iter::once(0).chain(ends).find_map(|end| {
            let (folder, name) = key.split_at(end);
            let place = self.naming.place(folder)?;
            is_sign(&self.signs, name).then(|| whole(place, folder))
        })
    }

    fn find(&mut self, found: Found) {
        match self.found.entry(found.id()) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(found);
            }
            std::collections::btree_map::Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.newest = known.newest.max(found.newest);
                if !known.is_folder {
                    known.prefix = common(&known.prefix, &found.prefix);
                }
            }
        }
    }

    /// Whether a pattern reaches what is below `prefix`, and no exclusion covers all of it.
    fn is_wanted(&self, bucket: &Bucket, prefix: &Key) -> bool {
        let _ = (bucket, prefix);
        true
    }

    fn is_within_a_group(&self, bucket: &Bucket, prefix: &Key) -> bool {
        let ends = prefix.as_bytes().iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at + 1);
        ends.map(|end| Key::from_bytes(&prefix.as_bytes()[..end]))
            .any(|folder| self.found.contains_key(&(bucket.clone(), folder, None)))
    }
}

impl Found {
    fn at(bucket: &Bucket, place: Place<'_>, key: &Key, newest: Option<DateTime<Utc>>) -> Self {
        let stem = Key::from_bytes(place.stem);
        Self {
            bucket: bucket.clone(),
            prefix: if place.is_folder { stem.clone() } else { key.clone() },
            stem,
            is_folder: place.is_folder,
            run: Key::from_bytes(place.run),
            name: Key::from_bytes(place.name),
            step: place.step,
            temporary: place.temporary,
            newest,
        }
    }

    fn id(&self) -> Id {
        (self.bucket.clone(), self.stem.clone(), (!self.is_folder).then(|| self.name.clone()))
    }

    /// What `key` is called within the group; `None` where it is not a member.
    pub fn member<'k>(&self, key: &'k Key, naming: &Naming) -> Option<&'k [u8]> {
        let rest = key.as_bytes().strip_prefix(self.stem.as_bytes())?;
        if self.is_folder {
            return Some(rest);
        }
        let place = naming.place(key.as_bytes())?;
        let same = place.stem == self.stem.as_bytes() && place.name == self.name.as_bytes() && !place.is_folder;
        same.then_some(rest)
    }

    /// The folder that the group stands in.
    pub fn folder(&self) -> Key {
        let stem = self.stem.as_bytes();
        let bare = if self.is_folder { stem.strip_suffix(b"/").unwrap_or(stem) } else { stem };
        Key::from_bytes(folder_of(bare))
    }
}

/// A folder whose name fits as a whole.
fn whole<'k>(place: Place<'k>, folder: &'k [u8]) -> Place<'k> {
    Place { stem: folder, is_folder: true, ..place }
}

fn is_sign(signs: &[KeyGlob], name: &[u8]) -> bool {
    signs.iter().any(|sign| sign.matches(name))
}

/// A name with every number in it replaced.
fn shape(name: &[u8]) -> Vec<u8> {
    let mut shape = Vec::with_capacity(name.len());
    for byte in name {
        match byte.is_ascii_digit() {
            true if shape.last() == Some(&0) => {}
            true => shape.push(0),
            false => shape.push(*byte),
        }
    }
    shape
}

fn common(a: &Key, b: &Key) -> Key {
    let same = a.as_bytes().iter().zip(b.as_bytes()).take_while(|(a, b)| a == b).count();
    Key::from_bytes(&a.as_bytes()[..same])
}
