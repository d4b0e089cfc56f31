//! Why a selection must not be warmed, or is only part of what is wanted.

use bytesize::ByteSize;

use super::ReasonClass;
use super::checkpoint::layout::Layout;
use crate::object::Count;

/// That `max_bytes` cut `unmet` of what is wanted, and what to do where that is as it should be.
pub fn no_room(unmet: Count, wanted: Count) -> String {
    format!(
        "max_bytes has no room for {} of {} wanted object{} ({}); on_excess = \"trim\" takes what fits as enough",
        unmet.objects,
        wanted.objects,
        if wanted.objects == 1 { "" } else { "s" },
        ByteSize(unmet.bytes).display().iec(),
    )
}

/// Why a selection must not be warmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("nothing matched: no pattern matches an object ({listed} listed)")]
    NothingMatched { listed: u64 },
    #[error("nothing matched: the manifest names no object that the rules speak of ({listed} named)")]
    NothingNamed { listed: u64 },
    #[error("nothing matched: no object belongs to a checkpoint of this layout ({listed} listed){}", found_by(fits))]
    NoCheckpoint {
        listed: u64,
        /// Layouts of which a whole checkpoint is among the first objects.
        fits: Vec<Layout>,
    },
    #[error(
        "more than {most} folders below `objects` hold no checkpoint: begin the patterns nearer to the checkpoints"
    )]
    TooManyFolders { most: usize },
    #[error("no checkpoint is complete{}; the newest, {name}, is not: {why}{}", looked_at.map_or_else(String::new, |n| format!(" among the newest {n}")), found_by(fits))]
    NoneComplete {
        name: String,
        why: String,
        looked_at: Option<usize>,
        /// See `NoCheckpoint`.
        fits: Vec<Layout>,
    },
    #[error("the newest checkpoint, {name}, is not complete: {why}; on_incomplete is \"refuse\"")]
    Incomplete { name: String, why: String },
    #[error("the caps leave nothing: not even the first of {over} candidates fits")]
    AllOverCap { over: u64 },
    #[error("not all candidates fit the caps, and on_excess is \"refuse\"")]
    OverCap,
}

impl Refusal {
    pub fn class(&self) -> ReasonClass {
        match self {
            Self::NothingMatched { .. } | Self::NothingNamed { .. } | Self::NoCheckpoint { .. } => {
                ReasonClass::NothingMatched
            }
            Self::TooManyFolders { .. } | Self::NoneComplete { .. } | Self::Incomplete { .. } => {
                ReasonClass::Checkpoint
            }
            Self::AllOverCap { .. } | Self::OverCap => ReasonClass::OverCap,
        }
    }
}

/// Which layouts are right instead, for the end of a reason.
fn found_by(fits: &[Layout]) -> String {
    let names: Vec<String> = fits.iter().map(|layout| format!("\"{}\"", layout.as_str())).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => format!("; layout = {only} finds a whole one"),
        [others @ .., last] => format!("; layout = {} or {last} finds a whole one", others.join(", ")),
    }
}
