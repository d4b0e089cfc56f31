//! Searches the groups of one run from the newest down, until enough of them are complete.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::census::{Census, age, coarse};
use super::find::Found;
use super::pointer::Bound;
use super::{Checkpoint, Kind, MemberCount, When};
use crate::object::{Bucket, Key};
use crate::select::group::{Group, State};

/// Whole groups before a candidate that it must not hold fewer members than.
const PREVIOUS: usize = 3;
/// Groups before a candidate that are looked at to find them; more, up to [`MAX_INCOMPLETE_GROUPS`], where none of these is whole.
const LOOK_BACK: usize = 2 * PREVIOUS;

/// Incomplete groups of a run that the search for complete ones lists at most. A layout that does not fit would list them all.
pub(super) const MAX_INCOMPLETE_GROUPS: usize = 32;

/// What has to be known of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// The text of the pointer, which stands there.
    Pointer(Key),
    /// What the group at this index holds; its members are kept or only counted.
    Members { group: usize, keep: bool },
    /// Whether something stands beside the group that should not.
    Beside(usize),
}

#[derive(Debug)]
pub(super) struct Ranking {
    pub bucket: Bucket,
    /// The newest first.
    pub groups: Vec<Ranked>,
    /// What the pointer of each folder says that groups stand in: one, unless every group has a folder of its own.
    pub bounds: BTreeMap<Key, Bound>,
    /// The first that was not judged.
    at: usize,
    /// Incomplete ones that were listed for nothing.
    looked_at: usize,
    /// There may be complete ones among those that were not looked at.
    pub has_given_up: bool,
    /// Complete ones, the newest first.
    pub chosen: Vec<usize>,
    /// Why nothing of the run is wanted.
    pub inactive: Option<String>,
}

#[derive(Debug)]
pub(super) struct Ranked {
    pub found: Found,
    pub census: Option<Census>,
    /// What stands beside it: not asked, nothing, or a name.
    pub beside: Option<Option<Key>>,
    /// Why it is not complete.
    pub why: Option<String>,
}

impl Ranking {
    /// Of the groups of one run, in any order.
    pub fn new(mut found: Vec<Found>, counts: bool) -> Option<Self> {
        if counts {
            found.sort_by(|a, b| (b.step, &b.stem, &b.name).cmp(&(a.step, &a.stem, &a.name)));
        } else {
            found.sort_by(|a, b| (b.newest, &a.stem).cmp(&(a.newest, &b.stem)));
        }
        let first = found.first()?;
        Some(Self {
            bucket: first.bucket.clone(),
            groups: found.into_iter().map(|found| Ranked { found, census: None, beside: None, why: None }).collect(),
            bounds: BTreeMap::new(),
            at: 0,
            looked_at: 0,
            has_given_up: false,
            chosen: Vec::new(),
            inactive: None,
        })
    }

    /// What to find out next, all of it before this is called again. Nothing: the run is done.
    pub fn asks(&mut self, checkpoint: &Checkpoint, now: DateTime<Utc>) -> Vec<Ask> {
        let asks = self.pointers(checkpoint);
        if !asks.is_empty() {
            return asks;
        }
        if let Some(asks) = self.activity(checkpoint, now) {
            return asks;
        }
        while self.chosen.len() < checkpoint.keep && self.at < self.groups.len() {
            if self.looked_at >= MAX_INCOMPLETE_GROUPS {
                self.has_given_up = true;
                break;
            }
            let asks = self.pointers(checkpoint);
            if !asks.is_empty() {
                return asks;
            }
            let level = self.level(self.at, checkpoint);
            let asks = self.unknown(level.clone(), checkpoint);
            if !asks.is_empty() {
                return asks;
            }
            // Of equal steps the one that was written last.
            self.groups[level.clone()].sort_by(|a, b| b.written().cmp(&a.written()));
            let mut asks = Vec::new();
            for at in level.clone() {
                match self.judge(at, checkpoint, now) {
                    Judged::Complete => self.groups[at].why = None,
                    Judged::Incomplete(why) => self.groups[at].give_up(why),
                    Judged::Unknown(more) => {
                        for ask in more {
                            if !asks.contains(&ask) {
                                asks.push(ask);
                            }
                        }
                    }
                }
            }
            if !asks.is_empty() {
                return asks;
            }
            let listed = level.clone().filter(|at| self.groups[*at].census.is_some() && self.groups[*at].why.is_some());
            self.looked_at += listed.count();
            let complete = level.clone().filter(|at| self.groups[*at].why.is_none());
            self.chosen.extend(complete.take(checkpoint.keep - self.chosen.len()));
            self.at = level.end;
        }
        Vec::new()
    }

    /// The pointers of those that are judged next, and of those that they are measured by.
    fn pointers(&mut self, checkpoint: &Checkpoint) -> Vec<Ask> {
        let Some(name) = &checkpoint.pointer else { return Vec::new() };
        let next = self.groups.iter().skip(self.at).take(1 + LOOK_BACK);
        let folders: BTreeSet<Key> = next.map(|group| group.found.folder()).collect();
        let unknown: Vec<Key> = folders.into_iter().filter(|folder| !self.bounds.contains_key(folder)).collect();
        self.bounds.extend(unknown.iter().map(|folder| (folder.clone(), Bound::None)));
        let key = |folder: Key| Key::from_bytes([folder.as_bytes(), name.as_bytes()].concat());
        unknown.into_iter().map(|folder| Ask::Pointer(key(folder))).collect()
    }

    /// What the pointer says that stands beside a group.
    fn bound(&self, found: &Found) -> &Bound {
        self.bounds.get(&found.folder()).unwrap_or(&Bound::None)
    }

    /// Whether the newest object of the run is too old to care; what has to be known first.
    fn activity(&mut self, checkpoint: &Checkpoint, now: DateTime<Utc>) -> Option<Vec<Ask>> {
        let within = checkpoint.active_within?;
        if self.inactive.is_some() {
            return Some(Vec::new());
        }
        let newest = self.groups.first()?;
        if newest.census.is_none() {
            let keep = self.can_be_chosen(0, checkpoint);
            return Some(vec![Ask::Members { group: 0, keep }]);
        }
        let last = self.groups.iter().filter_map(Ranked::newest).max()?;
        let age = age(last, now);
        if age <= within {
            return None;
        }
        let within = humantime::format_duration(within);
        self.inactive = Some(format!("its run is over: last changed {} ago, active_within is {within}", coarse(age)));
        Some(Vec::new())
    }

    /// Groups of the same step stand side by side.
    fn level(&self, at: usize, checkpoint: &Checkpoint) -> std::ops::Range<usize> {
        let step = self.groups[at].found.step;
        let alike = self.groups[at..].iter().take_while(|group| group.found.step == step).count();
        at..at + if checkpoint.naming.counts() { alike } else { 1 }
    }

    /// What has to be listed before the groups of `range` can be judged.
    fn unknown(&self, range: std::ops::Range<usize>, checkpoint: &Checkpoint) -> Vec<Ask> {
        let mut asks = Vec::new();
        for at in range.filter(|at| self.can_be_chosen(*at, checkpoint)) {
            let group = &self.groups[at];
            if !group.census.as_ref().is_some_and(|census| census.holds_members) {
                asks.push(Ask::Members { group: at, keep: true });
            }
            if checkpoint.beside.is_some() && group.beside.is_none() {
                asks.push(Ask::Beside(at));
            }
        }
        asks
    }

    /// Unless its name or the pointer alone says no.
    fn can_be_chosen(&self, at: usize, checkpoint: &Checkpoint) -> bool {
        self.by_name(at, checkpoint).is_none()
    }

    fn by_name(&self, at: usize, checkpoint: &Checkpoint) -> Option<String> {
        let found = &self.groups[at].found;
        if found.temporary {
            return Some("its name says that it is still being written".to_owned());
        }
        let unnamed = || {
            let mut forms = checkpoint.kinds.iter().filter(|kind| !kind.also);
            let all_are_named = matches!(forms.next(), Some(Kind { when: When::Always, named: true, .. }));
            all_are_named.then(|| self.bound(found).unnamed(checkpoint.pointer.as_deref())).flatten()
        };
        self.bound(found).objection(found.step).or_else(unnamed)
    }

    fn judge(&self, at: usize, checkpoint: &Checkpoint, now: DateTime<Utc>) -> Judged {
        if let Some(why) = self.objection(at, checkpoint, now) {
            return Judged::Incomplete(why);
        }
        if !matches!(checkpoint.count, MemberCount::AsPrevious | MemberCount::LikePrevious) {
            return Judged::Complete;
        }
        let (measures, unknown) = self.measures(at, checkpoint, now);
        if !unknown.is_empty() {
            return Judged::Unknown(unknown);
        }
        let Some(census) = &self.groups[at].census else { return Judged::Complete };
        let objection = measures.into_iter().find_map(|other| {
            let Ranked { found, census: measure, .. } = &self.groups[other];
            let called = format!("`{}` {} it", found.name, if other < at { "after" } else { "before" });
            census.objection_by(measure.as_ref()?, &called, checkpoint.count)
        });
        objection.map_or(Judged::Complete, Judged::Incomplete)
    }

    /// The whole groups that the one at `at` must not hold less than; and what has to be known to tell.
    ///
    /// As a rule the three before it. One of them that is being written over tells how much there has to be, and takes the
    /// place of none. Where none is whole, it may be the last one that retention has left, and be going, too: then those
    /// behind it tell that are whole and not quiet yet.
    fn measures(&self, at: usize, checkpoint: &Checkpoint, now: DateTime<Utc>) -> (Vec<usize>, Vec<Ask>) {
        let level = self.level(at, checkpoint);
        let older = (level.end..self.groups.len())
            .filter(|older| self.can_be_chosen(*older, checkpoint))
            .take(MAX_INCOMPLETE_GROUPS);
        let (mut measures, mut unknown, mut quiet) = (Vec::new(), Vec::new(), 0);
        for (nth, older) in older.enumerate() {
            if quiet + unknown.len() == PREVIOUS || (nth >= LOOK_BACK && quiet > 0) {
                break;
            }
            if self.groups[older].census.is_none() {
                // What will be chosen next is not listed twice.
                let keep = self.chosen.len() + 1 + nth < checkpoint.keep;
                unknown.push(Ask::Members { group: older, keep });
            } else if self.lack(older, checkpoint).is_none() {
                measures.push(older);
                quiet += usize::from(!self.is_restless(older, checkpoint, now));
            }
        }
        if measures.is_empty() && unknown.is_empty() {
            let is_left =
                |newer: &usize| self.lack(*newer, checkpoint).is_none() && self.is_restless(*newer, checkpoint, now);
            measures.extend((0..level.start).rev().find(is_left));
        }
        (measures, unknown)
    }

    fn is_restless(&self, at: usize, checkpoint: &Checkpoint, now: DateTime<Utc>) -> bool {
        self.groups[at].census.as_ref().is_some_and(|census| census.unrest(checkpoint.settle, now).is_some())
    }

    /// Why a group is not complete, whatever was there before it.
    fn objection(&self, at: usize, checkpoint: &Checkpoint, now: DateTime<Utc>) -> Option<String> {
        self.lack(at, checkpoint).or_else(|| self.groups[at].census.as_ref()?.obstacle(checkpoint.settle, now))
    }

    /// Why a group is no whole checkpoint, whatever was there before it and however young it is.
    fn lack(&self, at: usize, checkpoint: &Checkpoint) -> Option<String> {
        let group = &self.groups[at];
        if let Some(why) = self.by_name(at, checkpoint) {
            return Some(why);
        }
        let Some(census) = &group.census else { return Some("it was not listed".to_owned()) };
        if census.all.objects == 0 {
            return Some("it holds no objects".to_owned());
        }
        if let Some(Some(beside)) = &group.beside {
            return Some(format!("`{beside}` stands beside it"));
        }
        census.lack(checkpoint, self.bound(&group.found).unnamed(checkpoint.pointer.as_deref()))
    }

    /// What a plan says of the group at `at`.
    pub fn report(&self, at: usize) -> Group {
        let Ranked { found, census, why, .. } = &self.groups[at];
        let (state, why) = match (self.chosen.contains(&at), why, &self.inactive) {
            (_, _, Some(inactive)) => (State::Older, Some(inactive.clone())),
            (true, ..) => (State::Chosen, None),
            (_, Some(why), _) => (State::Incomplete, Some(why.clone())),
            _ => (State::Older, None),
        };
        Group {
            bucket: found.bucket.clone(),
            run: found.run.clone(),
            name: found.name.clone(),
            step: found.step,
            count: census.as_ref().map(|census| census.all),
            newest: self.groups[at].newest(),
            state,
            why,
        }
    }
}

enum Judged {
    Complete,
    Incomplete(String),
    Unknown(Vec<Ask>),
}

impl Ranked {
    /// It is not complete: nobody asks for its members any more.
    fn give_up(&mut self, why: String) {
        self.why = Some(why);
        if let Some(census) = &mut self.census {
            census.members = Vec::new();
        }
    }

    fn newest(&self) -> Option<DateTime<Utc>> {
        self.census.as_ref().map_or(self.found.newest, |census| census.newest)
    }

    /// Ranks groups of the same step: by time, then as versions are added to a name.
    fn written(&self) -> (Option<DateTime<Utc>>, usize, &Key) {
        (self.newest(), self.found.name.as_bytes().len(), &self.found.name)
    }
}
