//! What the configuration in force names: the last reload, endpoints, profiles.

use serde::Serialize;

use super::{EndedShape, RunShape};
use crate::daemon::view::{EndpointView, PauseView, ProfileView, ReloadView, TeamView, View, WaitingView};
use crate::report::Trigger;
use crate::report::json::time;
use model::config::Zones;
use model::object::Count;

#[derive(Debug, Serialize)]
pub(crate) struct ReloadShape<'a> {
    at: String,
    by: &'static str,
    ok: bool,
    error: Option<&'a str>,
    succeeded: Option<String>,
    last_good: bool,
    warnings: &'a [String],
    paths: Vec<String>,
}

impl<'a> From<&'a ReloadView> for ReloadShape<'a> {
    fn from(reload: &'a ReloadView) -> Self {
        Self {
            at: time(reload.at),
            by: reload.by.as_str(),
            ok: reload.error.is_none(),
            error: reload.error.as_deref(),
            succeeded: reload.succeeded.map(time),
            last_good: reload.last_good,
            warnings: &reload.warnings,
            paths: reload.paths.iter().map(|path| path.display().to_string()).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ZoneRulesShape<'a> {
    /// `null`: nothing tells.
    version: Option<&'a str>,
    /// A folder, or `built in`.
    origin: String,
}

impl<'a> From<&'a Zones> for ZoneRulesShape<'a> {
    fn from(zones: &'a Zones) -> Self {
        Self { version: zones.version(), origin: zones.origin() }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct EndpointShape<'a> {
    name: &'a str,
    cache_url: &'a str,
    limit: u32,
    max_in_flight: u32,
    in_flight: u32,
    in_flight_bytes: u64,
    /// One word, and the same in some.
    holds: &'static str,
    state: String,
    retries_wait: bool,
    requests: u64,
    throttled: u64,
    circuit_open: bool,
    silent_s: Option<f64>,
    capacity: Option<u64>,
    committed: Option<u64>,
    credentials_expiry: Option<String>,
    /// Objects that ended since the daemon was started.
    warmed: Count,
    gone: u64,
    failed: u64,
    unknown: u64,
}

impl<'a> EndpointShape<'a> {
    pub(crate) fn new(endpoint: &'a EndpointView, view: &View) -> Self {
        let ended = view.counters.objects.get(&endpoint.name).copied().unwrap_or_default();
        Self {
            name: &endpoint.name,
            cache_url: &endpoint.cache_url,
            limit: endpoint.limit.allowed,
            max_in_flight: endpoint.max_in_flight,
            in_flight: endpoint.limit.in_flight,
            in_flight_bytes: endpoint.limit.bytes_in_flight,
            holds: endpoint.limit.reason.name(),
            state: endpoint.limit.reason.to_string(),
            retries_wait: endpoint.limit.retries_wait,
            requests: endpoint.limit.requests_total,
            throttled: endpoint.limit.throttled_total,
            circuit_open: endpoint.limit.circuit_open,
            silent_s: endpoint.silent.map(|silent| silent.as_secs_f64()),
            capacity: endpoint.capacity,
            committed: endpoint.committed,
            credentials_expiry: endpoint.credentials_expiry.map(time),
            warmed: ended.warmed,
            gone: ended.gone,
            failed: ended.failed,
            unknown: ended.unknown,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ProfileShape<'a> {
    name: &'a str,
    team: Option<&'a str>,
    endpoint: &'a str,
    fingerprint: &'a str,
    schedules: &'a [String],
    zone: &'a str,
    window: Option<&'a str>,
    priority: i64,
    max_bytes: Option<u64>,
    rewarm_after_s: f64,
    min_warm: Option<f64>,
    paused: Option<PauseShape>,
    /// The run in progress, with its live figures.
    running: Option<RunShape<'a>>,
    waiting: Option<WaitingShape<'a>>,
    next_due: Option<String>,
    last_due: Option<String>,
    last_complete_due: Option<String>,
    last: Option<EndedShape<'a>>,
    last_complete: Option<EndedShape<'a>>,
}

impl<'a> ProfileShape<'a> {
    pub(crate) fn new(profile: &'a ProfileView, view: &'a View) -> Self {
        let running = profile.running.and_then(|id| view.runs.iter().find(|run| run.info.id == id));
        Self {
            name: &profile.name,
            team: profile.team.as_deref(),
            endpoint: &profile.endpoint,
            fingerprint: &profile.fingerprint,
            schedules: &profile.schedules,
            zone: profile.zone.name(),
            window: profile.window.as_deref(),
            priority: profile.priority,
            max_bytes: profile.max_bytes,
            rewarm_after_s: profile.rewarm_after.as_secs_f64(),
            min_warm: profile.min_warm,
            paused: profile.paused.as_ref().map(PauseShape::from),
            running: running.map(RunShape::from),
            waiting: profile.waiting.as_ref().map(WaitingShape::from),
            next_due: profile.next_due.map(time),
            last_due: profile.last_due.map(time),
            last_complete_due: profile.last_complete_due.map(time),
            last: profile.last.as_ref().map(EndedShape::from),
            last_complete: profile.last_complete.as_ref().map(EndedShape::from),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct TeamShape<'a> {
    name: &'a str,
    endpoints: Vec<&'a str>,
    buckets: &'a [String],
    profiles: u64,
    committed: u64,
    budget: u64,
}

impl<'a> From<&'a TeamView> for TeamShape<'a> {
    fn from(team: &'a TeamView) -> Self {
        Self {
            name: &team.name,
            endpoints: team.endpoints.iter().map(AsRef::as_ref).collect(),
            buckets: &team.buckets,
            profiles: team.profiles,
            committed: team.committed,
            budget: team.budget,
        }
    }
}

#[derive(Debug, Serialize)]
struct PauseShape {
    by_configuration: bool,
    until: Option<String>,
}

impl From<&PauseView> for PauseShape {
    fn from(pause: &PauseView) -> Self {
        Self { by_configuration: pause.by_configuration, until: pause.until.map(time) }
    }
}

#[derive(Debug, Serialize)]
struct WaitingShape<'a> {
    trigger: Trigger,
    due: Option<String>,
    why: &'a str,
}

impl<'a> From<&'a WaitingView> for WaitingShape<'a> {
    fn from(waiting: &'a WaitingView) -> Self {
        Self { trigger: waiting.trigger, due: waiting.due.map(time), why: &waiting.why }
    }
}
