//! Teams: what they were given, and how much of it is spoken for.

use super::super::Kind::Gauge;
use super::super::{Metric, Number, Sample};
use model::api::{Status, Team};

const TEAM: &[&str] = &["team"];

pub(super) const METRICS: &[Metric<Status>] = &[
    Metric {
        name: "hotset_team_budget_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: TEAM,
        help: "The team's budget.",
        read: |view| teams(view, |team| team.budget),
    },
    Metric {
        name: "hotset_team_committed_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: TEAM,
        help: "The sum of max_bytes of the team's unpaused profiles.",
        read: |view| teams(view, |team| team.committed),
    },
    Metric {
        name: "hotset_team_profiles",
        kind: Gauge,
        unit: "profiles",
        labels: TEAM,
        help: "The team's profiles, paused ones included.",
        read: |view| teams(view, |team| team.profiles),
    },
    Metric {
        name: "hotset_profile_team_info",
        kind: Gauge,
        unit: "1",
        labels: &["profile", "team"],
        help: "Whose profile it is, to sum other metrics by; absent for profiles of trusted files.",
        read: |view| {
            let owned = view.profiles.iter().filter_map(|profile| Some((profile, profile.team.as_ref()?)));
            owned.map(|(profile, team)| (vec![profile.name.clone(), team.clone()], Number::Whole(1))).collect()
        },
    },
];

fn teams(view: &Status, read: impl Fn(&Team) -> u64) -> Vec<Sample> {
    view.teams.iter().map(|team| (vec![team.name.clone()], Number::Whole(read(team)))).collect()
}
