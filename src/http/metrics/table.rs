//! All metrics. `docs/metrics.md` is held to this table.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Kind::{Counter, Gauge};
use super::{Metric, Number, Sample};
use crate::daemon::view::{EndedView, EndpointView, ProfileView, RunView, Usage, View};
use crate::limit::Reason;
use crate::report::Outcome;

const PROFILE: &[&str] = &["profile"];
const ENDPOINT: &[&str] = &["endpoint"];
/// How runs end.
const ENDS: [Outcome; 6] =
    [Outcome::Complete, Outcome::Partial, Outcome::Refused, Outcome::Failed, Outcome::Interrupted, Outcome::Skipped];

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "hotset_build_info",
        kind: Gauge,
        unit: "",
        labels: &["version", "revision"],
        help: "The version that runs, and the commit that it was built from; always 1.",
        read: |_| {
            vec![(vec![env!("CARGO_PKG_VERSION").to_owned(), env!("HOTSET_REVISION").to_owned()], Number::Whole(1))]
        },
    },
    Metric {
        name: "process_start_time_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: &[],
        help: "When the daemon was started.",
        read: |view| one(time(view.started)),
    },
    Metric {
        name: "process_cpu_seconds_total",
        kind: Counter,
        unit: "seconds",
        labels: &[],
        help: "User and system time of the process.",
        read: |view| usage(view, |usage| Some(Number::Real(usage.cpu.as_secs_f64()))),
    },
    Metric {
        name: "process_resident_memory_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: &[],
        help: "What the process holds in memory.",
        read: |view| usage(view, |usage| Some(Number::Whole(usage.resident))),
    },
    Metric {
        name: "process_threads",
        kind: Gauge,
        unit: "threads",
        labels: &[],
        help: "Threads of the process.",
        read: |view| usage(view, |usage| Some(Number::Whole(usage.threads))),
    },
    Metric {
        name: "process_open_fds",
        kind: Gauge,
        unit: "handles",
        labels: &[],
        help: "File descriptors that are open: each connection takes one.",
        read: |view| usage(view, |usage| Some(Number::Whole(usage.open_fds))),
    },
    Metric {
        name: "process_max_fds",
        kind: Gauge,
        unit: "handles",
        labels: &[],
        help: "File descriptors that may be open; absent where they are not limited.",
        read: |view| usage(view, |usage| usage.max_fds.map(Number::Whole)),
    },
    Metric {
        name: "hotset_config_last_reload_successful",
        kind: Gauge,
        unit: "0 or 1",
        labels: &[],
        help: "Whether the files were taken at the last reload; the start counts as one.",
        read: |view| one(flag(view.reload.error.is_none())),
    },
    Metric {
        name: "hotset_config_last_reload_success_timestamp_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: &[],
        help: "When the configuration in force was taken.",
        read: |view| view.reload.succeeded.map(time).map_or_else(Vec::new, one),
    },
    Metric {
        name: "hotset_config_last_good_in_force",
        kind: Gauge,
        unit: "0 or 1",
        labels: &[],
        help: "Whether the configuration in force is the last good one from the journal, because the files were bad at the start.",
        read: |view| one(flag(view.reload.last_good)),
    },
    Metric {
        name: "hotset_config_reloads_total",
        kind: Counter,
        unit: "reloads",
        labels: &["outcome"],
        help: "Reloads, by outcome: succeeded or failed.",
        read: |view| {
            let counters = &view.counters;
            let outcomes = [("succeeded", counters.reloads_succeeded), ("failed", counters.reloads_failed)];
            outcomes.map(|(outcome, count)| (vec![outcome.to_owned()], Number::Whole(count))).into()
        },
    },
    Metric {
        name: "hotset_journal_writable",
        kind: Gauge,
        unit: "0 or 1",
        labels: &[],
        help: "Whether the journal can be written; while it cannot, what happens is kept in memory, within bounds.",
        read: |view| one(flag(view.journal.unwritable.is_none())),
    },
    Metric {
        name: "hotset_journal_size_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: &[],
        help: "The journal on disk, its write-ahead log included.",
        read: |view| view.journal.path.as_ref().map_or_else(Vec::new, |_| one(Number::Whole(view.journal.bytes))),
    },
    Metric {
        name: "hotset_heartbeat_fallbacks_total",
        kind: Counter,
        unit: "times",
        labels: &[],
        help: "How often the scheduler's heartbeat failed to come, and the fallback woke the loop.",
        read: |view| one(Number::Whole(view.heartbeat_fallbacks)),
    },
    Metric {
        name: "hotset_endpoint_limit",
        kind: Gauge,
        unit: "requests",
        labels: ENDPOINT,
        help: "How many requests the adaptive limit allows in flight now.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.limit.allowed.into()))),
    },
    Metric {
        name: "hotset_endpoint_max_in_flight",
        kind: Gauge,
        unit: "requests",
        labels: ENDPOINT,
        help: "How many requests the configuration allows in flight at most.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.max_in_flight.into()))),
    },
    Metric {
        name: "hotset_endpoint_in_flight",
        kind: Gauge,
        unit: "requests",
        labels: ENDPOINT,
        help: "Requests in flight.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.limit.in_flight.into()))),
    },
    Metric {
        name: "hotset_endpoint_in_flight_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: ENDPOINT,
        help: "The sizes of the objects whose requests are in flight.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.limit.bytes_in_flight))),
    },
    Metric {
        name: "hotset_endpoint_circuit_open",
        kind: Gauge,
        unit: "0 or 1",
        labels: ENDPOINT,
        help: "Whether the endpoint serves nothing, and is only probed.",
        read: |view| endpoints(view, |endpoint| Some(flag(endpoint.limit.circuit_open))),
    },
    Metric {
        name: "hotset_endpoint_held_by",
        kind: Gauge,
        unit: "0 or 1",
        labels: &["endpoint", "reason"],
        help: "Why no more requests are in flight: 1 for the reason, 0 for the others.",
        read: reasons,
    },
    Metric {
        name: "hotset_endpoint_retries_wait",
        kind: Gauge,
        unit: "0 or 1",
        labels: ENDPOINT,
        help: "Whether retries wait because too many requests fail: the budget of retries is spent.",
        read: |view| endpoints(view, |endpoint| Some(flag(endpoint.limit.retries_wait))),
    },
    Metric {
        name: "hotset_endpoint_requests_total",
        kind: Counter,
        unit: "requests",
        labels: ENDPOINT,
        help: "Requests to the cache that ended, answered or not.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.limit.requests_total))),
    },
    Metric {
        name: "hotset_endpoint_throttled_total",
        kind: Counter,
        unit: "requests",
        labels: ENDPOINT,
        help: "Those of them that were answered with 429 or 503.",
        read: |view| endpoints(view, |endpoint| Some(Number::Whole(endpoint.limit.throttled_total))),
    },
    Metric {
        name: "hotset_endpoint_capacity_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: ENDPOINT,
        help: "The cache's capacity, where it is configured.",
        read: |view| endpoints(view, |endpoint| endpoint.capacity.map(Number::Whole)),
    },
    Metric {
        name: "hotset_endpoint_committed_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: ENDPOINT,
        help: "The sum of max_bytes of the unpaused profiles; absent where one is unlimited.",
        read: |view| endpoints(view, |endpoint| endpoint.committed.map(Number::Whole)),
    },
    Metric {
        name: "hotset_endpoint_objects_total",
        kind: Counter,
        unit: "objects",
        labels: &["endpoint", "end"],
        help: "Objects that ended, by end: warmed, gone, failed or unknown.",
        read: objects,
    },
    Metric {
        name: "hotset_endpoint_warmed_bytes_total",
        kind: Counter,
        unit: "bytes",
        labels: ENDPOINT,
        help: "Bytes of the objects that were warmed.",
        read: |view| {
            let ended = view.counters.objects.iter();
            ended.map(|(endpoint, ended)| (vec![endpoint.to_string()], Number::Whole(ended.warmed.bytes))).collect()
        },
    },
    Metric {
        name: "hotset_credentials_expiry_timestamp_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: ENDPOINT,
        help: "When the endpoint's credentials that end soonest expire; absent where they do not.",
        read: |view| endpoints(view, |endpoint| endpoint.credentials_expiry.map(time)),
    },
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
        read: |view| {
            profiles(view, |profile| {
                current(profile).map(|run| Number::Real(run.warm_ratio.objects.min(run.warm_ratio.bytes)))
            })
        },
    },
    Metric {
        name: "hotset_profile_over_cap_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: PROFILE,
        help: "What a cap cut off in the latest run; absent until a run of the present configuration has ended.",
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
            let none = profiles.flat_map(|name| ENDS.map(|outcome| ((name.clone(), outcome), 0)));
            let mut runs: BTreeMap<(Arc<str>, Outcome), u64> = none.collect();
            runs.extend(view.counters.runs.clone());
            let series = runs.into_iter();
            series
                .map(|((profile, outcome), n)| (vec![profile.to_string(), outcome.to_string()], Number::Whole(n)))
                .collect()
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
        read: |view| runs(view, |run| run.planned.objects),
    },
    Metric {
        name: "hotset_run_planned_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: PROFILE,
        help: "What the run in progress has to warm; absent until its plan is made.",
        read: |view| runs(view, |run| run.planned.bytes),
    },
    Metric {
        name: "hotset_run_ended_objects",
        kind: Gauge,
        unit: "objects",
        labels: PROFILE,
        help: "What of it has ended, warm or not.",
        read: |view| runs(view, |run| run.ended.objects),
    },
    Metric {
        name: "hotset_run_ended_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: PROFILE,
        help: "What of it has ended, warm or not.",
        read: |view| runs(view, |run| run.ended.bytes),
    },
];

fn one(number: Number) -> Vec<Sample> {
    vec![(Vec::new(), number)]
}

fn flag(is: bool) -> Number {
    Number::Whole(is.into())
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since the epoch are exact for 285,000 years")]
fn time(at: DateTime<Utc>) -> Number {
    Number::Real(at.timestamp_millis() as f64 / 1000.0)
}

fn duration(run: &EndedView) -> Number {
    Number::Real((run.ended - run.started).to_std().unwrap_or(Duration::ZERO).as_secs_f64())
}

fn endpoints(view: &View, read: impl Fn(&EndpointView) -> Option<Number>) -> Vec<Sample> {
    view.endpoints.iter().filter_map(|endpoint| Some((vec![endpoint.name.to_string()], read(endpoint)?))).collect()
}

fn profiles(view: &View, read: impl Fn(&ProfileView) -> Option<Number>) -> Vec<Sample> {
    view.profiles.iter().filter_map(|profile| Some((vec![profile.name.to_string()], read(profile)?))).collect()
}

/// Of runs whose plan is made. A profile that was replaced may for a moment have two: the younger counts.
fn runs(view: &View, read: impl Fn(&RunView) -> u64) -> Vec<Sample> {
    let mut latest: Vec<&RunView> = Vec::new();
    for run in view.runs.iter().rev().filter(|run| run.planned.objects > 0) {
        if latest.iter().all(|other| other.profile != run.profile) {
            latest.push(run);
        }
    }
    latest.sort_by(|a, b| a.profile.cmp(&b.profile));
    latest.iter().map(|run| (vec![run.profile.to_string()], Number::Whole(read(run)))).collect()
}

fn reasons(view: &View) -> Vec<Sample> {
    let endpoints = view.endpoints.iter().flat_map(|endpoint| {
        let held = endpoint.limit.reason.name();
        Reason::NAMES.map(|name| (vec![endpoint.name.to_string(), name.to_owned()], flag(name == held)))
    });
    endpoints.collect()
}

fn usage(view: &View, read: impl Fn(&Usage) -> Option<Number>) -> Vec<Sample> {
    view.usage.as_ref().and_then(read).map_or_else(Vec::new, one)
}

fn objects(view: &View) -> Vec<Sample> {
    let ended = view.counters.objects.iter().flat_map(|(endpoint, ended)| {
        [("warmed", ended.warmed.objects), ("gone", ended.gone), ("failed", ended.failed), ("unknown", ended.unknown)]
            .map(|(end, count)| (vec![endpoint.to_string(), end.to_owned()], Number::Whole(count)))
    });
    ended.collect()
}

/// The latest run, if it is of the configuration in force: another one's figures would lie about this one.
fn current(profile: &ProfileView) -> Option<&EndedView> {
    profile.last.as_ref().filter(|run| run.fingerprint == profile.fingerprint)
}

fn last_outcomes(view: &View) -> Vec<Sample> {
    const OUTCOMES: [Outcome; 5] =
        [Outcome::Complete, Outcome::Partial, Outcome::Refused, Outcome::Failed, Outcome::Interrupted];
    let ended = view.profiles.iter().filter_map(|profile| Some((profile, profile.last.as_ref()?)));
    ended
        .flat_map(|(profile, run)| {
            OUTCOMES.map(|outcome| (vec![profile.name.to_string(), outcome.to_string()], flag(run.outcome == outcome)))
        })
        .collect()
}
