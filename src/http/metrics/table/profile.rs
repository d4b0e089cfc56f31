//! Profiles, the latest run of each, and the runs in progress.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::Kind::{Counter, Gauge};
use super::super::{Metric, Number, Sample};
use super::{flag, time};
use crate::report::Outcome;
use model::api::{ActiveRun, EndedRun, Profile, Status};

const PROFILE: &[&str] = &["profile"];
/// How runs end.
const ENDS: [Outcome; 6] =
    [Outcome::Complete, Outcome::Partial, Outcome::Refused, Outcome::Failed, Outcome::Interrupted, Outcome::Skipped];

pub(super) const METRICS: &[Metric<Status>] = &[
    Metric {
        name: "hotset_profile_paused",
        kind: Gauge,
        unit: "0 or 1",
        labels: PROFILE,
        help: "Whether the profile is paused, by hand or in the configuration.",
        read: |view| profiles(view, |profile| Some(flag(profile.paused.is_some()))),
    },
    Metric {
        name: "hotset_profile_max_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: PROFILE,
        help: "The profile's cap; absent where it is unlimited.",
        read: |view| profiles(view, |profile| profile.max_bytes.map(Number::Whole)),
    },
    Metric {
        name: "hotset_profile_next_due_timestamp_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: PROFILE,
        help: "The next fire; absent without one, and while the profile is paused.",
        read: |view| profiles(view, |profile| profile.next_due.map(time)),
    },
    Metric {
        name: "hotset_profile_last_due_timestamp_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: PROFILE,
        help: "The latest fire that has been dealt with: run, skipped or missed.",
        read: |view| profiles(view, |profile| profile.last_due.map(time)),
    },
    Metric {
        name: "hotset_profile_last_complete_due_timestamp_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: PROFILE,
        help: "The latest fire whose run ended complete.",
        read: |view| profiles(view, |profile| profile.last_complete_due.map(time)),
    },
    Metric {
        name: "hotset_profile_missed_fires_total",
        kind: Counter,
        unit: "fires",
        labels: PROFILE,
        help: "Fires that passed without a run.",
        read: |view| {
            profiles(view, |profile| {
                Some(Number::Whole(view.counters.missed.get(&profile.name).copied().unwrap_or_default()))
            })
        },
    },
    Metric {
        name: "hotset_profile_warm_ratio",
        kind: Gauge,
        unit: "0 to 1",
        labels: PROFILE,
        help: "What the latest run found or made warm of what the profile wants: by objects or by bytes, the lower; absent until a run of the present configuration has ended.",
        read: |view| profiles(view, |profile| current(profile).map(|run| Number::Real(run.warm_ratio.lower()))),
    },
    Metric {
        name: "hotset_profile_over_cap_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: PROFILE,
        help: "What a cap cut off in the latest run, wanted or not; absent until a run of the present configuration has ended.",
        read: |view| profiles(view, |profile| current(profile).map(|run| Number::Whole(run.over_cap.bytes))),
    },
    Metric {
        name: "hotset_profile_last_run_outcome",
        kind: Gauge,
        unit: "0 or 1",
        labels: &["profile", "outcome"],
        help: "How the latest run ended: 1 for its outcome, 0 for the others.",
        read: last_outcomes,
    },
    Metric {
        name: "hotset_profile_last_run_end_timestamp_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: PROFILE,
        help: "When the latest run ended.",
        read: |view| profiles(view, |profile| profile.last.as_ref().map(|run| time(run.ended))),
    },
    Metric {
        name: "hotset_profile_last_complete_end_timestamp_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: PROFILE,
        help: "When the latest run of the present configuration that was complete ended.",
        read: |view| profiles(view, |profile| profile.last_complete.as_ref().map(|run| time(run.ended))),
    },
    Metric {
        name: "hotset_profile_last_run_duration_seconds",
        kind: Gauge,
        unit: "seconds",
        labels: PROFILE,
        help: "How long the latest run took, from its first start.",
        read: |view| profiles(view, |profile| profile.last.as_ref().map(duration)),
    },
    Metric {
        name: "hotset_runs_total",
        kind: Counter,
        unit: "runs",
        labels: &["profile", "outcome"],
        help: "Ends of runs, by outcome; a run that is interrupted and taken up again ends more than once.",
        read: |view| {
            // From nothing on: an increase from absent to one would not be seen.
            let profiles = view.profiles.iter().map(|profile| &profile.name);
            let none = profiles.flat_map(|name| ENDS.map(|outcome| ((name, outcome), 0)));
            let mut runs: BTreeMap<(&String, Outcome), u64> = none.collect();
            for (name, counts) in &view.counters.runs {
                runs.extend(counts.iter().map(|(outcome, n)| ((name, *outcome), *n)));
            }
            let series = runs.into_iter();
            series.map(|((name, outcome), n)| (vec![name.clone(), outcome.to_string()], Number::Whole(n))).collect()
        },
    },
    Metric {
        name: "hotset_runs_running",
        kind: Gauge,
        unit: "runs",
        labels: PROFILE,
        help: "Runs in progress.",
        read: |view| {
            profiles(view, |profile| {
                Some(Number::Whole(view.runs.iter().filter(|run| run.profile == profile.name).count() as u64))
            })
        },
    },
    Metric {
        name: "hotset_run_planned_objects",
        kind: Gauge,
        unit: "objects",
        labels: PROFILE,
        help: "What the run in progress has to warm; absent until its plan is made.",
        read: |view| runs(view, |run| run.progress.planned.objects),
    },
    Metric {
        name: "hotset_run_planned_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: PROFILE,
        help: "What the run in progress has to warm; absent until its plan is made.",
        read: |view| runs(view, |run| run.progress.planned.bytes),
    },
    Metric {
        name: "hotset_run_ended_objects",
        kind: Gauge,
        unit: "objects",
        labels: PROFILE,
        help: "What of it has ended, warm or not.",
        read: |view| runs(view, |run| run.progress.ended.objects),
    },
    Metric {
        name: "hotset_run_ended_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: PROFILE,
        help: "What of it has ended, warm or not.",
        read: |view| runs(view, |run| run.progress.ended.bytes),
    },
];

fn duration(run: &EndedRun) -> Number {
    Number::Real((run.ended - run.info.started).to_std().unwrap_or(Duration::ZERO).as_secs_f64())
}

fn profiles(view: &Status, read: impl Fn(&Profile) -> Option<Number>) -> Vec<Sample> {
    view.profiles.iter().filter_map(|profile| Some((vec![profile.name.clone()], read(profile)?))).collect()
}

/// Of runs whose plan is made. A profile that was replaced may for a moment have two: the younger counts.
fn runs(view: &Status, read: impl Fn(&ActiveRun) -> u64) -> Vec<Sample> {
    let mut latest: Vec<&ActiveRun> = Vec::new();
    for run in view.runs.iter().rev().filter(|run| run.progress.planned.objects > 0) {
        if latest.iter().all(|other| other.profile != run.profile) {
            latest.push(run);
        }
    }
    latest.sort_by(|a, b| a.profile.cmp(&b.profile));
    latest.iter().map(|run| (vec![run.profile.clone()], Number::Whole(read(run)))).collect()
}

/// The latest run, if it is of the configuration in force: another one's figures would lie about this one.
fn current(profile: &Profile) -> Option<&EndedRun> {
    profile.last.as_ref().filter(|run| run.fingerprint == profile.fingerprint)
}

fn last_outcomes(view: &Status) -> Vec<Sample> {
    const OUTCOMES: [Outcome; 5] =
        [Outcome::Complete, Outcome::Partial, Outcome::Refused, Outcome::Failed, Outcome::Interrupted];
    let ended = view.profiles.iter().filter_map(|profile| Some((profile, profile.last.as_ref()?)));
    ended
        .flat_map(|(profile, run)| {
            OUTCOMES.map(|outcome| (vec![profile.name.clone(), outcome.to_string()], flag(run.outcome == outcome)))
        })
        .collect()
}
