//! The JSON of what the daemon is doing: `/api/v1/status`, and its parts elsewhere. Times are RFC 3339 in UTC, lengths of
//! time in seconds (`_s`), sizes in bytes.

mod config;
mod run;

use std::collections::BTreeMap;

use serde::Serialize;

pub(super) use config::{EndpointShape, ProfileShape, ReloadShape, TeamShape, ZoneRulesShape};
pub(super) use run::{EndedShape, FailureShape, RunShape};

use crate::daemon::view::{Counters, JournalView, View};
use crate::report::json::time;

/// The version of all shapes here.
pub(super) const V: u32 = 1;

#[derive(Debug, Serialize)]
pub(super) struct StatusShape<'a> {
    v: u32,
    version: &'static str,
    now: String,
    started: String,
    stopping: bool,
    reload: ReloadShape<'a>,
    zone_rules: ZoneRulesShape<'a>,
    journal: JournalShape<'a>,
    heartbeat_fallbacks: u64,
    endpoints: Vec<EndpointShape<'a>>,
    profiles: Vec<ProfileShape<'a>>,
    teams: Vec<TeamShape<'a>>,
    runs: Vec<RunShape<'a>>,
    failures: Vec<FailureShape<'a>>,
    counters: CountersShape<'a>,
}

impl<'a> From<&'a View> for StatusShape<'a> {
    fn from(view: &'a View) -> Self {
        Self {
            v: V,
            version: env!("CARGO_PKG_VERSION"),
            now: time(view.now),
            started: time(view.started),
            stopping: view.stopping,
            reload: (&view.reload).into(),
            zone_rules: (&view.zone_rules).into(),
            journal: (&view.journal).into(),
            heartbeat_fallbacks: view.heartbeat_fallbacks,
            endpoints: endpoints(view),
            profiles: profiles(view),
            teams: view.teams.iter().map(TeamShape::from).collect(),
            runs: view.runs.iter().map(RunShape::from).collect(),
            failures: view.failures.iter().map(FailureShape::from).collect(),
            counters: (&view.counters).into(),
        }
    }
}

pub(super) fn endpoints(view: &View) -> Vec<EndpointShape<'_>> {
    view.endpoints.iter().map(|endpoint| EndpointShape::new(endpoint, view)).collect()
}

pub(super) fn profiles(view: &View) -> Vec<ProfileShape<'_>> {
    view.profiles.iter().map(|profile| ProfileShape::new(profile, view)).collect()
}

#[derive(Debug, Serialize)]
struct JournalShape<'a> {
    path: Option<String>,
    writable: bool,
    error: Option<&'a str>,
    bytes: u64,
}

impl<'a> From<&'a JournalView> for JournalShape<'a> {
    fn from(journal: &'a JournalView) -> Self {
        Self {
            path: journal.path.as_ref().map(|path| path.display().to_string()),
            writable: journal.unwritable.is_none(),
            error: journal.unwritable.as_deref(),
            bytes: journal.bytes,
        }
    }
}

/// Since the daemon was started.
#[derive(Debug, Serialize)]
struct CountersShape<'a> {
    reloads_succeeded: u64,
    reloads_failed: u64,
    /// By profile, then by outcome.
    runs: BTreeMap<&'a str, BTreeMap<&'static str, u64>>,
    /// By profile.
    missed: BTreeMap<&'a str, u64>,
}

impl<'a> From<&'a Counters> for CountersShape<'a> {
    fn from(counters: &'a Counters) -> Self {
        let mut runs: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for ((profile, outcome), count) in &counters.runs {
            runs.entry(profile).or_default().insert(outcome.as_str(), *count);
        }
        Self {
            reloads_succeeded: counters.reloads_succeeded,
            reloads_failed: counters.reloads_failed,
            runs,
            missed: counters.missed.iter().map(|(profile, count)| (&**profile, *count)).collect(),
        }
    }
}
