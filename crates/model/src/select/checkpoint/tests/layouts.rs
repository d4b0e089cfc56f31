//! What every form of every layout has to bear.

use super::forms::{FORMS, Form};
use super::world::{World, chosen, keys, why};
use crate::pattern::{KeyGlob, Pattern};
use crate::select::checkpoint::layout::Layout;
use crate::select::checkpoint::{Checkpoint, Kind, MemberCount, Parts, When};
use crate::select::tests::rules;
use crate::select::{Reason, Refusal, Rules, Selection};

const NOW: i64 = 1_000_000;
const OLD: i64 = NOW - 7_200;
const NEW: i64 = NOW - 3_600;
const RUN: &str = "team/run-a/";
/// Beside each other in every order but that of numbers.
const STEPS: [u64; 2] = [500, 1_000];

fn world() -> World {
    World { now: NOW, ..World::default() }
}

/// Two checkpoints of one run, and what is searched for.
fn two(form: &Form) -> World {
    let mut world = world();
    form.save(&mut world, RUN, STEPS[0], OLD);
    form.save(&mut world, RUN, STEPS[1], NEW);
    world
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}

fn all(form: &Form, step: u64) -> Vec<String> {
    sorted(form.keys(RUN, step))
}

/// Which of the kinds of its layout the form is of: those that add something, and the first other one.
fn kinds(form: &Form) -> Vec<(usize, Kind)> {
    let holds = |globs: &[KeyGlob]| {
        globs
            .iter()
            .any(|glob| form.members.iter().any(|member| glob.matches(form.within(STEPS[1], member).as_bytes())))
    };
    let is_of = |kind: &Kind| match &kind.when {
        When::Always => true,
        When::Folder => form.group.ends_with('/'),
        When::Holds(globs) => holds(globs),
    };
    let kinds = form.checkpoint().kinds.into_iter().enumerate();
    let (mut of, others): (Vec<_>, Vec<_>) = kinds.filter(|(_, kind)| is_of(kind)).partition(|(_, kind)| kind.also);
    of.extend(others.into_iter().next());
    of
}

#[test]
fn every_kind_of_every_layout_has_a_form() {
    for preset in crate::select::checkpoint::presets::PRESETS {
        let forms: Vec<_> = FORMS.iter().filter(|form| form.layout == preset.layout).collect();
        assert!(!forms.is_empty(), "{:?}", preset.layout);
        for at in 0..preset.kinds.len() {
            assert!(
                forms.iter().any(|form| kinds(form).iter().any(|(of, _)| *of == at)),
                "kind {at} of {:?}",
                preset.layout
            );
        }
    }
}

#[test]
fn the_newest_is_taken_and_all_of_it() {
    for form in FORMS.iter() {
        let mut world = two(form);
        let selection = world.search(&form.checkpoint());
        assert_eq!(keys(&selection), all(form, STEPS[1]), "{form:?}");
        assert_eq!(selection.refused, None);
        let both = Checkpoint { keep: 2, ..form.checkpoint() };
        let kept = sorted(STEPS.iter().flat_map(|step| form.keys(RUN, *step)).collect());
        assert_eq!(keys(&world.search(&both)), kept, "keep = 2 of {form:?}");
    }
}

#[test]
fn it_is_found_whole_however_small_pages_are() {
    for form in FORMS.iter() {
        for page in [1, 2, 3, 5] {
            let mut world = World { page, ..two(form) };
            assert_eq!(keys(&world.search(&form.checkpoint())), all(form, STEPS[1]), "pages of {page} of {form:?}");
        }
    }
}

#[test]
fn steps_are_numbers_of_any_length() {
    for form in FORMS.iter().filter(|form| form.counts()) {
        for (less, more) in [(9, 10), (99_999, 9_999_999_999), (1 << 33, 1 << 34), (u64::MAX - 1, u64::MAX), (0, 1)] {
            let mut world = world();
            // Copied in the other order.
            form.save(&mut world, RUN, more, OLD);
            form.save(&mut world, RUN, less, NEW);
            form.point(&mut world, RUN, more, NEW);
            assert_eq!(keys(&world.search(&form.checkpoint())), all(form, more), "{less} and {more} of {form:?}");
        }
    }
}

#[test]
fn a_bucket_may_be_one_run_and_a_run_may_be_deep() {
    for form in FORMS.iter() {
        for run in ["", "a/", "a b/ünï/c+d/e%20f/\n/"] {
            let mut world = world();
            form.save(&mut world, run, STEPS[0], OLD);
            form.save(&mut world, run, STEPS[1], NEW);
            let expected = sorted(form.keys(run, STEPS[1]));
            assert_eq!(keys(&world.search(&form.checkpoint())), expected, "in {run:?}: {form:?}");
        }
    }
}

#[test]
fn each_run_has_its_newest() {
    for form in FORMS.iter().filter(|form| form.counts()) {
        let mut world = world();
        for (run, last) in [("team/run-a/", 3), ("team/run-b/", 900), ("team/run-b/again/", 7), ("other/", 12)] {
            form.save(&mut world, run, 2, OLD);
            form.save(&mut world, run, last, NEW);
        }
        let selection = world.search(&form.checkpoint());
        let expected = [("team/run-a", 3), ("team/run-b", 900), ("team/run-b/again", 7), ("other", 12)];
        let expected = expected.map(|(run, step)| format!("{run}/{}", form.name(step)));
        assert_eq!(sorted(chosen(&selection)), sorted(expected.to_vec()), "{form:?}");
    }
}

#[test]
fn runs_without_steps_have_their_newest_by_time() {
    for form in FORMS.iter().filter(|form| !form.counts()) {
        let mut world = world();
        for (run, steps) in [("team/run-a/", [1, 2]), ("team/run-b/", [2, 1]), ("other/", [7, 3])] {
            form.save(&mut world, run, steps[0], OLD);
            form.save(&mut world, run, steps[1], NEW);
        }
        let selection = world.search(&form.checkpoint());
        let expected = [("team/run-a", 2), ("team/run-b", 1), ("other", 3)];
        let expected = expected.map(|(run, step)| format!("{run}/{}", form.name(step)));
        assert_eq!(sorted(chosen(&selection)), sorted(expected.to_vec()), "{form:?}");
    }
}

/// The glob or the name that a reason speaks of.
fn spoken_of(why: &str) -> Option<KeyGlob> {
    KeyGlob::parse(why.split('`').nth(1)?).ok()
}

#[test]
fn where_a_member_is_missing_the_one_before_is_taken_and_the_member_is_named() {
    for form in FORMS.iter() {
        let checkpoint = form.checkpoint();
        for member in form.members {
            let mut world = two(form);
            world.things.remove(&form.key(RUN, STEPS[1], member));
            let selection = world.search(&checkpoint);
            let why = why(&selection, &form.name(STEPS[1]));
            if form.needs.contains(member) {
                assert_eq!(keys(&selection), all(form, STEPS[0]), "without {member} of {form:?}");
                // A folder that lost the only thing that shows what it is was no checkpoint to begin with.
                let is_known = selection.groups.len() == 2;
                assert!(is_known || !checkpoint.signs.is_empty(), "without {member} of {form:?}");
                let names_it = |why: String| {
                    spoken_of(&why).is_some_and(|glob| glob.matches(form.within(STEPS[1], member).as_bytes()))
                };
                assert_eq!(why.is_some_and(names_it), is_known, "{member} of {form:?}: {:?}", selection.groups);
            } else if form.counts() && checkpoint.count == MemberCount::AsPrevious {
                assert_eq!(keys(&selection), all(form, STEPS[0]), "without {member} of {form:?}");
                let why = why.unwrap_or_default();
                let told = why.starts_with("it holds ") || why.contains(" is missing");
                assert!(told || form.members.len() == 1, "{member} of {form:?}: {why}");
            }
        }
    }
}

/// Checkpoints of which the newer one, or the only one, holds more files than any before, and not `lost`: gone or empty.
fn without(form: &Form, lost: &[&str], (has_previous, is_empty): (bool, bool)) -> World {
    let mut world = world();
    if has_previous {
        form.save(&mut world, RUN, STEPS[0], OLD);
    }
    form.save(&mut world, RUN, STEPS[1], NEW);
    for more in 0..9 {
        // What a run writes that goes on with more ranks.
        let name = if form.group.ends_with('/') { format!("rng_{more}.txt") } else { format!("-rank{}.pt", 2 + more) };
        if form.members.len() > 1 {
            world.put(&form.key(RUN, STEPS[1], &name), NEW);
        }
    }
    for key in lost.iter().map(|member| form.key(RUN, STEPS[1], member)) {
        if is_empty {
            world.things.get_mut(&key).unwrap().size = 0;
        } else {
            world.things.remove(&key).unwrap();
        }
    }
    world
}

const WAYS: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

#[test]
fn where_all_that_a_layout_requires_by_one_glob_is_missing_or_empty_it_is_not_taken() {
    let mut seen = 0;
    for form in FORMS.iter() {
        for glob in kinds(form).into_iter().flat_map(|(_, kind)| kind.require) {
            let is_required = |member: &&&str| glob.matches(form.within(STEPS[1], member).as_bytes());
            let required: Vec<_> = form.members.iter().filter(is_required).copied().collect();
            assert!(!required.is_empty(), "`{}` of {form:?}", glob.text());
            // A marker may be empty.
            for way in WAYS.into_iter().filter(|(_, is_empty)| !is_empty || glob.text() != "commit_success.txt") {
                let expected = if way.0 { all(form, STEPS[0]) } else { Vec::new() };
                let taken = keys(&without(form, &required, way).search(&form.checkpoint()));
                assert_eq!(taken, expected, "without `{}`, {way:?}, of {form:?}", glob.text());
            }
            seen += 1;
        }
    }
    assert!(seen > 90, "{seen}");
}

#[test]
fn where_the_weights_are_gone_or_empty_it_is_not_taken() {
    for form in FORMS.iter() {
        let weights: Vec<_> = form.members.iter().filter(|member| form.holds_weights(member)).copied().collect();
        assert!(!weights.is_empty(), "{form:?}");
        for way in WAYS {
            let expected = if way.0 { all(form, STEPS[0]) } else { Vec::new() };
            let taken = keys(&without(form, &weights, way).search(&form.checkpoint()));
            assert_eq!(taken, expected, "without {weights:?}, {way:?}, of {form:?}");
        }
    }
}

#[test]
fn where_a_member_that_holds_data_is_empty_it_is_not_taken_and_named() {
    for form in FORMS.iter() {
        for member in form.members.iter().filter(|member| !form.may_be_empty(member)) {
            for has_previous in [true, false] {
                let selection = without(form, &[member], (has_previous, true)).search(&form.checkpoint());
                let expected = if has_previous { all(form, STEPS[0]) } else { Vec::new() };
                assert_eq!(keys(&selection), expected, "{member} is empty, of {form:?}");
                let why = why(&selection, &form.name(STEPS[1])).unwrap();
                let names_it =
                    spoken_of(&why).is_some_and(|glob| glob.matches(form.within(STEPS[1], member).as_bytes()));
                assert!(names_it || form.members.len() == 1, "{member} of {form:?}: {why}");
            }
        }
    }
}

#[test]
fn a_search_gives_up_behind_thirty_two_that_are_not_complete() {
    let form = FORMS.iter().find(|form| form.layout == Layout::HfTrainer).unwrap();
    for (torn, looked_at) in [(31, None), (32, Some(32)), (99, Some(32))] {
        let mut world = world();
        form.save(&mut world, RUN, 1, OLD);
        for step in 2..2 + torn {
            form.save(&mut world, RUN, step, NEW);
            world.things.remove(&form.key(RUN, step, "trainer_state.json"));
        }
        let selection = world.search(&form.checkpoint());
        match (looked_at, selection.refused.clone()) {
            (None, None) => assert_eq!(keys(&selection), all(form, 1)),
            (Some(_), Some(Refusal::NoneComplete { looked_at: said, .. })) => assert_eq!(said, looked_at),
            (_, refused) => panic!("{torn} that are not complete: {refused:?}"),
        }
        assert!(world.listed.len() < 32 + 20, "{} listings", world.listed.len());
    }
}

#[test]
fn alone_and_without_a_member_it_needs_nothing_is_taken() {
    for form in FORMS.iter() {
        for member in form.needs {
            let mut world = world();
            form.save(&mut world, RUN, STEPS[1], NEW);
            world.things.remove(&form.key(RUN, STEPS[1], member));
            let selection = world.search(&form.checkpoint());
            assert_eq!(keys(&selection), Vec::<String>::new(), "without {member} of {form:?}");
            let refused = selection.refused.unwrap();
            assert!(
                matches!(refused, Refusal::NoneComplete { .. } | Refusal::NoCheckpoint { .. }),
                "{member} of {form:?}: {refused}"
            );
        }
    }
}

#[test]
fn what_is_named_as_unfinished_is_not_looked_into() {
    let mut seen = 0;
    for form in FORMS.iter() {
        let Some(temporary) = form.temporary else { continue };
        seen += 1;
        let writing = Form { group: temporary, ..*form };
        let mut world = two(form);
        writing.save(&mut world, RUN, 2_000, NEW);
        // Pointers are written last.
        form.point(&mut world, RUN, STEPS[1], NEW);
        let selection = world.search(&form.checkpoint());
        assert_eq!(keys(&selection), all(form, STEPS[1]), "{form:?}");
        let why = why(&selection, &writing.name(2_000));
        assert_eq!(why.as_deref(), Some("its name says that it is still being written"), "{form:?}");
    }
    assert!(seen >= 5);
}

#[test]
fn what_nemo_is_still_writing_has_a_file_beside_it() {
    for form in FORMS.iter().filter(|form| form.layout == Layout::Nemo) {
        let mut world = two(form);
        world.put(&format!("{RUN}{}-unfinished", form.name(STEPS[1])), NEW);
        let selection = world.search(&form.checkpoint());
        assert_eq!(keys(&selection), all(form, STEPS[0]));
        assert!(why(&selection, &form.name(STEPS[1])).unwrap().ends_with("-unfinished` stands beside it"));
    }
}

#[test]
fn retention_in_the_middle_of_a_search_leaves_a_whole_one_or_none() {
    for form in FORMS.iter() {
        let checkpoint = form.checkpoint();
        for first in 0..10 {
            let mut world = two(form);
            let newest = all(form, STEPS[1]);
            let mut is_unseen = false;
            let selection = world.search_by(rules(), &checkpoint, |world, nth| {
                if nth == first {
                    let looked_into = |prefix: &String| prefix.len() > RUN.len() && newest[0].starts_with(prefix);
                    is_unseen = !world.listed.iter().any(looked_into);
                    newest.iter().for_each(|key| {
                        world.things.remove(key);
                    });
                }
            });
            let taken = keys(&selection);
            let is_old = taken == all(form, STEPS[0]);
            assert!(is_old || taken == newest, "deleted before answer {first} of {form:?}: {taken:?}");
            assert!(is_old || !is_unseen, "deleted before answer {first} of {form:?}: {taken:?}");
        }
    }
}

#[test]
fn a_run_that_is_deleted_in_the_middle_of_a_search_ends_it() {
    for form in FORMS.iter() {
        let checkpoint = form.checkpoint();
        for first in 0..10 {
            let mut world = two(form);
            let before = world.clone();
            let selection = world.search_by(rules(), &checkpoint, |world, nth| {
                if nth == first {
                    world.delete("");
                }
            });
            let taken = keys(&selection);
            assert!(taken.iter().all(|key| before.things.contains_key(key)), "{form:?}: {taken:?}");
        }
    }
}

#[test]
fn a_pointer_is_an_upper_bound_and_no_proof() {
    for form in FORMS.iter().filter(|form| form.pointer.is_some()) {
        let checkpoint = form.checkpoint();
        let key = form.pointer_key(RUN).unwrap();
        let name = key.rsplit('/').next().unwrap();
        // Whether the form lives without.
        let is_named = form.layout == Layout::Deepspeed
            || form.layout == Layout::Megatron && !form.members.contains(&"metadata.json");
        let newest = form.name(STEPS[1]);

        let mut stale = two(form);
        form.point(&mut stale, RUN, STEPS[0], OLD);
        let selection = stale.search(&checkpoint);
        assert_eq!(keys(&selection), all(form, STEPS[0]), "stale, {form:?}");
        let why_stale = why(&selection, &newest).unwrap();
        assert!(why_stale.contains(name) && why_stale.ends_with("which is older"), "{why_stale}");

        for member in form.needs {
            let mut early = two(form);
            form.point(&mut early, RUN, 5_000, NEW);
            early.things.remove(&form.key(RUN, STEPS[1], member));
            assert_eq!(keys(&early.search(&checkpoint)), all(form, STEPS[0]), "early, without {member} of {form:?}");
        }
        let mut early = two(form);
        form.point(&mut early, RUN, 5_000, NEW);
        assert_eq!(keys(&early.search(&checkpoint)), all(form, STEPS[1]), "early, {form:?}");

        for text in [Some("<html>404</html>\n"), Some(""), Some("\u{0}\u{1}"), None] {
            let mut world = two(form);
            world.delete(&key);
            if let Some(text) = text {
                world.write(&key, text, NEW);
            }
            let selection = world.search(&checkpoint);
            assert_eq!(selection.bad_pointers.len(), usize::from(text.is_some()), "{text:?}, {form:?}");
            if is_named {
                assert_eq!(keys(&selection), Vec::<String>::new(), "{text:?}, {form:?}");
                assert!(why(&selection, &newest).unwrap().contains(name), "{text:?}, {form:?}");
            } else {
                assert_eq!(keys(&selection), all(form, STEPS[1]), "{text:?}, {form:?}");
            }
        }
    }
}

#[test]
fn where_a_pointer_has_to_name_every_checkpoint_and_is_not_there_none_is_listed() {
    let form = FORMS.iter().find(|form| form.layout == Layout::Deepspeed).unwrap();
    let mut world = world();
    for step in 0..100 {
        form.save(&mut world, RUN, step, OLD);
    }
    world.delete(&form.pointer_key(RUN).unwrap());
    let selection = world.search(&form.checkpoint());
    let Some(Refusal::NoneComplete { why, fits, .. }) = selection.refused else { panic!("{:?}", selection.refused) };
    assert_eq!((why.as_str(), fits), ("`latest` has to name it, and is not there", Vec::new()));
    let group = form.key(RUN, 99, "");
    assert!(!world.listed.contains(&group), "{:?}", world.listed);
}

#[test]
fn megatron_begins_with_what_it_was_released_as() {
    let form = FORMS.iter().find(|form| form.layout == Layout::Megatron).unwrap();
    let mut world = world();
    let release = Form { group: "release/", ..*form };
    release.save(&mut world, RUN, 0, OLD);
    world.write(&release.pointer_key(RUN).unwrap(), "release\n", OLD);
    assert_eq!(keys(&world.search(&form.checkpoint())), all(&release, 0), "where there is no other");
    form.save(&mut world, RUN, 100, NEW);
    assert_eq!(keys(&world.search(&form.checkpoint())), all(form, 100));
}

fn weights(form: &Form) -> Option<Checkpoint> {
    let (without, mixed) = form.layout.weights().ok()?;
    Some(Checkpoint { parts: Parts::Weights, without, mixed, ..form.checkpoint() })
}

#[test]
fn patterns_that_match_no_member_are_refused() {
    let form = &FORMS[0];
    let patterns = |glob: &str| Rules { patterns: vec![Pattern::parse(glob).unwrap()], ..rules() };
    let typo = two(form).search_by(patterns("s3://b/**/*.typo"), &form.checkpoint(), |_, _| {});
    assert!(matches!(typo.refused, Some(Refusal::NothingMatched { listed }) if listed > 0), "{:?}", typo.refused);
    let allowed = Rules { allow_empty: true, ..patterns("s3://b/**/*.typo") };
    assert_eq!(two(form).search_by(allowed, &form.checkpoint(), |_, _| {}).refused, None);
    let some = two(form).search_by(patterns("s3://b/**/*.distcp"), &form.checkpoint(), |_, _| {});
    let shards = all(form, STEPS[1]).into_iter().filter(|key| key.ends_with(".distcp")).collect::<Vec<_>>();
    assert_eq!((keys(&some), some.refused), (shards, None), "a pattern picks members, and completeness sees all");
}

#[test]
fn weights_leave_out_the_state_and_nothing_else() {
    for form in FORMS.iter() {
        let Some(checkpoint) = weights(form) else {
            assert_eq!(form.state, &[] as &[&str], "{form:?}");
            continue;
        };
        let mut world = two(form);
        let selection = world.search(&checkpoint);
        let shows = |member: &&str| checkpoint.mixed.iter().any(|glob| glob.matches(member.as_bytes()));
        if let Some(member) = form.members.iter().copied().find(shows) {
            assert_eq!(keys(&selection), Vec::<String>::new(), "{form:?}");
            let why = why(&selection, &form.name(STEPS[1])).unwrap();
            assert!(why.starts_with(&format!("its weights cannot be had alone: `{member}`")), "{why}");
            continue;
        }
        let kept = form.members.iter().filter(|member| !form.state.contains(member));
        let kept = sorted(kept.map(|member| form.key(RUN, STEPS[1], member)).collect());
        assert_eq!(keys(&selection), kept, "{form:?}");
        assert!(!kept.is_empty());
        let left = selection.left_out.get(&Reason::Excluded).map_or(0, |left| left.count.objects);
        assert_eq!(left, form.state.len() as u64);
    }
}

#[test]
fn weights_that_only_the_optimizer_state_holds_are_not_taken_without_it() {
    let form = FORMS.iter().find(|form| form.layout == Layout::Deepspeed).unwrap();
    let zero3 = Form {
        members: &["zero_pp_rank_0_mp_rank_00_model_states.pt", "zero_pp_rank_0_mp_rank_00_optim_states.pt"],
        needs: &["zero_pp_rank_0_mp_rank_00_model_states.pt"],
        ..*form
    };
    let mut world = two(&zero3);
    assert_eq!(keys(&world.search(&zero3.checkpoint())), all(&zero3, STEPS[1]), "as a whole it is fine");
    let selection = world.search(&weights(&zero3).unwrap());
    assert_eq!(keys(&selection), Vec::<String>::new());
    let why = why(&selection, &zero3.name(STEPS[1])).unwrap();
    assert!(why.starts_with("its weights cannot be had alone: `zero_pp_rank_0_mp_rank_00_model_states.pt`"), "{why}");
}

fn excluding(globs: &[String]) -> Rules {
    Rules { exclude: globs.iter().map(|glob| Pattern::parse(glob).unwrap()).collect(), ..rules() }
}

#[test]
fn what_is_excluded_is_counted_and_not_warmed() {
    for form in FORMS.iter().filter(|form| form.members.len() > 1) {
        for member in form.members {
            let mut world = two(form);
            let last = member.rsplit('/').next().unwrap();
            let selection = world.search_by(excluding(&[format!("s3://b/**{last}")]), &form.checkpoint(), |_, _| {});
            let left = all(form, STEPS[1]).into_iter().filter(|key| !key.ends_with(last)).collect::<Vec<_>>();
            assert_eq!(keys(&selection), left, "{last} of {form:?}");
        }
    }
}

#[test]
fn a_member_in_an_archive_makes_it_incomplete_unless_it_would_be_left_out() {
    for form in FORMS.iter() {
        for member in form.members {
            let mut world = two(form);
            let key = form.key(RUN, STEPS[1], member);
            world.things.get_mut(&key).unwrap().class = Some("GLACIER");
            let selection = world.search(&form.checkpoint());
            assert_eq!(keys(&selection), all(form, STEPS[0]), "{member} of {form:?}");
            let why = why(&selection, &form.name(STEPS[1])).unwrap();
            assert!(why.contains("is of class GLACIER"), "{why}");
            if let Some(checkpoint) = weights(form).filter(|_| form.state.contains(member)) {
                let taken = keys(&world.search(&checkpoint));
                assert!(
                    taken.contains(&form.key(
                        RUN,
                        STEPS[1],
                        form.members.iter().find(|m| !form.state.contains(m)).unwrap()
                    )),
                    "{member} of {form:?}"
                );
            }
        }
    }
}

/// What stands beside checkpoints, thousands of files of it.
fn clutter(world: &mut World) {
    for i in 0..1_000 {
        world.put(&format!("{RUN}logs/attempt_{}/rank-{i}.txt", i % 3), NEW);
        world.put(&format!("{RUN}tensorboard/events.out.tfevents.{i}.node-{}", i % 7), NEW);
        world.put(&format!("{RUN}wandb/run-20240101_{:06}-ab/files/{i}.log", i % 10), NEW);
    }
    world.put(&format!("{RUN}config.yaml"), NEW);
    world.put(&format!("{RUN}eval/step_10/results.json"), NEW);
    world.put("README.md", NEW);
}

#[test]
fn what_stands_beside_checkpoints_costs_few_listings() {
    for form in FORMS.iter().filter(|form| form.counts()) {
        let mut world = two(form);
        for step in 2..50 {
            form.save(&mut world, RUN, step, OLD - 100);
        }
        form.point(&mut world, RUN, STEPS[1], NEW);
        clutter(&mut world);
        let selection: Selection = world.search(&form.checkpoint());
        assert_eq!(keys(&selection), all(form, STEPS[1]), "{form:?}");
        assert!(world.listed.len() <= 75, "{} listings for {form:?}", world.listed.len());
    }
}
