//! Those that save with Megatron.

use super::{Form, PLAIN};
use crate::select::checkpoint::layout::Layout;

pub(super) const FORMS: &[Form] = &[
    Form {
        layout: Layout::Megatron,
        group: "iter_@7/",
        members: &["common.pt", "__0_0.distcp", "__0_1.distcp", "__1_0.distcp", ".metadata", "metadata.json"],
        needs: &["common.pt", ".metadata", "metadata.json"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Megatron,
        group: "iter_@7/",
        members: &["common.pt", "decoder.weight/.zarray", "decoder.weight/0.0", "decoder.weight/0.1", "metadata.json"],
        needs: &["common.pt", "metadata.json"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Megatron,
        group: "iter_@7/",
        members: &["__0_0.distcp", "__1_0.distcp", ".metadata"],
        needs: &[".metadata"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Megatron,
        group: "iter_@7/",
        members: &[
            "mp_rank_00/distrib_optim.pt",
            "mp_rank_01/distrib_optim.pt",
            "mp_rank_00/model_optim_rng.pt",
            "mp_rank_01/model_optim_rng.pt",
        ],
        needs: &["mp_rank_00/model_optim_rng.pt", "mp_rank_01/model_optim_rng.pt"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Nemo,
        group: "llama--val_loss=2.34-step=@-consumed_samples=128.0-last/",
        members: &[
            "context/io.json",
            "context/model.yaml",
            "weights/common.pt",
            "weights/__0_0.distcp",
            "weights/__1_0.distcp",
            "weights/.metadata",
            "weights/metadata.json",
        ],
        needs: &["weights/.metadata", "weights/metadata.json"],
        ..PLAIN
    },
    Form {
        layout: Layout::Nemo,
        group: "gpt--val_loss=2.34-step=@-consumed_samples=128.0/",
        members: &["common.pt", "__0_0.distcp", "__1_0.distcp", "metadata.json"],
        needs: &["common.pt", "metadata.json"],
        ..PLAIN
    },
    Form {
        layout: Layout::Nemo,
        group: "default--None=0.0000-epoch=0-consumed_samples=@.0/",
        members: &["context/io.json", "weights/__0_0.distcp", "weights/.metadata", "weights/metadata.json"],
        needs: &["weights/__0_0.distcp", "weights/.metadata", "weights/metadata.json"],
        ..PLAIN
    },
    Form {
        layout: Layout::Verl,
        group: "global_step_@/",
        members: &[
            "actor/model/dist_ckpt/__0_0.distcp",
            "actor/model/dist_ckpt/.metadata",
            "actor/optimizer/dist_ckpt/__0_0.distcp",
            "actor/optimizer/dist_ckpt/.metadata",
            "actor/extra/dist_ckpt/__0_0.distcp",
            "actor/extra/dist_ckpt/.metadata",
            "actor/transformer_config.json",
            "actor/ckpt_contents.json",
            "data.pt",
        ],
        needs: &[
            "actor/model/dist_ckpt/__0_0.distcp",
            "actor/model/dist_ckpt/.metadata",
            "actor/optimizer/dist_ckpt/.metadata",
            "actor/extra/dist_ckpt/.metadata",
            "actor/ckpt_contents.json",
        ],
        state: &[
            "actor/optimizer/dist_ckpt/__0_0.distcp",
            "actor/optimizer/dist_ckpt/.metadata",
            "actor/extra/dist_ckpt/__0_0.distcp",
            "actor/extra/dist_ckpt/.metadata",
            "data.pt",
        ],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Verl,
        group: "global_step_@/",
        members: &[
            "actor/model/dist_ckpt/__0_0.distcp",
            "actor/model/dist_ckpt/.metadata",
            "actor/ckpt_contents.json",
            "critic/model/dist_ckpt/__0_0.distcp",
            "critic/model/dist_ckpt/.metadata",
            "critic/ckpt_contents.json",
            "data.pt",
        ],
        needs: &[
            "actor/model/dist_ckpt/__0_0.distcp",
            "actor/model/dist_ckpt/.metadata",
            "critic/model/dist_ckpt/__0_0.distcp",
            "critic/model/dist_ckpt/.metadata",
            "actor/ckpt_contents.json",
            "critic/ckpt_contents.json",
        ],
        state: &["data.pt"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Verl,
        group: "global_step_@/",
        members: &[
            "model/huggingface/model.safetensors",
            "optimizer/dist_ckpt/__0_0.distcp",
            "optimizer/dist_ckpt/.metadata",
            "ckpt_contents.json",
            "data_0.pt",
            "data_1.pt",
        ],
        needs: &["model/huggingface/model.safetensors", "optimizer/dist_ckpt/.metadata", "ckpt_contents.json"],
        state: &["optimizer/dist_ckpt/__0_0.distcp", "optimizer/dist_ckpt/.metadata", "data_0.pt", "data_1.pt"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Verl,
        group: "global_step_@/",
        members: &["dist_ckpt/__0_0.distcp", "dist_ckpt/.metadata", "dist_ckpt/metadata.json", "data_0.pt"],
        needs: &["dist_ckpt/__0_0.distcp", "dist_ckpt/.metadata", "dist_ckpt/metadata.json"],
        state: &["data_0.pt"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Verl,
        group: "global_step_@/",
        members: &[
            "actor/model/huggingface/model-00001-of-00002.safetensors",
            "actor/model/huggingface/model-00002-of-00002.safetensors",
            "actor/model/huggingface/model.safetensors.index.json",
            "actor/ckpt_contents.json",
        ],
        needs: &[
            "actor/model/huggingface/model-00001-of-00002.safetensors",
            "actor/model/huggingface/model-00002-of-00002.safetensors",
            "actor/ckpt_contents.json",
        ],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Verl,
        group: "global_step_@/",
        members: &[
            "actor/model_world_size_2_rank_0.pt",
            "actor/model_world_size_2_rank_1.pt",
            "actor/optim_world_size_2_rank_0.pt",
            "actor/optim_world_size_2_rank_1.pt",
            "actor/extra_state_world_size_2_rank_0.pt",
            "actor/extra_state_world_size_2_rank_1.pt",
            "actor/huggingface/config.json",
            "critic/model_world_size_1_rank_0.pt",
            "critic/optim_world_size_1_rank_0.pt",
            "data.pt",
        ],
        needs: &[
            "actor/model_world_size_2_rank_0.pt",
            "actor/model_world_size_2_rank_1.pt",
            "actor/optim_world_size_2_rank_0.pt",
            "actor/optim_world_size_2_rank_1.pt",
            "actor/extra_state_world_size_2_rank_0.pt",
            "actor/extra_state_world_size_2_rank_1.pt",
            "critic/model_world_size_1_rank_0.pt",
        ],
        state: &[
            "actor/optim_world_size_2_rank_0.pt",
            "actor/optim_world_size_2_rank_1.pt",
            "actor/extra_state_world_size_2_rank_0.pt",
            "actor/extra_state_world_size_2_rank_1.pt",
            "critic/optim_world_size_1_rank_0.pt",
            "data.pt",
        ],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Verl,
        group: "global_step_@/",
        members: &[
            "actor/dist_ckpt/common.pt",
            "actor/dist_ckpt/__0_0.distcp",
            "actor/dist_ckpt/.metadata",
            "actor/dist_ckpt/metadata.json",
            "actor/huggingface/config.json",
            "data.pt",
        ],
        needs: &["actor/dist_ckpt/__0_0.distcp", "actor/dist_ckpt/.metadata", "actor/dist_ckpt/metadata.json"],
        state: &["data.pt"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Verl,
        group: "global_step_@/",
        members: &[
            "actor/dist_ckpt/__0_0.distcp",
            "actor/dist_ckpt/.metadata",
            "actor/dist_ckpt/metadata.json",
            "critic/dist_ckpt/__0_0.distcp",
            "critic/dist_ckpt/.metadata",
            "critic/dist_ckpt/metadata.json",
        ],
        needs: &[
            "actor/dist_ckpt/__0_0.distcp",
            "actor/dist_ckpt/.metadata",
            "actor/dist_ckpt/metadata.json",
            "critic/dist_ckpt/__0_0.distcp",
            "critic/dist_ckpt/.metadata",
            "critic/dist_ckpt/metadata.json",
        ],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
];
