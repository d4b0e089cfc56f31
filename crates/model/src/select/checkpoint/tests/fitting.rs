//! Where a layout finds nothing whole, the plan names those that do.

use super::forms::FORMS;
use super::world::World;
use crate::select::Refusal;
use crate::select::checkpoint::Checkpoint;
use crate::select::checkpoint::layout::Layout;

const RUN: &str = "team/run-a/";

fn refused(world: &mut World, layout: Layout) -> Option<Refusal> {
    world.search(&Checkpoint::of(layout).unwrap()).refused
}

#[test]
fn a_layout_that_does_not_fit_names_the_one_that_does() {
    for form in FORMS.iter() {
        let mut world = World { now: 1_000_000, ..World::default() };
        form.save(&mut world, RUN, 1, 1);
        form.save(&mut world, RUN, 2, 2);
        let wrong = if form.layout == Layout::Nemo { Layout::Composer } else { Layout::Nemo };
        let Some(Refusal::NoCheckpoint { fits, .. }) = refused(&mut world, wrong) else { panic!("{form:?}") };
        assert!(fits.contains(&form.layout) && !fits.contains(&wrong), "{form:?}: {fits:?}");
    }
}

#[test]
fn one_that_is_still_being_written_is_no_sign_of_another_layout() {
    let mut world = World { now: 1_000_000, ..World::default() };
    for key in ["config.json", "model.safetensors", "optimizer.pt"] {
        world.put(&format!("{RUN}checkpoint-500/{key}"), 1);
    }
    let refused = refused(&mut world, Layout::HfTrainer).unwrap().to_string();
    assert!(refused.ends_with("`trainer_state.json` is missing"), "{refused}");
}

#[test]
fn what_fits_is_typed_as_it_is_said() {
    for (keys, layout, expected) in [
        (
            &["r/step-1/metadata.json", "r/step-1/model/w/0.0"][..],
            Layout::Nemo,
            "nothing matched: no object belongs to a checkpoint of this layout (2 listed); \
             layout = \"levanter\" finds a whole one",
        ),
        (
            &["r/step-1/.metadata", "r/step-1/__0_0.distcp"],
            Layout::Nemo,
            "nothing matched: no object belongs to a checkpoint of this layout (2 listed); \
             layout = \"torch-dcp\" or \"torchtitan\" finds a whole one",
        ),
        (
            &["r/notes.txt"],
            Layout::Nemo,
            "nothing matched: no object belongs to a checkpoint of this layout (1 listed)",
        ),
    ] {
        let mut world = World { now: 1_000_000, ..World::default() };
        keys.iter().for_each(|key| world.put(key, 1));
        assert_eq!(refused(&mut world, layout).unwrap().to_string(), expected);
    }
}

#[test]
fn all_of_several_that_lack_the_same_are_a_sign_of_another_layout() {
    let mut world = World { now: 1_000_000, ..World::default() };
    for step in [100, 200] {
        for key in ["metadata.json", "manifest.ocdbt", "d/0123456789abcdef0123456789abcdef"] {
            world.put(&format!("{RUN}step-{step}/{key}"), 1);
        }
    }
    let refused = refused(&mut world, Layout::Torchtitan).unwrap().to_string();
    assert!(refused.ends_with("`.metadata` is missing; layout = \"levanter\" finds a whole one"), "{refused}");
}
