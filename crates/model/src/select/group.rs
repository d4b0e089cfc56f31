//! What a plan reports of each checkpoint.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::object::{Bucket, Count, Key};
use crate::words::words;

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

words! {
    /// What becomes of a checkpoint. The names are those of the JSON contract.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum State {
        Chosen = "chosen",
        /// Complete or not: newer ones are kept in its place.
        Older = "older",
        Incomplete = "incomplete",
        /// Complete, among the newest of its run, and does not fit the caps.
        OverCap = "over_cap",
    }
}
