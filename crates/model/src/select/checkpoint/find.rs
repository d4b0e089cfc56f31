//! Which groups there are, found by as few LISTs as it takes: a group is not looked into, and what is none is looked through.
//!
//! A folder that is no group is glanced at flat, for one page, which is all there is of most. A larger one is listed up to the
//! next `/`, and so on below; one that is made up of many small folders without a group goes on flat, for more pages each time.
//! Where names alone do not tell a group from a folder on the way to one, the newest of those that are called alike are looked
//! at, twice as many each time, until one shows that it is a group: then the others are, too. Groups that do not count are
//! ranked by the times of their objects, so that everything is listed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Checkpoint;
use super::naming::{Naming, Place, folder_of, last_segment};
use super::search::Listing;
use crate::object::{Bucket, Count, Key, Object};
use crate::pattern::KeyGlob;
use crate::select::Rules;

mod glance;

use glance::Glance;

/// Pages of a second glance at a folder of many small ones, and how many times more of each one after it.
const MORE_PAGES: u32 = 8;
/// Folders that a search looks through: more of them are no place for checkpoints.
pub(super) const MAX_FOLDERS: usize = 100_000;
/// Folders that are looked at together, at most, for one that shows a sign.
const TOGETHER: usize = 64;

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

/// Tells groups apart: a folder by itself, files by their folder and name.
type Id = (Bucket, Key, Option<Key>);

/// Folders beside each other that are called alike but for their numbers.
type Alike = (Bucket, Key, Vec<u8>);

/// One listing that is wanted.
#[derive(Debug)]
pub(super) struct Look {
    pub bucket: Bucket,
    pub prefix: Key,
    pub listing: Listing,
    /// It is one of these, and may be a group.
    among: Option<Alike>,
    glance: Glance,
}

#[derive(Debug, Default)]
struct Siblings {
    /// Not looked at yet, the newest last.
    waiting: Vec<Found>,
    looked_at: Vec<Found>,
    are_groups: bool,
}

/// How groups are told, and which of them are asked for.
#[derive(Debug)]
struct Terms {
    rules: Arc<Rules>,
    naming: Naming,
    /// See [`Checkpoint::signs`].
    signs: Vec<KeyGlob>,
}

#[derive(Debug)]
pub(super) struct Finder {
    terms: Terms,
    wanted: Vec<Look>,
    siblings: BTreeMap<Alike, Siblings>,
    found: BTreeMap<Id, Found>,
    /// Folders that may still be looked at.
    left: usize,
    /// There were more: what was found is not all.
    pub has_given_up: bool,
    /// Objects of no group.
    pub others: Count,
}

impl Finder {
    pub fn new(rules: Arc<Rules>, checkpoint: &Checkpoint, scopes: Vec<(Bucket, Key)>) -> Self {
        let naming = checkpoint.naming.clone();
        let listing = if naming.counts() { Listing::FirstKeys { pages: 1 } } else { Listing::Keys };
        Self {
            terms: Terms { rules, naming, signs: checkpoint.signs.clone() },
            wanted: scopes.into_iter().map(|(bucket, prefix)| Look::new(bucket, prefix, listing)).collect(),
            siblings: BTreeMap::new(),
            found: BTreeMap::new(),
            left: MAX_FOLDERS,
            has_given_up: false,
            others: Count::default(),
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
            let together = siblings.looked_at.len().clamp(1, TOGETHER);
            let rest = siblings.waiting.len().saturating_sub(together);
            for found in siblings.waiting.drain(rest..) {
                let look = Look::new(found.bucket.clone(), found.prefix.clone(), Listing::Folders);
                looks.push(Look { among: Some(alike.clone()), ..look });
                siblings.looked_at.push(found);
            }
        }
        looks.retain(|look| look.listing == Listing::Keys || !self.is_within_a_group(&look.bucket, &look.prefix));
        match self.left.checked_sub(looks.len()) {
            Some(left) => self.left = left,
            None => {
                self.has_given_up = true;
                looks.clear();
            }
        }
        looks
    }

    /// One page of what was asked for; `more` says whether it is not the last.
    pub fn page(&mut self, look: &mut Look, page: (Vec<Object>, Vec<Key>), more: bool) {
        match look.listing {
            Listing::Folders => self.folders(look, page),
            Listing::Keys => {
                look.glance.see(page.0, &look.prefix, &self.terms);
                self.take(std::mem::take(&mut look.glance));
            }
            Listing::FirstKeys { pages } => {
                look.glance.see(page.0, &look.prefix, &self.terms);
                if !more {
                    self.take(std::mem::take(&mut look.glance));
                } else if look.glance.pages >= pages {
                    let listing = match look.glance.is_of_small_folders() {
                        true => Listing::FirstKeys { pages: pages.saturating_mul(MORE_PAGES) },
                        false => Listing::Folders,
                    };
                    self.wanted.push(Look::new(look.bucket.clone(), look.prefix.clone(), listing));
                }
            }
        }
    }

    /// What a folder holds, one level deep.
    fn folders(&mut self, look: &mut Look, (objects, folders): (Vec<Object>, Vec<Key>)) {
        if let Some(alike) = &look.among {
            let from = look.prefix.as_bytes().len();
            let mut names = objects.iter().map(|object| &object.key).chain(&folders);
            if names.any(|name| self.terms.is_sign(&name.as_bytes()[from..])) {
                self.siblings.entry(alike.clone()).or_default().are_groups = true;
            }
        }
        let mut glance = Glance::default();
        glance.see(objects, &look.prefix, &self.terms);
        self.take(glance);
        for folder in folders {
            if self.terms.reach(&look.bucket, &folder) {
                self.folder(&look.bucket, folder);
            }
        }
    }

    fn folder(&mut self, bucket: &Bucket, folder: Key) {
        let Some(place) = self.terms.naming.place(folder.as_bytes()) else {
            let listing = Listing::FirstKeys { pages: 1 };
            self.wanted.push(Look::new(bucket.clone(), folder, listing));
            return;
        };
        if self.terms.signs.is_empty() || place.temporary {
            self.find(Found::at(bucket, place, &folder, None));
            return;
        }
        let found = Found::at(bucket, whole(place, folder.as_bytes()), &folder, None);
        let waiting = &mut self.siblings.entry(found.alike()).or_default().waiting;
        let newer = waiting.partition_point(|other| (other.step, &other.stem) < (found.step, &found.stem));
        waiting.insert(newer, found);
    }

    /// Takes over what was seen.
    fn take(&mut self, glance: Glance) {
        let (groups, others) = glance.finish();
        self.others = self.others + others;
        groups.into_iter().for_each(|found| self.find(found));
    }

    fn find(&mut self, found: Found) {
        if self.terms.reach(&found.bucket, &found.prefix) {
            merge(&mut self.found, found);
        }
    }

    /// All groups, without those inside of another.
    pub fn finish(&mut self) -> Vec<Found> {
        let mut groups: Vec<Found> = Vec::new();
        // In the order of keys, the outer one comes first and what it holds right behind it.
        let mut outer: Option<(Bucket, Key)> = None;
        for (_, found) in std::mem::take(&mut self.found) {
            let is_inside = outer.as_ref().is_some_and(|(bucket, stem)| {
                *bucket == found.bucket && found.prefix.as_bytes().starts_with(stem.as_bytes())
            });
            if is_inside {
                continue;
            }
            if found.is_folder {
                outer = Some((found.bucket.clone(), found.stem.clone()));
            }
            groups.push(found);
        }
        groups
    }

    fn is_within_a_group(&self, bucket: &Bucket, prefix: &Key) -> bool {
        let mut folders = ancestors(prefix.as_bytes());
        folders.any(|folder| self.found.contains_key(&(bucket.clone(), Key::from_bytes(folder), None)))
    }
}

impl Look {
    fn new(bucket: Bucket, prefix: Key, listing: Listing) -> Self {
        Self { bucket, prefix, listing, among: None, glance: Glance::default() }
    }
}

impl Terms {
    fn is_sign(&self, name: &[u8]) -> bool {
        self.signs.iter().any(|sign| sign.matches(name))
    }

    /// Whether a pattern reaches what begins with `prefix`, and no exclusion covers all of it.
    fn reach(&self, bucket: &Bucket, prefix: &Key) -> bool {
        let of_bucket = |pattern: &&crate::pattern::Pattern| pattern.bucket().matches(bucket.as_str());
        let mut patterns = self.rules.patterns.iter().filter(of_bucket);
        let mut exclude = self.rules.exclude.iter().filter(of_bucket);
        patterns.any(|pattern| pattern.may_match_below(prefix))
            && !(prefix.as_bytes().ends_with(b"/") && exclude.any(|pattern| pattern.matches_all_below(prefix)))
    }
}

fn merge(groups: &mut BTreeMap<Id, Found>, found: Found) {
    match groups.entry(found.id()) {
        Entry::Vacant(place) => {
            place.insert(found);
        }
        Entry::Occupied(mut known) => {
            let known = known.get_mut();
            known.newest = known.newest.max(found.newest);
            if !known.is_folder {
                known.prefix = common(&known.prefix, &found.prefix);
            }
        }
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

    /// What it is called alike with.
    fn alike(&self) -> Alike {
        (self.bucket.clone(), self.folder(), shape(last_segment(self.stem.as_bytes())))
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

/// A name with every number in it replaced.
pub(super) fn shape(name: &[u8]) -> Vec<u8> {
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

/// The folders that a key is in, the outermost first, without the bucket itself.
fn ancestors(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &key[..=at])
}

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::*;
    use crate::select::tests::rules;

    #[test]
    fn too_many_folders_end_the_search() {
        for (folders, given_up) in [(9, false), (10, true)] {
            let checkpoint = Checkpoint::of(Layout::HfTrainer).unwrap();
            let bucket = Bucket::new("b");
            let mut finder = Finder::new(Arc::new(rules()), &checkpoint, vec![(bucket, Key::from(""))]);
            finder.left = 11;
            // A glance, then the folders of the root, then each of them.
            let mut glance = finder.looks();
            finder.page(&mut glance[0], (Vec::new(), Vec::new()), true);
            let mut root = finder.looks();
            let names = (0..folders).map(|n| Key::from(format!("user-{n}/").as_str())).collect();
            finder.page(&mut root[0], (Vec::new(), names), false);
            assert_eq!(finder.looks().len(), if given_up { 0 } else { folders });
            assert_eq!(finder.has_given_up, given_up);
        }
    }
}
