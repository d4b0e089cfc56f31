//! What each framework writes, in the order in which it does. A layout may come in several forms.

use super::world::World;
use crate::select::checkpoint::Checkpoint;
use crate::select::checkpoint::layout::Layout;

/// `@` stands for the step, `@7` for the step with zeros up to seven digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub layout: Layout,
    /// What the keys of a group begin with, below the folder of its run; with `/` if it is a folder.
    pub group: &'static str,
    /// What follows, in the order of writing.
    pub members: &'static [&'static str],
    /// Without any of these it is not complete, whatever was there before it.
    pub needs: &'static [&'static str],
    /// What `parts = "weights"` leaves out; empty where it is refused.
    pub state: &'static [&'static str],
    /// What it is called while it is written.
    pub temporary: Option<&'static str>,
    /// The file beside the groups, and its text.
    pub pointer: Option<(&'static str, &'static str)>,
    /// Whether the members say of each other which there have to be.
    pub enumerates: bool,
}

const PLAIN: Form = Form {
    layout: Layout::Custom,
    group: "",
    members: &[],
    needs: &[],
    state: &[],
    temporary: None,
    pointer: None,
    enumerates: false,
};

impl Form {
    /// The key of a member.
    pub fn key(&self, run: &str, step: u64, member: &str) -> String {
        format!("{run}{}{}", fill(self.group, step), fill(member, step))
    }

    pub fn keys(&self, run: &str, step: u64) -> Vec<String> {
        self.members.iter().map(|member| self.key(run, step, member)).collect()
    }

    /// As plans call it.
    pub fn name(&self, step: u64) -> String {
        match self.group.strip_suffix('/') {
            Some(folder) => fill(folder, step),
            None => fill(self.group, step),
        }
    }

    /// A checkpoint, complete.
    pub fn save(&self, world: &mut World, run: &str, step: u64, at: i64) {
        self.keys(run, step).iter().for_each(|key| world.put(key, at));
        self.point(world, run, step, at);
    }

    pub fn point(&self, world: &mut World, run: &str, step: u64, at: i64) {
        if let Some((pointer, text)) = self.pointer {
            world.write(&format!("{run}{pointer}"), &fill(text, step), at);
        }
    }

    pub fn pointer_key(&self, run: &str) -> Option<String> {
        self.pointer.map(|(pointer, _)| format!("{run}{pointer}"))
    }

    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::of(self.layout).unwrap()
    }

    /// Whether it has steps.
    pub fn counts(&self) -> bool {
        self.checkpoint().naming.counts()
    }
}

/// The text for this step.
pub(super) fn fill(text: &str, step: u64) -> String {
    text.replace("@7", &format!("{step:07}")).replace('@', &step.to_string())
}

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
        layout: Layout::Megatron,
        group: "iter_@7/",
        members: &["common.pt", "__0_0.distcp", "__0_1.distcp", "__1_0.distcp", ".metadata", "metadata.json"],
        needs: &[".metadata", "metadata.json"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Megatron,
        group: "iter_@7/",
        members: &["common.pt", "decoder.weight/.zarray", "decoder.weight/0.0", "decoder.weight/0.1", "metadata.json"],
        needs: &["metadata.json"],
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
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
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
        needs: &["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "trainer_state.json"],
        state: &["rng_state_1.pth", "optimizer.pt", "scheduler.pt", "rng_state_0.pth"],
        temporary: Some("tmp-checkpoint-@/"),
        ..PLAIN
    },
    Form {
        layout: Layout::HfTrainer,
        group: "checkpoint-@/",
        members: &["adapter_model.safetensors", "optimizer.bin", "scaler.pt", "rng_state.pth", "trainer_state.json"],
        needs: &["trainer_state.json"],
        state: &["optimizer.bin", "scaler.pt", "rng_state.pth"],
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
        needs: &["pytorch_model_fsdp_0/.metadata", "trainer_state.json"],
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
        needs: &["trainer_state.json"],
        state: &["global_step@/zero_pp_rank_0_mp_rank_00_optim_states.pt"],
        ..PLAIN
    },
    Form {
        layout: Layout::Safetensors,
        group: "v@/",
        members: &[
            "model-00001-of-00003.safetensors",
            "model-00002-of-00003.safetensors",
            "model-00003-of-00003.safetensors",
        ],
        needs: &[
            "model-00001-of-00003.safetensors",
            "model-00002-of-00003.safetensors",
            "model-00003-of-00003.safetensors",
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
            "model_index.json",
        ],
        needs: &[
            "unet/diffusion_pytorch_model-00001-of-00002.fp16.safetensors",
            "unet/diffusion_pytorch_model-00002-of-00002.fp16.safetensors",
            "model_index.json",
        ],
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
        needs: &["weights/.metadata", "weights/metadata.json"],
        ..PLAIN
    },
    Form {
        layout: Layout::Orbax,
        group: "@/",
        members: &[
            "meta/metadata",
            "meta/commit_success.txt",
            "state/ocdbt.process_0/d/4cba",
            "state/ocdbt.process_0/manifest.ocdbt",
            "state/_METADATA",
            "state/d/0f1e",
            "state/manifest.ocdbt",
            "state/commit_success.txt",
            "_CHECKPOINT_METADATA",
            "commit_success.txt",
        ],
        needs: &["_CHECKPOINT_METADATA", "commit_success.txt"],
        temporary: Some("@.orbax-checkpoint-tmp/"),
        ..PLAIN
    },
    Form {
        layout: Layout::Orbax,
        group: "step_@7/",
        members: &[
            "default/ocdbt.process_0/d/4cba",
            "default/ocdbt.process_0/manifest.ocdbt",
            "default/_METADATA",
            "default/manifest.ocdbt",
            "_CHECKPOINT_METADATA",
        ],
        needs: &["_CHECKPOINT_METADATA", "default/manifest.ocdbt"],
        temporary: Some("step_@7.orbax-checkpoint-tmp-1718/"),
        ..PLAIN
    },
    Form {
        layout: Layout::Orbax,
        group: "t5_@/",
        members: &["default/w/.zarray", "default/w/0.0", "default/w/0.1", "default/_METADATA", "_CHECKPOINT_METADATA"],
        needs: &["_CHECKPOINT_METADATA"],
        temporary: Some("t5_@.orbax-checkpoint-tmp-1718/"),
        ..PLAIN
    },
    Form {
        layout: Layout::Levanter,
        group: "step-@/",
        members: &["model/embeddings/0.0", "model/embeddings/.zarray", "opt_state/mu/0.0", "metadata.json"],
        needs: &["metadata.json"],
        state: &["opt_state/mu/0.0"],
        ..PLAIN
    },
    Form {
        layout: Layout::Levanter,
        group: "step-@/",
        members: &["d/0123456789abcdef0123456789abcdef", "manifest.ocdbt", "manifest.json", "metadata.json"],
        needs: &["manifest.ocdbt", "metadata.json"],
        ..PLAIN
    },
    Form {
        layout: Layout::Composer,
        group: "ep1-ba@",
        members: &["-rank0.pt", "-rank1.pt"],
        pointer: Some(("latest-rank0.pt.symlink", "run/checkpoints/ep1-ba@-rank0.pt")),
        ..PLAIN
    },
    Form {
        layout: Layout::Composer,
        group: "ep1-ba@",
        members: &["-rank0.pt.zst", "-rank1.pt.zst"],
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
        needs: &["model/rank0.pt", "optim/rank0.pt", "train/rank0.pt"],
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
    Form {
        layout: Layout::Nanotron,
        group: "@/",
        members: &[
            "config.yaml",
            "model/model/decoder/pp-rank-0-of-1_tp-rank-0-of-2.safetensors",
            "model/model/decoder/pp-rank-0-of-1_tp-rank-1-of-2.safetensors",
            "optimizer/optimizer_pp-0-of-1_dp-0-of-1_tp-0-of-2.pt",
            "lr_scheduler/lr_scheduler.pt",
            "checkpoint_metadata.json",
            "random/tp-0-of-2_dp-0-of-1_pp-0-of-1.pt",
            "model_config.json",
        ],
        needs: &["checkpoint_metadata.json"],
        state: &[
            "optimizer/optimizer_pp-0-of-1_dp-0-of-1_tp-0-of-2.pt",
            "lr_scheduler/lr_scheduler.pt",
            "random/tp-0-of-2_dp-0-of-1_pp-0-of-1.pt",
        ],
        pointer: Some(("latest.txt", "@")),
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
        needs: &["actor/ckpt_contents.json"],
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
        needs: &["actor/ckpt_contents.json", "critic/ckpt_contents.json"],
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
            "ckpt_contents.json",
            "data_0.pt",
            "data_1.pt",
        ],
        needs: &["model/huggingface/model.safetensors", "ckpt_contents.json"],
        state: &["optimizer/dist_ckpt/__0_0.distcp", "data_0.pt", "data_1.pt"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
    Form {
        layout: Layout::Verl,
        group: "global_step_@/",
        members: &["dist_ckpt/__0_0.distcp", "dist_ckpt/.metadata", "dist_ckpt/metadata.json", "data_0.pt"],
        needs: &["dist_ckpt/.metadata", "dist_ckpt/metadata.json"],
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
            "data.pt",
        ],
        needs: &[
            "actor/model_world_size_2_rank_0.pt",
            "actor/model_world_size_2_rank_1.pt",
            "actor/optim_world_size_2_rank_0.pt",
            "actor/optim_world_size_2_rank_1.pt",
            "actor/extra_state_world_size_2_rank_0.pt",
            "actor/extra_state_world_size_2_rank_1.pt",
        ],
        state: &[
            "actor/optim_world_size_2_rank_0.pt",
            "actor/optim_world_size_2_rank_1.pt",
            "actor/extra_state_world_size_2_rank_0.pt",
            "actor/extra_state_world_size_2_rank_1.pt",
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
        needs: &["actor/dist_ckpt/.metadata", "actor/dist_ckpt/metadata.json"],
        state: &["data.pt"],
        pointer: Some(("latest_checkpointed_iteration.txt", "@")),
        ..PLAIN
    },
];
