//! `hotset check`: what a valid configuration will do, told without asking anyone.

mod checkpoint;
mod manifest;
mod secrets;

use std::fmt::Write as _;
use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::schedule::silence;
use super::text;
use model::config::Config;
use model::config::diagnostic::{Diagnostic, Diagnostics, shown};
use model::config::endpoint::Endpoint;
use model::config::profile::Profile;
use model::config::team::Team;
use model::config::value::size::brief;
use model::object::Escaped;
use model::pattern::BucketGlob;
use model::schedule::dues;

pub use manifest::unreadable;
pub use secrets::unreadable as unreadable_secrets;

/// How many coming fires of a profile are told.
const FIRES: usize = 3;

/// For people: profiles with their caps and coming fires, endpoints with what is asked of them, warnings.
///
/// # Errors
/// What `out` cannot take.
pub fn write(config: &Config, now: DateTime<Utc>, color: bool, out: &mut impl Write) -> io::Result<()> {
    for profile in config.profiles.values() {
        write_profile(profile, now, out)?;
    }
    for endpoint in config.endpoints.values() {
        write_endpoint(config, endpoint, out)?;
    }
    for team in config.teams.values() {
        write_team(config, team, out)?;
    }
    writeln!(out, "zone rules {}\n", config.zones)?;
    let shown = shown(&config.warnings, usize::MAX);
    for warning in config.warnings.iter().take(shown) {
        writeln!(out, "{}\n", warning.render(color))?;
    }
    if config.warnings.len() > shown {
        writeln!(out, "... and {} more\n", config.warnings.len() - shown)?;
    }
    let counts = [
        count(config.profiles.len(), "profile"),
        count(config.endpoints.len(), "endpoint"),
        count(config.warnings.len(), "warning"),
    ];
    writeln!(out, "the configuration is valid: {}", counts.join(", "))
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn write_profile(profile: &Profile, now: DateTime<Utc>, out: &mut impl Write) -> io::Result<()> {
    let paused = if profile.paused { "  (paused)" } else { "" };
    let team = profile.team.as_ref().map(|team| format!(", of team {}", team.name)).unwrap_or_default();
    writeln!(out, "profile {} on {}{team}{paused}", profile.name, profile.endpoint.name)?;
    let patterns = count(profile.rules.patterns.len(), "pattern");
    let source = match &profile.manifest {
        Some(manifest) if profile.rules.patterns.is_empty() => format!("manifest {}", Escaped(&manifest.text)),
        Some(manifest) => format!("manifest {} within {patterns}", Escaped(&manifest.text)),
        None => patterns,
    };
    let bytes = profile.rules.max_bytes.bytes();
    let mut caps = bytes.map_or_else(|| "any number of bytes".to_owned(), |bytes| format!("at most {}", brief(bytes)));
    if let Some(objects) = profile.rules.max_objects {
        // Writing to a String cannot fail.
        let _ = write!(caps, ", {}", count(usize::try_from(objects).unwrap_or(usize::MAX), "object"));
    }
    writeln!(out, "  objects  {source}, {caps}")?;
    if let Some(checkpoint) = &profile.checkpoint {
        writeln!(out, "  keeps    {}", checkpoint::told(checkpoint))?;
    }
    let mut label = "  next     ";
    let window = profile.window.as_ref();
    let mut coming = dues(&profile.schedules, window, now).take(FIRES).peekable();
    if coming.peek().is_none() {
        writeln!(out, "{label}{}", silence(&profile.schedules, window, now))?;
    }
    for fire in coming {
        writeln!(out, "{label}{}", fire.with_timezone(&profile.zone).format("%a %Y-%m-%d %H:%M:%S %Z"))?;
        label = "           ";
    }
    if let Some(window) = window {
        writeln!(out, "  window   {} {}", window.text(), window.zone())?;
    }
    writeln!(out)
}

fn write_endpoint(config: &Config, endpoint: &Endpoint, out: &mut impl Write) -> io::Result<()> {
    let asked = config.asked_of(endpoint);
    writeln!(out, "endpoint {}", endpoint.name)?;
    writeln!(out, "  cache    {}", endpoint.cache.0.url.as_str().trim_end_matches('/'))?;
    writeln!(out, "  list     {}", endpoint.list.0.url.as_str().trim_end_matches('/'))?;
    let mut line = brief(asked.bytes);
    for (what, limit) in [("budget", endpoint.budget), ("capacity", endpoint.capacity)] {
        if let Some(limit) = limit {
            let _ = write!(line, ", {} of the {what} of {}", percent(asked.bytes, limit), brief(limit));
        }
    }
    if !asked.unlimited.is_empty() {
        let _ = write!(line, ", and any number of bytes by {}", asked.unlimited.join(", "));
    }
    writeln!(out, "  asked    {line}\n")
}

fn write_team(config: &Config, team: &Team, out: &mut impl Write) -> io::Result<()> {
    let asked = config.asked_by(team);
    let list = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(", ");
    writeln!(out, "team {}", team.name)?;
    writeln!(out, "  reaches  {}", list(&mut team.endpoints.iter().map(AsRef::as_ref)))?;
    if !team.credentials.is_empty() {
        let names = &mut team.credentials.iter().filter_map(|keys| keys.name.as_deref());
        writeln!(out, "  as       {}", list(names))?;
    }
    writeln!(out, "  buckets  {}", list(&mut team.buckets.iter().map(BucketGlob::text)))?;
    let (bytes, limit) = (brief(asked.bytes), brief(team.budget));
    writeln!(out, "  asked    {bytes}, {} of the budget of {limit}\n", percent(asked.bytes, team.budget))
}

fn percent(part: u64, whole: u64) -> String {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    format!("{percent}%")
}

#[derive(Serialize)]
struct CheckpointField {
    layout: &'static str,
    keep: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Profile {
        v: u32,
        profile: &'a str,
        /// `null`: a trusted file defines it.
        team: Option<&'a str>,
        endpoint: &'a str,
        fingerprint: String,
        paused: bool,
        patterns: usize,
        /// `null`: objects are listed.
        manifest: Option<&'a str>,
        /// `null`: unlimited.
        max_bytes: Option<u64>,
        max_objects: Option<u64>,
        /// `null`: every object counts by itself.
        checkpoint: Option<CheckpointField>,
        next: Vec<String>,
    },
    Endpoint {
        v: u32,
        endpoint: &'a str,
        cache_url: &'a str,
        list_url: &'a str,
        max_bytes: u64,
        unlimited: Vec<String>,
        budget: Option<u64>,
        capacity: Option<u64>,
    },
    Team {
        v: u32,
        team: &'a str,
        endpoints: Vec<&'a str>,
        credentials: Vec<&'a str>,
        buckets: Vec<&'a str>,
        max_bytes: u64,
        budget: u64,
        max_priority: i64,
    },
    ZoneRules {
        v: u32,
        /// `null`: nothing tells.
        zone_rules: Option<&'a str>,
        /// A folder, or `built in`.
        origin: String,
    },
    Warning {
        v: u32,
        warning: &'a Diagnostic,
    },
    Error {
        v: u32,
        error: &'a Diagnostic,
    },
}

/// JSON Lines: the errors and warnings of a configuration that is not valid.
///
/// # Errors
/// What `out` cannot take.
pub fn write_json_errors(diagnostics: &Diagnostics, out: &mut impl Write) -> io::Result<()> {
    for one in diagnostics.iter() {
        let line = if one.is_error() { Line::Error { v: 1, error: one } } else { Line::Warning { v: 1, warning: one } };
        text::write_json(&line, out)?;
    }
    Ok(())
}

/// JSON Lines: profiles, endpoints, teams, the zone rules, warnings.
///
/// # Errors
/// What `out` cannot take.
pub fn write_json(config: &Config, now: DateTime<Utc>, out: &mut impl Write) -> io::Result<()> {
    let profiles = config.profiles.values().map(|profile| Line::Profile {
        v: 1,
        profile: &profile.name,
        team: profile.team.as_ref().map(|team| &*team.name),
        endpoint: &profile.endpoint.name,
        fingerprint: config.fingerprint(profile),
        paused: profile.paused,
        patterns: profile.rules.patterns.len(),
        manifest: profile.manifest.as_ref().map(|manifest| &*manifest.text),
        max_bytes: profile.rules.max_bytes.bytes(),
        max_objects: profile.rules.max_objects,
        checkpoint: profile
            .checkpoint
            .as_ref()
            .map(|checkpoint| CheckpointField { layout: checkpoint.layout.as_str(), keep: checkpoint.keep }),
        next: dues(&profile.schedules, profile.window.as_ref(), now)
            .take(FIRES)
            .map(|fire| fire.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            .collect(),
    });
    let endpoints = config.endpoints.values().map(|endpoint| {
        let asked = config.asked_of(endpoint);
        Line::Endpoint {
            v: 1,
            endpoint: &endpoint.name,
            cache_url: endpoint.cache.0.url.as_str().trim_end_matches('/'),
            list_url: endpoint.list.0.url.as_str().trim_end_matches('/'),
            max_bytes: asked.bytes,
            unlimited: asked.unlimited.iter().map(ToString::to_string).collect(),
            budget: endpoint.budget,
            capacity: endpoint.capacity,
        }
    });
    let teams = config.teams.values().map(|team| Line::Team {
        v: 1,
        team: &team.name,
        endpoints: team.endpoints.iter().map(AsRef::as_ref).collect(),
        credentials: team.credentials.iter().filter_map(|keys| keys.name.as_deref()).collect(),
        buckets: team.buckets.iter().map(BucketGlob::text).collect(),
        max_bytes: config.asked_by(team).bytes,
        budget: team.budget,
        max_priority: team.max_priority,
    });
    let warnings = config.warnings.iter().map(|warning| Line::Warning { v: 1, warning });
    let zones = Line::ZoneRules { v: 1, zone_rules: config.zones.version(), origin: config.zones.origin() };
    for line in profiles.chain(endpoints).chain(teams).chain([zones]).chain(warnings) {
        text::write_json(&line, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::config::{Source, load_sources};

    const TEXT: &str = r#"
[endpoint.lota]
cache_url = "http://cwlota.com"
list_url = "https://cwobject.com"
region = "us-east-1"
capacity = "10 TiB"
budget = "24 TiB"

[defaults]
max_bytes = "500 GB"

[profile.nightly]
objects = ["s3://training/imagenet/**", "s3://training/laion/**"]
schedule = "30 1 * * *"
time_zone = "America/New_York"
window = "Mon-Fri 01:00-06:00"
max_bytes = "12 TiB"

[profile.hourly]
objects = ["s3://small/**"]
schedule = ["@hourly", "*/90 * * * *"]
max_objects = 1000

[profile.latest]
objects = ["s3://ckpt/**"]
checkpoint = { layout = "megatron", keep = 2, active_within = "48h" }

[profile.weights]
objects = ["s3://ckpt/**"]
max_bytes = "1 TiB"
checkpoint = { layout = "hf-trainer", parts = "weights", count = 12, forbid = ["*.tmp"] }

[profile.by-hand]
objects = ["s3://models/{a,b}/**"]
on_start = "never"
paused = true
"#;

    fn config() -> Config {
        load_sources(vec![Source::trusted("hotset.toml", TEXT, 0)])
            .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
    }

    /// The night in which New York sets its clocks back.
    fn now() -> DateTime<Utc> {
        "2026-10-31T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn tells_what_a_configuration_will_do() {
        let mut out = Vec::new();
        write(&config(), now(), false, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn tells_scripts_the_same() {
        let mut out = Vec::new();
        write_json(&config(), now(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
