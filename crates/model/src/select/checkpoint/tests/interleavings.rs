//! Uploads, retention, deletions and files that are written over, in any order, also while a search is under way, and between
//! two pages of one listing: what it takes was whole, and the newest that was, at one instant of the search.
//!
//! The conditions, which the manual states: within one upload no gap is as long as `settle`, unless its members name each other
//! or an older whole checkpoint is there with at most two that were given up in between; retention deletes what is older than a
//! whole one; where that is not quiet, no two halves stand before it; a search takes less time than `settle`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::world::{World, keys};
use crate::pattern::KeyGlob;
use crate::select::checkpoint::naming::Naming;
use crate::select::checkpoint::{Checkpoint, Kind, MemberCount, Set};
use crate::select::tests::rules;

const SETTLE: i64 = 120;
const FILES: [&str; 5] = ["a-1-of-3.bin", "a-2-of-3.bin", "a-3-of-3.bin", "DONE", "z.json"];

#[derive(Clone, Copy, Debug)]
enum Op {
    /// The next file of the upload under way; a new upload where there is none.
    Upload {
        order: usize,
    },
    Wait {
        seconds: i64,
    },
    /// The upload under way is never ended.
    GiveUp,
    /// One file of the oldest checkpoint that retention may delete.
    Expire,
    /// A whole checkpoint, at once.
    Delete {
        which: usize,
    },
    /// One file of a whole checkpoint, with the same content.
    WriteOver {
        which: usize,
        file: usize,
    },
    Poll,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0..FILES.len()).prop_map(|order| Op::Upload { order }),
        3 => (0..SETTLE).prop_map(|seconds| Op::Wait { seconds }),
        2 => (SETTLE..4 * SETTLE).prop_map(|seconds| Op::Wait { seconds }),
        1 => Just(Op::GiveUp),
        4 => Just(Op::Expire),
        1 => (0..8usize).prop_map(|which| Op::Delete { which }),
        1 => (0..3usize, 0..FILES.len()).prop_map(|(which, file)| Op::WriteOver { which, file }),
        6 => Just(Op::Poll),
    ]
}

/// What is true of the bucket, whatever a search sees of it.
struct Truth {
    named: bool,
    /// Steps and their files, with when each was written.
    groups: BTreeMap<u64, BTreeMap<&'static str, i64>>,
    under_way: Option<(u64, i64)>,
    given_up_since: u32,
    next: u64,
    /// When the search under way began: what becomes quiet later has replaced nothing yet.
    as_of: Option<i64>,
}

impl Truth {
    fn is_complete(&self, step: u64, now: i64) -> bool {
        let now = self.as_of.unwrap_or(now);
        let files = &self.groups[&step];
        files.len() == FILES.len() && files.values().all(|at| now - at >= SETTLE)
    }

    fn newest_complete(&self, now: i64) -> Option<u64> {
        self.groups.keys().rev().copied().find(|step| self.is_complete(*step, now))
    }

    /// Quiet or not; what was ended while a search is under way is not seen by all of it.
    fn is_whole(&self, step: u64) -> bool {
        let files = &self.groups[&step];
        let is_in_time = |at: &i64| self.as_of.is_none_or(|as_of| *at < as_of);
        files.len() == FILES.len() && files.values().all(is_in_time)
    }

    fn newest_whole(&self) -> Option<u64> {
        self.groups.keys().rev().copied().find(|step| self.is_whole(*step))
    }

    /// Whether what stands before the newest whole one can be told by it, while it is not quiet: `but` for one, all of it is
    /// whole or gone.
    fn tells(&self, newest: u64, but: Option<u64>) -> bool {
        let mut before = self.groups.range(..newest).filter(|(step, files)| !files.is_empty() && Some(**step) != but);
        let most = usize::from(but.is_none());
        self.named || before.by_ref().filter(|(step, _)| !self.is_whole(**step)).count() <= most
    }

    /// Whether it is older than one that tells what is left of it from a whole one.
    fn may_go(&self, step: u64, now: i64) -> bool {
        let is_told = |newest| step < newest && self.tells(newest, Some(step));
        self.newest_complete(now) > Some(step) || self.newest_whole().is_some_and(is_told)
    }

    /// Whether an upload may pause, or be given up, without being taken for whole.
    fn is_told(&self) -> bool {
        self.named || (self.newest_whole().is_some() && self.given_up_since < 2)
    }

    /// Seconds, until something has to happen.
    fn may_wait(&self, now: i64) -> i64 {
        match self.under_way {
            Some((_, last)) if !self.is_told() => (SETTLE - 1 - (now - last)).max(0),
            _ => i64::MAX,
        }
    }

    fn carry_out(&mut self, op: Op, world: &mut World) {
        let now = world.now;
        match op {
            Op::Upload { order } => self.upload(order, world),
            Op::Wait { seconds } => world.now += seconds.min(self.may_wait(now)),
            Op::GiveUp if self.is_told() => {
                self.given_up_since += u32::from(self.under_way.take().is_some());
            }
            Op::Expire => {
                let oldest = self.groups.iter().find(|(_, files)| !files.is_empty());
                let oldest = oldest.and_then(|(step, files)| Some((*step, *files.keys().next()?)));
                if let Some((step, name)) = oldest.filter(|(step, _)| self.may_go(*step, now)) {
                    self.remove(step, name, world);
                }
            }
            Op::Delete { which } => {
                // What an upload under way is measured by stays.
                let is_half = |step: &u64| self.groups[step].len() < FILES.len();
                let may_go = |step: &u64| self.named || is_half(step) || self.may_go(*step, now);
                let step = self.groups.keys().rev().nth(which).copied().filter(may_go);
                for name in step.iter().flat_map(|_| FILES) {
                    self.remove(step.unwrap_or_default(), name, world);
                }
                if self.under_way.map(|(step, _)| step) == step {
                    self.under_way = None;
                }
            }
            Op::WriteOver { which, file } => {
                let step = self.groups.keys().rev().copied().filter(|step| self.is_whole(*step)).nth(which);
                if let Some(step) = step.filter(|_| self.newest_whole().is_some_and(|newest| self.tells(newest, None)))
                {
                    self.groups.entry(step).or_default().insert(FILES[file], now);
                    world.put(&key(step, FILES[file]), now);
                }
            }
            Op::GiveUp | Op::Poll => {}
        }
    }

    fn upload(&mut self, order: usize, world: &mut World) {
        let (step, _) = self.under_way.unwrap_or_else(|| {
            // Numbers that sort otherwise than their texts.
            self.next += 7;
            (self.next, world.now)
        });
        let files = self.groups.entry(step).or_default();
        let mut missing = FILES.iter().filter(|name| !files.contains_key(*name));
        let missing: Vec<_> = missing.by_ref().copied().collect();
        let name = missing[order % missing.len()];
        files.insert(name, world.now);
        world.put(&key(step, name), world.now);
        self.under_way = (missing.len() > 1).then_some((step, world.now));
        if missing.len() == 1 {
            self.given_up_since = 0;
        }
    }

    fn remove(&mut self, step: u64, name: &'static str, world: &mut World) {
        if let Some(files) = self.groups.get_mut(&step) {
            files.remove(name);
        }
        world.delete(&key(step, name));
    }
}

fn key(step: u64, name: &str) -> String {
    format!("r/step-{step}/{name}")
}

fn checkpoint(named: bool) -> Checkpoint {
    let naming = Naming::parse(r"^(?<run>[^/]+)/step-(?<step>[0-9]+)/").unwrap();
    let require = vec![KeyGlob::parse("DONE").unwrap()];
    let custom = Checkpoint::custom(naming);
    if !named {
        return Checkpoint { kinds: vec![Kind::always(require)], ..custom };
    }
    let require = ["DONE", "z.json", "a-*.bin"].map(|glob| KeyGlob::parse(glob).unwrap()).to_vec();
    let sets = vec![Set::new(r"-(?<i>[0-9]+)-of-(?<n>[0-9]+)\.bin$", 1, None)];
    Checkpoint { kinds: vec![Kind::always(require)], sets, count: MemberCount::Any, ..custom }
}

fn play(ops: &[Op], named: bool, page: usize) {
    let checkpoint = checkpoint(named);
    let mut truth = Truth { named, groups: BTreeMap::new(), under_way: None, given_up_since: 0, next: 0, as_of: None };
    let mut world = World { now: 1_000, page, ..World::default() };
    let mut ops = ops.iter().copied();
    while let Some(op) = ops.next() {
        if !matches!(op, Op::Poll) {
            truth.carry_out(op, &mut world);
            continue;
        }
        let now = world.now;
        // What was newest, as of when the search began, at each instant of it.
        truth.as_of = Some(now);
        let mut newest = vec![truth.newest_complete(now)];
        let selection = world.search_by(rules(), &checkpoint, |world, _| {
            // Something happens between most answers, and each takes a second.
            if let Some(op) = ops.next().filter(|op| !matches!(op, Op::Wait { .. } | Op::Poll)) {
                truth.carry_out(op, world);
                newest.push(truth.newest_complete(now));
            }
            world.now += i64::from(world.now - now < SETTLE / 2).min(truth.may_wait(world.now));
            newest.push(truth.newest_complete(now));
        });
        truth.as_of = None;
        let taken: Vec<u64> = selection.segments.iter().filter_map(|s| selection.groups[s.group].step).collect();
        assert!(taken.len() <= 1);
        let mut whole: Vec<String> = taken.iter().flat_map(|step| FILES.map(|name| key(*step, name))).collect();
        whole.sort();
        assert_eq!(keys(&selection), whole);
        let left: u64 = selection.left_out.values().map(|left| left.count.objects).sum();
        assert_eq!(selection.matched.objects, selection.selected.len() as u64 + left);
        assert!(newest.contains(&taken.first().copied()), "took {taken:?}, and the newest was {newest:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_taken_was_whole_and_the_newest_at_one_instant(
        ops in prop::collection::vec(op(), 1..150),
        named in any::<bool>(),
        page in prop_oneof![1..8usize, Just(100)],
    ) {
        play(&ops, named, page);
    }
}
