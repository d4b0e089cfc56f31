//! The checkpoints of a plan or a run, as JSON, people and the log have them: which of many are named, and what is said of
//! a newest one that is not complete.

use std::fmt;

pub use model::api::{GroupField, title};
use model::select::group::State;

/// The checkpoints of each run.
pub fn by_run(groups: &[GroupField]) -> impl Iterator<Item = &[GroupField]> {
    groups.chunk_by(GroupField::is_of_the_run_of)
}

/// How many checkpoints are named one by one.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    pub all: usize,
    /// Of those of a run that are incomplete.
    pub incomplete: usize,
    /// Of those of a run that are older than what is kept.
    pub older: usize,
    /// Runs that are over, each by its newest checkpoint.
    pub over: usize,
}

impl Bound {
    /// What the line of a run names: nothing that was left because newer ones are kept.
    pub const RECORD: Self = Self { all: 50, incomplete: 3, older: 0, over: 0 };
}

/// Checkpoints that are not named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unnamed {
    pub chosen: u64,
    pub over_cap: u64,
    pub incomplete: u64,
    pub older: u64,
}

impl Unnamed {
    fn add(&mut self, state: State) {
        *match state {
            State::Chosen => &mut self.chosen,
            State::OverCap => &mut self.over_cap,
            State::Incomplete => &mut self.incomplete,
            State::Older => &mut self.older,
        } += 1;
    }
}

/// The first runs that `bound` has room for, each whole, so that one whose newest is incomplete has what is taken instead
/// beside it. Of the first run as much as fits.
pub fn named(groups: Vec<GroupField>, bound: Bound) -> (Vec<GroupField>, Unnamed) {
    let (mut named, mut unnamed) = (Vec::new(), Unnamed::default());
    let mut over = 0;
    let mut is_full = false;
    let mut groups = groups.into_iter().peekable();
    while let Some(first) = groups.next() {
        let mut run = Run::new(bound, bound.over > over);
        let from = named.len();
        let mut next = Some(first);
        while let Some(group) = next {
            let goes_on = groups.peek().is_some_and(|other| other.is_of_the_run_of(&group));
            match run.names(&group) && !is_full {
                true => named.push(group),
                false => unnamed.add(group.state),
            }
            next = if goes_on { groups.next() } else { None };
        }
        over += usize::from(run.is_over);
        if named.len() > bound.all {
            is_full = true;
            let keep = if from == 0 { bound.all } else { from };
            named.drain(keep..).for_each(|group| unnamed.add(group.state));
        }
    }
    (named, unnamed)
}

/// What was named of one run.
struct Run {
    older: usize,
    incomplete: usize,
    /// Whether it is named where it is over.
    may_be_over: bool,
    is_over: bool,
}

impl Run {
    fn new(bound: Bound, may_be_over: bool) -> Self {
        let Bound { incomplete, older, .. } = bound;
        Self { older, incomplete, may_be_over, is_over: false }
    }

    fn names(&mut self, group: &GroupField) -> bool {
        let room = match (group.state, &group.why) {
            (State::Chosen | State::OverCap, _) => return true,
            (State::Incomplete, _) => &mut self.incomplete,
            (State::Older, None) => &mut self.older,
            (State::Older, Some(_)) => {
                return self.may_be_over && !std::mem::replace(&mut self.is_over, true);
            }
        };
        let is_room = *room > 0;
        *room = room.saturating_sub(1);
        is_room
    }
}

/// The newest checkpoint of a run, which is not complete, and the one that is taken in its place.
#[derive(Clone, Copy, Debug)]
pub struct PassedOver<'a> {
    pub newest: &'a GroupField,
    pub taken: Option<&'a GroupField>,
}

impl<'a> PassedOver<'a> {
    /// Of one run.
    pub fn of(run: &'a [GroupField]) -> Option<Self> {
        let newest = run.first().filter(|group| group.state == State::Incomplete)?;
        Some(Self { newest, taken: run.iter().find(|group| group.state == State::Chosen) })
    }

    /// One for every run that has one.
    pub fn all(groups: &'a [GroupField]) -> impl Iterator<Item = Self> {
        by_run(groups).filter_map(Self::of)
    }
}

impl fmt::Display for PassedOver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not complete: {}; ", self.newest, self.newest.why.as_deref().unwrap_or("not known why"))?;
        match self.taken {
            Some(taken) => write!(f, "{} is taken", taken.name),
            None => f.write_str("nothing of its run is taken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use model::object::{Bucket, Key};
    use model::select::group::Group;

    fn group(run: &str, step: u64, state: State) -> GroupField {
        let why = (state == Incomplete).then(|| "`.metadata` is missing".to_owned());
        let group = Group {
            bucket: Bucket::new("ckpt"),
            run: Key::from(run),
            name: Key::from(&*format!("iter_{step:07}")),
            step: Some(step),
            count: None,
            newest: None,
            state,
            why,
        };
        GroupField::new(&group, DateTime::UNIX_EPOCH)
    }

    fn run(run: &str, states: &[State]) -> Vec<GroupField> {
        let steps = (0..states.len() as u64).rev();
        states.iter().zip(steps).map(|(state, step)| group(run, step, *state)).collect()
    }

    use State::{Chosen, Incomplete, Older, OverCap};

    const PLAN: Bound = Bound { all: 100, older: 3, over: 3, ..Bound::RECORD };

    #[test]
    fn what_is_chosen_is_named_and_the_rest_is_counted() {
        let long = [&[Incomplete; 5][..], &[Chosen; 2], &[Older; 90]].concat();
        let (some, rest) = named(run("a", &long), PLAN);
        let states: Vec<State> = some.iter().map(|group| group.state).collect();
        assert_eq!(states, [Incomplete, Incomplete, Incomplete, Chosen, Chosen, Older, Older, Older]);
        assert_eq!(rest, Unnamed { incomplete: 2, older: 87, ..Unnamed::default() });
    }

    #[test]
    fn a_run_is_named_whole_or_not_at_all() {
        let groups = [run("a", &[Incomplete, Chosen]), run("b", &[Incomplete, Chosen]), run("c", &[OverCap])].concat();
        let (some, rest) = named(groups.clone(), Bound { all: 3, ..Bound::RECORD });
        assert_eq!(some, groups[..2]);
        assert_eq!(rest, Unnamed { incomplete: 1, chosen: 1, over_cap: 1, ..Unnamed::default() });
        let (some, rest) = named(run("a", &[Chosen; 70]), Bound::RECORD);
        assert_eq!((some.len(), rest.chosen), (50, 20), "but for the first");
    }

    #[test]
    fn runs_that_are_over_are_named_by_their_newest_and_only_a_few_of_them() {
        let mut groups: Vec<_> = (0..10).flat_map(|n| run(&n.to_string(), &[Older; 4])).collect();
        groups.iter_mut().for_each(|group| group.why = Some("its run is over".to_owned()));
        let (some, rest) = named(groups.clone(), PLAN);
        assert_eq!((some.len(), rest.older), (3, 37));
        assert_eq!(named(groups, Bound::RECORD).0, []);
    }

    #[test]
    fn a_newest_one_that_is_not_complete_is_said() {
        let said = |states: &[State]| PassedOver::of(&run("llama", states)).map(|over| over.to_string());
        let why = "llama/iter_0000001 is not complete: `.metadata` is missing; ";
        assert_eq!(said(&[Incomplete, Chosen]), Some(format!("{why}iter_0000000 is taken")));
        assert_eq!(said(&[Incomplete, OverCap]), Some(format!("{why}nothing of its run is taken")));
        assert_eq!(said(&[Chosen, Incomplete]), None, "it is not the newest");
    }
}
