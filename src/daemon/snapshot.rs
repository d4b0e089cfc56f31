//! Builds the status snapshot for the API, the page and the metrics.

use chrono::{DateTime, Utc};

use super::Daemon;
use super::scheduler::ProfileState;
use crate::clock;
use crate::limit::Limit;
use model::api::{self, Counters, Status, V, ZoneRules};
use model::config::Asked;
use model::config::endpoint::Endpoint;
use model::config::team::Team;
use model::schedule::Schedule;

impl Daemon {
    pub(super) fn view(&self) -> Status {
        let now = clock::now();
        let counters = self.counters();
        let runs: Vec<_> = self.active.values().map(super::ActiveRun::view).collect();
        let zones = &self.config.zones;
        Status {
            v: V,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now,
            started: self.started,
            stopping: self.shutdown != super::Shutdown::No,
            reload: self.reload.clone(),
            zone_rules: ZoneRules {
                version: zones.version().map(str::to_owned),
                origin: zones.origin(),
                released: zones.released(),
            },
            journal: self.journal.view(),
            heartbeat_fallbacks: self.ticker.fallbacks(),
            endpoints: self.config.endpoints.values().map(|endpoint| self.endpoint(endpoint, &counters)).collect(),
            profiles: self.scheduler.profiles().map(|state| self.profile(state, &runs, now)).collect(),
            teams: self.config.teams.values().map(|team| self.team(team)).collect(),
            runs,
            failures: self.history.failures.iter().cloned().collect(),
            counters,
        }
    }

    fn endpoint(&self, endpoint: &Endpoint, counters: &Counters) -> api::Endpoint {
        let limit = self.connections.limit(&endpoint.name);
        let silent = limit.as_ref().and_then(Limit::open_since).map(|since| since.elapsed());
        // Nothing was sent there yet.
        let limit = limit.unwrap_or_else(|| Limit::new(&endpoint.limits)).snapshot();
        api::Endpoint {
            name: endpoint.name.to_string(),
            cache_url: endpoint.cache.0.url.to_string(),
            limit: limit.allowed,
            max_in_flight: endpoint.limits.max_in_flight,
            in_flight: limit.in_flight,
            in_flight_bytes: limit.bytes_in_flight,
            holds: limit.reason.name().to_owned(),
            state: limit.reason.to_string(),
            retries_wait: limit.retries_wait,
            requests: limit.requests_total,
            throttled: limit.throttled_total,
            circuit_open: limit.circuit_open,
            silent_s: silent.map(|silent| silent.as_secs_f64()),
            capacity: endpoint.capacity,
            committed: self.committed(endpoint),
            credentials_expiry: self.connections.credentials_expiry(&endpoint.name),
            ended: counters.objects.get(&*endpoint.name).copied().unwrap_or_default(),
        }
    }

    fn committed(&self, endpoint: &Endpoint) -> Option<u64> {
        let profiles = self.scheduler.profiles().map(|state| &state.task.profile);
        Asked::by(profiles.filter(|profile| profile.endpoint.name == endpoint.name)).bounded()
    }

    fn team(&self, team: &Team) -> api::Team {
        api::Team {
            name: team.name.to_string(),
            endpoints: team.endpoints.iter().map(ToString::to_string).collect(),
            buckets: team.buckets.iter().map(|glob| glob.text().to_owned()).collect(),
            profiles: self.config.profiles_of(team).count() as u64,
            committed: self.config.asked_by(team).bytes,
            budget: team.budget,
        }
    }

    fn profile(&self, state: &ProfileState, runs: &[api::ActiveRun], now: DateTime<Utc>) -> api::Profile {
        let profile = &state.task.profile;
        let past = self.history.of(&profile.name);
        let current = |fingerprint: &str| fingerprint == state.task.fingerprint;
        api::Profile {
            name: profile.name.to_string(),
            team: profile.team.as_ref().map(|team| team.name.to_string()),
            endpoint: profile.endpoint.name.to_string(),
            fingerprint: state.task.fingerprint.clone(),
            schedules: profile.schedules.iter().map(Schedule::text).map(str::to_owned).collect(),
            zone: profile.zone.name().to_owned(),
            zone_rules: Some(profile.zone.clone()),
            window: profile.window.as_ref().map(|window| window.text().to_owned()),
            priority: profile.priority,
            max_bytes: state.task.profile.rules.max_bytes.bytes(),
            rewarm_after_s: profile.rewarm_after.as_secs_f64(),
            min_warm: profile.min_warm,
            paused: state.paused(),
            running: state.run().and_then(|run| runs.iter().find(|shown| shown.info.id == run.info.id).cloned()),
            waiting: state.waiting(now),
            next_due: if state.is_paused() { None } else { state.fire_clock.next_due() },
            last_due: past.last_due,
            last_complete_due: past.last_complete_due,
            last: past.last,
            last_complete: past.last_complete.filter(|run| current(&run.fingerprint)),
        }
    }

    fn counters(&self) -> Counters {
        let mut counters = self.history.counters.clone();
        for active in self.active.values() {
            let endpoint = active.request.task.profile.endpoint.name.to_string();
            counters.objects.entry(endpoint).or_default().add(&active.ended());
        }
        counters
    }
}
