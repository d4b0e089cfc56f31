//! Those that save for the Hub, or a file of safetensors each.

use super::{Form, PLAIN};
use crate::select::checkpoint::layout::Layout;

pub(super) const FORMS: &[Form] = &[
    Form {
        layout: Layout::HfTrainer,
        group: "checkpoint-@/",
        members: &[
            "rng_state_1.pth",
            "config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "training_args.bin",
            "optimizer.pt",
            "scheduler.pt",
            "rng_state_0.pth",
            "trainer_state.json",
        ],
        needs: &[
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "trainer_state.json",
        ],
        state: &["rng_state_1.pth", "optimizer.pt", "scheduler.pt", "rng_state_0.pth"],
        temporary: Some("tmp-checkpoint-@/"),
        ..PLAIN
    },
    Form {
        layout: Layout::HfTrainer,
        group: "checkpoint-@/",
        members: &[
            "adapter_model.safetensors",
            "adapter_config.json",
            "optimizer.bin",
            "scaler.pt",
            "rng_state.pth",
            "trainer_state.json",
        ],
        needs: &["adapter_model.safetensors", "adapter_config.json", "trainer_state.json"],
        state: &["optimizer.bin", "scaler.pt", "rng_state.pth"],
        ..PLAIN
    },
    Form {
        layout: Layout::HfTrainer,
        group: "checkpoint-@/",
        // Sentence Transformers.
        members: &[
            "model.safetensors",
            "sentence_bert_config.json",
            "modules.json",
            "1_Pooling/config.json",
            "2_Dense/config.json",
            "2_Dense/model.safetensors",
            "trainer_state.json",
        ],
        needs: &["model.safetensors", "trainer_state.json"],
        ..PLAIN
    },
    Form {
        layout: Layout::HfTrainer,
        group: "checkpoint-@/",
        members: &[
            "pytorch_model_fsdp_0/__0_0.distcp",
            "pytorch_model_fsdp_0/__1_0.distcp",
            "pytorch_model_fsdp_0/.metadata",
            "optimizer_0/__0_0.distcp",
            "optimizer_0/__1_0.distcp",
            "optimizer_0/.metadata",
            "trainer_state.json",
        ],
        needs: &["pytorch_model_fsdp_0/.metadata", "optimizer_0/.metadata", "trainer_state.json"],
        state: &["optimizer_0/__0_0.distcp", "optimizer_0/__1_0.distcp", "optimizer_0/.metadata"],
        ..PLAIN
    },
    Form {
        layout: Layout::HfTrainer,
        group: "checkpoint-@/",
        members: &["pytorch_model_fsdp_0/__0_0.distcp", "pytorch_model_fsdp_0/.metadata", "trainer_state.json"],
        needs: &["pytorch_model_fsdp_0/__0_0.distcp", "pytorch_model_fsdp_0/.metadata", "trainer_state.json"],
        ..PLAIN
    },
    Form {
        layout: Layout::HfTrainer,
        group: "checkpoint-@/",
        members: &[
            "model.safetensors",
            "global_step@/zero_pp_rank_0_mp_rank_00_optim_states.pt",
            "latest",
            "zero_to_fp32.py",
            "trainer_state.json",
        ],
        needs: &["model.safetensors", "trainer_state.json"],
        state: &["global_step@/zero_pp_rank_0_mp_rank_00_optim_states.pt"],
        ..PLAIN
    },
    Form {
        layout: Layout::HfTrainer,
        group: "checkpoint-@/",
        members: &[
            "global_step@/zero_pp_rank_0_mp_rank_00_model_states.pt",
            "global_step@/zero_pp_rank_0_mp_rank_00_optim_states.pt",
            "latest",
            "trainer_state.json",
        ],
        needs: &[
            "global_step@/zero_pp_rank_0_mp_rank_00_model_states.pt",
            "global_step@/zero_pp_rank_0_mp_rank_00_optim_states.pt",
            "trainer_state.json",
        ],
        state: &[
            "global_step@/zero_pp_rank_0_mp_rank_00_model_states.pt",
            "global_step@/zero_pp_rank_0_mp_rank_00_optim_states.pt",
        ],
        ..PLAIN
    },
    Form {
        layout: Layout::Safetensors,
        group: "v@/",
        members: &[
            "model-00001-of-00003.safetensors",
            "model-00002-of-00003.safetensors",
            "model-00003-of-00003.safetensors",
            "model.safetensors.index.json",
        ],
        needs: &[
            "model-00001-of-00003.safetensors",
            "model-00002-of-00003.safetensors",
            "model-00003-of-00003.safetensors",
            "model.safetensors.index.json",
        ],
        enumerates: true,
        ..PLAIN
    },
    Form {
        layout: Layout::Safetensors,
        group: "v@/",
        members: &["model.safetensors", "optimizer.pt"],
        state: &["optimizer.pt"],
        ..PLAIN
    },
    Form {
        layout: Layout::Safetensors,
        group: "v@/",
        // In the order of the pipeline's own list, which begins with the decoder: a text encoder that stands alone is a model of
        // Transformers by all that tells.
        members: &[
            "vae/diffusion_pytorch_model.safetensors",
            "text_encoder/model.safetensors",
            "transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
            "transformer/diffusion_pytorch_model-00002-of-00002.safetensors",
            "transformer/diffusion_pytorch_model.safetensors.index.json",
            "model_index.json",
        ],
        needs: &[
            "transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
            "transformer/diffusion_pytorch_model-00002-of-00002.safetensors",
            "transformer/diffusion_pytorch_model.safetensors.index.json",
            "model_index.json",
        ],
        ..PLAIN
    },
    Form {
        layout: Layout::Safetensors,
        group: "v@/",
        members: &[
            "unet/diffusion_pytorch_model-00001-of-00002.fp16.safetensors",
            "unet/diffusion_pytorch_model-00002-of-00002.fp16.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
            "model_index.json",
        ],
        needs: &[
            "unet/diffusion_pytorch_model-00001-of-00002.fp16.safetensors",
            "unet/diffusion_pytorch_model-00002-of-00002.fp16.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
            "model_index.json",
        ],
        ..PLAIN
    },
    Form {
        layout: Layout::Nanotron,
        group: "@/",
        members: &[
            "config.yaml",
            "model/model/decoder/pp-rank-0-of-1_tp-rank-0-of-2.safetensors",
            "model/model/decoder/pp-rank-0-of-1_tp-rank-1-of-2.safetensors",
            "optimizer/optimizer_pp-0-of-1_dp-0-of-1_tp-0-of-2.pt",
            "optimizer/optimizer_pp-0-of-1_dp-0-of-1_tp-1-of-2.pt",
            "lr_scheduler/lr_scheduler.pt",
            "checkpoint_metadata.json",
            "random/tp-0-of-2_dp-0-of-1_pp-0-of-1.pt",
            "model_config.json",
        ],
        needs: &[
            "model/model/decoder/pp-rank-0-of-1_tp-rank-0-of-2.safetensors",
            "model/model/decoder/pp-rank-0-of-1_tp-rank-1-of-2.safetensors",
            "optimizer/optimizer_pp-0-of-1_dp-0-of-1_tp-0-of-2.pt",
            "optimizer/optimizer_pp-0-of-1_dp-0-of-1_tp-1-of-2.pt",
            "checkpoint_metadata.json",
        ],
        state: &[
            "optimizer/optimizer_pp-0-of-1_dp-0-of-1_tp-0-of-2.pt",
            "optimizer/optimizer_pp-0-of-1_dp-0-of-1_tp-1-of-2.pt",
            "lr_scheduler/lr_scheduler.pt",
            "random/tp-0-of-2_dp-0-of-1_pp-0-of-1.pt",
        ],
        pointer: Some(("latest.txt", "@")),
        ..PLAIN
    },
];
