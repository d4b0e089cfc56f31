//! A checkpoint that is being uploaded, looked at after every key.

use super::forms::{FORMS, Form};
use super::world::{World, keys};
use crate::select::checkpoint::MemberCount;
use crate::select::checkpoint::layout::Layout;

const RUN: &str = "team/run-a/";
const STEPS: [u64; 2] = [500, 1_000];
/// Seconds; settle is 120.
const GAPS: [i64; 2] = [30, 600];

/// In which keys arrive: their positions among those of the framework.
fn orders(form: &Form) -> [Vec<String>; 3] {
    let mut written = form.keys(RUN, STEPS[1]);
    written.extend(form.pointer_key(RUN));
    let mut by_bytes = written.clone();
    by_bytes.sort();
    let reversed = by_bytes.iter().rev().cloned().collect();
    [written, by_bytes, reversed]
}

fn arrive(form: &Form, world: &mut World, key: &str) {
    let at = world.now;
    if form.pointer_key(RUN).is_some_and(|pointer| pointer == key) {
        form.point(world, RUN, STEPS[1], at);
    } else {
        world.put(key, at);
    }
}

/// Whether it is known of a group that waited long enough what it has to hold.
fn is_told(form: &Form, has_previous: bool) -> bool {
    let counted = form.checkpoint().count != MemberCount::Any;
    form.enumerates || (has_previous && counted && form.counts())
}

#[test]
fn half_of_a_checkpoint_is_never_taken() {
    for form in FORMS.iter() {
        for order in orders(form) {
            for gap in GAPS {
                for has_previous in [true, false] {
                    if gap < 120 || is_told(form, has_previous) {
                        upload(form, &order, (gap, has_previous));
                    }
                }
            }
        }
    }
}

fn upload(form: &Form, order: &[String], (gap, has_previous): (i64, bool)) {
    let checkpoint = form.checkpoint();
    let mut world = World { now: 1_000_000, ..World::default() };
    if has_previous {
        form.save(&mut world, RUN, STEPS[0], 900_000);
    }
    let mut whole = form.keys(RUN, STEPS[1]);
    whole.sort();
    let old: Vec<String> = world.things.keys().cloned().collect();
    for key in order {
        arrive(form, &mut world, key);
        let is_whole = whole.iter().all(|key| world.things.contains_key(key));
        for later in [0, gap - 1] {
            let mut world = world.clone();
            world.now += later;
            let taken = keys(&world.search(&checkpoint));
            let is_old = taken.iter().all(|key| old.contains(key));
            assert!(is_old || is_whole, "{later} s after {key}, previous {has_previous}, of {form:?}\n{taken:?}");
        }
        world.now += gap;
    }
    world.now += 120;
    assert_eq!(keys(&world.search(&checkpoint)), whole, "in the end, {form:?}");
}

#[test]
fn what_a_framework_writes_by_itself_is_not_taken_before_it_has_ended() {
    // verl ends with its pointer, which is absent where it saves in the background: nothing that has to be there comes last.
    for form in FORMS.iter().filter(|form| !form.needs.is_empty() && form.layout != Layout::Verl) {
        let [written, ..] = orders(form);
        let end = written.iter().rposition(|key| form.needs.iter().any(|need| *key == form.key(RUN, STEPS[1], need)));
        let mut world = World { now: 1_000_000, ..World::default() };
        for key in &written[..end.unwrap()] {
            arrive(form, &mut world, key);
            world.now += 600;
            let taken = keys(&world.search(&form.checkpoint()));
            assert_eq!(taken, Vec::<String>::new(), "after {key} of {form:?}");
        }
    }
}
