//! A bucket of made-up objects that answers what a search asks, in pages, and may change between two answers.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::object::{Bucket, Key, Object};
use crate::select::checkpoint::{Checkpoint, Listing, Need, Search};
use crate::select::group::State;
use crate::select::tests::rules;
use crate::select::{Rules, Selection};

/// Of the clock that all times of a world count from.
const START: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
/// Rounds within which every search here ends.
const ROUNDS: usize = 500;

#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub size: u64,
    /// Seconds from the start.
    pub at: i64,
    pub class: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub things: BTreeMap<String, Thing>,
    /// What is in those that are read.
    pub texts: BTreeMap<String, String>,
    /// Seconds from the start.
    pub now: i64,
    /// Keys and folders of a page.
    pub page: usize,
    /// The prefixes of all pages that were listed.
    pub listed: Vec<String>,
}

impl Default for World {
    fn default() -> Self {
        Self { things: BTreeMap::new(), texts: BTreeMap::new(), now: 0, page: 100, listed: Vec::new() }
    }
}

impl World {
    pub fn put(&mut self, key: &str, at: i64) {
        let size = 10 + key.len() as u64;
        self.things.insert(key.to_owned(), Thing { size, at, class: None });
    }

    pub fn write(&mut self, key: &str, text: &str, at: i64) {
        self.put(key, at);
        self.texts.insert(key.to_owned(), text.to_owned());
    }

    pub fn delete(&mut self, prefix: &str) {
        self.things.retain(|key, _| !key.starts_with(prefix));
        self.texts.retain(|key, _| !key.starts_with(prefix));
    }

    pub fn search(&mut self, checkpoint: &Checkpoint) -> Selection {
        self.search_by(rules(), checkpoint, |_, _| {})
    }

    /// `change` is called before each page and each text is taken from the world, with how many were before.
    pub fn search_by(
        &mut self,
        rules: Rules,
        checkpoint: &Checkpoint,
        mut change: impl FnMut(&mut Self, usize),
    ) -> Selection {
        let scopes = vec![(Bucket::new("b"), Key::from(""))];
        let now = START + TimeDelta::seconds(self.now);
        let mut search = Search::new(Arc::new(rules), Arc::new(checkpoint.clone()), scopes, now);
        let mut answers = 0;
        for _ in 0..ROUNDS {
            let needs = search.needs();
            if needs.is_empty() {
                return search.finish();
            }
            for (nth, need) in needs.into_iter().enumerate() {
                match need {
                    Need::Read { key, .. } => {
                        change(self, answers);
                        answers += 1;
                        let text = self.texts.get(text(&key));
                        search.read(nth, text.map(|text| &text.as_bytes()[..text.len().min(Search::READ)]));
                    }
                    Need::List { prefix, listing, .. } => {
                        let (mut after, mut pages) = (None, 0);
                        loop {
                            change(self, answers);
                            answers += 1;
                            self.listed.push(text(&prefix).to_owned());
                            let (page, next) = self.page(text(&prefix), listing, after);
                            search.page(nth, page, next.is_some());
                            pages += 1;
                            let enough = matches!(listing, Listing::FirstKeys { pages: most } if pages >= most);
                            after = next.filter(|_| !enough);
                            if after.is_none() {
                                break;
                            }
                        }
                    }
                }
            }
        }
        panic!("no end after {ROUNDS} rounds")
    }

    /// What follows `after`, and where the next page goes on.
    fn page(&self, prefix: &str, listing: Listing, after: Option<String>) -> ((Vec<Object>, Vec<Key>), Option<String>) {
        let (mut objects, mut folders) = (Vec::new(), Vec::<Key>::new());
        let mut last = None;
        // A folder was passed with all that is in it: `0` is what follows `/`.
        let from = after.map(|after| match after.strip_suffix('/') {
            Some(folder) if listing == Listing::Folders => Bound::Included(format!("{folder}0")),
            _ => Bound::Excluded(after),
        });
        let from = (from.unwrap_or(Bound::Included(prefix.to_owned())), Bound::Unbounded);
        for (key, thing) in self.things.range(from).take_while(|(key, _)| key.starts_with(prefix)) {
            let folder = key[prefix.len()..].find('/').map(|slash| &key[..=prefix.len() + slash]);
            let entry = folder.filter(|_| listing == Listing::Folders).unwrap_or(key);
            if folders.last().is_some_and(|last| last.as_bytes() == entry.as_bytes()) {
                continue;
            }
            if objects.len() + folders.len() == self.page {
                return ((objects, folders), last);
            }
            last = Some(entry.to_owned());
            if entry == key {
                objects.push(object(key, thing));
            } else {
                folders.push(Key::from(entry));
            }
        }
        ((objects, folders), None)
    }
}

/// As it is, without the escapes that people are shown.
fn text(key: &Key) -> &str {
    std::str::from_utf8(key.as_bytes()).unwrap()
}

fn object(key: &str, thing: &Thing) -> Object {
    Object {
        bucket: Bucket::new("b"),
        key: key.into(),
        size: thing.size,
        etag: None,
        last_modified: START + TimeDelta::seconds(thing.at),
        storage_class: thing.class.map(Arc::from),
    }
}

/// What was selected, sorted.
pub(super) fn keys(selection: &Selection) -> Vec<String> {
    let mut keys: Vec<String> = selection.selected.iter().map(|object| text(&object.key).to_owned()).collect();
    keys.sort();
    keys
}

/// Names of chosen groups, behind their runs.
pub(super) fn chosen(selection: &Selection) -> Vec<String> {
    let chosen = selection.groups.iter().filter(|group| group.state == State::Chosen);
    chosen.map(|group| format!("{}/{}", group.run, group.name)).collect()
}

/// Why the group of this name is not complete.
pub(super) fn why(selection: &Selection, name: &str) -> Option<String> {
    let group = selection.groups.iter().find(|group| group.name.as_bytes() == name.as_bytes())?;
    group.why.clone().filter(|_| group.state == State::Incomplete)
}
