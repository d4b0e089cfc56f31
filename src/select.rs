//! Which of the listed objects a profile keeps hot. Candidates in, a selection out, in memory bounded by what ranking needs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::object::{Bucket, Count, Key, Object};
use crate::pattern::Pattern;

/// What a profile says of its objects, resolved.
#[derive(Clone, Debug)]
pub struct Rules {
    /// At least one must match; an object that matches several counts once.
    pub patterns: Vec<Pattern>,
    pub exclude: Vec<Pattern>,
    /// Left out as `too_old` when older than this, by the server's clock.
    pub newer_than: Option<Duration>,
    /// Left out as `too_new` when younger than this, by the server's clock.
    pub older_than: Option<Duration>,
    /// Bytes.
    pub min_size: Option<u64>,
    /// Bytes.
    pub max_size: Option<u64>,
    pub max_objects: Option<u64>,
    pub max_bytes: Cap,
    pub on_excess: OnExcess,
    pub order: Order,
    /// An object without a class is `STANDARD`.
    pub storage_classes: Vec<Arc<str>>,
    pub allow_empty: bool,
}

/// A byte cap. No cap is something a user has to type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    Bytes(u64),
    Unlimited,
}

/// What happens when a cap cuts something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExcess {
    /// What does not fit is left out as `over_cap`.
    #[default]
    Trim,
    /// Nothing is warmed.
    Refuse,
}

/// Decides what a cap keeps; ties by bucket, then key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Newest,
    Oldest,
    Key,
    Largest,
    Smallest,
}

/// Why a candidate was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Excluded,
    TooOld,
    TooNew,
    TooSmall,
    TooLarge,
    Empty,
    FolderMarker,
    StorageClass,
    IncompleteGroup,
    OlderGroup,
    OverCap,
}

/// What was left out under one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub count: Count,
    /// The first few by bucket and key.
    pub sample: Vec<(Bucket, Key)>,
}

/// The last object that a cap let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutoff {
    pub last_modified: DateTime<Utc>,
    pub key: Key,
}

/// What became of all listed objects.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// All that was offered.
    pub listed: Count,
    /// What the patterns match: selected + left out.
    pub matched: Count,
    /// In rank order: what a smaller cap would keep comes first.
    pub selected: Vec<Object>,
    pub left_out: BTreeMap<Reason, LeftOut>,
    /// Present when a cap cut something and let something in.
    pub cutoff: Option<Cutoff>,
    /// Why nothing of this may be warmed.
    pub refused: Option<Refusal>,
}

/// Why a selection must not be warmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("nothing matched: {listed} objects were listed and no pattern matches any of them")]
    NothingMatched { listed: u64 },
    #[error("the caps leave nothing: {over} objects match and the first does not fit")]
    AllOverCap { over: u64 },
    #[error("over a cap, and on_excess is \"refuse\"")]
    OverCap,
}
