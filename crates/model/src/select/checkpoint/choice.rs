//! Applies the caps to the chosen groups, each whole or not at all: the newest of every run goes before the second newest of
//! any.

use std::collections::BTreeMap;

use super::census::NOTHING_LEFT;
use super::find::{Found, MAX_FOLDERS, shape};
use super::pointer::Bound;
use super::ranking::{MAX_INCOMPLETE_GROUPS, Ranked, Ranking};
use super::search::Search;
use super::{Checkpoint, OnIncomplete};
use crate::object::store::Store;
use crate::object::{Bucket, Count, Key, Object};
use crate::select::budget::CutBy;
use crate::select::group::State;
use crate::select::{Cutoff, LeftOut, OnExcess, Reason, Refusal, Rules, Segment, Selection};

/// Groups of a run that a plan names, beside those that are chosen; what is older is counted.
const NAMED: usize = 100;
/// Runs of a single step each from which on they may be one run.
const LONE: usize = 3;

pub(super) fn choose(search: Search) -> Selection {
    let Search { rules, checkpoint, finder, runs, .. } = search;
    let mut runs = runs.unwrap_or_default();
    let mut selection = Selection { listed: finder.others, ..Selection::default() };
    let mut fill = Fill { rules: &rules, kept: Count::default(), is_full: false, offered: 0 };
    let places = report(&runs, &mut selection);
    let mut selected = Store::default();
    for (rank, run, at) in ranks(&runs) {
        let members = runs[run].groups[at].census.as_mut().map(|census| std::mem::take(&mut census.members));
        let mut members = members.unwrap_or_default();
        members.sort_by(|a, b| a.key.cmp(&b.key));
        let index = places.get(&(run, at)).copied().unwrap_or(usize::MAX);
        let fits = fill.takes(&members);
        if !fits {
            let left = selection.left_out.entry(Reason::OverCap).or_default();
            members.iter().for_each(|object| left.add(object.row()));
            // The newest of every run is wanted whatever is said.
            if rank == 0 || fill.is_wanted() {
                members.iter().for_each(|object| selection.unmet.add(object.size));
            }
            if rank == 0 {
                selection.runs_over_cap.push(name(&runs[run].groups[at].found));
            }
            if let Some(group) = selection.groups.get_mut(index) {
                (group.state, group.why) = (State::OverCap, Some("it does not fit the caps".to_owned()));
            }
            continue;
        }
        selection.segments.push(Segment { group: index, objects: members.len() });
        members.iter().for_each(|object| selected.push(object.row()));
    }
    selection.selected = selected.into();
    account(&runs, &mut selection);
    selection.lone_runs = lone_runs(&runs);
    selection.bad_pointers = runs.iter().flat_map(bad_pointers).collect();
    if selection.left_out.contains_key(&Reason::OverCap) {
        selection.cutoff = selection.selected.last().map(Cutoff::from);
    }
    selection.refused = match finder.has_given_up {
        true => Some(Refusal::TooManyFolders { most: MAX_FOLDERS }),
        false => refusal(&runs, &selection, (&checkpoint, &rules)),
    };
    selection
}

/// The most runs of a single step each that are called alike but for numbers.
fn lone_runs(runs: &[Ranking]) -> Option<(usize, Key)> {
    let mut alike: BTreeMap<_, (usize, &Key)> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.inactive.is_none()) {
        let Some(Ranked { found, .. }) = run.groups.first() else { continue };
        if found.step.is_some() && run.groups.iter().all(|group| group.found.step == found.step) {
            alike.entry((&run.bucket, shape(found.run.as_bytes()))).or_insert((0, &found.run)).0 += 1;
        }
    }
    let (runs, run) = alike.into_values().max_by_key(|(runs, _)| *runs)?;
    (runs >= LONE).then(|| (runs, run.clone()))
}

fn bad_pointers(run: &Ranking) -> impl Iterator<Item = (Bucket, Key, String)> {
    run.bounds.values().filter_map(|bound| match bound {
        Bound::Garbage { key, shown } => Some((run.bucket.clone(), key.clone(), shown.clone())),
        Bound::None | Bound::Step { .. } => None,
    })
}

/// Chosen groups as `(rank, run, group)`, in the order in which caps let them in.
fn ranks(runs: &[Ranking]) -> Vec<(usize, usize, usize)> {
    let mut ranks: Vec<_> = runs
        .iter()
        .enumerate()
        .flat_map(|(run, ranking)| ranking.chosen.iter().enumerate().map(move |(rank, at)| (rank, run, *at)))
        .collect();
    let newest = |run: usize, at: usize| runs[run].groups[at].census.as_ref().and_then(|census| census.newest);
    ranks.sort_by_key(|(rank, run, at)| (*rank, std::cmp::Reverse(newest(*run, *at)), *run));
    ranks
}

/// Names the groups, run by run, the newest first. Where each stands, by its run and its place in it.
fn report(runs: &[Ranking], selection: &mut Selection) -> BTreeMap<(usize, usize), usize> {
    let mut places = BTreeMap::new();
    for (run, ranking) in runs.iter().enumerate() {
        let is_named = |at: &usize| *at < NAMED || ranking.chosen.contains(at);
        for at in (0..ranking.groups.len()).filter(is_named) {
            places.insert((run, at), selection.groups.len());
            selection.groups.push(ranking.report(at));
        }
        selection.more_groups += (0..ranking.groups.len()).filter(|at| !is_named(at)).count() as u64;
    }
    places
}

/// What the caps still let in.
struct Fill<'a> {
    rules: &'a Rules,
    kept: Count,
    is_full: bool,
    /// Members of all groups so far, whether they fit or not.
    offered: u64,
}

impl Fill<'_> {
    /// The first group that does not fit ends it, so that a larger cap never loses one.
    fn takes(&mut self, members: &[Object]) -> bool {
        let bytes = members.iter().fold(u128::from(self.kept.bytes), |sum, object| sum + u128::from(object.size));
        let objects = self.kept.objects + members.len() as u64;
        self.offered += members.len() as u64;
        let is_over = |cap| self.rules.caps().is_over(cap, objects, bytes);
        self.is_full = self.is_full || is_over(CutBy::Objects) || is_over(CutBy::Bytes);
        if !self.is_full {
            members.iter().for_each(|object| self.kept.add(object.size));
        }
        !self.is_full
    }

    /// Whether the last one was wanted, though it did not fit: `max_objects` has room for it and all before it.
    fn is_wanted(&self) -> bool {
        self.rules.on_excess != OnExcess::Trim && !self.rules.caps().is_over(CutBy::Objects, self.offered, 0)
    }
}

/// What was listed, what the patterns match of it, and why it was left out.
fn account(runs: &[Ranking], selection: &mut Selection) {
    for run in runs {
        for (at, group) in run.groups.iter().enumerate() {
            let Some(census) = &group.census else { continue };
            selection.listed = selection.listed + census.all;
            selection.matched = selection.matched + census.matched.count;
            if run.chosen.contains(&at) && run.inactive.is_none() {
                merge(&mut selection.left_out, &census.left);
                continue;
            }
            if census.matched.count.objects > 0 {
                let reason = match group.why {
                    Some(_) if run.inactive.is_none() => Reason::IncompleteGroup,
                    _ => Reason::OlderGroup,
                };
                selection.left_out.entry(reason).or_default().merge(&census.matched);
            }
        }
    }
}

fn merge(into: &mut BTreeMap<Reason, LeftOut>, from: &BTreeMap<Reason, LeftOut>) {
    for (reason, left) in from {
        into.entry(*reason).or_default().merge(left);
    }
}

/// Why nothing may be warmed. The first that holds, from the least to the most that was found.
fn refusal(runs: &[Ranking], selection: &Selection, (checkpoint, rules): (&Checkpoint, &Rules)) -> Option<Refusal> {
    let active = || runs.iter().filter(|run| run.inactive.is_none());
    let newest = |run: &Ranking| {
        let group = run.groups.iter().find(|group| group.why.is_some())?;
        Some((name(&group.found), group.why.clone()?))
    };
    if runs.is_empty() {
        let listed = selection.listed.objects;
        return (!rules.allow_empty).then_some(Refusal::NoCheckpoint { listed, fits: Vec::new() });
    }
    let is_bare = |group: &Ranked| group.why.as_deref() == Some(NOTHING_LEFT);
    if selection.matched.objects == 0 && active().any(|run| run.groups.iter().any(is_bare)) {
        return (!rules.allow_empty).then_some(Refusal::NothingMatched { listed: selection.listed.objects });
    }
    if active().next().is_some() && active().all(|run| run.chosen.is_empty()) {
        let (name, why) = active().find_map(newest).unwrap_or_default();
        let looked_at = active().any(|run| run.has_given_up).then_some(MAX_INCOMPLETE_GROUPS);
        return Some(Refusal::NoneComplete { name, why, looked_at, fits: Vec::new() });
    }
    if selection.matched.objects == 0 && !rules.allow_empty {
        return Some(Refusal::NothingMatched { listed: selection.listed.objects });
    }
    if checkpoint.on_incomplete == OnIncomplete::Refuse
        && let Some((name, why)) = active().filter(|run| run.chosen.first() != Some(&0)).find_map(newest)
    {
        return Some(Refusal::Incomplete { name, why });
    }
    rules.refusal_by_caps(selection)
}

/// A group as a person finds it.
fn name(found: &Found) -> String {
    let stem = found.stem.as_bytes();
    let stem = Key::from_bytes(stem.strip_suffix(b"/").filter(|_| found.is_folder).unwrap_or(stem));
    let name = if found.is_folder { String::new() } else { found.name.to_string() };
    format!("s3://{}/{stem}{name}", found.bucket)
}
