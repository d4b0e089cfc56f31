//! What a plan reports of each checkpoint.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::object::{Bucket, Count, Key};

/// One checkpoint: the objects that are taken or left together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub bucket: Bucket,
    /// What tells it from the checkpoints of other runs: as a rule the folder that it stands in, without the last `/`.
    pub run: Key,
    /// As a rule the last segment of its folder, or the name of its file.
    pub name: Key,
    /// `None` in layouts that do not count.
    pub step: Option<u64>,
    /// All of its objects, also those that `exclude` drops; `None` where it did not have to be listed.
    pub count: Option<Count>,
    /// When the last of its objects was modified, as far as it was listed.
    pub newest: Option<DateTime<Utc>>,
    pub state: State,
    /// Why it is not chosen; an older one needs no reason.
    pub why: Option<String>,
}

impl Group {
    /// Of its newest object; what comes from the future is 0 s old.
    pub fn age(&self, now: DateTime<Utc>) -> Option<Duration> {
        self.newest.map(|newest| now.signed_duration_since(newest).to_std().unwrap_or_default())
    }
}

/// What becomes of a checkpoint. The names are those of the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Chosen,
    /// Complete or not: newer ones are kept in its place.
    Older,
    Incomplete,
    /// Complete, among the newest of its run, and does not fit the caps.
    OverCap,
}

impl State {
    /// As the JSON contract spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Older => "older",
            Self::Incomplete => "incomplete",
            Self::OverCap => "over_cap",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
