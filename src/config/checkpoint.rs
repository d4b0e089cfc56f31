//! Which checkpoints to keep hot, and what makes one complete.

use std::sync::Arc;
use std::time::Duration;

/// The `checkpoint` table of a profile, resolved.
///
/// Keys that a layout fills in are `None` where the user leaves them to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub layout: Layout,
    /// A regular expression over keys; its capture `step` is a number, its capture `run`, if any, tells runs apart.
    pub group: Option<Arc<str>>,
    /// Globs below the group: each must match a member.
    pub require: Option<Vec<Arc<str>>>,
    /// Globs below the group: none may match a member.
    pub forbid: Option<Vec<Arc<str>>>,
    pub count: Option<MemberCount>,
    /// The name of the file, beside the groups, that names the newest one.
    pub pointer: Option<Arc<str>>,
    /// How long a group must have been quiet.
    pub settle: Duration,
    /// Runs whose newest object is older are dropped.
    pub active_within: Option<Duration>,
    pub parts: Parts,
    /// How many of the newest complete groups of every run.
    pub keep: u32,
    pub on_incomplete: OnIncomplete,
}

/// How many members make a group complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberCount {
    /// As many as there are.
    Any,
    /// No fewer than the previous complete group of the run has.
    AsPrevious,
    /// No fewer than this.
    AtLeast(u64),
}

/// Which members of a group are warmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parts {
    #[default]
    All,
    /// Model weights without optimizer state, where the layout keeps them in files of their own.
    Weights,
}

/// What is done when the newest group is not complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnIncomplete {
    /// The newest complete one is taken.
    #[default]
    Previous,
    Refuse,
}

/// How a framework lays its checkpoints out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    TorchDcp,
    Torchtitan,
    Deepspeed,
    Megatron,
    HfTrainer,
    Safetensors,
    Lightning,
    Nemo,
    Orbax,
    Levanter,
    Composer,
    Olmo,
    Nanotron,
    Verl,
    /// What `group` and its companions say.
    Custom,
}

impl Layout {
    /// Why `parts = "weights"` cannot be had; `None` where it can.
    pub fn mixes_weights(self) -> Option<&'static str> {
        match self {
            Self::TorchDcp | Self::Torchtitan => Some("every .distcp file holds weights and optimizer state together"),
            Self::Megatron => Some("every shard of torch_dist holds weights and optimizer state together"),
            Self::Lightning | Self::Composer => Some("one file holds weights and optimizer state together"),
            Self::Nemo | Self::Orbax | Self::Levanter | Self::Olmo => {
                Some("its file names do not tell weights from optimizer state")
            }
            Self::Custom => {
                Some("a custom layout does not say which files hold weights: leave the others out with `exclude`")
            }
            Self::Deepspeed | Self::HfTrainer | Self::Safetensors | Self::Nanotron | Self::Verl => None,
        }
    }
}
