//! Resolves tables into a valid configuration, or reports every reason why there is none.

mod caches;
mod checkpoint;
mod credentials;
mod daemon;
mod endpoint;
mod lint;
mod profile;
mod rules;
mod sums;
mod team;
mod timing;
mod zone;

pub use lint::{environment as environment_warnings, unreadable_manifest, unreadable_secret};

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Config;
use super::context::{Bad, Context, join};
use super::daemon::Daemon;
use super::diagnostic::Diagnostic;
use super::endpoint::{Credentials, Endpoint};
use super::file::Source;
use super::profile::Profile;
use super::reader::{Found, Reader};
use super::tables::Tables;
use super::value::Kind;
use super::value::name::Name;
use team::Teams;

/// Named things; `None` where one was defined and is bad.
pub(super) type Known<T> = BTreeMap<Arc<str>, Option<Arc<T>>>;

/// What profiles refer to.
pub(super) struct Scope<'a> {
    pub daemon: &'a Result<Daemon, Bad>,
    pub credentials: &'a Known<Credentials>,
    pub endpoints: &'a Known<Endpoint>,
    pub teams: &'a Teams,
}

pub(super) fn resolve(tables: &Tables<'_>, sources: Vec<Source>, cx: &mut Context) -> Result<Config, Bad> {
    let mut sections = Vec::new();
    let daemon = daemon::resolve(tables.daemon.as_ref(), cx, &mut sections);
    let mut credentials = Known::new();
    for (name, layers) in &tables.credentials {
        if cx.is_over() {
            break;
        }
        let mut reader = Reader::new(cx, join("credentials", name), layers.clone());
        let resolved = named(name, &mut reader).and_then(|name| credentials::resolve(&name, &mut reader));
        sections.push(reader.into_section());
        credentials.insert(Arc::from(*name), resolved.ok().map(Arc::new));
    }
    let mut endpoints = Known::new();
    for (name, layers) in &tables.endpoints {
        if cx.is_over() {
            break;
        }
        endpoint::values(layers, cx);
        let resolved = endpoint::resolve(name, layers, (&credentials, cx), &mut sections);
        endpoints.insert(Arc::from(*name), resolved.ok().map(Arc::new));
    }
    let mut teams = Teams::new();
    for (name, layers) in &tables.teams {
        let granted = team::resolve(name, layers, (&credentials, &endpoints), (cx, &mut sections));
        teams.insert(Arc::from(*name), granted.ok());
    }
    let scope = Scope { daemon: &daemon, credentials: &credentials, endpoints: &endpoints, teams: &teams };
    // By itself, since profiles may hide what is wrong in it.
    if let Some(layer) = &tables.defaults {
        profile::values(layer, &scope, cx);
    }
    let mut profiles = Known::new();
    for (name, layers) in &tables.profiles {
        if cx.is_over() {
            break;
        }
        let resolved = profile::resolve(name, (layers, tables.defaults.as_ref()), &scope, (cx, &mut sections));
        profiles.insert(Arc::from(*name), resolved.ok().map(Arc::new));
    }
    check(tables, &profiles, (&endpoints, &teams), cx);
    if let Ok(daemon) = &daemon {
        team::check_tokens(daemon, &teams, cx);
    }
    if cx.has_errors() {
        return Err(Bad);
    }
    let teams = teams.into_iter().map(|(name, granted)| (name, granted.map(|granted| granted.team))).collect();
    Ok(Config {
        daemon: daemon?,
        credentials: good(credentials),
        endpoints: good(endpoints),
        profiles: good(profiles),
        teams: good(teams),
        warnings: std::mem::take(&mut cx.diagnostics),
        sections,
        zones: cx.zones.clone(),
        sources,
    })
}

/// What tables mean together.
fn check(
    tables: &Tables<'_>,
    profiles: &Known<Profile>,
    (endpoints, teams): (&Known<Endpoint>, &Teams),
    cx: &mut Context,
) {
    if tables.endpoints.is_empty() && tables.profiles.is_empty() && !cx.has_errors() {
        cx.absent(
            Diagnostic::error("there is neither an [endpoint] nor a [profile]")
                .help("`hotset config --reference` prints every key, with an example of each table"),
        );
    }
    caches::check(tables, cx);
    sums::check(tables, profiles, endpoints, cx);
    sums::check_teams(tables, profiles, teams, cx);
    lint::buckets_in_hosts(tables, profiles, cx);
    lint::unused(tables, cx);
}

/// Nothing is bad where there are no errors.
fn good<T>(all: Known<T>) -> BTreeMap<Arc<str>, Arc<T>> {
    all.into_iter().filter_map(|(name, thing)| Some((name, thing?))).collect()
}

/// Holds a table's name to the rule of names.
fn named<R>(name: &str, reader: &mut Reader<'_, '_, R>) -> Result<Arc<str>, Bad> {
    Name::parse(name).map_err(|error| {
        if let Some(place) = reader.place() {
            let path = reader.path.clone();
            let diagnostic = Diagnostic::error(&error.message).key(path).at(&place, "").help_if(error.help);
            reader.cx.push(diagnostic);
        }
        Bad
    })
}

/// Follows a name to what it names. `None` where that is bad, and has been reported.
fn follow<T>(found: &Found<Arc<str>>, known: &Known<T>, kind: &str, cx: &mut Context) -> Result<Arc<T>, Bad> {
    match known.get(&found.value) {
        Some(Some(thing)) => Ok(Arc::clone(thing)),
        Some(None) => Err(Bad),
        None if cx.is_over() => Err(Bad),
        None => {
            if !cx.is_broken(&join(kind, &found.value)) {
                let error = Diagnostic::error(format!("there is no [{}]", join(kind, &found.value)));
                let error = error
                    .key(&found.key)
                    .at(&found.place, "")
                    .help_if(cx.did_you_mean(&found.value, known.keys().map(AsRef::as_ref)));
                cx.absent(if known.is_empty() {
                    error.help(format!("define it: `[{kind}.{}]`", found.value))
                } else {
                    error
                });
            }
            Err(Bad)
        }
    }
}
