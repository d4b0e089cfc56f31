//! Frameworks within frameworks put a step into the folder above the checkpoint, and a pointer of its own beside each.

use super::world::{World, chosen, why};
use crate::select::checkpoint::Checkpoint;
use crate::select::checkpoint::layout::Layout;

fn world() -> World {
    World { now: 1_000_000, ..World::default() }
}

#[test]
fn runs_that_differ_by_the_step_alone_are_one() {
    // ms-swift, and Accelerate around DeepSpeed.
    for (layout, outer, inner, members, pointer, text) in [
        (
            Layout::Megatron,
            "v3-20261126/checkpoint-@/",
            "iter_@7/",
            &["__0_0.distcp", "common.pt", ".metadata", "metadata.json"][..],
            "latest_checkpointed_iteration.txt",
            "@",
        ),
        (
            Layout::Deepspeed,
            "a/checkpoint-@/",
            "global_step@/",
            &["mp_rank_00_model_states.pt"],
            "latest",
            "global_step@",
        ),
        (Layout::Deepspeed, "a-@/", "x/global_step@/", &["mp_rank_00_model_states.pt"], "latest", "global_step@"),
    ] {
        let fill = super::forms::fill;
        let mut world = world();
        for step in [100, 200, 300] {
            for member in members {
                world.put(&fill(&format!("{outer}{inner}{member}"), step), 1);
            }
            // The newest is not named yet.
            if step < 300 {
                let beside = if inner.starts_with("x/") { "x/" } else { "" };
                world.write(&fill(&format!("{outer}{beside}{pointer}"), step), &fill(text, step), 1);
            }
        }
        let selection = world.search(&Checkpoint::of(layout).unwrap());
        let chosen = chosen(&selection);
        let newest = if layout == Layout::Megatron { "300" } else { "200" };
        assert!(chosen.len() == 1 && chosen[0].ends_with(newest), "{outer}: {chosen:?}");
    }
}

#[test]
fn a_run_that_is_numbered_stays_one() {
    let mut world = world();
    for (run, steps) in [("run-5", &[5, 10][..]), ("run-10", &[7, 10]), ("run-7", &[8])] {
        for step in steps {
            for name in ["model.safetensors", "trainer_state.json"] {
                world.put(&format!("{run}/checkpoint-{step}/{name}"), 1);
            }
        }
    }
    let selection = world.search(&Checkpoint::of(Layout::HfTrainer).unwrap());
    assert_eq!(chosen(&selection), ["run-10/checkpoint-10", "run-5/checkpoint-10", "run-7/checkpoint-8"]);
}

#[test]
fn a_pipeline_is_one_group_before_its_index_is_there() {
    let mut world = world();
    let parts =
        ["transformer/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors", "vae/config.json"];
    for (version, at) in [(1, 10), (2, 20)] {
        parts.iter().for_each(|part| world.put(&format!("flux/v{version}/{part}"), at));
    }
    world.put("flux/v1/model_index.json", 10);
    let selection = world.search(&Checkpoint::of(Layout::Safetensors).unwrap());
    assert_eq!(chosen(&selection), ["flux/v1"]);
    assert_eq!(why(&selection, "v2").unwrap(), "`model_index.json` is missing");
}

/// What warns of the runs that a search finds: how many, and the first of them.
fn lone(keys: &[String], layout: Layout) -> Option<(usize, String)> {
    let mut world = world();
    keys.iter().for_each(|key| world.put(key, 1));
    let selection = world.search(&Checkpoint::of(layout).unwrap());
    selection.lone_runs.map(|(runs, example)| (runs, example.to_string()))
}

#[test]
fn many_runs_of_a_single_step_each_are_warned_of() {
    let of = |folders: &[&str], names: &[&str]| -> Vec<String> {
        folders.iter().flat_map(|folder| names.iter().map(move |name| format!("{folder}/{name}"))).collect()
    };
    let dcp = [".metadata", "metadata.json", "common.pt", "__0_0.distcp"].map(|name| format!("iter_0000000/{name}"));
    let dcp: Vec<&str> = dcp.iter().map(String::as_str).collect();
    let fsdp = ["pytorch_model_fsdp_0/.metadata", "pytorch_model_fsdp_0/__0_0.distcp", "optimizer_0/.metadata"];
    for (folders, names, layout, expected, because) in [
        (
            &["x/step_10/weights", "x/step_20/weights", "x/step_30/weights"][..],
            &dcp[..],
            Layout::Megatron,
            Some((3, "x/step_10/weights".to_owned())),
            "a number that is no step of theirs",
        ),
        (&["x/step_10/weights", "x/step_20/weights"], &dcp, Layout::Megatron, None, "two may be two"),
        (
            &["checkpoint-100", "checkpoint-200", "checkpoint-300"],
            &fsdp,
            Layout::TorchDcp,
            Some((3, "checkpoint-100".to_owned())),
            "several of the same step",
        ),
        (&["llama", "qwen", "mistral"], &dcp, Layout::Megatron, None, "names tell them apart"),
    ] {
        assert_eq!(lone(&of(folders, names), layout), expected, "{because}");
    }
    let mut two_steps = of(&["run-1", "run-2", "run-3"], &dcp);
    two_steps.extend(of(&["run-1", "run-2", "run-3"], &dcp).iter().map(|key| key.replace("0000000", "0000500")));
    assert_eq!(lone(&two_steps, Layout::Megatron), None, "a run has several steps");
}
