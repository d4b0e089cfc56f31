//! What a checkpoint has to hold is told by those beside it, whatever has become of them.

use super::forms::{FORMS, Form};
use super::world::{World, keys};
use crate::select::checkpoint::MemberCount;

const NOW: i64 = 1_000_000;
const OLD: i64 = NOW - 7_200;
const NEW: i64 = NOW - 3_600;
/// Seconds before now; settle is 120.
const JUST_NOW: i64 = NOW - 30;
const RUN: &str = "team/run-a/";
const STEPS: [u64; 2] = [500, 1_000];

/// Forms that are measured by others of their run.
fn measured() -> impl Iterator<Item = &'static Form> {
    let counts = |form: &&Form| form.counts() && form.checkpoint().count != MemberCount::Any;
    FORMS.iter().filter(counts)
}

fn all(form: &Form, step: u64) -> Vec<String> {
    let mut keys = form.keys(RUN, step);
    keys.sort();
    keys
}

/// The older of two checkpoints written at `old`; the newer, at `new`.
fn two(form: &Form, (old, new): (i64, i64)) -> World {
    let mut world = World { now: NOW, ..World::default() };
    form.save(&mut world, RUN, STEPS[0], old);
    form.save(&mut world, RUN, STEPS[1], new);
    world
}

/// What is taken where `member` of a checkpoint is not there.
fn taken_without(world: &World, form: &Form, (step, member): (u64, &str)) -> Vec<String> {
    let mut world = world.clone();
    world.things.remove(&form.key(RUN, step, member)).unwrap();
    keys(&world.search(&form.checkpoint()))
}

#[test]
fn one_that_is_written_over_still_tells() {
    for form in measured() {
        let mut world = two(form, (JUST_NOW, NEW));
        assert_eq!(keys(&world.search(&form.checkpoint())), all(form, STEPS[1]), "{form:?}");
        for member in form.members {
            let taken = taken_without(&world, form, (STEPS[1], member));
            assert_eq!(taken, Vec::<String>::new(), "without {member} of {form:?}");
        }
    }
}

#[test]
fn one_that_was_moved_to_an_archive_still_tells() {
    for form in measured() {
        let mut world = two(form, (OLD, NEW));
        for key in form.keys(RUN, STEPS[0]) {
            world.things.get_mut(&key).unwrap().class = Some("GLACIER");
        }
        assert_eq!(keys(&world.search(&form.checkpoint())), all(form, STEPS[1]), "{form:?}");
        for member in form.members {
            let taken = taken_without(&world, form, (STEPS[1], member));
            assert_eq!(taken, Vec::<String>::new(), "without {member} of {form:?}");
        }
    }
}

#[test]
fn one_behind_many_that_were_given_up_still_tells() {
    for form in measured().filter(|form| !form.needs.is_empty()) {
        let mut world = two(form, (OLD, NEW));
        for step in STEPS[0] + 1..STEPS[0] + 21 {
            form.save(&mut world, RUN, step, OLD);
            world.things.remove(&form.key(RUN, step, form.needs[0]));
        }
        form.point(&mut world, RUN, STEPS[1], NEW);
        assert_eq!(keys(&world.search(&form.checkpoint())), all(form, STEPS[1]), "{form:?}");
        for member in form.members {
            let taken = taken_without(&world, form, (STEPS[1], member));
            assert_eq!(taken, all(form, STEPS[0]), "without {member} of {form:?}");
        }
    }
}

#[test]
fn the_last_one_that_retention_has_left_is_told_by_the_one_that_replaces_it() {
    for form in measured() {
        let mut world = two(form, (OLD, JUST_NOW));
        assert_eq!(keys(&world.search(&form.checkpoint())), all(form, STEPS[0]), "before retention, {form:?}");
        for member in form.members {
            let taken = taken_without(&world, form, (STEPS[0], member));
            assert_eq!(taken, Vec::<String>::new(), "while it goes, {member} first, of {form:?}");
        }
        world.now += 120;
        assert_eq!(keys(&world.search(&form.checkpoint())), all(form, STEPS[1]), "once it is quiet, {form:?}");
    }
}

#[test]
fn a_run_that_writes_more_than_before_keeps_what_it_had() {
    for form in measured().filter(|form| form.group.ends_with('/')) {
        let mut world = two(form, (OLD, NEW));
        world.put(&form.key(RUN, STEPS[1], "more.json"), NEW);
        let both = crate::select::checkpoint::Checkpoint { keep: 2, ..form.checkpoint() };
        let kept = form.members.len() * 2 + 1;
        assert_eq!(world.search(&both).selected.len(), kept, "{form:?}");
    }
}
