//! Builds the status snapshot for the API, the page and the metrics.

use chrono::{DateTime, Utc};

use super::Daemon;
use super::scheduler::ProfileState;
use super::view::{Counters, EndpointView, ProfileView, TeamView, View};
use crate::clock;
use crate::limit::Limit;
use model::config::Asked;
use model::config::endpoint::Endpoint;
use model::config::team::Team;
use model::schedule::Schedule;

impl Daemon {
    pub(super) fn view(&self) -> View {
        let now = clock::now();
        View {
            zone_rules: self.config.zones.clone(),
            now,
            started: self.started,
            stopping: self.shutdown != super::Shutdown::No,
            reload: self.reload.clone(),
            journal: self.journal.view(),
            heartbeat_fallbacks: self.ticker.fallbacks(),
            endpoints: self.config.endpoints.values().map(|endpoint| self.endpoint(endpoint)).collect(),
            profiles: self.scheduler.profiles().map(|state| self.profile(state, now)).collect(),
            teams: self.config.teams.values().map(|team| self.team(team)).collect(),
            runs: self.active.values().map(super::ActiveRun::view).collect(),
            failures: self.history.failures.iter().cloned().collect(),
            counters: self.counters(),
        }
    }

    fn endpoint(&self, endpoint: &Endpoint) -> EndpointView {
        let limit = self.connections.limit(&endpoint.name);
        let silent = limit.as_ref().and_then(Limit::open_since).map(|since| since.elapsed());
        EndpointView {
            name: endpoint.name.clone(),
            cache_url: endpoint.cache.0.url.to_string(),
            // Nothing was sent there yet.
            limit: limit.unwrap_or_else(|| Limit::new(&endpoint.limits)).snapshot(),
            max_in_flight: endpoint.limits.max_in_flight,
            silent,
            capacity: endpoint.capacity,
            committed: self.committed(endpoint),
            credentials_expiry: self.connections.credentials_expiry(&endpoint.name),
        }
    }

    fn committed(&self, endpoint: &Endpoint) -> Option<u64> {
        let profiles = self.scheduler.profiles().map(|state| &state.task.profile);
        Asked::by(profiles.filter(|profile| profile.endpoint.name == endpoint.name)).bounded()
    }

    fn team(&self, team: &Team) -> TeamView {
        TeamView {
            name: team.name.clone(),
            endpoints: team.endpoints.clone(),
            buckets: team.buckets.iter().map(|glob| glob.text().to_owned()).collect(),
            profiles: self.config.profiles_of(team).count() as u64,
            committed: self.config.asked_by(team).bytes,
            budget: team.budget,
        }
    }

    fn profile(&self, state: &ProfileState, now: DateTime<Utc>) -> ProfileView {
        let profile = &state.task.profile;
        let past = self.history.of(&profile.name);
        let current = |fingerprint: &str| fingerprint == state.task.fingerprint;
        ProfileView {
            name: profile.name.clone(),
            team: profile.team.as_ref().map(|team| team.name.clone()),
            endpoint: profile.endpoint.name.clone(),
            fingerprint: state.task.fingerprint.clone(),
            schedules: profile.schedules.iter().map(Schedule::text).map(str::to_owned).collect(),
            zone: profile.zone.clone(),
            window: profile.window.as_ref().map(|window| window.text().to_owned()),
            priority: profile.priority,
            max_bytes: state.task.profile.rules.max_bytes.bytes(),
            rewarm_after: profile.rewarm_after,
            min_warm: profile.min_warm,
            paused: state.paused(),
            running: state.run().map(|run| run.info.id),
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
            counters.objects.entry(active.request.task.profile.endpoint.name.clone()).or_default().add(&active.ended());
        }
        counters
    }
}
