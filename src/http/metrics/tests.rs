use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::http::tests::views;

const USAGE: Usage =
    Usage { cpu: Duration::from_millis(73_250), resident: 48 << 20, threads: 11, open_fds: 131, max_fds: Some(1024) };

/// Of both kinds of tables: the name, the kind, the labels, the help, and the row of the manual.
fn heads() -> Vec<(&'static str, Kind, &'static [&'static str], &'static str, String)> {
    fn head<T>(metric: &Metric<T>) -> (&'static str, Kind, &'static [&'static str], &'static str, String) {
        (metric.name, metric.kind, metric.labels, metric.help, row(metric))
    }
    table::TABLES.into_iter().flatten().map(head).chain(process::METRICS.iter().map(head)).collect()
}

/// Without the version and the commit, which change.
fn shown(view: Status) -> String {
    let build = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\",revision=\"", env!("HOTSET_REVISION"), "\"");
    let text = text(view, Some(USAGE));
    assert!(text.contains(build), "{build}: {text}");
    text.replace(build, "BUILD")
}

#[test]
fn the_text_that_prometheus_scrapes() {
    insta::assert_snapshot!(shown(views::busy()));
}

#[test]
fn a_daemon_that_has_done_nothing_yet_has_no_figures_that_lie() {
    insta::assert_snapshot!(shown(views::fresh()));
}

#[test]
fn no_label_is_a_key_or_a_bucket() {
    let allowed = ["profile", "endpoint", "outcome", "end", "reason", "team", "version", "revision", "origin"];
    for (name, _, labels, ..) in heads() {
        assert!(labels.iter().all(|label| allowed.contains(label)), "{name}");
    }
    let text = text(views::busy(), Some(USAGE));
    assert!(!text.contains("s3://") && !text.contains("shard-"), "{text}");
}

#[test]
fn names_follow_the_rules_of_prometheus() {
    let mut seen = BTreeSet::new();
    for (name, kind, _, help, _) in heads() {
        assert!(seen.insert(name), "{name} stands twice");
        assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
        assert!(help.ends_with('.') && !help.contains(['\n', '\\']), "{name}: {help}");
    }
}

/// The rows of the manual's tables, as the table in the code would write them.
#[test]
fn the_manual_lists_every_metric_and_no_other() {
    let manual = include_str!("../../../docs/metrics.md");
    let told: Vec<&str> = manual.lines().filter(|line| line.starts_with("| `")).collect();
    let rows: Vec<String> = heads().into_iter().map(|(.., row)| row).collect();
    for row in &rows {
        assert!(told.contains(&row.as_str()), "docs/metrics.md lacks:\n{row}");
    }
    for line in told {
        assert!(rows.iter().any(|row| row == line), "no such metric:\n{line}");
    }
}

fn row<T>(metric: &Metric<T>) -> String {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
    };
    let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{}` | {kind} | {} | {} | {} |", metric.name, metric.unit, labels.join(" "), metric.help)
}

#[test]
fn the_names_that_alerts_rest_on_are_there() {
    for name in [
        "hotset_profile_last_due_timestamp_seconds",
        "hotset_profile_last_complete_due_timestamp_seconds",
        "hotset_profile_warm_ratio",
        "hotset_profile_over_cap_bytes",
        "hotset_profile_paused",
        "hotset_config_last_reload_successful",
        "hotset_config_last_reload_success_timestamp_seconds",
        "hotset_journal_writable",
        "hotset_credentials_expiry_timestamp_seconds",
        "hotset_endpoint_in_flight",
        "hotset_endpoint_limit",
    ] {
        assert!(text(views::busy(), None).lines().any(|line| line.starts_with(name)), "{name}");
    }
}
