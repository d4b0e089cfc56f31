//! Resolves the selection rules of a profile.

use std::sync::Arc;

use crate::config::context::Bad;
use crate::config::profile::Source;
use crate::config::raw;
use crate::config::reader::{Found, Origin, Read, Reader, value, values};
use crate::config::source::admission::beside as beside_file;
use crate::config::value::text::manifest_text;
use crate::config::value::{duration, size};
use crate::manifest::Place;
use crate::pattern::Pattern;
use crate::select::{Cap, OnExcess, Order, Rules};

type R<'a, 'c> = Reader<'a, 'c, raw::Profile>;
type Patterns = Vec<Found<Pattern>>;

/// The rules, with the places that other checks point at.
pub(super) struct Placed {
    pub rules: Rules,
    pub patterns: Patterns,
    pub manifest: Option<Found<Source>>,
}

pub(super) fn resolve(r: &mut R<'_, '_>) -> Result<Placed, Bad> {
    let objects = r.texts("objects", |p| p.objects.as_ref());
    let manifest = r.text("manifest", |p| p.manifest.as_ref());
    let exclude = r.texts("exclude", |p| p.exclude.as_ref());
    let ages = ages(r);
    let sizes = sizes(r);
    let max_objects = r.plain("max_objects", |p| p.max_objects.as_ref());
    let max_bytes = max_bytes(r);
    let on_excess = r.text("on_excess", |p| p.on_excess.as_ref());
    let order = r.text_or("order", |p| p.order.as_ref(), Order::default());
    let storage_classes = storage_classes(r);
    let allow_empty = r.plain_or("allow_empty", |p| p.allow_empty.as_ref(), false);
    let source = source(r, objects, manifest);
    let on_excess = on_excess?.map_or_else(
        || {
            let group = r.layer(|p| p.checkpoint.as_ref()).is_some();
            let choice = if group { OnExcess::Refuse } else { OnExcess::Partial };
            let origin = if group { Origin::Inherited("default with checkpoint".to_owned()) } else { Origin::Default };
            r.record("on_excess", format!("\"{}\"", choice.as_str()), origin);
            choice
        },
        |found| found.value,
    );
    let (patterns, manifest) = source?;
    let ((newer_than, older_than), (min_size, max_size)) = (ages?, sizes?);
    Ok(Placed {
        rules: Rules {
            patterns: patterns.iter().map(|found| found.value.clone()).collect(),
            named: manifest.is_some(),
            exclude: value(exclude)?.map(values).unwrap_or_default(),
            newer_than,
            older_than,
            min_size,
            max_size,
            max_objects: value(max_objects)?,
            max_bytes: max_bytes?,
            on_excess,
            order: order?,
            storage_classes: storage_classes?,
            allow_empty: allow_empty?,
        },
        patterns,
        manifest,
    })
}

/// Where candidates come from: patterns, or a manifest, which patterns may narrow.
fn source(
    r: &mut R<'_, '_>,
    objects: Read<Patterns>,
    manifest: Read<Place>,
) -> Result<(Patterns, Option<Found<Source>>), Bad> {
    match (objects?, manifest?) {
        (Some(objects), _) if objects.value.is_empty() => {
            let error = objects.error("an empty list matches nothing", "");
            let error = error.help("for example `objects = [\"s3://training/datasets/**\"]`");
            Err(r.fail(error.help("to keep the profile without running it, write `paused = true`")))
        }
        (Some(objects), None) => Ok((objects.value, None)),
        (objects, Some(manifest)) => {
            let patterns = objects.map(|objects| objects.value).unwrap_or_default();
            Ok((patterns, Some(beside(manifest))))
        }
        (None, None) => {
            let help = "for example `objects = [\"s3://training/datasets/**\"]`";
            r.missing("objects", "a profile says which objects", &[help]);
            Err(Bad)
        }
    }
}

/// A file stands beside the one that names it, so that both can be moved.
fn beside(manifest: Found<Place>) -> Found<Source> {
    let Found { value, key, place } = manifest;
    let text = manifest_text(&value);
    let is_at = match value {
        Place::File { path, .. } => Place::File {
            path: beside_file(&place.file, &path),
            within: place.file.team.as_deref().map(|_| place.file.folder().to_owned()),
        },
        object @ Place::Object { .. } => object,
    };
    Found { value: Source { text, place: is_at }, key, place }
}

fn max_bytes(r: &mut R<'_, '_>) -> Result<Cap, Bad> {
    if let Some(cap) = value(r.text("max_bytes", |p| p.max_bytes.as_ref()))? {
        return Ok(cap);
    }
    r.missing(
        "max_bytes",
        "a profile says how much it may fill",
        &[
            "write `max_bytes = \"8 TiB\"` here, or in [defaults] for all profiles",
            "`max_bytes = \"unlimited\"` is possible, and has to be typed: what does not fit evicts what others need",
        ],
    );
    Err(Bad)
}

type Ages = (Option<std::time::Duration>, Option<std::time::Duration>);

fn ages(r: &mut R<'_, '_>) -> Result<Ages, Bad> {
    let newer = r.text("newer_than", |p| p.newer_than.as_ref());
    let older = r.text("older_than", |p| p.older_than.as_ref());
    let (newer, older) = (newer?, older?);
    let groups = r.layer(|p| p.checkpoint.as_ref()).map(|(table, layer)| layer.at(&table.span));
    if let Some(checkpoint) = groups {
        let mut ages = Ok((None, None));
        for age in [&newer, &older].into_iter().flatten() {
            let error = age.error("ages of single objects would tear checkpoints apart", "");
            let help = "`checkpoint.active_within` drops runs that are over, `checkpoint.keep` older checkpoints";
            ages = Err(r.fail(error.at(&checkpoint, "groups are whole").help(help)));
        }
        return ages;
    }
    if let (Some(newer), Some(older)) = (&newer, &older)
        && newer.value <= older.value
    {
        let (within, beyond) = (duration::show(newer.value), duration::show(older.value));
        let message = format!("nothing is at most {within} and at least {beyond} old");
        let error = newer.error(message, format!("at most {within} old"));
        let error = error.at(&older.place, format!("at least {beyond} old"));
        return Err(r.fail(error.help("`newer_than` is the greater of the two ages")));
    }
    Ok((newer.map(|found| found.value), older.map(|found| found.value)))
}

fn sizes(r: &mut R<'_, '_>) -> Result<(Option<u64>, Option<u64>), Bad> {
    let min = r.text("min_size", |p| p.min_size.as_ref());
    let max = r.text("max_size", |p| p.max_size.as_ref());
    let (min, max) = (min?, max?);
    if let (Some(min), Some(max)) = (&min, &max)
        && min.value > max.value
    {
        let (least, most) = (size::show(min.value), size::show(max.value));
        let error = min.error(format!("nothing is at least {least} and at most {most} large"), "the least");
        return Err(r.fail(error.at(&max.place, "the most").help("`min_size` is the smaller of the two")));
    }
    Ok((min.map(|found| found.value), max.map(|found| found.value)))
}

fn storage_classes(r: &mut R<'_, '_>) -> Result<Vec<Arc<str>>, Bad> {
    match r.texts("storage_classes", |p| p.storage_classes.as_ref())? {
        None => {
            r.record("storage_classes", "[\"STANDARD\"]".to_owned(), Origin::Default);
            Ok(vec![Arc::from("STANDARD")])
        }
        Some(list) if list.value.is_empty() => {
            Err(r.reject(&list, "an empty list leaves every object out", "leave the key out for `[\"STANDARD\"]`"))
        }
        Some(list) => Ok(values(list.value)),
    }
}
