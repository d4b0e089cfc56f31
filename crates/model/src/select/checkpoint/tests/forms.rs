//! What each framework writes, in the order in which it does. A layout may come in several forms.

use std::sync::LazyLock;

use super::world::World;
use crate::select::checkpoint::Checkpoint;
use crate::select::checkpoint::layout::Layout;

mod hub;
mod jax;
mod megatron;
mod torch;

pub(super) static FORMS: LazyLock<Vec<Form>> =
    LazyLock::new(|| [torch::FORMS, megatron::FORMS, hub::FORMS, jax::FORMS].concat());

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

    /// What globs of a layout see of a member: where the group is no folder, what stands before it in the name, too.
    pub fn within(&self, step: u64, member: &str) -> String {
        let before = if self.group.ends_with('/') { String::new() } else { fill(self.group, step) };
        before + &fill(member, step)
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

    /// Whether a model can be loaded from such members alone.
    pub fn holds_weights(&self, member: &str) -> bool {
        const WEIGHTS: [&str; 12] = [
            ".safetensors",
            ".distcp",
            ".zst",
            "-rank0.pt",
            "-rank1.pt",
            "/0.0",
            "/0.1",
            "model.pt",
            "model_0.pt",
            "model_1.pt",
            "model_optim_rng.pt",
            "model_states.pt",
        ];
        const RANKS: [&str; 4] = ["rank0.pt", "rank1.pt", "model/rank0.pt", "model/rank1.pt"];
        let is_state =
            self.state.contains(&member) && !member.ends_with("model_states.pt") || member.contains("opt_state/");
        let is_array = member.starts_with("d/") || member.contains("/d/");
        let is_one_file = member.is_empty() || member.contains("model_world_size_") || RANKS.contains(&member);
        !is_state && (is_array || is_one_file || WEIGHTS.iter().any(|end| member.ends_with(end)))
    }

    /// Whether it may be empty: text, a mark, and the shard of a rank that has nothing to write, but for Megatron's.
    pub fn may_be_empty(&self, member: &str) -> bool {
        let is_megatron = matches!(self.layout, Layout::Nemo | Layout::Verl) || self.members.contains(&"common.pt");
        let is_text =
            [".yaml", ".py", "latest"].iter().any(|end| member.ends_with(end)) && !self.needs.contains(&member);
        let is_shard = member.ends_with(".distcp") && !is_megatron && !self.needs.contains(&member);
        is_text || is_shard || member.ends_with("commit_success.txt")
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
