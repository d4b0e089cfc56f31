//! Files that are worth nothing without another one, and numbers that none may be missing of: a newer checkpoint that cannot be
//! loaded is not taken, however much it holds, and an older whole one is.

use super::forms::fill;
use super::world::{World, chosen, why};
use crate::select::checkpoint::Checkpoint;
use crate::select::checkpoint::layout::Layout;
use crate::select::checkpoint::presets::PRESETS;

/// What a checkpoint of a layout is called, and what it holds besides what a case says.
struct Tree {
    layout: Layout,
    group: &'static str,
    members: &'static [&'static str],
    pointer: Option<(&'static str, &'static str)>,
}

/// Of each layout the newer one, as it may not be, and why.
type Broken = &'static [(&'static [&'static str], &'static str)];

const fn tree(layout: Layout, group: &'static str, members: &'static [&'static str]) -> Tree {
    Tree { layout, group, members, pointer: None }
}

impl Tree {
    fn put(&self, world: &mut World, step: u64, members: &[&str]) {
        for member in self.members.iter().chain(members) {
            let (member, is_empty) = member.strip_suffix(" 0").map_or((*member, false), |member| (member, true));
            let key = format!("r/{}{}", fill(self.group, step), fill(member, step));
            world.put(&key, i64::try_from(step).unwrap());
            if is_empty {
                world.things.get_mut(&key).unwrap().size = 0;
            }
        }
        if let Some((pointer, text)) = self.pointer {
            world.write(&format!("r/{pointer}"), &fill(text, step), 9);
        }
    }

    fn name(&self, step: u64) -> String {
        fill(self.group.trim_end_matches('/'), step)
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint::of(self.layout).unwrap()
    }

    /// Why the newer one is not taken, which has more files than the older one: with it before, and alone.
    fn whys(&self, whole: &[&str], newer: &[&str]) -> [Option<String>; 2] {
        [true, false].map(|has_previous| {
            let mut world = World { now: 1_000_000, ..World::default() };
            if has_previous {
                self.put(&mut world, 1, whole);
            }
            self.put(&mut world, 2, newer);
            let more = |n| if self.group.ends_with('/') { format!("log_{n}.txt") } else { format!("-rank{n}.pt") };
            (newer.len()..20).for_each(|n| world.put(&format!("r/{}{}", fill(self.group, 2), more(n)), 2));
            let selection = world.search(&self.checkpoint());
            let why = why(&selection, &self.name(2));
            let taken = format!("r/{}", self.name(if why.is_none() { 2 } else { 1 }));
            let expected = if has_previous || why.is_none() { vec![taken] } else { Vec::new() };
            assert_eq!(chosen(&selection), expected, "{newer:?} {why:?}");
            why
        })
    }

    fn refuses(&self, whole: &[&str], broken: Broken) {
        for (newer, expected) in broken {
            for why in self.whys(whole, newer) {
                assert_eq!(why.as_deref(), Some(*expected), "{newer:?} of {:?}", self.layout);
            }
        }
    }

    fn takes(&self, trees: &[&[&str]]) {
        for members in trees {
            assert_eq!(self.whys(members, members), [None, None], "{members:?} of {:?}", self.layout);
        }
    }
}

const TRAINER: Tree = tree(Layout::HfTrainer, "checkpoint-@/", &["config.json", "optimizer.pt", "trainer_state.json"]);
const MODEL: Tree = tree(Layout::Safetensors, "v@/", &["config.json"]);

#[test]
fn shards_need_their_index() {
    const SHARDS: [&str; 3] =
        ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"];
    const WHY: &str = "`*.safetensors.index*.json` is missing, which `model-00001-of-00002.safetensors` needs";
    for tree in [TRAINER, MODEL] {
        tree.refuses(
            &SHARDS,
            &[
                (&[SHARDS[0], SHARDS[1]], WHY),
                (&[SHARDS[0], SHARDS[1], "pytorch_model.bin.index.json"], WHY),
                (&[SHARDS[0], SHARDS[1], "other/model.safetensors.index.json"], WHY),
                (&[SHARDS[0], SHARDS[1], "model.safetensors.index.json 0"], "`model.safetensors.index.json` is empty"),
                (
                    &["model.safetensors", "llm/pytorch_model-1-of-2.bin", "llm/pytorch_model-2-of-2.bin"],
                    "`llm/*.bin.index*.json` is missing, which `llm/pytorch_model-1-of-2.bin` needs",
                ),
            ],
        );
        tree.takes(&[
            &["model.fp16-00001-of-00001.safetensors"],
            &["model-1-of-2.fp16.safetensors", "model-2-of-2.fp16.safetensors", "model.safetensors.index.fp16.json"],
            &["model.fp16-1-of-2.safetensors", "model.fp16-2-of-2.safetensors", "model.safetensors.index.fp16.json"],
            // What torch writes of ranks, and exllama of quantized models.
            &["shard-00001-model-00001-of-00002.safetensors", "shard-00001-model-00002-of-00002.safetensors"],
            &["output-00001-of-00002.safetensors", "output-00002-of-00002.safetensors"],
        ]);
    }
}

#[test]
fn adapters_need_their_configuration() {
    const WHOLE: [&str; 2] = ["adapter_model.safetensors", "adapter_config.json"];
    for tree in [TRAINER, MODEL] {
        tree.refuses(
            &WHOLE,
            &[
                (
                    &["adapter_model.safetensors", "README.md"],
                    "`adapter_config.json` is missing, which `adapter_model.safetensors` needs",
                ),
                (
                    &["adapter_model.safetensors", "adapter_config.json", "dpo/adapter_model.safetensors"],
                    "`dpo/adapter_config.json` is missing, which `dpo/adapter_model.safetensors` needs",
                ),
                (&["adapter_model.safetensors", "adapter_config.json 0"], "`adapter_config.json` is empty"),
            ],
        );
    }
    TRAINER.refuses(
        &WHOLE,
        &[(
            &["adapter_model.bin", "a/adapter_config.json"],
            "`adapter_config.json` is missing, which `adapter_model.bin` needs",
        )],
    );
}

#[test]
fn what_works_on_embeddings_is_no_model() {
    let refused = |newer: &[&str]| {
        let whole = ["model.safetensors", "modules.json", "1_Pooling/config.json"];
        let [before, alone] = TRAINER.whys(&whole, newer);
        assert_eq!(before, alone);
        before.unwrap()
    };
    for newer in [
        &["modules.json", "1_Pooling/config.json", "2_Dense/model.safetensors"][..],
        &["modules.json", "sentence_bert_config.json", "1_Dense/pytorch_model.bin"],
        &["modules.json", "1_Pooling/config.json", "12_Dense/model.safetensors", "13_Dense/model.safetensors"],
    ] {
        let why = refused(newer);
        assert!(why.starts_with("`{{,[!1-9]*/**/}{*.safetensors,") && why.ends_with(" is missing"), "{why}");
    }
    TRAINER.takes(&[
        &["model.safetensors", "sentence_bert_config.json", "1_Pooling/config.json", "2_Dense/model.safetensors"],
        &["0_Transformer/model.safetensors", "1_Pooling/config.json"],
        &["0_WordEmbeddings/pytorch_model.bin", "1_LSTM/pytorch_model.bin", "2_Pooling/config.json"],
        &["query_0_Transformer/model.safetensors", "query_1_Pooling/config.json"],
        &["adapter_model.safetensors", "adapter_config.json", "1_Pooling/config.json"],
        &["pytorch_model_fsdp_0/.metadata", "pytorch_model_fsdp_0/__0_0.distcp", "1_Pooling/config.json"],
        &["0_BoW/config.json", "1_Dense/model.safetensors"],
    ]);
}

#[test]
fn packed_weights_are_data() {
    const UNET: &str = "unet/diffusion_pytorch_model.flashpack";
    tree(Layout::Safetensors, "v@/", &["model_index.json", "vae/diffusion_pytorch_model.safetensors"]).refuses(
        &[UNET],
        &[(&["unet/diffusion_pytorch_model.flashpack 0"], "`unet/diffusion_pytorch_model.flashpack` is empty")],
    );
}

const DEEPSPEED: Tree =
    Tree { pointer: Some(("latest", "global_step@")), ..tree(Layout::Deepspeed, "global_step@/", &[]) };

#[test]
fn zero_3_has_both_files_of_every_rank() {
    const WHOLE: [&str; 2] = ["zero_pp_rank_0_mp_rank_00_model_states.pt", "zero_pp_rank_0_mp_rank_00_optim_states.pt"];
    DEEPSPEED.refuses(
        &WHOLE,
        &[
            (
                &[WHOLE[0], WHOLE[1], "zero_pp_rank_1_mp_rank_00_model_states.pt"],
                "`*zero_pp_rank_1_mp_rank_00_optim_states.pt` is missing, \
                 which `zero_pp_rank_1_mp_rank_00_model_states.pt` needs",
            ),
            (
                &[WHOLE[0], WHOLE[1], "bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt"],
                "`zero_pp_rank_1_mp_rank_00_model_states.pt` is missing, \
                 which `bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt` needs",
            ),
            (
                &[WHOLE[0], WHOLE[1], "zero_pp_rank_0_mp_rank_01_model_states.pt"],
                "`*zero_pp_rank_0_mp_rank_01_optim_states.pt` is missing, \
                 which `zero_pp_rank_0_mp_rank_01_model_states.pt` needs",
            ),
            (
                &[
                    WHOLE[0],
                    WHOLE[1],
                    "zero_pp_rank_2_mp_rank_00_model_states.pt",
                    "zero_pp_rank_2_mp_rank_00_optim_states.pt",
                ],
                "`zero_pp_rank_1_mp_rank_00_model_states.pt` is missing",
            ),
        ],
    );
    DEEPSPEED.takes(&[
        &["zero_pp_rank_0_mp_rank_00_model_states.pt", "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"],
        // ZeRO 1 and 2.
        &["mp_rank_00_model_states.pt", WHOLE[1], "zero_pp_rank_1_mp_rank_00_optim_states.pt"],
    ]);
}

#[test]
fn zero_3_within_other_layouts_has_both_files_of_every_rank_too() {
    let trainer = tree(Layout::HfTrainer, "checkpoint-@/", &["trainer_state.json", "latest"]);
    trainer.refuses(
        &["model.safetensors"],
        &[
            (
                &["model.safetensors", "global_step@/zero_pp_rank_1_mp_rank_00_optim_states.pt"],
                "`global_step2/zero_pp_rank_0_mp_rank_00_optim_states.pt` is missing",
            ),
            (
                &[
                    "global_step@/zero_pp_rank_0_mp_rank_00_model_states.pt",
                    "global_step@/zero_pp_rank_1_mp_rank_00_model_states.pt",
                    "global_step@/zero_pp_rank_0_mp_rank_00_optim_states.pt",
                ],
                "`global_step2/*zero_pp_rank_1_mp_rank_00_optim_states.pt` is missing, \
                 which `global_step2/zero_pp_rank_1_mp_rank_00_model_states.pt` needs",
            ),
            (
                &["model.safetensors", "global_step@/mp_rank_01_model_states.pt"],
                "`global_step2/mp_rank_00_model_states.pt` is missing",
            ),
        ],
    );
    tree(Layout::Lightning, "epoch=1-step=@.ckpt/", &["latest"]).refuses(
        &["checkpoint/mp_rank_00_model_states.pt"],
        &[
            (
                &[
                    "checkpoint/zero_pp_rank_0_mp_rank_00_model_states.pt",
                    "checkpoint/zero_pp_rank_1_mp_rank_00_optim_states.pt",
                ],
                "`checkpoint/*zero_pp_rank_0_mp_rank_00_optim_states.pt` is missing, \
                 which `checkpoint/zero_pp_rank_0_mp_rank_00_model_states.pt` needs",
            ),
            (
                &["checkpoint/layer_00-model_00-model_states.pt"],
                "`checkpoint/{mp,zero_pp}_rank_*model_states.pt` is missing",
            ),
            (
                &["checkpoint/mp_rank_00_model_states.pt", "checkpoint/mp_rank_02_model_states.pt"],
                "`checkpoint/mp_rank_01_model_states.pt` is missing",
            ),
        ],
    );
}

#[test]
fn layers_and_experts_are_no_model() {
    const WHY: &str = "`{mp,zero_pp}_rank_*model_states.pt` is missing";
    DEEPSPEED.refuses(
        &["mp_rank_00_model_states.pt"],
        &[
            (&["layer_0_expert_0_mp_rank_00_model_states.pt", "expp_rank_0_mp_rank_00_optim_states.pt"], WHY),
            (&["layer_00-model_00-model_states.pt", "layer_02-model_00-model_states.pt"], WHY),
            (&["mp_rank_01_model_states.pt"], "`mp_rank_00_model_states.pt` is missing"),
            (&["mp_rank_00_model_states.pt", "mp_rank_03_model_states.pt"], "`mp_rank_01_model_states.pt` is missing"),
        ],
    );
    DEEPSPEED.takes(&[
        &["layer_0_expert_0_mp_rank_00_model_states.pt", "mp_rank_00_model_states.pt"],
        &["layer_00-model_00-model_states.pt", "mp_rank_00_model_states.pt", "mp_rank_01_model_states.pt"],
    ]);
}

#[test]
fn each_rank_that_saved_by_itself_has_metadata() {
    let tree = tree(Layout::TorchDcp, "step-@/", &["__0.metadata", "__0_0.distcp"]);
    tree.refuses(
        &["__1.metadata", "__1_0.distcp"],
        &[
            (&["__1_0.distcp", "__2_0.distcp"], "`__1.metadata` is missing, which `__1_0.distcp` needs"),
            (
                &["__1.metadata", "__1_0.distcp", "__10_3.distcp"],
                "`__10.metadata` is missing, which `__10_3.distcp` needs",
            ),
            (&["__1_0.distcp", "__1.metadata 0"], "`__1.metadata` is empty"),
        ],
    );
    tree.takes(&[&["__1.metadata"], &["__1.metadata", "__1_0.distcp 0", "__1_1.distcp"]]);
}

#[test]
fn each_part_of_verl_has_metadata() {
    let actor = ["actor/ckpt_contents.json", "actor/model/dist_ckpt/.metadata", "actor/model/dist_ckpt/__0_0.distcp"];
    let tree = tree(Layout::Verl, "global_step_@/", &[]);
    for (more, expected) in [
        (
            &["actor/optimizer/dist_ckpt/__0_0.distcp"][..],
            "`actor/optimizer/dist_ckpt/.metadata` is missing, which `actor/optimizer/dist_ckpt/__0_0.distcp` needs",
        ),
        (
            &["actor/extra/dist_ckpt/__0_0.distcp", "actor/extra/dist_ckpt/metadata.json"],
            "`actor/extra/dist_ckpt/.metadata` is missing, which `actor/extra/dist_ckpt/__0_0.distcp` needs",
        ),
        (
            &[
                "critic/ckpt_contents.json",
                "critic/model/dist_ckpt/.metadata",
                "critic/model/dist_ckpt/__0_0.distcp",
                "critic/optimizer/dist_ckpt/__0_0.distcp",
            ],
            "`critic/optimizer/dist_ckpt/.metadata` is missing, which `critic/optimizer/dist_ckpt/__0_0.distcp` needs",
        ),
    ] {
        let newer: Vec<&str> = actor.iter().chain(more).copied().collect();
        assert_eq!(tree.whys(&actor, &newer), [Some(expected.to_owned()), Some(expected.to_owned())]);
    }
}

const MEGATRON: Tree = Tree {
    pointer: Some(("latest_checkpointed_iteration.txt", "@")),
    ..tree(Layout::Megatron, "iter_@7/", &["mp_rank_00/model_optim_rng.pt"])
};

#[test]
fn each_rank_of_megatron_has_its_model() {
    MEGATRON.refuses(
        &[],
        &[
            (
                &["mp_rank_00/distrib_optim.pt", "mp_rank_01/distrib_optim.pt"],
                "`mp_rank_01/model_optim_rng.pt` is missing, which `mp_rank_01/distrib_optim.pt` needs",
            ),
            (&["mp_rank_02/model_optim_rng.pt"], "`mp_rank_01/model_optim_rng.pt` is missing"),
            (
                &["mp_rank_01/distrib_optim.pt", "mp_rank_01/model_optim_rng.pt 0"],
                "`mp_rank_01/model_optim_rng.pt` is empty",
            ),
        ],
    );
    let stages = Tree { members: &["mp_rank_00_000/model_optim_rng.pt"], ..MEGATRON };
    stages.refuses(
        &["mp_rank_00_001/model_optim_rng.pt"],
        &[
            (&["mp_rank_00_003/model_optim_rng.pt"], "`mp_rank_00_001/model_optim_rng.pt` is missing"),
            (&["mp_rank_02_000/model_optim_rng.pt"], "`mp_rank_01_000/model_optim_rng.pt` is missing"),
            (&["mp_rank_00_002_001/model_optim_rng.pt"], "`mp_rank_00_001/model_optim_rng.pt` is missing"),
        ],
    );
    // Tensor-parallel ranks of attention that are expert-parallel ones as well.
    stages.takes(&[&[
        "mp_rank_01_001/model_optim_rng.pt",
        "mp_rank_00_002/model_optim_rng.pt",
        "mp_rank_01_003/model_optim_rng.pt",
    ]]);
}

#[test]
fn each_rank_of_olmo_has_model_optimizer_and_trainer() {
    tree(Layout::Olmo, "step@/", &["config.yaml", "model/rank0.pt", "optim/rank0.pt", "train/rank0.pt"]).refuses(
        &[],
        &[
            (&["optim/rank1.pt", "train/rank1.pt"], "`model/rank1.pt` is missing, which `train/rank1.pt` needs"),
            (&["model/rank1.pt", "train/rank1.pt"], "`optim/rank1.pt` is missing, which `model/rank1.pt` needs"),
            (&["model/rank1.pt", "optim/rank1.pt"], "`train/rank1.pt` is missing, which `optim/rank1.pt` needs"),
        ],
    );
}

#[test]
fn each_rank_of_nanotron_has_its_optimizer() {
    let tree = tree(
        Layout::Nanotron,
        "@/",
        &["checkpoint_metadata.json", "model_config.json", "model/d/tp-rank-0-of-1.safetensors"],
    );
    let tree = Tree { pointer: Some(("latest.txt", "@")), ..tree };
    tree.refuses(
        &["optimizer/optimizer_pp-0-of-1_dp-0-of-1_tp-0-of-1_exp-0-of-1.pt"],
        &[
            (
                &["optimizer/optimizer_pp-0-of-1_dp-0-of-4_tp-0-of-1_exp-0-of-1.pt"],
                "`optimizer/optimizer_pp-0-of-1_dp-1-of-4_tp-0-of-1_exp-0-of-1.pt` is missing",
            ),
            (
                &["optimizer/optimizer_pp-1-of-2_tp-0-of-1_exp-0-of-1.pt"],
                "`optimizer/optimizer_pp-0-of-2_tp-0-of-1_exp-0-of-1.pt` is missing",
            ),
            (
                &["optimizer/optimizer_pp-0-of-1_tp-0-of-2_exp-0-of-1.pt"],
                "`optimizer/optimizer_pp-0-of-1_tp-1-of-2_exp-0-of-1.pt` is missing",
            ),
        ],
    );
    tree.takes(&[&[], &["optimizer/optimizer_config.json", "optimizer/optimizer.pt"]]);
}

const DATA: &str = "d/0123456789abcdef0123456789abcdef";

#[test]
fn a_database_has_a_manifest_and_data() {
    let data = |folder: &str| format!("{folder}/{DATA}");
    let (params, opt, process) = (data("params"), data("opt"), data("params/ocdbt.process_0"));
    let orbax = tree(Layout::Orbax, "@/", &["_CHECKPOINT_METADATA"]);
    let whole = ["params/_METADATA", "params/manifest.ocdbt", params.as_str()];
    for (newer, expected) in [
        (
            &["params/_METADATA", &params][..],
            "`params/manifest.ocdbt` is missing, which `params/d/0123456789abcdef0123456789abcdef` needs",
        ),
        (
            &["params/manifest.ocdbt", &params, "opt/_METADATA", "opt/manifest.ocdbt"],
            "`opt/{,*/}d/*` is missing, which `opt/manifest.ocdbt` needs",
        ),
        (
            &["params/manifest.ocdbt", &params, &opt],
            "`opt/manifest.ocdbt` is missing, which `opt/d/0123456789abcdef0123456789abcdef` needs",
        ),
    ] {
        let expected = || Some(expected.to_owned());
        assert_eq!(orbax.whys(&whole, newer), [expected(), expected()], "{newer:?}");
    }
    orbax.takes(&[
        &["params/manifest.ocdbt", &process, "params/ocdbt.process_0/manifest.ocdbt"],
        &["manifest.ocdbt", DATA, "_METADATA"],
        &["params/a/.zarray", "params/a/0.0", "params/d/.zarray", "params/d/0.0", "params/d/1"],
    ]);

    let levanter = tree(Layout::Levanter, "step-@/", &["metadata.json"]);
    let (model, state) = (data("model"), data("training_state"));
    let whole = ["model/manifest.ocdbt", model.as_str()];
    for (newer, expected) in [
        (
            &[model.as_str()][..],
            "`model/manifest.ocdbt` is missing, which `model/d/0123456789abcdef0123456789abcdef` needs",
        ),
        (
            &["model/manifest.ocdbt", &model, "training_state/manifest.ocdbt"],
            "`training_state/{,*/}d/*` is missing, which `training_state/manifest.ocdbt` needs",
        ),
        (
            &["model/manifest.ocdbt", &model, &state],
            "`training_state/manifest.ocdbt` is missing, \
             which `training_state/d/0123456789abcdef0123456789abcdef` needs",
        ),
    ] {
        let expected = || Some(expected.to_owned());
        assert_eq!(levanter.whys(&whole, newer), [expected(), expected()], "{newer:?}");
    }
    levanter.takes(&[&["model/w/.zarray", "model/w/0.0"], &["manifest.ocdbt", DATA]]);
}

#[test]
fn where_an_item_says_that_it_is_complete_every_item_does() {
    let members =
        &["_CHECKPOINT_METADATA", "commit_success.txt 0", "a/manifest.ocdbt", "a/d/0f", "a/commit_success.txt 0"];
    let tree = tree(Layout::Orbax, "@/", members);
    tree.refuses(
        &[],
        &[
            (&["b/manifest.ocdbt", "b/d/0f"], "`b/commit_success.txt` is missing, which `b/manifest.ocdbt` needs"),
            (&["b/_METADATA", "b/w/.zarray", "b/w/0"], "`b/commit_success.txt` is missing, which `b/_METADATA` needs"),
            (
                &["b/manifest.ocdbt", "b/d/0f", "b/commit_success.txt 0", "c/_METADATA", "c/w/0"],
                "`c/commit_success.txt` is missing, which `c/_METADATA` needs",
            ),
        ],
    );
    tree.takes(&[&["b/manifest.ocdbt", "b/d/0f", "b/commit_success.txt 0"], &["assets/tokenizer.json"]]);
}

#[test]
fn no_rank_of_composer_is_left_out() {
    let tree = Tree {
        pointer: Some(("latest-rank0.pt.symlink", "run/ep1-ba@-rank0.pt")),
        ..tree(Layout::Composer, "ep1-ba@", &["-rank0.pt"])
    };
    let (mut world, last) = (World { now: 1_000_000, ..World::default() }, &["-rank2.pt", "-rank3.pt"]);
    tree.put(&mut world, 1, &[]);
    tree.put(&mut world, 2, last);
    let selection = world.search(&tree.checkpoint());
    assert_eq!(chosen(&selection), ["r/ep1-ba1"]);
    assert_eq!(why(&selection, "ep1-ba2").unwrap(), "`ep1-ba2-rank1.pt` is missing");
}

/// Both are compiled for the first name only.
#[test]
fn every_expression_of_every_layout_can_be_compiled_and_pairs_have_the_same_captures() {
    use crate::select::checkpoint::set::Expression;
    let names = |text| Expression::new(text).get().capture_names().flatten().map(str::to_owned).collect::<Vec<_>>();
    let mut seen = 0;
    for preset in PRESETS {
        for set in preset.sets {
            assert!(names(set.member).contains(&"i".to_owned()), "{}", set.member);
        }
        for pair in preset.kinds.iter().flat_map(|kind| kind.pairs) {
            assert!(!names(pair.member).is_empty(), "{}", pair.member);
            assert_eq!(names(pair.member), names(pair.partner));
            assert!(
                names(pair.member).iter().all(|name| pair.called.contains(&format!("{{{name}}}")) || name == "format")
            );
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}
