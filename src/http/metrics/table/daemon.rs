//! The daemon: its build, configuration and journal.

use super::super::Kind::{Counter, Gauge};
use super::super::{Metric, Number};
use super::{flag, one, time};
use model::api::Status;

pub(super) const METRICS: &[Metric<Status>] = &[
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
        name: "hotset_config_last_reload_successful",
        kind: Gauge,
        unit: "0 or 1",
        labels: &[],
        help: "Whether the files were taken at the last reload; the start counts as one.",
        read: |view| one(flag(view.reload.ok)),
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
        name: "hotset_zone_rules_info",
        kind: Gauge,
        unit: "",
        labels: &["version", "origin"],
        help: "The rules of time zones in force, and the folder they are in, or built in; always 1.",
        read: |view| {
            let rules = &view.zone_rules;
            let version = rules.version.as_deref().unwrap_or("unknown").to_owned();
            vec![(vec![version, rules.origin.clone()], Number::Whole(1))]
        },
    },
    Metric {
        name: "hotset_zone_rules_timestamp_seconds",
        kind: Gauge,
        unit: "seconds since the epoch",
        labels: &[],
        help: "When the zone rules in force were released, by their version, each letter counting as a month; absent where it is unknown.",
        read: |view| view.zone_rules.released.map(time).map_or_else(Vec::new, one),
    },
    Metric {
        name: "hotset_journal_writable",
        kind: Gauge,
        unit: "0 or 1",
        labels: &[],
        help: "Whether the journal can be written; while it cannot, what happens is kept in memory, within bounds.",
        read: |view| one(flag(view.journal.writable)),
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
];
