//! `hotset status`: what a running daemon is doing.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use comfy_table::{Table, presets};
use serde::Deserialize as _;
use serde_json::Value;

use super::Context;
use super::contact::{Client, Contact, conclude};
use super::text::{brief_time, count, iec, percent};
use crate::report::Ratio;
use model::object::Escaped;

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
            write(&answer.body, &mut out)?;
        }
        out.flush()?;
    }
    Ok(conclude(&answer))
}

/// Writes what a person wants to know, in the order in which they ask.
///
/// # Errors
/// Those of `out`.
pub fn write(status: &Value, out: &mut impl Write) -> io::Result<()> {
    let now = instant(&status["now"]).unwrap_or_default();
    let up = instant(&status["started"]).map(|started| ago(now, started)).unwrap_or_default();
    let stopping = if status["stopping"] == true { ", stopping" } else { "" };
    writeln!(out, "hotset {}, up {up}{stopping}", text(&status["version"]))?;
    write_reload(&status["reload"], now, out)?;
    if let Some(origin) = status["zone_rules"]["origin"].as_str() {
        let version = status["zone_rules"]["version"].as_str().unwrap_or("of an unknown version");
        writeln!(out, "zone rules: {} ({})", Escaped(version), Escaped(origin))?;
    }
    let journal = &status["journal"];
    match journal["path"].as_str() {
        _ if journal["writable"] == false => writeln!(out, "journal: cannot be written: {}", text(&journal["error"]))?,
        Some(path) => writeln!(out, "journal: {path}, {}", iec(number(&journal["bytes"])))?,
        None => writeln!(out, "journal: in memory")?,
    }
    writeln!(out)?;
    let endpoints: Vec<_> = array(&status["endpoints"]).map(endpoint).collect();
    write_table(&["ENDPOINT", "IN FLIGHT", "LIMIT", "BYTES IN FLIGHT", "CAPS", "STATE"], &endpoints, out)?;
    writeln!(out)?;
    let profiles: Vec<_> = array(&status["profiles"]).map(|one| profile(one, now)).collect();
    write_table(&["PROFILE", "LAST", "ENDED", "WARM", "NEXT", "NOW"], &profiles, out)?;
    let runs: Vec<_> = array(&status["runs"]).map(|run| running(run, now)).collect();
    if !runs.is_empty() {
        writeln!(out)?;
        write_table(&["RUN", "PROFILE", "BY", "FOR", "OBJECTS", "BYTES", "NOT WARMED"], &runs, out)?;
    }
    Ok(())
}

fn write_reload(reload: &Value, now: DateTime<Utc>, out: &mut impl Write) -> io::Result<()> {
    let when = |field: &str| instant(&reload[field]).map_or("never".to_owned(), |at| format!("{} ago", ago(now, at)));
    match reload["error"].as_str() {
        None => writeln!(out, "configuration: taken {} ({})", when("at"), text(&reload["by"])),
        Some(error) => {
            let what = if reload["last_good"] == true { "the last good one" } else { "the one before" };
            writeln!(out, "configuration: BAD since {}, {what} is in force:", when("at"))?;
            error.trim_end().lines().try_for_each(|line| writeln!(out, "  {line}"))
        }
    }
}

fn endpoint(endpoint: &Value) -> Vec<String> {
    let caps = match (endpoint["committed"].as_u64(), endpoint["capacity"].as_u64()) {
        (Some(committed), Some(capacity)) if capacity > 0 => {
            #[expect(clippy::cast_precision_loss, reason = "a share is read to a few digits")]
            let share = committed as f64 / capacity as f64;
            format!("{} of {}", percent(share), iec(capacity))
        }
        (Some(committed), _) => iec(committed),
        (None, _) => "unlimited".to_owned(),
    };
    let circuit = if endpoint["circuit_open"] == true { "circuit open, " } else { "" };
    let retries = if endpoint["retries_wait"] == true { ", retries wait" } else { "" };
    vec![
        text(&endpoint["name"]),
        count(number(&endpoint["in_flight"])),
        format!("{} of {}", count(number(&endpoint["limit"])), count(number(&endpoint["max_in_flight"]))),
        iec(number(&endpoint["in_flight_bytes"])),
        caps,
        format!("{circuit}{}{retries}", text(&endpoint["state"])),
    ]
}

fn profile(profile: &Value, now: DateTime<Utc>) -> Vec<String> {
    let last = &profile["last"];
    let state = if let Some(run) = profile["running"]["run"].as_str() {
        format!("running {run}")
    } else if profile["paused"].is_object() {
        let until = profile["paused"]["until"].as_str().map(|until| format!(" until {until}")).unwrap_or_default();
        let by = if profile["paused"]["by_configuration"] == true { " by the configuration" } else { "" };
        format!("paused{by}{until}")
    } else if let Some(why) = profile["waiting"]["why"].as_str() {
        format!("{} waits: {}", text(&profile["waiting"]["trigger"]), Escaped(why))
    } else {
        last["reason"].as_str().map(|reason| Escaped(reason).to_string()).unwrap_or_default()
    };
    vec![
        text(&profile["name"]),
        text(&last["outcome"]),
        instant(&last["ended"]).map(|ended| format!("{} ago", ago(now, ended))).unwrap_or_default(),
        Ratio::deserialize(&last["warm_ratio"]).ok().map(|ratio| percent(ratio.lower())).unwrap_or_default(),
        instant(&profile["next_due"]).map(|due| format!("in {}", ago(due, now))).unwrap_or_default(),
        state,
    ]
}

fn running(run: &Value, now: DateTime<Utc>) -> Vec<String> {
    let progress = &run["progress"];
    let of = |what: &str| (number(&progress["ended"][what]), number(&progress["planned"][what]));
    let ((objects, all_objects), (bytes, all_bytes)) = (of("objects"), of("bytes"));
    let listing = all_objects == 0;
    let not_warmed = ["failed", "unknown", "gone"].map(|field| (field, number(&progress[field])));
    let not_warmed = not_warmed.iter().filter(|(_, n)| *n > 0).map(|(field, n)| format!("{} {field}", count(*n)));
    let silent = progress["silent_s"].as_f64().map(|silent| format!("waits: silent for {silent:.0}s"));
    let stopping = progress["stopping"].as_str().map(|why| format!("stopping: {why}"));
    vec![
        text(&run["run"]),
        text(&run["profile"]),
        text(&run["trigger"]),
        instant(&run["started"]).map(|started| ago(now, started)).unwrap_or_default(),
        match listing {
            true => format!("{} listed", count(number(&progress["listed"]))),
            false => format!("{} of {}", count(objects), count(all_objects)),
        },
        if listing { String::new() } else { format!("{} of {}", iec(bytes), iec(all_bytes)) },
        not_warmed.chain(silent).chain(stopping).collect::<Vec<_>>().join(", "),
    ]
}

fn write_table(header: &[&str], rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table.add_rows(rows);
    // The style without borders still pads its outer columns.
    table.trim_fmt().lines().try_for_each(|line| writeln!(out, "{}", line.strip_prefix(' ').unwrap_or(line).trim_end()))
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map(|text| Escaped(text).to_string()).unwrap_or_default()
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
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
        let endpoint = |name: &str, state: &str, circuit_open: bool| {
            json!({
                "name": name, "in_flight": 59, "limit": 64, "max_in_flight": 300, "in_flight_bytes": 4_u64 << 30,
                "capacity": 30_u64 << 40, "committed": 9_u64 << 40, "state": state, "circuit_open": circuit_open,
                "retries_wait": circuit_open,
            })
        };
        let status = json!({
            "version": "1.2.3", "now": "2026-03-09T14:00:00Z", "started": "2026-03-09T13:00:00Z",
            "reload": { "at": "2026-03-09T13:59:00Z", "by": "SIGHUP", "error": null },
            "journal": { "path": "/var/lib/hotset/journal.db", "bytes": 5 << 20, "writable": true },
            "endpoints": [
                endpoint("lota", "holding: throttled 12 s ago at 120", false),
                endpoint("far", "waiting: no answer for 95 s", true),
            ],
            "profiles": [
                {
                    "name": "nightly", "running": { "run": "01M818RQTE2MSQ2NDXHXH8SS0W" }, "next_due": "2026-03-10T05:30:00Z",
                    "last": { "outcome": "partial", "ended": "2026-03-09T12:00:00Z", "warm_ratio": { "objects": 0.97, "bytes": 0.99 } },
                },
                { "name": "latest", "paused": { "until": "2026-03-09T18:00:00Z" } },
            ],
            "runs": [{
                "run": "01M818RQTE2MSQ2NDXHXH8SS0W", "profile": "nightly", "trigger": "schedule", "started": "2026-03-09T13:58:00Z",
                "progress": {
                    "planned": { "objects": 200, "bytes": 12_u64 << 30 }, "ended": { "objects": 36, "bytes": 2_u64 << 30 },
                    "failed": 2, "silent_s": null,
                },
            }],
        });
        let mut said = Vec::new();
        write(&status, &mut said).unwrap();
        insta::assert_snapshot!(String::from_utf8(said).unwrap(), @r"
        hotset 1.2.3, up 1h
        configuration: taken 1m ago (SIGHUP)
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
