use std::sync::Arc;
use std::time::Duration;

use crate::config::checkpoint::{Checkpoint, Layout, MemberCount, OnIncomplete, Parts};
use crate::config::context::Bad;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::raw;
use crate::config::reader::{Found, Layer, Origin, Reader, Section, toml_string, value};
use crate::config::suggest::did_you_mean;

type R<'a, 'c> = Reader<'a, 'c, raw::Checkpoint>;

/// The `checkpoint` table of the strongest layer that has one. An override replaces it as a whole.
pub(super) fn resolve(
    profile: &mut Reader<'_, '_, raw::Profile>,
) -> Result<(Option<Checkpoint>, Option<Section>), Bad> {
    if profile.is_broken("checkpoint") {
        return Err(Bad);
    }
    let Some((table, layer)) = profile.layer(|p| p.checkpoint.as_ref()) else { return Ok((None, None)) };
    let layer = Layer {
        table: &table.value,
        file: layer.file,
        path: format!("{}.checkpoint", layer.path),
        span: table.span.clone(),
        standing: layer.standing,
    };
    let mut reader = Reader::new(profile.cx, format!("{}.checkpoint", profile.path), vec![layer]);
    reader.values_only = profile.values_only;
    let checkpoint = read(&mut reader)?;
    Ok((Some(checkpoint), Some(reader.into_section())))
}

fn read(r: &mut R<'_, '_>) -> Result<Checkpoint, Bad> {
    let layout = r.text("layout", |c| Some(&c.layout));
    let group = r.text("group", |c| c.group.as_ref());
    let require = globs(r, "require", |c| c.require.as_ref());
    let forbid = globs(r, "forbid", |c| c.forbid.as_ref());
    let count = count(r);
    let pointer = r.text("pointer", |c| c.pointer.as_ref());
    let settle = r.text_or("settle", |c| c.settle.as_ref(), Duration::from_mins(2));
    let active_within = r.text("active_within", |c| c.active_within.as_ref());
    let parts = r.text("parts", |c| c.parts.as_ref());
    let keep = r.count_or("keep", |c| c.keep.as_ref(), 1);
    let on_incomplete = r.text_or("on_incomplete", |c| c.on_incomplete.as_ref(), OnIncomplete::default());
    let (layout, group) = (layout?.ok_or(Bad)?, group?);
    let grouped = group_fits(r, &layout, group.as_ref());
    let parts = weights_can_be_told(r, &layout, parts?);
    grouped?;
    Ok(Checkpoint {
        layout: layout.value,
        group: group.map(|found| found.value),
        require: require?,
        forbid: forbid?,
        count: count?,
        pointer: value(pointer)?,
        settle: settle?,
        active_within: value(active_within)?,
        parts: parts?,
        keep: keep?,
        on_incomplete: on_incomplete?,
    })
}

fn group_fits(r: &mut R<'_, '_>, layout: &Found<Layout>, group: Option<&Found<Arc<str>>>) -> Result<(), Bad> {
    if layout.value != Layout::Custom || group.is_some() {
        return Ok(());
    }
    let error = Diagnostic::error("a custom layout says what a checkpoint is").key(format!("{}.group", r.path));
    r.rule(
        error
            .at(&layout.place, "has no `group`")
            .help("for example `group = '(?<run>.*)/step_(?<step>[0-9]+)/'`: a regular expression over keys"),
    );
    Err(Bad)
}

fn weights_can_be_told(r: &mut R<'_, '_>, layout: &Found<Layout>, parts: Option<Found<Parts>>) -> Result<Parts, Bad> {
    let Some(parts) = parts else {
        r.record("parts", "\"all\"".to_owned(), Origin::Default);
        return Ok(Parts::All);
    };
    let reason = layout.value.mixes_weights().filter(|_| parts.value == Parts::Weights);
    let Some(reason) = reason else { return Ok(parts.value) };
    let error = Diagnostic::error(format!("weights cannot be had alone: {reason}")).key(&parts.key);
    let error = error.at(&parts.place, "").at(&layout.place, "in this layout");
    r.rule(error.help("write `parts = \"all\"`; `exclude` of the profile drops members by name"));
    Err(Bad)
}

type List = crate::config::value::At<Vec<crate::config::value::Typed<crate::config::value::glob::Members>>>;

fn globs<'a>(
    r: &mut R<'a, '_>,
    key: &'static str,
    pick: impl Fn(&'a raw::Checkpoint) -> Option<&'a List>,
) -> Result<Option<Vec<Arc<str>>>, Bad> {
    let list = value(r.texts(key, pick))?;
    Ok(list.map(|list| list.into_iter().map(|found| found.value).collect()))
}

fn count(r: &mut R<'_, '_>) -> Result<Option<MemberCount>, Bad> {
    if r.is_broken("count") {
        return Err(Bad);
    }
    let Some((typed, layer)) = r.layer(|c| c.count.as_ref()) else { return Ok(None) };
    let place = Place::new(&layer.file, typed.span.clone());
    let (count, shown) = match &typed.value {
        Ok(least) => (MemberCount::AtLeast(u64::try_from(*least).unwrap_or(1)), least.to_string()),
        Err(word) if word == "any" => (MemberCount::Any, toml_string(word)),
        Err(word) if word == "as-previous" => (MemberCount::AsPrevious, toml_string(word)),
        Err(word) => {
            let error = Diagnostic::error("is neither a number, nor `any`, nor `as-previous`")
                .key(format!("{}.count", layer.path));
            r.cx.push(error.at(&place, "").help_if(did_you_mean(word, ["any", "as-previous"])));
            return Err(Bad);
        }
    };
    r.record("count", shown, Origin::Typed(place, layer.standing));
    Ok(Some(count))
}
