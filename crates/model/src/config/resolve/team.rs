//! Resolves `[team]` tables and checks profiles against them. A diagnostic points at both: the profile's line, and the line
//! of the team that does not admit it.

use std::path::Path;
use std::sync::Arc;

use super::{Known, follow, named};
use crate::config::context::{Bad, Context, join, toml_string};
use crate::config::daemon::Daemon;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::endpoint::{Credentials, Endpoint};
use crate::config::profile::Source;
use crate::config::raw;
use crate::config::reach::steps_beside;
use crate::config::reader::{Found, Origin, Read, Reader, Section, Standing, values};
use crate::config::tables::Layers;
use crate::config::team::Team;
use crate::manifest;
use crate::pattern::Pattern;

type R<'a, 'c> = Reader<'a, 'c, raw::Profile>;

/// A team, with the places that its limits were typed at.
#[derive(Clone, Debug)]
pub(in crate::config) struct Granted {
    pub team: Arc<Team>,
    pub budget: Place,
    profiles: Place,
    endpoints: Place,
    credentials: Option<Place>,
    buckets: Place,
    run_token_file: Option<Place>,
    /// The head of the table, where none was typed.
    max_priority: Place,
}

/// Teams by name; `None` where one was defined and is bad.
pub(in crate::config) type Teams = std::collections::BTreeMap<Arc<str>, Option<Granted>>;

pub(super) fn resolve(
    name: &str,
    layers: &Layers<'_, raw::Team>,
    (credentials, endpoints): (&Known<Credentials>, &Known<Endpoint>),
    (cx, sections): (&mut Context, &mut Vec<Section>),
) -> Result<Granted, Bad> {
    let mut r = Reader::new(cx, join("team", name), layers.clone());
    let granted = read(name, &mut r, credentials, endpoints);
    sections.push(r.into_section());
    granted
}

fn read(
    name: &str,
    r: &mut Reader<'_, '_, raw::Team>,
    credentials: &Known<Credentials>,
    endpoints: &Known<Endpoint>,
) -> Result<Granted, Bad> {
    let name = named(name, r);
    let profiles = r.texts("profiles", |t| Some(&t.profiles)).and_then(|list| some(r, list));
    let named_endpoints = r.texts("endpoints", |t| Some(&t.endpoints)).and_then(|list| some(r, list));
    let named_credentials = r.texts("credentials", |t| t.credentials.as_ref());
    let buckets = r.texts("buckets", |t| Some(&t.buckets)).and_then(|list| some(r, list));
    let budget = r.text("budget", |t| Some(&t.budget));
    let max_priority = r.plain("max_priority", |t| t.max_priority.as_ref());
    let run_token_file = r.text("run_token_file", |t| t.run_token_file.as_ref());
    let head = r.place().ok_or(Bad)?;
    let named_endpoints = named_endpoints?;
    let known: Vec<_> = named_endpoints.value.iter().map(|found| follow(found, endpoints, "endpoint", r.cx)).collect();
    let named_credentials = match named_credentials? {
        Some(list) => Some(some(r, Some(list))?),
        None => None,
    };
    let keys: &[Found<Arc<str>>] = named_credentials.as_ref().map_or(&[], |list| &list.value);
    let keys: Vec<_> = keys.iter().map(|found| follow(found, credentials, "credentials", r.cx)).collect();
    let max_priority = max_priority?;
    if max_priority.is_none() {
        r.record("max_priority", "0".to_owned(), Origin::Default);
    }
    let (profiles, buckets, budget) = (profiles?, buckets?, budget?.ok_or(Bad)?);
    let run_token_file = run_token_file?;
    let run_token_place = run_token_file.as_ref().map(|found| found.place.clone());
    let team = Team {
        name: name?,
        profiles: values(profiles.value),
        endpoints: known.into_iter().map(|endpoint| Ok(endpoint?.name.clone())).collect::<Result<_, Bad>>()?,
        credentials: keys.into_iter().collect::<Result<_, Bad>>()?,
        buckets: values(buckets.value),
        budget: budget.value,
        max_priority: max_priority.as_ref().map_or(0, |found| found.value),
        run_token_file: run_token_file.map(|found| found.value),
    };
    Ok(Granted {
        team: Arc::new(team),
        budget: budget.place,
        profiles: profiles.place,
        endpoints: named_endpoints.place,
        credentials: named_credentials.map(|list| list.place),
        buckets: buckets.place,
        run_token_file: run_token_place,
        max_priority: max_priority.map_or(head, |found| found.place),
    })
}

/// Refuses one file for the tokens of two: whoever has the one would have the other, with all that it may do.
pub(super) fn check_tokens(daemon: &Daemon, teams: &Teams, cx: &mut Context) {
    let of_daemon = [("daemon.token_file", &daemon.token_file), ("daemon.run_token_file", &daemon.run_token_file)];
    let mut known: Vec<(String, &Path)> =
        of_daemon.into_iter().filter_map(|(key, path)| Some((key.to_owned(), path.as_deref()?))).collect();
    for granted in teams.values().flatten() {
        let (Some(path), Some(place)) = (&granted.team.run_token_file, &granted.run_token_file) else { continue };
        let key = format!("{}.run_token_file", granted.head());
        if let Some((other, _)) = known.iter().find(|(_, known)| known == path) {
            let error =
                Diagnostic::error(format!("is the file of {other}, too, so whoever has this token has that one"));
            cx.push(error.key(&*key).at(place, "").help("give each token a file of its own"));
        }
        known.push((key, path));
    }
}

/// A list with something in it.
fn some<T>(r: &mut Reader<'_, '_, raw::Team>, list: Option<Found<Vec<Found<T>>>>) -> Result<Found<Vec<Found<T>>>, Bad> {
    match list {
        Some(list) if !list.value.is_empty() => Ok(list),
        Some(list) => {
            Err(r.reject(&list, "an empty list admits nothing", "a team that is to warm nothing has no table"))
        }
        None => Err(Bad),
    }
}

impl Granted {
    fn head(&self) -> String {
        join("team", &self.team.name)
    }

    /// Its only endpoint, where neither its file nor an override names one: before that of `[defaults]`.
    pub(super) fn endpoint(&self, r: &mut R<'_, '_>) -> Option<Read<Arc<str>>> {
        let [only] = self.team.endpoints.as_slice() else { return None };
        let typed = r.layer(|p| p.endpoint.as_ref()).map(|(_, layer)| layer.standing);
        self.default(r, "endpoint", typed, (only, &self.endpoints, "the only one"))
    }

    /// Its first credentials, where neither its file nor an override names any: before those of `[defaults]`.
    pub(super) fn credentials(&self, r: &mut R<'_, '_>) -> Option<Read<Arc<str>>> {
        let (first, place) = (self.team.credentials.first()?.name.as_ref()?, self.credentials.as_ref()?);
        let typed = r.layer(|p| p.credentials.as_ref()).map(|(_, layer)| layer.standing);
        self.default(r, "credentials", typed, (first, place, "the first"))
    }

    fn default(
        &self,
        r: &mut R<'_, '_>,
        key: &'static str,
        typed: Option<Standing>,
        (value, place, which): (&Arc<str>, &Place, &str),
    ) -> Option<Read<Arc<str>>> {
        if typed.is_some_and(|standing| standing != Standing::Defaults) || r.is_broken(key) {
            return None;
        }
        r.record(key, toml_string(value), Origin::Inherited(format!("{which} of [{}]", self.head())));
        let key = format!("{}.{key}", self.head());
        Some(Ok(Some(Found { value: value.clone(), key, place: place.clone() })))
    }

    /// Holds a profile to the names that its team was given.
    pub(super) fn admits_names(
        &self,
        r: &mut R<'_, '_>,
        endpoint: &Read<Arc<str>>,
        credentials: &Read<Arc<str>>,
    ) -> Result<(), Bad> {
        let endpoints: Vec<&str> = self.team.endpoints.iter().map(AsRef::as_ref).collect();
        let keys: Vec<&str> = self.team.credentials.iter().filter_map(|keys| keys.name.as_deref()).collect();
        let endpoint = self.admits_name(r, ("endpoint", endpoint), &endpoints, Some(&self.endpoints));
        let credentials = match credentials {
            // Those of [defaults] are for everybody who was given none of their own.
            Ok(Some(found)) if keys.is_empty() && found.key.starts_with("defaults.") => Ok(()),
            credentials => self.admits_name(r, ("credentials", credentials), &keys, self.credentials.as_ref()),
        };
        endpoint.and(credentials)
    }

    fn admits_name(
        &self,
        r: &mut R<'_, '_>,
        (kind, found): (&str, &Read<Arc<str>>),
        granted: &[&str],
        place: Option<&Place>,
    ) -> Result<(), Bad> {
        let Ok(Some(found)) = found else { return Ok(()) };
        if granted.contains(&&*found.value) {
            return Ok(());
        }
        let message = format!("[{}] is not given [{}]", self.head(), join(kind, &found.value));
        let list = if kind == "endpoint" { "endpoints" } else { "credentials" };
        let error = found.error(message, "");
        Err(r.fail(match place {
            Some(place) => error.at(place, "what it is given").help(format!(
                "name one of {}; whoever keeps [{}] may add to its `{list}`",
                ticked(granted.iter().copied()),
                self.head()
            )),
            None => error
                .at(&self.endpoints, "what it is given; of credentials none")
                .help(format!("leave the key out; whoever keeps [{}] may give it a `{list}`", self.head())),
        }))
    }

    /// Holds a profile to the buckets, files and priority of its team, and to its endpoints once more.
    pub(super) fn admits(
        &self,
        r: &mut R<'_, '_>,
        (patterns, manifest): (&[Found<Pattern>], Option<&Found<Source>>),
        priority: i64,
    ) -> Result<(), Bad> {
        let mut fit = Ok(());
        for pattern in patterns.iter().filter(|pattern| !self.team.covers(pattern.value.bucket())) {
            let (start, bucket) = ("s3://".len(), pattern.value.bucket().text());
            let place = pattern.place.inside(pattern.value.text(), start..start + bucket.len());
            let message = match pattern.value.bucket().literal() {
                Some(_) => format!("[{}] is not given bucket `{bucket}`", self.head()),
                None => format!("`{bucket}` may match buckets that [{}] is not given", self.head()),
            };
            fit = Err(self.refuse_bucket(r, &pattern.key, &place, &message));
        }
        if let Some(manifest) = manifest {
            fit = fit.and(self.admits_manifest(r, manifest));
        }
        if priority > self.team.max_priority {
            let message = format!("is more than the {} of [{}]", self.team.max_priority, self.head());
            if let Some((typed, layer)) = r.layer(|p| p.priority.as_ref()) {
                let error = Diagnostic::error(message).key(format!("{}.priority", layer.path));
                let error = error.at(&layer.at(&typed.span), "");
                r.rule(error.at(&self.max_priority, "what it is given: 0, unless `max_priority` says more"));
            }
            fit = Err(Bad);
        }
        fit
    }

    fn refuse_bucket(&self, r: &mut R<'_, '_>, key: &str, place: &Place, message: &str) -> Bad {
        let error = Diagnostic::error(message).key(key).at(place, "").at(&self.buckets, "what it is given");
        let all = ticked(self.team.buckets.iter().map(crate::pattern::BucketGlob::text));
        r.fail(error.help(format!("stay within {all}; whoever keeps [{}] may add to its `buckets`", self.head())))
    }

    fn admits_manifest(&self, r: &mut R<'_, '_>, manifest: &Found<Source>) -> Result<(), Bad> {
        let Found { value, key, place } = manifest;
        match &value.place {
            manifest::Place::Object { bucket, .. } if self.team.allows(bucket) => Ok(()),
            manifest::Place::Object { bucket, .. } => {
                Err(self.refuse_bucket(r, key, place, &format!("[{}] is not given bucket `{bucket}`", self.head())))
            }
            // What a trusted override names is as trusted.
            manifest::Place::File { within: None, .. } => Ok(()),
            manifest::Place::File { .. } => {
                if steps_beside(&value.text).is_some() {
                    return Ok(());
                }
                let message = "a team's manifest lies below the folder of the file that names it";
                let error = manifest.error(message, "leads out of it").at(&self.profiles, "the team's files");
                Err(r.fail(error.help("for example `file:manifests/today.jsonl`")))
            }
        }
    }
}

/// `` `a`, `b` `` and how many more: a few names at most.
fn ticked<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    const MAX_NAMED: usize = 10;
    let named: Vec<_> = names.by_ref().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
    let more = match names.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}
