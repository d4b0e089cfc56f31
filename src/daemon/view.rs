//! What the daemon is doing, as the page, the API and the metrics show it: one value, made by the loop when asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ulid::Ulid;

use crate::limit::Snapshot;
use crate::report::groups::GroupField;
use crate::report::{Outcome, Ratio, RunInfo, StopReason, Trigger};
use model::config::Zones;
use model::object::{Bucket, Count, Key};
use model::schedule::Zone;

/// Everything, at one instant.
#[derive(Clone, Debug)]
pub struct View {
    pub now: DateTime<Utc>,
    /// When the daemon was started.
    pub started: DateTime<Utc>,
    /// It sends nothing new, and ends.
    pub stopping: bool,
    pub reload: ReloadView,
    /// The rules of time zones in force.
    pub zone_rules: Zones,
    pub journal: JournalView,
    /// How often the scheduler's heartbeat failed to come, and the fallback woke the loop instead.
    pub heartbeat_fallbacks: u64,
    /// By name.
    pub endpoints: Vec<EndpointView>,
    /// By name.
    pub profiles: Vec<ProfileView>,
    /// By name.
    pub teams: Vec<TeamView>,
    /// In progress, oldest first.
    pub runs: Vec<RunView>,
    /// Of ended runs, the latest first; bounded.
    pub failures: Vec<FailureView>,
    pub counters: Counters,
}

/// The last reload, or the start, which counts as one.
#[derive(Clone, Debug)]
pub struct ReloadView {
    pub at: DateTime<Utc>,
    pub by: ReloadedBy,
    /// Why the files were not taken; the configuration in force is the one before. `None`: they were.
    pub error: Option<String>,
    /// When the configuration in force was taken.
    pub succeeded: Option<DateTime<Utc>>,
    /// The configuration in force is the last good one from the journal, because the files were bad at the start.
    pub last_good: bool,
    /// Warnings of the configuration in force.
    pub warnings: Vec<String>,
    pub paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadedBy {
    Start,
    Sighup,
    Api,
    Watch,
}

impl ReloadedBy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Sighup => "sighup",
            Self::Api => "api",
            Self::Watch => "watch",
        }
    }
}

#[derive(Clone, Debug)]
pub struct JournalView {
    /// `None`: in memory, because none was wanted.
    pub path: Option<PathBuf>,
    /// Why it cannot be written; what happens meanwhile is kept in memory, within bounds.
    pub unwritable: Option<String>,
    /// Bytes on disk, the write-ahead log included.
    pub bytes: u64,
}

#[derive(Clone, Debug)]
pub struct EndpointView {
    pub name: Arc<str>,
    pub cache_url: String,
    pub limit: Snapshot,
    /// As configured.
    pub max_in_flight: u32,
    /// For how long nothing has been answered, while the circuit is open.
    pub silent: Option<Duration>,
    /// Bytes.
    pub capacity: Option<u64>,
    /// The sum of the caps of its unpaused profiles, in bytes; `None` where one is unlimited.
    pub committed: Option<u64>,
    /// Of the credentials that end soonest.
    pub credentials_expiry: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct ProfileView {
    pub name: Arc<str>,
    /// `None`: a trusted file defines it.
    pub team: Option<Arc<str>>,
    pub endpoint: Arc<str>,
    pub fingerprint: String,
    /// As they are written.
    pub schedules: Vec<String>,
    pub zone: Zone,
    pub window: Option<String>,
    pub priority: i64,
    /// Bytes; `None` is unlimited.
    pub max_bytes: Option<u64>,
    pub rewarm_after: Duration,
    pub min_warm: Option<f64>,
    pub paused: Option<PauseView>,
    /// The run in progress.
    pub running: Option<Ulid>,
    /// What will start as soon as nothing is in its way, and what is.
    pub waiting: Option<WaitingView>,
    /// `None`: no schedule, none that fires any more, or paused.
    pub next_due: Option<DateTime<Utc>>,
    /// The latest fire that has been dealt with: run, skipped or missed.
    pub last_due: Option<DateTime<Utc>>,
    /// The latest fire whose run ended complete.
    pub last_complete_due: Option<DateTime<Utc>>,
    /// The latest run that ended, skipped ones left out.
    pub last: Option<EndedView>,
    /// The latest run that ended complete under the fingerprint of now.
    pub last_complete: Option<EndedView>,
}

#[derive(Clone, Debug)]
pub struct TeamView {
    pub name: Arc<str>,
    pub endpoints: Vec<Arc<str>>,
    pub buckets: Vec<String>,
    pub profiles: u64,
    /// The sum of the caps of its unpaused profiles, in bytes.
    pub committed: u64,
    /// Bytes.
    pub budget: u64,
}

#[derive(Clone, Debug)]
pub struct PauseView {
    /// Else by hand.
    pub by_configuration: bool,
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct WaitingView {
    pub trigger: Trigger,
    pub due: Option<DateTime<Utc>>,
    /// In words: "its window opens at …", "run … is still going".
    pub why: String,
}

#[derive(Clone, Debug)]
pub struct EndedView {
    pub info: RunInfo,
    pub fingerprint: String,
    pub ended: DateTime<Utc>,
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub planned: Count,
    pub warmed: Count,
    pub fresh: Count,
    /// Candidates cut off by a cap.
    pub over_cap: Count,
    pub warm_ratio: Ratio,
    /// Its checkpoints that were chosen, did not fit the caps or were incomplete, run by run; bounded.
    pub groups: Arc<[GroupField]>,
    /// More of them than are named.
    pub more_groups: u64,
}

#[derive(Clone, Debug)]
pub struct RunView {
    pub info: RunInfo,
    pub profile: Arc<str>,
    pub endpoint: Arc<str>,
    pub fingerprint: String,
    pub deadline: DateTime<Utc>,
    /// Told to stop; what is in flight ends.
    pub stopping: Option<StopReason>,
    pub list_requests: u64,
    /// Objects.
    pub listed: u64,
    /// Of the key space, from 0 to 1; an estimate that never falls. `None` where nothing can be told.
    pub listed_share: Option<f64>,
    /// To be warmed; zero until the plan is made.
    pub planned: Count,
    pub ended: Count,
    /// Objects.
    pub in_flight: u64,
    pub failed: u64,
    pub unknown: u64,
    pub gone: u64,
    /// The run waits for an endpoint that has answered nothing for so long.
    pub silent: Option<Duration>,
    /// What keeps answers from coming, in words.
    pub trouble: Option<String>,
}

#[derive(Clone, Debug)]
pub struct FailureView {
    pub run: Ulid,
    pub profile: Arc<str>,
    pub at: DateTime<Utc>,
    pub class: String,
    pub bucket: Bucket,
    pub key: Key,
    pub message: String,
}

/// Since the daemon was started; none ever falls.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub reloads_succeeded: u64,
    pub reloads_failed: u64,
    /// Ended runs, by profile and outcome.
    pub runs: BTreeMap<(Arc<str>, Outcome), u64>,
    /// Fires that passed without a run, by profile.
    pub missed: BTreeMap<Arc<str>, u64>,
    /// Objects that ended, of live runs too, by endpoint.
    pub objects: BTreeMap<Arc<str>, Ended>,
}

/// What objects came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ended {
    pub warmed: Count,
    pub gone: u64,
    pub failed: u64,
    pub unknown: u64,
}
