//! What a user wrote, resolved: every value is valid, every default filled in. `raw` is what was typed, this is what is true.

pub mod daemon;
pub mod diagnostic;
pub mod endpoint;
pub mod profile;
pub mod reach;
pub mod reader;
pub mod source;
pub mod suggest;
pub mod team;
pub mod value;

mod asked;
mod bounds;
mod confine;
mod context;
mod counted;
mod file;
mod fingerprint;
mod raw;
mod reference;
mod resolve;
mod schema;
mod secret;
mod syntax;
mod tables;
mod walk;
mod zones;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use toml::de::DeTable;

use confine::Admissions;
use context::Context;
pub use context::Stop;
use daemon::Daemon;
use diagnostic::{Diagnostic, Diagnostics, Place};
use endpoint::{Credentials, Endpoint};
use file::File;
pub use file::Source;
use profile::Profile;
use reader::Section;
use tables::{Parsed, Tables};
use team::Team;
pub use zones::Zones;

pub use asked::Asked;
pub use reference::{reference, reference_with_team};
pub use resolve::{environment_warnings, unreadable_manifest, unreadable_secret};
pub use schema::schema;
pub use secret::starred;

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub daemon: Daemon,
    pub credentials: BTreeMap<Arc<str>, Arc<Credentials>>,
    pub endpoints: BTreeMap<Arc<str>, Arc<Endpoint>>,
    pub profiles: BTreeMap<Arc<str>, Arc<Profile>>,
    pub teams: BTreeMap<Arc<str>, Arc<Team>>,
    /// What is legal, and worth a second look.
    pub warnings: Vec<Diagnostic>,
    /// Every key that has a value, with its origin, table by table.
    pub sections: Vec<Section>,
    /// The rules of its time zones.
    pub zones: Zones,
    /// What it was resolved from: to compare with what the files say now, and to come back to.
    pub sources: Vec<Source>,
}

impl Config {
    /// A hash of what the profile warms and where: equal for equal meaning, however it is spelled or ordered.
    ///
    /// What is warmed and where counts; schedules, windows, priority, pauses, deadlines and the `on_*` rules do not.
    pub fn fingerprint(&self, profile: &Profile) -> String {
        fingerprint::of(profile)
    }

    /// What the unpaused profiles of an endpoint ask for together.
    pub fn asked_of(&self, endpoint: &Endpoint) -> Asked {
        Asked::by(self.profiles.values().filter(|profile| profile.endpoint.name == endpoint.name))
    }

    /// What the unpaused profiles of a team ask for together.
    pub fn asked_by(&self, team: &Team) -> Asked {
        Asked::by(self.profiles_of(team))
    }

    pub fn profiles_of<'a>(&'a self, team: &'a Team) -> impl Iterator<Item = &'a Arc<Profile>> {
        let is_its = |profile: &&Arc<Profile>| profile.team.as_ref().is_some_and(|owner| owner.name == team.name);
        self.profiles.values().filter(is_its)
    }

    /// What is worth a second look about the zone rules; nothing where all is in UTC.
    pub fn zone_warnings(&self, now: DateTime<Utc>) -> Vec<Diagnostic> {
        let is_local = self.profiles.values().any(|profile| profile.zone.name() != "UTC");
        if is_local { self.zones.warnings(now) } else { Vec::new() }
    }
}

/// Reads and resolves files, and folders of `*.toml`. Every file is read before any is parsed.
///
/// # Errors
/// Everything that is wrong, in all files.
pub fn load(paths: &[PathBuf], zones: Zones) -> Result<Config, Diagnostics> {
    let (sources, errors) = source::read(paths);
    build(sources, errors, zones, &Stop::default())
}

/// Reads files and folders as [`load`] does, and parses none.
///
/// # Errors
/// Every file and folder that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Diagnostics> {
    let (sources, errors) = source::read(paths);
    if errors.is_empty() { Ok(sources) } else { Err(Diagnostics::new(errors)) }
}

/// A key of `[daemon]` in files that may be wrong otherwise: where to look for the last good configuration, or for the daemon
/// that goes on with it. `None` where none says, or two disagree.
pub fn daemon_key_of(paths: &[PathBuf], key: &str) -> Option<String> {
    let (sources, _) = source::read(paths);
    let trusted = sources.iter().filter(|source| source.team.is_none());
    let mut named: Vec<String> = trusted.filter_map(|source| syntax::of_daemon(&source.text, key)).collect();
    named.dedup();
    named.pop().filter(|_| named.is_empty())
}

/// Whether all of the files change at one instant, as those of a volume that Kubernetes mounts do.
pub fn change_together(sources: &[Source]) -> bool {
    sources.iter().all(|source| source::is_in_volume(Path::new(&source.name)))
}

/// Resolves texts by the zone rules that are compiled in. Pure.
///
/// # Errors
/// Everything that is wrong, in all sources.
pub fn load_sources(sources: Vec<Source>) -> Result<Config, Diagnostics> {
    resolve_sources(sources, Zones::default(), &Stop::default())
}

/// Resolves texts, until nobody waits for it any more. Reads the zone rules that they name, and nothing else.
///
/// # Errors
/// Everything that is wrong, in all sources; that it was stopped.
pub fn resolve_sources(sources: Vec<Source>, zones: Zones, stop: &Stop) -> Result<Config, Diagnostics> {
    build(sources, Vec::new(), zones, stop)
}

fn build(sources: Vec<Source>, errors: Vec<Diagnostic>, zones: Zones, stop: &Stop) -> Result<Config, Diagnostics> {
    let mut cx = Context::new(zones, stop.clone());
    cx.incomplete = !errors.is_empty();
    for error in errors {
        cx.push(error);
    }
    let numbered = || sources.iter().enumerate();
    let mut parsed: Vec<Parsed> = numbered()
        .filter(|(_, source)| source.team.is_none())
        .filter_map(|(number, source)| parse(source, number, None, &mut cx))
        .collect();
    // Trusted files say which others are a team's.
    let admissions = Admissions::of(&parsed);
    for (number, source) in numbered() {
        let Some(team) = &source.team else { continue };
        match admissions.place(team, source) {
            Some(place) => parsed.extend(parse(source, number, Some(&place), &mut cx)),
            None if cx.is_any_broken("team") => {}
            None => cx.absent(confine::unadmitted(team, source)),
        }
    }
    let tables = Tables::gather(&parsed, &mut cx);
    let resolved = resolve::resolve(&tables, sources, &mut cx);
    if stop.is_set() {
        return Err(Diagnostics::new(vec![Diagnostic::error("the reading was given up")]));
    }
    resolved.map_err(|_| Diagnostics::new(cx.diagnostics))
}

/// Of a team's file, which is admitted at a place, what it may not hold is reported and left out.
fn parse(source: &Source, number: usize, admitted: Option<&Place>, cx: &mut Context) -> Option<Parsed> {
    if cx.is_over() {
        return None;
    }
    let file = Arc::new(File::new(source, number));
    if !bounds::text(&source.text, &file, cx) {
        cx.incomplete = true;
        return None;
    }
    let text = syntax::without_mark(&source.text);
    let (mut table, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        cx.incomplete = true;
        for error in syntax::explain_all(&errors, &file) {
            cx.push(error);
        }
        return None;
    }
    if !bounds::tables(table.get_ref(), &file, cx) {
        cx.incomplete = true;
        return None;
    }
    if let Some(place) = admitted {
        confine::confine(table.get_mut(), &file, place, cx);
    }
    walk::walk(table.get_mut(), &file, cx);
    match raw::Document::deserialize(toml::de::Deserializer::from(table)) {
        Ok(document) => Some(Parsed { file, document }),
        Err(error) => {
            cx.push(syntax::explain(&error, &file));
            None
        }
    }
}

#[cfg(test)]
mod tests;
