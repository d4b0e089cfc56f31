//! Which run it is, and why it is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{Trigger, time};

/// What stays the same when a run is resumed after an interruption, but for `trigger` and `resumes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    #[serde(rename = "run")]
    pub id: Ulid,
    pub trigger: Trigger,
    /// The fire that it stands for; `None` where no schedule started it.
    #[serde(serialize_with = "time::write_if_any")]
    pub due: Option<DateTime<Utc>>,
    /// Fires that passed without a run before `due`; an ended run of a status does not tell.
    #[serde(default)]
    pub missed: u64,
    /// How often it was resumed; an ended run of a status does not tell.
    #[serde(default)]
    pub resumes: u64,
    /// When it first began.
    #[serde(serialize_with = "time::write")]
    pub started: DateTime<Utc>,
}

impl RunInfo {
    /// A new run. Ids are random, and sorted by the time at which runs began.
    pub fn new(trigger: Trigger, started: DateTime<Utc>) -> Self {
        Self { id: Ulid::from_datetime(started.into()), trigger, due: None, missed: 0, resumes: 0, started }
    }
}
