//! Resolves `[profile.NAME]` tables.

use std::sync::Arc;

use super::team::Granted;
use super::{Scope, checkpoint, follow, lint, named, rules, timing};
use crate::config::context::{Bad, Context, join, toml_string};
use crate::config::diagnostic::Diagnostic;
use crate::config::endpoint::{Credentials, Endpoint};
use crate::config::profile::{Profile, Source};
use crate::config::raw;
use crate::config::reader::{Found, Layer, Origin, Read, Reader, Section, Standing, value};
use crate::config::tables::Layers;
use crate::manifest;
use crate::object::Bucket;
use crate::pattern::Pattern;

type R<'a, 'c> = Reader<'a, 'c, raw::Profile>;

/// A layer by itself, since a stronger one hides what is wrong below it.
pub(super) fn values(layer: &Layer<'_, raw::Profile>, scope: &Scope<'_>, cx: &mut Context) {
    let mut reader = Reader::new(cx, layer.path.clone(), vec![layer.clone()]).values_only();
    drop(read(&mut reader, scope, None));
}

pub(super) fn resolve(
    name: &str,
    (layers, defaults): (&Layers<'_, raw::Profile>, Option<&Layer<'_, raw::Profile>>),
    scope: &Scope<'_>,
    (cx, sections): (&mut Context, &mut Vec<Section>),
) -> Result<Profile, Bad> {
    if layers.len() > 1 {
        for layer in layers {
            values(layer, scope, cx);
        }
    }
    let all = layers.iter().chain(defaults).cloned().collect();
    let mut reader = Reader::new(cx, join("profile", name), all);
    let name = named(name, &mut reader);
    let own = layers.iter().find(|layer| layer.standing == Standing::Own);
    let team = match own.and_then(|layer| layer.place.file.team.as_deref()) {
        None => None,
        // One that is bad, or was taken out, has been reported.
        Some(team) => Some(scope.teams.get(team).and_then(Option::as_ref).ok_or(Bad)?),
    };
    let parts = read(&mut reader, scope, team);
    let team = team.map(|granted| granted.team.clone());
    sections.push(Section { team: team.as_ref().map(|team| team.name.clone()), ..reader.into_section() });
    let (parts, group) = parts?;
    sections.extend(group);
    Ok(Profile { name: name?, team, ..parts })
}

/// The profile, with no name yet.
fn read(r: &mut R<'_, '_>, scope: &Scope<'_>, team: Option<&Granted>) -> Result<(Profile, Option<Section>), Bad> {
    let endpoint =
        team.and_then(|team| team.endpoint(r)).unwrap_or_else(|| r.text("endpoint", |p| p.endpoint.as_ref()));
    let credentials =
        team.and_then(|team| team.credentials(r)).unwrap_or_else(|| r.text("credentials", |p| p.credentials.as_ref()));
    let rules = rules::resolve(r);
    let checkpoint = checkpoint::resolve(r);
    let min_warm = r.text("min_warm", |p| p.min_warm.as_ref());
    let timing = timing::resolve(r, scope.daemon.as_ref().ok().map(|daemon| daemon.time_zone.clone()));
    let priority = r.plain_or("priority", |p| p.priority.as_ref(), 0);
    let paused = r.plain_or("paused", |p| p.paused.as_ref(), false);
    if r.values_only {
        return Err(Bad);
    }
    let admitted = team.map_or(Ok(()), |team| team.admits_names(r, &endpoint, &credentials));
    let endpoint = self::endpoint(r, endpoint, scope);
    let credentials = match credentials? {
        None => None,
        Some(found) => Some(follow(&found, scope.credentials, "credentials", r.cx)?),
    };
    let admitted = match (team, &rules, &priority) {
        (Some(team), Ok(placed), Ok(priority)) => {
            admitted.and(team.admits(r, (&placed.patterns, placed.manifest.as_ref()), *priority))
        }
        _ => admitted,
    };
    if let Ok(placed) = &rules {
        // Groups are found by their folders, and of a manifest nothing is listed.
        let by_folders = matches!(&checkpoint, Ok((Some(checkpoint), _)) if checkpoint.naming.counts());
        fits(r, placed, by_folders, endpoint.as_deref().ok().map(|endpoint| (endpoint, credentials.as_ref())))?;
    }
    let (rules, timing, (checkpoint, section)) = (rules?, timing?, checkpoint?);
    if let (Some(manifest), Some(_)) = (&rules.manifest, &checkpoint) {
        let help = "name the folder of the checkpoints with `objects`: completeness sees every key of a group";
        return Err(r.reject(manifest, "a manifest cannot tell whether a checkpoint is complete", help));
    }
    admitted?;
    let profile = Profile {
        name: Arc::from(""),
        team: None,
        endpoint: endpoint?,
        credentials,
        rules: rules.rules,
        manifest: rules.manifest.map(|manifest| manifest.value),
        checkpoint,
        min_warm: value(min_warm)?,
        schedules: timing.schedules,
        zone: timing.zone,
        window: timing.window,
        jitter: timing.jitter,
        on_missed: timing.on_missed,
        on_overlap: timing.on_overlap,
        on_reload: timing.on_reload,
        on_start: timing.on_start,
        rewarm_after: timing.rewarm_after,
        deadline: timing.deadline,
        priority: priority?,
        paused: paused?,
    };
    Ok((profile, section))
}

/// Whether what is named is within reach of the endpoint and its keys, and a warning where much more is listed than that.
fn fits(
    r: &mut R<'_, '_>,
    placed: &rules::Placed,
    by_folders: bool,
    site: Option<(&Endpoint, Option<&Arc<Credentials>>)>,
) -> Result<(), Bad> {
    if !by_folders && placed.manifest.is_none() {
        lint::whole_buckets(r, &placed.patterns);
    }
    let Some(site) = site else { return Ok(()) };
    buckets_fit(r, &placed.patterns, site)?;
    manifest_fits(r, placed.manifest.as_ref(), site)
}

fn endpoint(r: &mut R<'_, '_>, found: Read<Arc<str>>, scope: &Scope<'_>) -> Result<Arc<Endpoint>, Bad> {
    if let Some(found) = found? {
        return follow(&found, scope.endpoints, "endpoint", r.cx);
    }
    let mut known = scope.endpoints.iter();
    match (known.next(), known.next()) {
        (Some((name, endpoint)), None) => {
            r.record("endpoint", toml_string(name), Origin::Inherited("the only endpoint".to_owned()));
            endpoint.clone().ok_or(Bad)
        }
        (None, _) => {
            if !r.cx.is_any_broken("endpoint") {
                r.missing("endpoint", "there is no [endpoint.NAME] to warm", &["for example `[endpoint.lota]` with `cache_url = \"http://cwlota.com\"` and `region = \"us-east-1\"`"]);
            }
            Err(Bad)
        }
        _ => {
            let names: Vec<String> = scope.endpoints.keys().map(|name| format!("`{name}`")).collect();
            let help = format!("name one of {}", names.join(", "));
            r.missing(
                "endpoint",
                "there are several endpoints",
                &[&help, "or name one in [defaults] for all profiles"],
            );
            Err(Bad)
        }
    }
}

/// Literal buckets can be reached, and the keys are for them. Those behind globs are held to the same at run time.
fn buckets_fit(
    r: &mut R<'_, '_>,
    patterns: &[Found<Pattern>],
    (endpoint, own): (&Endpoint, Option<&Arc<Credentials>>),
) -> Result<(), Bad> {
    let mut fit = Ok(());
    for pattern in patterns {
        let Some(bucket) = pattern.value.bucket().literal() else { continue };
        let start = "s3://".len();
        let place = pattern.place.inside(pattern.value.text(), start..start + pattern.value.bucket().text().len());
        let sites = [&endpoint.cache.0, &endpoint.list.0];
        if let Some(objection) = sites.into_iter().find_map(|site| site.addressing.objection(bucket.as_str())) {
            let error = Diagnostic::error(objection).key(&pattern.key);
            let error = error.at(&place, format!("[endpoint.{}] names buckets in the host", endpoint.name));
            let help = "`addressing = \"path\"` names it in the path, where the server allows that; LOTA does not";
            fit = Err(r.fail(error.help(help)));
        }
        let keys = own.unwrap_or(&endpoint.cache.0.credentials);
        if !keys.allow(&bucket) {
            fit = Err(r.fail(not_for_bucket(keys, &bucket).key(&pattern.key).at(&place, "")));
        }
    }
    fit
}

/// The list endpoint can be asked for a manifest, and the keys are for its bucket.
fn manifest_fits(
    r: &mut R<'_, '_>,
    manifest: Option<&Found<Source>>,
    (endpoint, own): (&Endpoint, Option<&Arc<Credentials>>),
) -> Result<(), Bad> {
    let Some(Found { value: Source { place: manifest::Place::Object { bucket, .. }, .. }, key, place }) = manifest
    else {
        return Ok(());
    };
    let list = &endpoint.list.0;
    let keys = own.unwrap_or(&list.credentials);
    let error = if let Some(objection) = list.addressing.objection(bucket.as_str()) {
        Diagnostic::error(objection).help("`addressing = \"path\"` names it in the path, where the server allows that")
    } else if keys.allow(bucket) {
        return Ok(());
    } else {
        not_for_bucket(keys, bucket)
    };
    Err(r.fail(error.key(key).at(place, "")))
}

fn not_for_bucket(keys: &Credentials, bucket: &Bucket) -> Diagnostic {
    let name = keys.name.as_deref().unwrap_or_default();
    Diagnostic::error(format!("[credentials.{name}] is not for bucket `{bucket}`"))
        .help(format!("add it to `buckets` of [credentials.{name}], or name other credentials"))
}
