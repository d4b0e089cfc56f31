//! Which files of the frameworks are worth nothing without another one. docs/checkpoints.md names the sources.

use super::super::layout::PresetPair;

/// What is written for the Hub.
pub const HUB: &[PresetPair] = &[INDEX, ADAPTER];

/// Transformers, Diffusers and huggingface_hub write an index behind their shards, and load none without it. Shards by other names
/// are of others, which may load all that there is; a single one of 1 is no set.
const INDEX: PresetPair = PresetPair {
    member: concat!(
        r"^(?<folder>(?:.*/)?)(?:diffusion_)?(?:pytorch_)?model(?:\.[^/]*)?",
        r"-[0-9]+-of-0*(?:[2-9]|[1-9][0-9]+)(?:\.[^/.]+)?\.(?<format>safetensors|bin)$"
    ),
    partner: r"^(?<folder>(?:.*/)?)[^/]*\.(?<format>safetensors|bin)\.index(?:\.[^/]*)?\.json$",
    called: "{folder}*.{format}.index*.json",
    where_any: false,
};

/// PEFT writes it behind the weights of an adapter, and needs it to load them.
const ADAPTER: PresetPair = PresetPair {
    member: r"^(?<folder>(?:.*/)?)adapter_model\.(?:safetensors|bin)$",
    partner: r"^(?<folder>(?:.*/)?)adapter_config\.json$",
    called: "{folder}adapter_config.json",
    where_any: false,
};

/// ZeRO 3: every rank has shapes in one file and weights in the other.
pub const ZERO3: &[PresetPair] = &[
    PresetPair { member: ZERO3_MODEL, partner: ZERO_OPTIM, called: ZERO_OPTIM_CALLED, where_any: false },
    PresetPair { member: ZERO_OPTIM, partner: ZERO3_MODEL, called: ZERO3_MODEL_CALLED, where_any: true },
];
const ZERO3_MODEL: &str = r"^(?<folder>(?:.*/)?)zero_pp_rank_(?<rank>[0-9]+)_mp_rank_(?<mp>[0-9]+)_model_states\.pt$";
const ZERO3_MODEL_CALLED: &str = "{folder}zero_pp_rank_{rank}_mp_rank_{mp}_model_states.pt";
const ZERO_OPTIM: &str =
    r"^(?<folder>(?:.*/)?)(?:bf16_)?zero_pp_rank_(?<rank>[0-9]+)_mp_rank_(?<mp>[0-9]+)_optim_states\.pt$";
const ZERO_OPTIM_CALLED: &str = "{folder}*zero_pp_rank_{rank}_mp_rank_{mp}_optim_states.pt";

/// DCP without collectives: the metadata of a rank tells of its own shards only.
pub const RANK_METADATA: &[PresetPair] = &[PresetPair {
    member: r"^__(?<rank>[0-9]+)_[0-9]+\.distcp$",
    partner: r"^__(?<rank>[0-9]+)\.metadata$",
    called: "__{rank}.metadata",
    where_any: false,
}];

/// Each `dist_ckpt/` of verl is a checkpoint of Megatron or of DCP by itself.
pub const DIST_CKPT: &[PresetPair] = &[PresetPair {
    member: r"^(?<folder>(?:.*/)?dist_ckpt/)[^/]+\.distcp$",
    partner: r"^(?<folder>(?:.*/)?dist_ckpt/)\.metadata$",
    called: "{folder}.metadata",
    where_any: false,
}];

/// The optimizer of a rank of Megatron stands beside its model.
pub const MP_RANK: &[PresetPair] = &[PresetPair {
    member: r"^mp_rank_(?<ranks>[0-9_]+)/[^/]+$",
    partner: r"^mp_rank_(?<ranks>[0-9_]+)/model_optim_rng\.pt$",
    called: "mp_rank_{ranks}/model_optim_rng.pt",
    where_any: false,
}];

/// Every rank of OLMo writes all three.
pub const OLMO_RANKS: &[PresetPair] = &[
    PresetPair { member: OLMO_TRAIN, partner: OLMO_MODEL, called: "model/rank{rank}.pt", where_any: false },
    PresetPair { member: OLMO_MODEL, partner: OLMO_OPTIM, called: "optim/rank{rank}.pt", where_any: false },
    PresetPair { member: OLMO_OPTIM, partner: OLMO_TRAIN, called: "train/rank{rank}.pt", where_any: false },
];
const OLMO_MODEL: &str = r"^model/rank(?<rank>[0-9]+)\.pt$";
const OLMO_OPTIM: &str = r"^optim/rank(?<rank>[0-9]+)\.pt$";
const OLMO_TRAIN: &str = r"^train/rank(?<rank>[0-9]+)\.pt$";

pub const ORBAX: &[PresetPair] = &[DATABASE[0], DATABASE[1], ITEM_COMMIT];

/// OCDBT: the manifest of a database says where in its data files everything is. What single processes wrote belongs to the
/// database of their item. Names of data files are 32 hexadecimal digits; a folder `d` may be an array of zarr, too.
pub const DATABASE: &[PresetPair] = &[
    PresetPair {
        member: r"^(?<item>(?:.*?/)??)(?:ocdbt\.process_[^/]*/)?manifest\.ocdbt$",
        partner: r"^(?<item>(?:.*?/)??)(?:ocdbt\.process_[^/]*/)?d/[^/]+$",
        called: "{item}{,*/}d/*",
        where_any: false,
    },
    PresetPair {
        member: r"^(?<item>(?:.*?/)??)(?:ocdbt\.process_[^/]*/)?d/[0-9a-f]{16,}$",
        partner: r"^(?<item>(?:.*/)?)manifest\.ocdbt$",
        called: "{item}manifest.ocdbt",
        where_any: false,
    },
];

/// Where items of Orbax end with a marker, each does.
const ITEM_COMMIT: PresetPair = PresetPair {
    member: r"^(?<item>[^/]+)/(?:_METADATA|manifest\.ocdbt)$",
    partner: r"^(?<item>[^/]+)/commit_success\.txt$",
    called: "{item}/commit_success.txt",
    where_any: true,
};
