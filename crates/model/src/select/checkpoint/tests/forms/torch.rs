//! Those that save with torch, or with a writer of their own on top of it.

use super::{Form, PLAIN};
use crate::select::checkpoint::layout::Layout;

pub(super) const FORMS: &[Form] = &[
    Form {
        layout: Layout::TorchDcp,
        group: "step_@/",
        members: &["__0_0.distcp", "__0_1.distcp", "__1_0.distcp", ".metadata"],
        needs: &[".metadata"],
        temporary: Some("step_@.tmp/"),
        ..PLAIN
    },
    Form {
        layout: Layout::TorchDcp,
        group: "step_@/",
        members: &["__0_0.distcp", "__0.metadata", "__1_0.distcp", "__1.metadata"],
        ..PLAIN
    },
    Form {
        layout: Layout::Torchtitan,
        group: "step-@/",
        members: &["__0_0.distcp", "__1_0.distcp", "__2_0.distcp", ".metadata"],
        needs: &[".metadata"],
        ..PLAIN
    },
    Form {
        layout: Layout::Torchtitan,
        group: "step-@/",
        members: &[
            "sharded/shard-00001-model-00001-of-00002.safetensors",
            "sharded/shard-00002-model-00002-of-00002.safetensors",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
        ],
        needs: &[
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
        ],
        ..PLAIN
    },
    Form {
        layout: Layout::Torchtitan,
        group: "step-@/",
        members: &["model_0.pt", "model_1.pt", "optimizer_0.pt", "optimizer_1.pt", "train_state_0.pt", "metadata.pkl"],
        needs: &["metadata.pkl"],
        ..PLAIN
    },
    Form {
        layout: Layout::Deepspeed,
        group: "global_step@/",
        members: &[
            "mp_rank_00_model_states.pt",
            "zero_pp_rank_0_mp_rank_00_optim_states.pt",
            "zero_pp_rank_1_mp_rank_00_optim_states.pt",
        ],
        needs: &["mp_rank_00_model_states.pt"],
        state: &["zero_pp_rank_0_mp_rank_00_optim_states.pt", "zero_pp_rank_1_mp_rank_00_optim_states.pt"],
        pointer: Some(("latest", "global_step@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Deepspeed,
        group: "global_step@/",
        members: &[
            "zero_pp_rank_0_mp_rank_00_model_states.pt",
            "zero_pp_rank_1_mp_rank_00_model_states.pt",
            "zero_pp_rank_0_mp_rank_00_optim_states.pt",
            "zero_pp_rank_1_mp_rank_00_optim_states.pt",
        ],
        needs: &[
            "zero_pp_rank_0_mp_rank_00_model_states.pt",
            "zero_pp_rank_1_mp_rank_00_model_states.pt",
            "zero_pp_rank_0_mp_rank_00_optim_states.pt",
            "zero_pp_rank_1_mp_rank_00_optim_states.pt",
        ],
        pointer: Some(("latest", "global_step@")),
        ..PLAIN
    },
    Form { layout: Layout::Lightning, group: "epoch=1-step=@.ckpt", members: &[""], enumerates: true, ..PLAIN },
    Form {
        layout: Layout::Lightning,
        group: "bert-epoch=01-step=@7-loss=-17.11-v2.ckpt",
        members: &[""],
        enumerates: true,
        ..PLAIN
    },
    Form {
        layout: Layout::Lightning,
        group: "epoch=1-step=@.ckpt/",
        members: &["__0_0.distcp", "__1_0.distcp", ".metadata", "meta.pt"],
        needs: &[".metadata", "meta.pt"],
        ..PLAIN
    },
    Form {
        layout: Layout::Lightning,
        group: "epoch=1-step=@.ckpt/",
        members: &[
            "checkpoint/mp_rank_00_model_states.pt",
            "checkpoint/zero_pp_rank_0_mp_rank_00_optim_states.pt",
            "zero_to_fp32.py",
            "latest",
        ],
        needs: &["checkpoint/mp_rank_00_model_states.pt", "latest"],
        ..PLAIN
    },
    Form {
        layout: Layout::Lightning,
        group: "epoch=1-step=@.ckpt/",
        members: &[
            "checkpoint/zero_pp_rank_0_mp_rank_00_model_states.pt",
            "checkpoint/zero_pp_rank_0_mp_rank_00_optim_states.pt",
            "latest",
        ],
        needs: &[
            "checkpoint/zero_pp_rank_0_mp_rank_00_model_states.pt",
            "checkpoint/zero_pp_rank_0_mp_rank_00_optim_states.pt",
            "latest",
        ],
        ..PLAIN
    },
    Form {
        layout: Layout::Composer,
        group: "ep1-ba@",
        members: &["-rank0.pt", "-rank1.pt"],
        needs: &["-rank0.pt"],
        pointer: Some(("latest-rank0.pt.symlink", "run/checkpoints/ep1-ba@-rank0.pt")),
        ..PLAIN
    },
    Form {
        layout: Layout::Composer,
        group: "ep1-ba@",
        members: &["-rank0.pt.zst", "-rank1.pt.zst"],
        needs: &["-rank0.pt.zst"],
        pointer: Some(("latest-rank0.pt.symlink", "run/checkpoints/ep1-ba@-rank0.pt.zst")),
        ..PLAIN
    },
    Form {
        layout: Layout::Composer,
        group: "ep1-ba@/",
        members: &["__0_0.distcp", "__1_0.distcp", ".metadata"],
        needs: &[".metadata"],
        pointer: Some(("latest-rank0.pt.symlink", "run/checkpoints/ep1-ba@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Olmo,
        group: "step@/",
        members: &[
            "config.json",
            "train/rank0.pt",
            "train/rank1.pt",
            "model_and_optim/__0_0.distcp",
            "model_and_optim/__1_0.distcp",
            "model_and_optim/.metadata",
            ".metadata.json",
        ],
        needs: &["train/rank0.pt", "model_and_optim/.metadata", ".metadata.json"],
        temporary: Some("step@-tmp/"),
        ..PLAIN
    },
    Form {
        layout: Layout::Olmo,
        group: "step@-unsharded/",
        members: &["model.pt", "optim.pt", "train.pt", "config.yaml"],
        needs: &["model.pt", "config.yaml"],
        temporary: Some("step@-unsharded-tmp/"),
        ..PLAIN
    },
    Form {
        layout: Layout::Olmo,
        group: "step@/",
        members: &[
            "model/rank0.pt",
            "model/rank1.pt",
            "optim/rank0.pt",
            "optim/rank1.pt",
            "train/rank0.pt",
            "train/rank1.pt",
            "config.yaml",
        ],
        needs: &[
            "model/rank0.pt",
            "model/rank1.pt",
            "optim/rank0.pt",
            "optim/rank1.pt",
            "train/rank0.pt",
            "train/rank1.pt",
        ],
        ..PLAIN
    },
    Form {
        layout: Layout::Olmo,
        group: "step@/",
        members: &["__0_0.distcp", "__1_0.distcp", ".metadata", "train/rank0.pt", "train/rank1.pt", "config.yaml"],
        needs: &[".metadata", "train/rank0.pt", "config.yaml"],
        temporary: Some("step@-tmp/"),
        ..PLAIN
    },
    Form {
        layout: Layout::Olmo,
        group: "step@/",
        members: &["rank0.pt", "rank1.pt", "config.yaml"],
        needs: &["rank0.pt", "config.yaml"],
        temporary: Some("step@-tmp/"),
        ..PLAIN
    },
];
