//! What a daemon is doing: `/api/v1/status`, and its parts elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ActiveRun, EndedRun, Failure, Outcome, Trigger, time};
use crate::object::Count;
use crate::schedule::Zone;
use crate::words::words;

/// Everything, at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub v: u32,
    /// Of hotset.
    pub version: String,
    #[serde(serialize_with = "time::write")]
    pub now: DateTime<Utc>,
    /// When the daemon was started.
    #[serde(serialize_with = "time::write")]
    pub started: DateTime<Utc>,
    /// It sends nothing new, and ends.
    pub stopping: bool,
    pub reload: Reload,
    pub zone_rules: ZoneRules,
    pub journal: JournalState,
    /// How often the scheduler's heartbeat failed to come, and the fallback woke the loop instead.
    pub heartbeat_fallbacks: u64,
    /// By name.
    pub endpoints: Vec<Endpoint>,
    /// By name.
    pub profiles: Vec<Profile>,
    /// By name.
    pub teams: Vec<Team>,
    /// In progress, oldest first.
    pub runs: Vec<ActiveRun>,
    /// Of ended runs, the latest first; bounded.
    pub failures: Vec<Failure>,
    pub counters: Counters,
}

/// The last reload, or the start, which counts as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    #[serde(serialize_with = "time::write")]
    pub at: DateTime<Utc>,
    pub by: ReloadedBy,
    pub ok: bool,
    /// Why the files were not taken; the configuration in force is the one before.
    pub error: Option<String>,
    /// When the configuration in force was taken.
    #[serde(serialize_with = "time::write_if_any")]
    pub succeeded: Option<DateTime<Utc>>,
    /// The configuration in force is the last good one from the journal, because the files were bad at the start.
    pub last_good: bool,
    /// Of the configuration in force.
    pub warnings: Vec<String>,
    pub paths: Vec<String>,
}

words! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ReloadedBy {
        Start = "start",
        Sighup = "sighup",
        Api = "api",
        Watch = "watch",
    }
}

/// The rules of time zones in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneRules {
    /// `null`: nothing tells.
    pub version: Option<String>,
    /// A folder, or `built in`.
    pub origin: String,
    /// When they were released, as their version says. Not in the JSON: for metrics.
    #[serde(skip)]
    pub released: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalState {
    /// `null`: in memory, because none was wanted.
    pub path: Option<String>,
    pub writable: bool,
    /// Why it cannot be written; what happens meanwhile is kept in memory, within bounds.
    pub error: Option<String>,
    /// On disk, the write-ahead log included.
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub name: String,
    pub cache_url: String,
    /// Requests that may be in flight now.
    pub limit: u32,
    /// As configured.
    pub max_in_flight: u32,
    pub in_flight: u32,
    pub in_flight_bytes: u64,
    /// Why no more are in flight: one word.
    pub holds: String,
    /// The same in some words.
    pub state: String,
    /// Retries wait for others to be answered: the budget is spent.
    pub retries_wait: bool,
    /// Requests that ended, answered or not, since the daemon was started.
    pub requests: u64,
    /// Those of them that were throttled.
    pub throttled: u64,
    pub circuit_open: bool,
    /// For so many seconds nothing has been answered, while the circuit is open.
    pub silent_s: Option<f64>,
    /// Bytes.
    pub capacity: Option<u64>,
    /// The sum of the caps of its unpaused profiles, in bytes; `null` where one is unlimited.
    pub committed: Option<u64>,
    /// Of the credentials that end soonest.
    #[serde(serialize_with = "time::write_if_any")]
    pub credentials_expiry: Option<DateTime<Utc>>,
    #[serde(flatten)]
    pub ended: EndedObjects,
}

/// What objects came to since the daemon was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedObjects {
    pub warmed: Count,
    pub gone: u64,
    pub failed: u64,
    pub unknown: u64,
}

impl EndedObjects {
    pub fn add(&mut self, more: &Self) {
        self.warmed = self.warmed + more.warmed;
        self.gone += more.gone;
        self.failed += more.failed;
        self.unknown += more.unknown;
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub name: String,
    /// `null`: a trusted file defines it.
    pub team: Option<String>,
    pub endpoint: String,
    pub fingerprint: String,
    /// As they are written.
    pub schedules: Vec<String>,
    pub zone: String,
    /// The rules of `zone`. Not in the JSON: for the page.
    #[serde(skip)]
    pub zone_rules: Option<Zone>,
    pub window: Option<String>,
    pub priority: i64,
    /// `null` is unlimited.
    pub max_bytes: Option<u64>,
    pub rewarm_after_s: f64,
    pub min_warm: Option<f64>,
    pub paused: Option<Pause>,
    /// The run in progress.
    pub running: Option<ActiveRun>,
    /// What will start as soon as nothing is in its way, and what is.
    pub waiting: Option<Waiting>,
    /// `null`: no schedule, none that fires any more, or paused.
    #[serde(serialize_with = "time::write_if_any")]
    pub next_due: Option<DateTime<Utc>>,
    /// The latest fire that has been dealt with: run, skipped or missed.
    #[serde(serialize_with = "time::write_if_any")]
    pub last_due: Option<DateTime<Utc>>,
    /// The latest fire whose run ended complete.
    #[serde(serialize_with = "time::write_if_any")]
    pub last_complete_due: Option<DateTime<Utc>>,
    /// The latest run that ended, skipped ones left out.
    pub last: Option<EndedRun>,
    /// The latest run that ended complete under the fingerprint of now.
    pub last_complete: Option<EndedRun>,
}

impl Profile {
    pub fn rewarm_after(&self) -> Duration {
        Duration::try_from_secs_f64(self.rewarm_after_s).unwrap_or_default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Else by hand.
    pub by_configuration: bool,
    #[serde(serialize_with = "time::write_if_any")]
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub trigger: Trigger,
    #[serde(serialize_with = "time::write_if_any")]
    pub due: Option<DateTime<Utc>>,
    /// In words: "its window opens at …", "run … is still going".
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    pub name: String,
    pub endpoints: Vec<String>,
    pub buckets: Vec<String>,
    pub profiles: u64,
    /// The sum of the caps of its unpaused profiles, in bytes.
    pub committed: u64,
    /// Bytes.
    pub budget: u64,
}

/// Since the daemon was started; none ever falls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub reloads_succeeded: u64,
    pub reloads_failed: u64,
    /// Ended runs, by profile, then by outcome.
    pub runs: BTreeMap<String, BTreeMap<Outcome, u64>>,
    /// Fires that passed without a run, by profile.
    pub missed: BTreeMap<String, u64>,
    /// Objects that ended, of live runs too, by endpoint, those that are gone included. Not in the JSON: for metrics.
    #[serde(skip)]
    pub objects: BTreeMap<String, EndedObjects>,
}

/// `/api/v1/profiles`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profiles {
    pub v: u32,
    pub profiles: Vec<Profile>,
    pub endpoints: Vec<Endpoint>,
}

/// `/api/v1/profiles/NAME`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileAnswer {
    pub v: u32,
    #[serde(flatten)]
    pub profile: Profile,
}
