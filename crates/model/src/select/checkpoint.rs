//! Which checkpoints to keep hot: the newest complete ones of every run.
//!
//! A group is the objects of one checkpoint: [`naming`] tells from a key which one it belongs to, its run and its step.
//! [`layout`] says what makes a group complete, as data; `census` decides it of the members that were seen; `choice` takes the
//! newest that fit the caps. [`Search`] finds the groups of some prefixes by asking for as few
//! LISTs as it can, takes the newest complete ones, and never half of one. No clock, no I/O.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::pattern::KeyGlob;
use crate::words::words;

mod census;
mod choice;
mod find;
pub mod layout;
pub mod naming;
mod pair;
mod pointer;
mod presets;
mod ranking;
mod sample;
mod search;
mod set;

use layout::Layout;
use naming::Naming;
pub use pair::Pair;
pub use sample::Sample;
pub use search::{Listing, Need, Search};
pub use set::Set;

/// What a profile says of its checkpoints, resolved: the keys of the layout, and in their place those that were typed.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub layout: Layout,
    pub naming: Naming,
    /// What shows that a folder is a group, among its direct members, where names alone do not tell. Empty where they do.
    pub signs: Vec<KeyGlob>,
    /// The first kind that fits a group says what it must hold, and so do all that say it [`also`](Kind::also).
    pub kinds: Vec<Kind>,
    /// None of these may match a member.
    pub forbid: Vec<KeyGlob>,
    /// No object beside the group may be called like it with this added.
    pub beside: Option<Arc<str>>,
    /// Numbered members, of which every one must be there.
    pub sets: Vec<Set>,
    pub count: MemberCount,
    /// The name of the file, beside the groups, that names the newest one: an upper bound.
    pub pointer: Option<Arc<str>>,
    /// How long a group must have been quiet.
    pub settle: Duration,
    /// Runs whose newest object is older are dropped.
    pub active_within: Option<Duration>,
    pub parts: Parts,
    /// Members that `parts` leaves out.
    pub without: Vec<KeyGlob>,
    /// Members that show that `parts` cannot be told from the rest.
    pub mixed: Vec<KeyGlob>,
    /// How many of the newest complete groups of every run.
    pub keep: usize,
    pub on_incomplete: OnIncomplete,
}

/// One of the forms in which a layout writes its checkpoints.
#[derive(Clone, Debug)]
pub struct Kind {
    pub when: When,
    /// Each must match a member that is not empty.
    pub require: Vec<KeyGlob>,
    /// No member that matches one of these may be empty, whatever format its name tells.
    pub filled: Vec<KeyGlob>,
    /// Members that need another one.
    pub pairs: Vec<Pair>,
    /// The pointer must have named it, or a later one.
    pub named: bool,
    /// It adds to what the first other kind that fits says.
    pub also: bool,
}

impl Kind {
    /// Every group must hold what `globs` match.
    pub const fn always(require: Vec<KeyGlob>) -> Self {
        Self { when: When::Always, require, filled: Vec::new(), pairs: Vec::new(), named: false, also: false }
    }
}

/// Which groups are of a kind.
#[derive(Clone, Debug)]
pub enum When {
    Always,
    /// Its name ends in `/`.
    Folder,
    /// A member matches one of these.
    Holds(Vec<KeyGlob>),
}

/// How many members make a group complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberCount {
    /// As many as there are.
    Any,
    /// No fewer than any of the three complete groups before it in its run.
    AsPrevious,
    /// What these hold, by name, but for hexadecimal numbers in names; and seven eighths of their bytes.
    LikePrevious,
    /// No fewer than this.
    AtLeast(u64),
}

/// As the configuration writes it.
impl fmt::Display for MemberCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::AsPrevious => f.write_str("as-previous"),
            Self::LikePrevious => f.write_str("like-previous"),
            Self::AtLeast(members) => write!(f, "{members}"),
        }
    }
}

words! {
    /// Which members of a group are warmed.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum Parts {
        #[default]
        All = "all",
        /// Model weights without optimizer state, where the layout keeps them in files of their own.
        Weights = "weights",
    }
}

words! {
    /// What is done when the newest group is not complete.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum OnIncomplete {
        /// The newest complete one is taken.
        #[default]
        Previous = "previous",
        Refuse = "refuse",
    }
}

impl Checkpoint {
    /// How long a group must have been quiet, unless a profile says otherwise.
    pub const SETTLE: Duration = Duration::from_mins(2);

    /// A layout of the user's own: groups by name, and nothing else asked of them yet.
    pub fn custom(naming: Naming) -> Self {
        Self {
            layout: Layout::Custom,
            naming,
            signs: Vec::new(),
            kinds: Vec::new(),
            forbid: Vec::new(),
            beside: None,
            sets: Vec::new(),
            count: MemberCount::AsPrevious,
            pointer: None,
            settle: Self::SETTLE,
            active_within: None,
            parts: Parts::All,
            without: Vec::new(),
            mixed: Vec::new(),
            keep: 1,
            on_incomplete: OnIncomplete::default(),
        }
    }

    /// As a layout has it, nothing overridden. `None`: a custom layout has nothing of its own.
    pub fn of(layout: Layout) -> Option<Self> {
        layout.preset().map(layout::Preset::checkpoint)
    }
}

#[cfg(test)]
mod tests;
