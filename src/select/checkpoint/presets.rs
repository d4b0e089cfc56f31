//! The layouts of the frameworks, one piece of data each. docs/checkpoints.md shows a tree and a source for every one.

use super::MemberCount::{Any, AsPrevious};
use super::layout::PresetWhen::{Always, Folder, Holds};
use super::layout::{Layout, Preset, PresetKind, PresetSet, Weights};

/// What most layouts have nothing of.
const PLAIN: Preset = Preset {
    layout: Layout::Custom,
    group: "",
    signs: &[],
    kinds: &[],
    forbid: &[],
    beside: None,
    sets: &[],
    count: AsPrevious,
    pointer: None,
    weights: Weights::Without(&[]),
};

const fn always(require: &'static [&'static str]) -> PresetKind {
    PresetKind { when: Always, require, named: false }
}

/// `NAME-00002-of-00004.safetensors`, counted from 1; an index lists them.
const SHARDS: PresetSet = PresetSet {
    member: r"-(?<i>[0-9]+)-of-(?<n>[0-9]+)\.safetensors$",
    first: 1,
    index: Some("**/*.safetensors.index.json"),
};

pub(super) const PRESETS: [Preset; 14] = [
    Preset {
        layout: Layout::TorchDcp,
        group: r"^(?:(?<run>.*)/)?[^/]*?(?<step>[0-9]+)[^/0-9]*(?<temporary>\.tmp)?/$",
        signs: &[".metadata", "__*_*.distcp"],
        kinds: &[always(&[".metadata", "__*_*.distcp"])],
        weights: Weights::Mixed("every .distcp file holds weights and optimizer state together"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Torchtitan,
        group: r"^(?:(?<run>.*?)/)??step-(?<step>[0-9]+)/",
        kinds: &[always(&["{.metadata,model.safetensors.index.json}"])],
        sets: &[SHARDS],
        weights: Weights::Mixed("every .distcp file holds weights and optimizer state together"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Deepspeed,
        group: r"^(?:(?<run>.*?)/)??global_step(?<step>[0-9]+)/",
        kinds: &[PresetKind { when: Always, require: &[], named: true }],
        pointer: Some("latest"),
        weights: Weights::Without(&["**/*_optim_states.pt"]),
        ..PLAIN
    },
    Preset {
        layout: Layout::Megatron,
        group: r"^(?:(?<run>.*?)/)??(?:iter_(?<step>[0-9]+)|release)/",
        kinds: &[
            PresetKind {
                when: Holds(&["metadata.json", ".metadata", "*.distcp"]),
                require: &["metadata.json", ".metadata"],
                named: false,
            },
            PresetKind { when: Always, require: &[], named: true },
        ],
        pointer: Some("latest_checkpointed_iteration.txt"),
        weights: Weights::Mixed("every shard of torch_dist holds weights and optimizer state together"),
        ..PLAIN
    },
    Preset {
        layout: Layout::HfTrainer,
        group: r"^(?:(?<run>.*?)/)??checkpoint-(?<step>[0-9]+)/",
        kinds: &[always(&["trainer_state.json"])],
        sets: &[SHARDS],
        weights: Weights::Without(&[
            "optimizer*",
            "optimizer*/**",
            "scheduler.pt",
            "scaler.pt",
            "rng_state*.pth",
            "global_step*/**",
            "pytorch_model_fsdp_*/**",
        ]),
        ..PLAIN
    },
    Preset {
        layout: Layout::Safetensors,
        group: r"^(?:(?:(?<run>.*)/)?[^/]*/)?$",
        signs: &["*.safetensors", "*.safetensors.index.json"],
        sets: &[SHARDS],
        count: Any,
        ..PLAIN
    },
    Preset {
        layout: Layout::Lightning,
        group: r"^(?:(?<run>.*?)/)??(?<name>[^/]*epoch=[0-9]+-step=(?<step>[0-9]+)(?:-v[0-9]+)?\.ckpt)(?:/|$)",
        kinds: &[PresetKind { when: Folder, require: &[".metadata", "meta.pt"], named: false }],
        weights: Weights::Mixed("one file holds weights and optimizer state together"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Nemo,
        group: r"^(?:(?<run>.*?)/)??[^/]*--[^/]*step=(?<step>[0-9]+)[^/]*/",
        beside: Some("-unfinished"),
        weights: Weights::Mixed("its file names do not tell weights from optimizer state"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Orbax,
        group: r"^(?:(?<run>.*)/)?(?:[^/]*_)?(?<step>[0-9]+)(?<temporary>\.orbax-checkpoint-tmp[^/]*)?/$",
        signs: &["_CHECKPOINT_METADATA", "_METADATA", "commit_success.txt"],
        kinds: &[always(&["_CHECKPOINT_METADATA"])],
        weights: Weights::Mixed("its file names do not tell weights from optimizer state"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Levanter,
        group: r"^(?:(?<run>.*?)/)??step-(?<step>[0-9]+)/",
        kinds: &[always(&["metadata.json"])],
        weights: Weights::Mixed("its file names do not tell weights from optimizer state"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Composer,
        group: r"^(?:(?<run>.*?)/)??(?<name>ep[0-9]+-ba(?<step>[0-9]+))(?:-rank[0-9]+(?:\.pt)?$|/)",
        kinds: &[PresetKind { when: Folder, require: &[".metadata"], named: false }],
        pointer: Some("latest-rank0.pt.symlink"),
        weights: Weights::Mixed("one file holds weights and optimizer state together"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Olmo,
        group: r"^(?:(?<run>.*?)/)??step(?<step>[0-9]+)(?:-unsharded)?(?<temporary>-tmp)?/",
        kinds: &[
            PresetKind {
                when: Holds(&["model_and_optim/**", ".metadata.json"]),
                require: &["train/rank0.pt", "model_and_optim/.metadata", ".metadata.json"],
                named: false,
            },
            always(&["config.yaml"]),
        ],
        weights: Weights::Mixed("its file names do not tell weights from optimizer state"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Nanotron,
        group: r"^(?:(?<run>.*)/)?(?<step>[0-9]+)/$",
        signs: &["checkpoint_metadata.json", "model/**", "optimizer/**"],
        kinds: &[always(&["checkpoint_metadata.json"])],
        pointer: Some("latest.txt"),
        weights: Weights::Without(&["optimizer/**", "lr_scheduler/**", "random/**"]),
        ..PLAIN
    },
    Preset {
        layout: Layout::Verl,
        group: r"^(?:(?<run>.*?)/)??global_step_(?<step>[0-9]+)/",
        kinds: &[always(&["**/model_world_size_*_rank_*.pt"])],
        sets: &[PresetSet { member: r"_world_size_(?<n>[0-9]+)_rank_(?<i>[0-9]+)\.pt$", first: 0, index: None }],
        pointer: Some("latest_checkpointed_iteration.txt"),
        weights: Weights::Without(&["**/optim_world_size_*", "**/extra_state_world_size_*"]),
        ..PLAIN
    },
];
