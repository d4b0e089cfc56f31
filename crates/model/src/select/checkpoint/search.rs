//! The state machine: asks for LISTs and small GETs until the newest complete groups of every run are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::census::Census;
use super::find::{Finder, Found, Look};
use super::naming::folder_of;
use super::pointer::Bound;
use super::ranking::{Ask, Ranking};
use super::sample::Sample;
use super::{Checkpoint, choice};
use crate::object::{Bucket, Key, Object};
use crate::select::group::State;
use crate::select::{Refusal, Rules, Selection};

/// Something that has to be found out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    List {
        bucket: Bucket,
        prefix: Key,
        listing: Listing,
    },
    /// The first bytes of a small object.
    Read {
        bucket: Bucket,
        key: Key,
    },
}

/// How far a listing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listing {
    /// Every key.
    Keys,
    /// So many pages of all keys, from the first.
    FirstKeys { pages: u32 },
    /// Objects and folders up to the next `/`.
    Folders,
}

/// Takes what it asked for, in rounds.
#[derive(Debug)]
pub struct Search {
    pub(super) rules: Arc<Rules>,
    pub(super) checkpoint: Arc<Checkpoint>,
    /// The server's clock: ages are counted from it.
    pub(super) now: DateTime<Utc>,
    pub(super) finder: Finder,
    /// Once all groups are found.
    pub(super) runs: Option<Vec<Ranking>>,
    asked: Vec<Asked>,
    /// What was listed first.
    sample: Sample,
}

#[derive(Debug)]
enum Asked {
    Look(Box<Look>),
    Of { run: usize, ask: Ask },
}

impl Search {
    /// Bytes of an object that are read, at most.
    pub const READ: usize = super::pointer::MAX_POINTER_BYTES;

    /// `scopes` are prefixes that hold all that the patterns match, none within another. `now` may be corrected until the
    /// first round is answered.
    pub fn new(rules: Arc<Rules>, checkpoint: Arc<Checkpoint>, scopes: Vec<(Bucket, Key)>, now: DateTime<Utc>) -> Self {
        let finder = Finder::new(rules.clone(), &checkpoint, scopes);
        Self { rules, checkpoint, now, finder, runs: None, asked: Vec::new(), sample: Sample::default() }
    }

    /// The server's clock, as its first answer has it.
    pub fn begin(&mut self, now: DateTime<Utc>) {
        self.now = now;
    }

    /// What to find out next. All of it has to be answered, in any order, before this is called again. Nothing: it is done.
    pub fn needs(&mut self) -> Vec<Need> {
        self.asked.clear();
        if self.runs.is_none() {
            self.asked = self.finder.looks().into_iter().map(|look| Asked::Look(Box::new(look))).collect();
            if self.finder.has_given_up {
                self.runs = Some(Vec::new());
            } else if self.asked.is_empty() {
                self.runs = Some(self.ranked());
            }
        }
        let (checkpoint, now) = (self.checkpoint.clone(), self.now);
        for (run, ranking) in self.runs.iter_mut().flatten().enumerate() {
            let asks = ranking.asks(&checkpoint, now);
            for ask in &asks {
                if let Ask::Members { group, keep } = ask {
                    let group = &mut ranking.groups[*group];
                    group.census = Some(Census::new(&checkpoint, group.found.is_folder, *keep));
                }
            }
            self.asked.extend(asks.into_iter().map(|ask| Asked::Of { run, ask }));
        }
        self.asked.iter().map(|asked| self.need(asked)).collect()
    }

    fn need(&self, asked: &Asked) -> Need {
        match asked {
            Asked::Look(look) => {
                Need::List { bucket: look.bucket.clone(), prefix: look.prefix.clone(), listing: look.listing }
            }
            Asked::Of { run, ask } => {
                let ranking = &self.runs.as_deref().unwrap_or_default()[*run];
                let bucket = ranking.bucket.clone();
                match ask {
                    Ask::Pointer(key) => Need::Read { bucket, key: key.clone() },
                    Ask::Members { group, .. } => {
                        let prefix = ranking.groups[*group].found.prefix.clone();
                        Need::List { bucket, prefix, listing: Listing::Keys }
                    }
                    Ask::Beside(group) => {
                        let prefix = beside(&ranking.groups[*group].found.stem, self.checkpoint.beside.as_deref());
                        Need::List { bucket, prefix, listing: Listing::FirstKeys { pages: 1 } }
                    }
                }
            }
        }
    }

    /// One page of the listing that was asked for as the `nth` of this round; `more` says whether it is not the last.
    pub fn page(&mut self, nth: usize, page: (Vec<Object>, Vec<Key>), more: bool) {
        self.sample.add(&page.0);
        match &mut self.asked[nth] {
            Asked::Look(look) => self.finder.page(look, page, more),
            Asked::Of { run, ask } => {
                let Some(ranking) = self.runs.as_mut().map(|runs| &mut runs[*run]) else { return };
                match ask {
                    Ask::Members { group, .. } => {
                        let group = &mut ranking.groups[*group];
                        let Some(census) = &mut group.census else { return };
                        for object in page.0 {
                            let key = object.key.clone();
                            if let Some(name) = group.found.member(&key, &self.checkpoint.naming) {
                                census.see(object, name, (&self.checkpoint, &self.rules));
                            }
                        }
                    }
                    Ask::Beside(group) => {
                        ranking.groups[*group].beside = Some(page.0.into_iter().next().map(|object| object.key));
                    }
                    Ask::Pointer(_) => {}
                }
            }
        }
    }

    /// The first bytes of what was to be read as the `nth` of this round; `None` where there is no such object.
    pub fn read(&mut self, nth: usize, text: Option<&[u8]>) {
        if let Asked::Of { run, ask: Ask::Pointer(key) } = &self.asked[nth]
            && let Some(ranking) = self.runs.as_mut().map(|runs| &mut runs[*run])
            && let Some(text) = text
        {
            let bound = Bound::read(key.clone(), text, &self.checkpoint.naming);
            ranking.bounds.insert(Key::from_bytes(folder_of(key.as_bytes())), bound);
        }
    }

    /// What was selected; where not everything was answered, what is known of that. Where the layout does not fit, which do.
    pub fn finish(mut self) -> Selection {
        let (sample, rules) = (std::mem::take(&mut self.sample), self.rules.clone());
        let layout = self.checkpoint.layout;
        let mut selection = self.choose();
        // A single one that is not complete is still being written, or uploaded.
        let none_of_several = selection.groups.iter().filter(|group| group.state == State::Incomplete).count() > 1;
        match &mut selection.refused {
            Some(Refusal::NoCheckpoint { fits, .. }) => *fits = sample.fitting(&rules, layout),
            Some(Refusal::NoneComplete { fits, .. }) if none_of_several => *fits = sample.fitting(&rules, layout),
            _ => {}
        }
        selection
    }

    pub(super) fn choose(mut self) -> Selection {
        if self.runs.is_none() {
            self.runs = Some(self.ranked());
        }
        choice::choose(self)
    }

    fn ranked(&mut self) -> Vec<Ranking> {
        let mut runs: BTreeMap<(Bucket, Key), Vec<_>> = BTreeMap::new();
        for found in self.finder.finish() {
            runs.entry((found.bucket.clone(), found.run.clone())).or_default().push(found);
        }
        // `checkpoint-300/iter_0000300/`: a run of one checkpoint whose name holds nothing but the step of it is no run.
        let mut merged: BTreeMap<(Bucket, Vec<u8>), Vec<_>> = BTreeMap::new();
        for ((bucket, run), found) in runs {
            let name = without_step(run.as_bytes(), &found).unwrap_or_else(|| run.as_bytes().to_vec());
            merged.entry((bucket, name)).or_default().extend(found);
        }
        let counts = self.checkpoint.naming.counts();
        merged.into_values().filter_map(|found| Ranking::new(found, counts)).collect()
    }
}

/// The name of a run with the one step that its groups have cut out of it, where that is a number in it.
fn without_step(run: &[u8], groups: &[Found]) -> Option<Vec<u8>> {
    let step = groups.first()?.step?;
    if groups.iter().any(|group| group.step != Some(step)) {
        return None;
    }
    let parts: Vec<&[u8]> = run.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()).collect();
    let is_step = |part: &&[u8]| std::str::from_utf8(part).is_ok_and(|text| text.parse::<u64>() == Ok(step));
    let at = parts.iter().rposition(is_step)?;
    // No name of an object holds this byte, which is no part of UTF-8.
    let parts = parts.iter().enumerate().map(|(nth, part)| if nth == at { &b"\xff"[..] } else { *part });
    Some(parts.collect::<Vec<_>>().concat())
}

/// What would be called like the group with `added` behind it.
fn beside(stem: &Key, added: Option<&str>) -> Key {
    let bare = stem.as_bytes().strip_suffix(b"/").unwrap_or(stem.as_bytes());
    Key::from_bytes([bare, added.unwrap_or_default().as_bytes()].concat())
}
