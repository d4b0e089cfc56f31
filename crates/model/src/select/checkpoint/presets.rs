//! The layouts of the frameworks, one piece of data each. docs/checkpoints.md shows a tree and a source for every one.

use super::MemberCount::{Any, AsPrevious, LikePrevious};
use super::layout::PresetWhen::{Always, Folder, Holds};
use super::layout::{Layout, Preset, PresetKind, PresetPair, PresetSet, PresetWhen, Weights};

mod pairs;

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

const fn kind(when: PresetWhen, require: &'static [&'static str]) -> PresetKind {
    PresetKind { when, require, filled: &[], pairs: &[], named: false, also: false }
}

const fn always(require: &'static [&'static str]) -> PresetKind {
    kind(Always, require)
}

const fn holds(signs: &'static [&'static str], require: &'static [&'static str]) -> PresetKind {
    kind(Holds(signs), require)
}

/// Further requirements of a group that holds one of `signs`.
const fn also(signs: &'static [&'static str], require: &'static [&'static str]) -> PresetKind {
    PresetKind { also: true, ..holds(signs, require) }
}

/// Further requirements of every group.
const fn also_pairs(pairs: &'static [PresetPair]) -> PresetKind {
    PresetKind { pairs, also: true, ..always(&[]) }
}

const ONE_FILE: Weights = Weights::Mixed("one file holds weights and optimizer state together");
const DISTCP: Weights = Weights::Mixed("every .distcp file holds weights and optimizer state together");

/// `NAME-00002-of-00004.safetensors`, numbered from 1, with an optional variant (`.fp16`) before the extension. An index file
/// lists the shards.
const SHARDS: PresetSet = PresetSet {
    member: r"-(?<i>[0-9]+)-of-(?<n>[0-9]+)(?:\.[^/.]+)?\.(?:safetensors|bin)$",
    first: 1,
    index: Some("**/*.{safetensors,bin}.index{,.*}.json"),
};

/// Ranks of DeepSpeed, counted from 0: those that share the data, and those that share the model.
const ZERO_RANKS: PresetSet = PresetSet { member: r"zero_pp_rank_(?<i>[0-9]+)_mp_rank_", first: 0, index: None };
const MODEL_RANKS: PresetSet =
    PresetSet { member: r"(?:^|/)mp_rank_(?<i>[0-9]+)_model_states\.pt$", first: 0, index: None };

/// Folders that only Diffusers pipelines have. `model_index.json` is written last, so they show a pipeline before it is complete.
const PIPELINE: &str =
    "{transformer,transformer_2,unet,vae,vqvae,movq,prior}/diffusion_pytorch_model*.{safetensors,bin}";

/// Where Trainer's weights are: a model or an adapter, FSDP's shards, what DeepSpeed or Neuron wrote in their place.
const TRAINER_WEIGHTS: &str = concat!(
    "{**/{*.safetensors,*pytorch_model*.bin,model*.bin,adapter_model*.bin},",
    "pytorch_model_fsdp_*/*.distcp,global_step*/{mp,zero_pp}_rank_*model_states.pt,shards/**}"
);

/// The same of a model of Sentence Transformers, which numbers the folders of its modules: all but the first work on what that
/// one makes of a text.
const SENTENCE_WEIGHTS: &str = concat!(
    "{{,[!1-9]*/**/}{*.safetensors,*pytorch_model*.bin,model*.bin,adapter_model*.bin},",
    "pytorch_model_fsdp_*/*.distcp,global_step*/{mp,zero_pp}_rank_*model_states.pt,shards/**}"
);

/// Megatron writes no shard for a rank that has nothing to write. Torch does, and leaves it empty.
const MEGATRON_SHARDS: &[&str] = &["**/*.distcp"];

/// Data of OCDBT, and chunks of zarr.
const ARRAYS: &[&str] = &["**/{d/*,[0-9]*}"];

/// What Trainer needs to go on, and no weights.
const TRAINER_STATE: Weights = Weights::Without(&[
    "optimizer*",
    "optimizer*/**",
    "scheduler.pt",
    "scaler.pt",
    "rng_state*.pth",
    // What DeepSpeed wrote: its weights are in model.safetensors as well, unless ZeRO 3 was told not to gather them.
    "global_step*/**",
]);

pub(super) const PRESETS: [Preset; 14] = [
    Preset {
        layout: Layout::TorchDcp,
        group: r"^(?:(?<run>.*)/)?[^/]*?(?<step>[0-9]+)[^/0-9]*?(?<temporary>[._-]te?mp)?/$",
        signs: &[".metadata", "__*.metadata", "__*_*.distcp"],
        kinds: &[
            // Saved without collectives: each rank has metadata of its own.
            PresetKind { pairs: pairs::RANK_METADATA, ..holds(&["__*.metadata"], &["__*.metadata", "__*_*.distcp"]) },
            always(&[".metadata", "__*_*.distcp"]),
        ],
        weights: DISTCP,
        ..PLAIN
    },
    Preset {
        layout: Layout::Torchtitan,
        group: r"^(?:(?<run>.*?)/)??step-(?<step>[0-9]+)/",
        kinds: &[
            // The last step, where it was exported: each rank's part stands in sharded/, the whole beside it.
            holds(
                &["*.safetensors", "*.safetensors.index.json", "sharded/**"],
                &["model.safetensors.index.json", "*.safetensors"],
            ),
            // The back-end torch_checkpointing: a file of each item and rank.
            holds(&["metadata.pkl", "model_*.pt"], &["metadata.pkl", "model_*.pt"]),
            always(&[".metadata", "__*_*.distcp"]),
        ],
        sets: &[PresetSet {
            // Not those in sharded/: a rank has no part of some.
            member: r"^[^/]*-(?<i>[0-9]+)-of-(?<n>[0-9]+)\.safetensors$",
            first: 1,
            index: Some("model.safetensors.index.json"),
        }],
        weights: DISTCP,
        ..PLAIN
    },
    Preset {
        layout: Layout::Deepspeed,
        group: r"^(?:(?<run>.*?)/)??global_step(?<step>[0-9]+)/",
        kinds: &[
            // ZeRO 3 has the weights in the files of the optimizer state.
            also(&["zero_pp_rank_*_model_states.pt"], &["*_optim_states.pt"]),
            also_pairs(pairs::ZERO3),
            // Layers of a pipeline and experts have files of their own beside those of the ranks.
            PresetKind { named: true, ..always(&["{mp,zero_pp}_rank_*model_states.pt"]) },
        ],
        sets: &[ZERO_RANKS, MODEL_RANKS],
        pointer: Some("latest"),
        // Under ZeRO 3 the weights are in the files of the optimizer state, and each rank has shapes of its own.
        weights: Weights::WithoutUnless(&["**/*_optim_states.pt"], &["**/zero_pp_rank_*_model_states.pt"]),
        ..PLAIN
    },
    Preset {
        layout: Layout::Megatron,
        group: r"^(?:(?<run>.*?)/)??(?:iter_(?<step>[0-9]+)|release)/",
        kinds: &[
            PresetKind { filled: ARRAYS, ..holds(&["**/.zarray"], &["metadata.json", "common.pt", "*/[0-9]*"]) },
            // torch_dist.
            PresetKind {
                filled: MEGATRON_SHARDS,
                ..holds(&["metadata.json", "common.pt"], &["metadata.json", ".metadata", "common.pt", "*.distcp"])
            },
            // torch_dcp and fsdp_dtensor, which have no file of their own that comes last.
            PresetKind { named: true, ..holds(&[".metadata", "*.distcp"], &[".metadata", "*.distcp"]) },
            PresetKind { named: true, pairs: pairs::MP_RANK, ..always(&["mp_rank_*/model_optim_rng.pt"]) },
        ],
        // Tensor-parallel ranks, and those of the pipeline or of the experts behind them. Not every two of them meet.
        sets: &[
            PresetSet { member: r"^mp_rank_(?<i>[0-9]+)(?:_[0-9]+)*/.*$", first: 0, index: None },
            PresetSet { member: r"^mp_rank_[0-9]+_(?<i>[0-9]+)(?:_[0-9]+)?/.*$", first: 0, index: None },
        ],
        pointer: Some("latest_checkpointed_iteration.txt"),
        weights: Weights::Mixed("every shard holds weights and optimizer state together"),
        ..PLAIN
    },
    Preset {
        layout: Layout::HfTrainer,
        group: r"^(?:(?<run>.*?)/)??(?<temporary>tmp-)?checkpoint-(?<step>[0-9]+)/",
        kinds: &[
            // The optimizer is not there where models are saved alone.
            also(&["optimizer_*/**"], &["optimizer_*/.metadata", "optimizer_*/*.distcp"]),
            also(
                &["pytorch_model_fsdp_*/**", "optimizer_*/**"],
                &["pytorch_model_fsdp_*/.metadata", "pytorch_model_fsdp_*/*.distcp"],
            ),
            also(&["global_step*/zero_pp_rank_*_model_states.pt"], &["global_step*/*_optim_states.pt"]),
            also_pairs(pairs::ZERO3),
            also_pairs(pairs::HUB),
            // Sentence Transformers, where the first module is a transformer or word embeddings: these have weights.
            also(&["sentence_bert_config.json", "*_Pooling/**"], &[SENTENCE_WEIGHTS]),
            always(&[TRAINER_WEIGHTS, "trainer_state.json"]),
        ],
        sets: &[SHARDS, ZERO_RANKS, MODEL_RANKS],
        weights: TRAINER_STATE,
        ..PLAIN
    },
    Preset {
        layout: Layout::Safetensors,
        group: r"^(?:(?:(?<run>.*)/)?[^/]*/)?$",
        signs: &["*.safetensors", "*.safetensors.index.json", "model_index.json", PIPELINE],
        kinds: &[
            also_pairs(pairs::HUB),
            // A pipeline of Diffusers, each component in a folder of its own.
            holds(&["model_index.json", PIPELINE], &["model_index.json", "*/*.{safetensors,bin,flashpack}"]),
        ],
        sets: &[SHARDS],
        count: Any,
        weights: TRAINER_STATE,
        ..PLAIN
    },
    Preset {
        layout: Layout::Lightning,
        group: r"^(?:(?<run>.*?)/)??(?<name>[^/]*?step=(?<step>[0-9]+)[^/]*\.ckpt)(?:/|$)",
        kinds: &[
            also(&["checkpoint/zero_pp_rank_*_model_states.pt"], &["checkpoint/*_optim_states.pt"]),
            also_pairs(pairs::ZERO3),
            // DeepSpeed's strategy, which writes `latest` behind everything else.
            holds(&["checkpoint/**", "latest"], &["latest", "checkpoint/{mp,zero_pp}_rank_*model_states.pt"]),
            kind(Folder, &[".metadata", "meta.pt", "__*_*.distcp"]),
        ],
        sets: &[ZERO_RANKS, MODEL_RANKS],
        weights: ONE_FILE,
        ..PLAIN
    },
    Preset {
        layout: Layout::Nemo,
        // Names by default hold no step, and others hold it before the samples.
        group: r"^(?:(?<run>.*?)/)??[^/]*--[^/]*?(?:step|consumed_samples)=(?<step>[0-9]+)[^/]*/",
        kinds: &[
            PresetKind {
                filled: MEGATRON_SHARDS,
                ..holds(
                    &["weights/**", "context/**"],
                    &["weights/metadata.json", "weights/.metadata", "weights/*.distcp", "context/**"],
                )
            },
            // NeMo 1 wrote the same without a folder for it, and arrays of zarr at first.
            PresetKind {
                filled: MEGATRON_SHARDS,
                ..holds(
                    &["metadata.json", "common.pt", "*.distcp"],
                    &["metadata.json", "common.pt", "{*.distcp,*/[0-9]*}"],
                )
            },
        ],
        beside: Some("-unfinished"),
        weights: DISTCP,
        ..PLAIN
    },
    Preset {
        layout: Layout::Orbax,
        group: r"^(?:(?<run>.*)/)?(?:[^/]*_)?(?<step>[0-9]+)(?<temporary>\.orbax-checkpoint-tmp[^/]*)?/$",
        signs: &["_CHECKPOINT_METADATA", "_METADATA", "commit_success.txt"],
        kinds: &[
            // Older versions write it only where folders cannot be renamed. It comes last, in each item and then beside them.
            also(&["commit_success.txt", "*/commit_success.txt"], &["commit_success.txt"]),
            also(&["*/ocdbt.process_*/**", "*/manifest.ocdbt"], &["*/manifest.ocdbt", "**/d/*"]),
            also_pairs(pairs::ORBAX),
            also(&["**/.zarray"], &["**/[0-9]*"]),
            // The data files of an item, without its markers and listings.
            PresetKind {
                filled: &["**/{d/*,[0-9]*,_METADATA,metadata}"],
                ..always(&["_CHECKPOINT_METADATA", "{d/*,*/{*/**,metadata,checkpoint,[!_cm]*}}"])
            },
        ],
        // How many files OCDBT splits the same tree into differs from save to save.
        count: LikePrevious,
        weights: Weights::Mixed("its file names do not tell weights from optimizer state"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Levanter,
        group: r"^(?:(?<run>.*?)/)??step-(?<step>[0-9]+)/",
        kinds: &[
            also_pairs(pairs::DATABASE),
            // One database for all arrays, since late in 2025.
            PresetKind {
                filled: ARRAYS,
                ..holds(&["manifest.ocdbt", "d/**"], &["metadata.json", "manifest.ocdbt", "d/*"])
            },
            // Before, a database or arrays of zarr for each part.
            PresetKind { filled: ARRAYS, ..always(&["metadata.json", "model/**/{d/*,[0-9]*}"]) },
        ],
        // As orbax.
        count: LikePrevious,
        weights: Weights::WithoutUnless(&["opt_state/**", "training_state/**"], &["manifest.ocdbt"]),
        ..PLAIN
    },
    Preset {
        layout: Layout::Composer,
        group: concat!(
            r"^(?:(?<run>.*?)/)??(?<name>ep[0-9]+-ba(?<step>[0-9]+))",
            // Compressed by the command that its extension names; `latest-rank0.pt.symlink` is no checkpoint.
            r"(?:-rank[0-9]+(?:\.(?:pt|tar)(?:\.(?:bz2|gz|lz4|lzma|lzo|xz|zst))?|\.tgz)?$|/)"
        ),
        kinds: &[
            PresetKind { filled: &["*-rank*"], ..holds(&["*-rank*"], &["*-rank0{,.*}"]) },
            kind(Folder, &[".metadata", "__*_*.distcp"]),
        ],
        sets: &[PresetSet { member: r"-rank(?<i>[0-9]+)", first: 0, index: None }],
        pointer: Some("latest-rank0.pt.symlink"),
        weights: ONE_FILE,
        ..PLAIN
    },
    Preset {
        layout: Layout::Olmo,
        group: r"^(?:(?<run>.*?)/)??step(?<step>[0-9]+)(?:-unsharded)?(?<temporary>-tmp)?/",
        kinds: &[
            // OLMo-core ends with .metadata.json; OLMo, which can write the same, with config.yaml.
            holds(
                &["model_and_optim/**", ".metadata.json"],
                &[
                    "model_and_optim/.metadata",
                    "model_and_optim/*.distcp",
                    "train/rank0.pt",
                    "{.metadata.json,config.yaml}",
                ],
            ),
            holds(&[".metadata", "*.distcp"], &[".metadata", "*.distcp", "train/rank0.pt", "config.yaml"]),
            PresetKind {
                pairs: pairs::OLMO_RANKS,
                ..holds(&["model/rank*.pt", "optim/rank*.pt"], &["model/rank0.pt", "optim/rank0.pt", "train/rank0.pt"])
            },
            holds(&["rank*.pt"], &["rank0.pt", "config.yaml"]),
            always(&["{model.pt,model.safetensors}", "config.yaml"]),
        ],
        weights: Weights::Mixed("model_and_optim/ holds weights and optimizer state together"),
        ..PLAIN
    },
    Preset {
        layout: Layout::Nanotron,
        group: r"^(?:(?<run>.*)/)?(?<step>[0-9]+)/$",
        signs: &["checkpoint_metadata.json", "model_config.json", "model/**", "optimizer/**"],
        kinds: &[always(&["checkpoint_metadata.json", "model/**/*.safetensors"])],
        sets: &[
            // A tensor that is sharded has a part of each tensor-parallel rank; names do not tell which pipeline ranks hold it.
            PresetSet { member: r"tp-rank-(?<i>[0-9]+)-of-(?<n>[0-9]+)\.safetensors$", first: 0, index: None },
            // The optimizer has a file of every rank: of those that share the data where they share its state (ZeRO 1).
            PresetSet { member: r"^optimizer/optimizer_pp-(?<i>[0-9]+)-of-(?<n>[0-9]+)", first: 0, index: None },
            PresetSet { member: r"^optimizer/optimizer_.*_dp-(?<i>[0-9]+)-of-(?<n>[0-9]+)", first: 0, index: None },
            PresetSet { member: r"^optimizer/optimizer_.*_tp-(?<i>[0-9]+)-of-(?<n>[0-9]+)", first: 0, index: None },
        ],
        pointer: Some("latest.txt"),
        weights: Weights::Without(&["optimizer/**", "lr_scheduler/**", "random/**"]),
        ..PLAIN
    },
    Preset {
        layout: Layout::Verl,
        group: r"^(?:(?<run>.*?)/)??global_step_(?<step>[0-9]+)/",
        kinds: &[
            also_pairs(pairs::DIST_CKPT),
            // A critic, which is saved behind its actor, by each of the ways below.
            also(
                &["critic/**"],
                &[
                    "actor/**/{model_world_size_*_rank_*.pt,*.distcp,*.safetensors,*.bin}",
                    "critic/{model_world_size_*_rank_*.pt,{,model/}dist_ckpt/*.distcp,model/huggingface/*.{safetensors,bin}}",
                ],
            ),
            also(&["critic/{ckpt_contents.json,model/**,optimizer/**,extra/**}"], &["critic/ckpt_contents.json"]),
            also(&["critic/model/dist_ckpt/**"], &["critic/model/dist_ckpt/.metadata"]),
            also(&["critic/dist_ckpt/**"], &["critic/dist_ckpt/metadata.json", "critic/dist_ckpt/.metadata"]),
            // Megatron's workers since 2026, each of which ends with a manifest. The weights are Megatron's or Hugging Face's.
            // The one worker of supervised fine-tuning has no folder of its own.
            PresetKind {
                filled: MEGATRON_SHARDS,
                ..holds(
                    &["{,actor/}{ckpt_contents.json,model/**,optimizer/**,extra/**}"],
                    &[
                        "{,actor/}ckpt_contents.json",
                        "{,actor/}model/{dist_ckpt/.metadata,huggingface/*.{safetensors,bin}}",
                        "{,actor/}model/{dist_ckpt/*.distcp,huggingface/*.{safetensors,bin}}",
                    ],
                )
            },
            // Before 2026.
            PresetKind {
                filled: MEGATRON_SHARDS,
                ..holds(
                    &["{,actor/,critic/}dist_ckpt/**"],
                    &[
                        "{,actor/}dist_ckpt/metadata.json",
                        "{,actor/}dist_ckpt/.metadata",
                        "{,actor/}dist_ckpt/*.distcp",
                    ],
                )
            },
            always(&["**/model_world_size_*_rank_*.pt"]),
        ],
        sets: &[
            PresetSet { member: r"_world_size_(?<n>[0-9]+)_rank_(?<i>[0-9]+)\.pt$", first: 0, index: None },
            SHARDS,
        ],
        pointer: Some("latest_checkpointed_iteration.txt"),
        weights: Weights::Without(&[
            "**/optim_world_size_*",
            "**/extra_state_world_size_*",
            "**/optimizer/dist_ckpt/**",
            "**/extra/dist_ckpt/**",
            "{data,data_*}.pt",
        ]),
        ..PLAIN
    },
];
