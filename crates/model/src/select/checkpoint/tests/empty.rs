//! Files that lost their bytes, as in a power cut or on a full disk, are no part of a checkpoint.

use super::world::{World, chosen, why};
use crate::pattern::KeyGlob;
use crate::select::checkpoint::layout::Layout;
use crate::select::checkpoint::naming::Naming;
use crate::select::checkpoint::{Checkpoint, Kind, MemberCount};

fn world(keys: &[(&str, u64)]) -> World {
    let mut world = World { now: 1_000_000, ..World::default() };
    for (at, (key, size)) in keys.iter().enumerate() {
        world.put(key, i64::try_from(at).unwrap());
        world.things.get_mut(*key).unwrap().size = *size;
    }
    world
}

fn custom(require: &[&str], count: MemberCount) -> Checkpoint {
    let require = require.iter().map(|glob| KeyGlob::parse(glob).unwrap()).collect();
    let kinds = vec![Kind::always(require)];
    Checkpoint { kinds, count, ..Checkpoint::custom(Naming::parse("(?<run>.*)/s-(?<step>[0-9]+)/").unwrap()) }
}

#[test]
fn a_pointer_to_an_empty_checkpoint_is_answered_by_an_older_whole_one() {
    let state = "mp_rank_00_model_states.pt";
    let mut world = world(&[
        (&format!("r/global_step418/{state}"), 9),
        (&format!("r/global_step420/{state}"), 0),
        (&format!("r/global_step422/{state}"), 0),
    ]);
    world.write("r/latest", "global_step422", 9);
    let selection = world.search(&Checkpoint::of(Layout::Deepspeed).unwrap());
    assert_eq!(chosen(&selection), ["r/global_step418"]);
    assert_eq!(why(&selection, "global_step422").unwrap(), "all of its files are empty");
}

#[test]
fn what_has_to_hold_data_and_does_not_is_named() {
    for (layout, older, newer, because) in [
        (
            Layout::TorchDcp,
            &[("r/s-1/.metadata", 9), ("r/s-1/__0_0.distcp", 9)][..],
            &[("r/s-2/.metadata", 0), ("r/s-2/__0_0.distcp", 9)][..],
            "`.metadata` is empty",
        ),
        (
            Layout::HfTrainer,
            &[("r/checkpoint-1/m-1-of-1.safetensors", 9), ("r/checkpoint-1/trainer_state.json", 9)],
            &[("r/checkpoint-2/m-1-of-1.safetensors", 0), ("r/checkpoint-2/trainer_state.json", 9)],
            "`m-1-of-1.safetensors` is empty",
        ),
        (Layout::Lightning, &[("r/step=1.ckpt", 9)], &[("r/step=2.ckpt", 0)], "all of its files are empty"),
        (
            Layout::Composer,
            &[("r/ep1-ba1-rank0.pt", 9), ("r/ep1-ba1-rank1.pt", 9)],
            &[("r/ep1-ba2-rank0.pt", 9), ("r/ep1-ba2-rank1.pt", 0)],
            "`ep1-ba2-rank1.pt` is empty",
        ),
    ] {
        let mut world = world(&[older, newer].concat());
        let selection = world.search(&Checkpoint::of(layout).unwrap());
        let [newest, taken] = selection.groups.as_slice() else { panic!("{:?}", selection.groups) };
        assert_eq!(newest.why.as_deref(), Some(because), "{layout:?}");
        assert_eq!(chosen(&selection), [format!("r/{}", taken.name)], "{layout:?}");
    }
}

#[test]
fn a_marker_may_be_empty_and_counts() {
    for marker in ["DONE", "_SUCCESS", ".complete", "commit_success.txt", "shard-3.done"] {
        let key = format!("r/s-1/{marker}");
        let selection = world(&[("r/s-1/data", 9), (&key, 0)]).search(&custom(&[marker], MemberCount::AtLeast(2)));
        assert_eq!(chosen(&selection), ["r/s-1"], "{marker}");
    }
    let selection = world(&[("r/s-1/data", 9), ("r/s-1/b", 0)]).search(&custom(&[], MemberCount::AtLeast(2)));
    assert_eq!(why(&selection, "s-1").unwrap(), "it holds 1 objects and 1 empty ones, count is 2");
    let selection = world(&[("r/s-1/DONE", 0), ("r/s-1/b", 0)]).search(&custom(&["DONE"], MemberCount::Any));
    assert_eq!(why(&selection, "s-1").unwrap(), "all of its files are empty");
}
