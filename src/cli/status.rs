//! `hotset status`: what a running daemon is doing.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use comfy_table::Table;

use super::Context;
use super::contact::{Client, Contact, conclude};
use super::text::{self, brief_time, count, iec, percent};
use model::api::{ActiveRun, Endpoint, JournalState, Profile, Progress, Reload, Status, Waiting, time};
use model::object::Escaped;
use model::select::estimate::share;

#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    contact: Contact,
    /// All that the daemon says of itself, as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(context: &Context, args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let answer = Client::new(context, &args.contact).await?.get("/api/v1/status").await?;
    if answer.is_ok() {
        let mut out = BufWriter::new(io::stdout());
        if args.json {
            writeln!(out, "{}", answer.body)?;
        } else {
            write(&answer.read()?, &mut out)?;
        }
        out.flush()?;
    }
    Ok(conclude(&answer))
}

/// Writes what a person wants to know, in the order in which they ask.
///
/// # Errors
/// Those of `out`.
pub fn write(status: &Status, out: &mut impl Write) -> io::Result<()> {
    let now = status.now;
    let stopping = if status.stopping { ", stopping" } else { "" };
    writeln!(out, "hotset {}, up {}{stopping}", Escaped(&status.version), ago(now, status.started))?;
    write_reload(&status.reload, now, out)?;
    let version = status.zone_rules.version.as_deref().unwrap_or("of an unknown version");
    writeln!(out, "zone rules: {} ({})", Escaped(version), Escaped(&status.zone_rules.origin))?;
    let JournalState { path, error, bytes, .. } = &status.journal;
    match (error, path) {
        (Some(error), _) => writeln!(out, "journal: cannot be written: {}", Escaped(error))?,
        (None, Some(path)) => writeln!(out, "journal: {path}, {}", iec(*bytes))?,
        (None, None) => writeln!(out, "journal: in memory")?,
    }
    writeln!(out)?;
    let endpoints: Vec<_> = status.endpoints.iter().map(endpoint).collect();
    write_table(&["ENDPOINT", "IN FLIGHT", "LIMIT", "BYTES IN FLIGHT", "CAPS", "STATE"], &endpoints, out)?;
    writeln!(out)?;
    let profiles: Vec<_> = status.profiles.iter().map(|one| profile(one, now)).collect();
    write_table(&["PROFILE", "LAST", "ENDED", "WARM", "NEXT", "NOW"], &profiles, out)?;
    let runs: Vec<_> = status.runs.iter().map(|run| running(run, now)).collect();
    if !runs.is_empty() {
        writeln!(out)?;
        write_table(&["RUN", "PROFILE", "BY", "FOR", "OBJECTS", "BYTES", "NOT WARMED"], &runs, out)?;
    }
    Ok(())
}

fn write_reload(reload: &Reload, now: DateTime<Utc>, out: &mut impl Write) -> io::Result<()> {
    let when = ago(now, reload.at);
    let Some(error) = &reload.error else {
        return writeln!(out, "configuration: taken {when} ago ({})", reload.by);
    };
    let what = if reload.last_good { "the last good one" } else { "the one before" };
    writeln!(out, "configuration: BAD since {when} ago, {what} is in force:")?;
    error.trim_end().lines().try_for_each(|line| writeln!(out, "  {line}"))
}

fn endpoint(endpoint: &Endpoint) -> Vec<String> {
    let caps = match (endpoint.committed, endpoint.capacity) {
        (Some(committed), Some(capacity)) => {
            format!("{} of {}", percent(share(committed, capacity).unwrap_or_default()), iec(capacity))
        }
        (Some(committed), None) => iec(committed),
        (None, _) => "unlimited".to_owned(),
    };
    let circuit = if endpoint.circuit_open { "circuit open, " } else { "" };
    let retries = if endpoint.retries_wait { ", retries wait" } else { "" };
    vec![
        Escaped(&endpoint.name).to_string(),
        count(endpoint.in_flight.into()),
        format!("{} of {}", count(endpoint.limit.into()), count(endpoint.max_in_flight.into())),
        iec(endpoint.in_flight_bytes),
        caps,
        format!("{circuit}{}{retries}", Escaped(&endpoint.state)),
    ]
}

fn profile(profile: &Profile, now: DateTime<Utc>) -> Vec<String> {
    let last = profile.last.as_ref();
    let state = if let Some(run) = &profile.running {
        format!("running {}", run.info.id)
    } else if let Some(pause) = &profile.paused {
        let until = pause.until.map(|until| format!(" until {}", time::text(until))).unwrap_or_default();
        let by = if pause.by_configuration { " by the configuration" } else { "" };
        format!("paused{by}{until}")
    } else if let Some(Waiting { trigger, why, .. }) = &profile.waiting {
        format!("{trigger} waits: {}", Escaped(why))
    } else {
        let reason = last.and_then(|last| last.reason.as_deref());
        reason.map(|reason| Escaped(reason).to_string()).unwrap_or_default()
    };
    vec![
        Escaped(&profile.name).to_string(),
        last.map(|last| last.outcome.to_string()).unwrap_or_default(),
        last.map(|last| format!("{} ago", ago(now, last.ended))).unwrap_or_default(),
        last.map(|last| percent(last.warm_ratio.lower())).unwrap_or_default(),
        profile.next_due.map(|due| format!("in {}", ago(due, now))).unwrap_or_default(),
        state,
    ]
}

fn running(run: &ActiveRun, now: DateTime<Utc>) -> Vec<String> {
    let Progress { planned, ended, listed, failed, unknown, gone, silent_s, stopping, .. } = &run.progress;
    let listing = planned.objects == 0;
    let not_warmed = [("failed", failed), ("unknown", unknown), ("gone", gone)];
    let not_warmed = not_warmed.iter().filter(|(_, n)| **n > 0).map(|(what, n)| format!("{} {what}", count(**n)));
    let silent = silent_s.map(|silent| format!("waits: silent for {silent:.0}s"));
    let stopping = stopping.as_ref().map(|why| format!("stopping: {why}"));
    vec![
        run.info.id.to_string(),
        Escaped(&run.profile).to_string(),
        run.info.trigger.to_string(),
        ago(now, run.info.started),
        match listing {
            true => format!("{} listed", count(*listed)),
            false => format!("{} of {}", count(ended.objects), count(planned.objects)),
        },
        if listing { String::new() } else { format!("{} of {}", iec(ended.bytes), iec(planned.bytes)) },
        not_warmed.chain(silent).chain(stopping).collect::<Vec<_>>().join(", "),
    ]
}

fn write_table(header: &[&str], rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let mut table = Table::new();
    table.set_header(header).add_rows(rows);
    text::write_table(&mut table, out)
}

fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let seconds = (now - then).to_std().unwrap_or_default().as_secs();
    brief_time(std::time::Duration::from_secs(seconds)).replace(".0s", "s").replace("0ms", "0s")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_how_endpoints_profiles_and_runs_are() {
        let none = json!({ "objects": 0, "bytes": 0 });
        let endpoint = |name: &str, state: &str, circuit_open: bool| {
            json!({
                "name": name, "cache_url": "http://lota", "in_flight": 59, "limit": 64, "max_in_flight": 300,
                "in_flight_bytes": 4_u64 << 30, "holds": "throttled", "capacity": 30_u64 << 40, "committed": 9_u64 << 40,
                "state": state, "circuit_open": circuit_open, "retries_wait": circuit_open, "requests": 0, "throttled": 0,
                "warmed": none, "gone": 0, "failed": 0, "unknown": 0,
            })
        };
        let profile = |name: &str| {
            json!({
                "name": name, "endpoint": "lota", "fingerprint": "f", "schedules": [], "zone": "UTC", "priority": 0,
                "rewarm_after_s": 60.0,
            })
        };
        let run = json!({
            "run": "01M818RQTE2MSQ2NDXHXH8SS0W", "profile": "nightly", "endpoint": "lota", "fingerprint": "f",
            "trigger": "schedule", "missed": 0, "resumes": 0, "started": "2026-03-09T13:58:00Z",
            "progress": {
                "deadline": "2026-03-09T23:58:00Z", "list_requests": 1, "listed": 200, "in_flight": 8, "unknown": 0, "gone": 0,
                "planned": { "objects": 200, "bytes": 12_u64 << 30 }, "ended": { "objects": 36, "bytes": 2_u64 << 30 },
                "failed": 2, "silent_s": null,
            },
        });
        let mut nightly = profile("nightly");
        nightly["running"] = run.clone();
        nightly["next_due"] = "2026-03-10T05:30:00Z".into();
        nightly["last"] = json!({
            "run": "01M818RQTE2MSQ2NDXHXH8SS0W", "trigger": "schedule", "started": "2026-03-09T11:00:00Z", "fingerprint": "f",
            "outcome": "partial", "ended": "2026-03-09T12:00:00Z", "warm_ratio": { "objects": 0.97, "bytes": 0.99 },
            "planned": none, "warmed": none, "fresh": none, "over_cap": none, "groups": [], "more_groups": 0,
        });
        let mut latest = profile("latest");
        latest["paused"] = json!({ "by_configuration": false, "until": "2026-03-09T18:00:00Z" });
        let status = json!({
            "v": 1, "version": "1.2.3", "now": "2026-03-09T14:00:00Z", "started": "2026-03-09T13:00:00Z", "stopping": false,
            "reload": {
                "at": "2026-03-09T13:59:00Z", "by": "sighup", "ok": true, "error": null, "last_good": false, "warnings": [],
                "paths": [],
            },
            "zone_rules": { "version": "2026a", "origin": "built in" },
            "journal": { "path": "/var/lib/hotset/journal.db", "bytes": 5 << 20, "writable": true },
            "heartbeat_fallbacks": 0,
            "endpoints": [
                endpoint("lota", "holding: throttled 12 s ago at 120", false),
                endpoint("far", "waiting: no answer for 95 s", true),
            ],
            "profiles": [nightly, latest],
            "teams": [],
            "runs": [run],
            "failures": [],
            "counters": { "reloads_succeeded": 1, "reloads_failed": 0, "runs": {}, "missed": {} },
        });
        let status: Status = serde_json::from_value(status).unwrap();
        let mut said = Vec::new();
        write(&status, &mut said).unwrap();
        insta::assert_snapshot!(String::from_utf8(said).unwrap(), @r"
        hotset 1.2.3, up 1h
        configuration: taken 1m ago (sighup)
        zone rules: 2026a (built in)
        journal: /var/lib/hotset/journal.db, 5.0 MiB

        ENDPOINT  IN FLIGHT  LIMIT      BYTES IN FLIGHT  CAPS             STATE
        lota      59         64 of 300  4.0 GiB          30% of 30.0 TiB  holding: throttled 12 s ago at 120
        far       59         64 of 300  4.0 GiB          30% of 30.0 TiB  circuit open, waiting: no answer for 95 s, retries wait

        PROFILE  LAST     ENDED   WARM  NEXT        NOW
        nightly  partial  2h ago  97%   in 15h 30m  running 01M818RQTE2MSQ2NDXHXH8SS0W
        latest                                      paused until 2026-03-09T18:00:00Z

        RUN                         PROFILE  BY        FOR  OBJECTS    BYTES                NOT WARMED
        01M818RQTE2MSQ2NDXHXH8SS0W  nightly  schedule  2m   36 of 200  2.0 GiB of 12.0 GiB  2 failed
        ");
    }
}
