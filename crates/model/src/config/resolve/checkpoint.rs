//! Resolves the `checkpoint` table of a profile: the preset of its layout, with the keys that were typed in place of it.

mod lint;

use std::time::Duration;

use crate::config::context::{Bad, toml_string};
use crate::config::diagnostic::Diagnostic;
use crate::config::raw;
use crate::config::reader::{Found, Origin, Reader, Section, value, values};
use crate::config::suggest::did_you_mean;
use crate::config::value::duration;
use crate::pattern::KeyGlob;
use crate::select::checkpoint::layout::Layout;
use crate::select::checkpoint::naming::Naming;
use crate::select::checkpoint::{Checkpoint, Kind, MemberCount, OnIncomplete, Parts, When};

type R<'a, 'c> = Reader<'a, 'c, raw::Checkpoint>;

/// The `checkpoint` table of the strongest layer that has one. It stands for itself: keys of weaker layers are not added.
pub(super) fn resolve(
    profile: &mut Reader<'_, '_, raw::Profile>,
) -> Result<(Option<Checkpoint>, Option<Section>), Bad> {
    if profile.is_broken("checkpoint") {
        return Err(Bad);
    }
    let Some((table, layer)) = profile.layer(|p| p.checkpoint.as_ref()) else { return Ok((None, None)) };
    let layer = layer.below("checkpoint", table);
    lint::order(profile, &layer);
    let mut reader = Reader::new(profile.cx, format!("{}.checkpoint", profile.path), vec![layer]);
    reader.values_only = profile.values_only;
    let checkpoint = read(&mut reader)?;
    Ok((Some(checkpoint), Some(reader.into_section())))
}

fn read(r: &mut R<'_, '_>) -> Result<Checkpoint, Bad> {
    let layout = r.text("layout", |c| Some(&c.layout));
    let group = r.text("group", |c| c.group.as_ref());
    let require = r.texts("require", |c| c.require.as_ref());
    let forbid = r.texts("forbid", |c| c.forbid.as_ref());
    let count = count(r);
    let pointer = r.text("pointer", |c| c.pointer.as_ref());
    let unfinished = r.text("unfinished", |c| c.unfinished.as_ref());
    let times = times(r);
    let parts = r.text("parts", |c| c.parts.as_ref());
    let keep = r.plain_or("keep", |c| c.keep.as_ref(), 1);
    let on_incomplete = r.text_or("on_incomplete", |c| c.on_incomplete.as_ref(), OnIncomplete::default());
    let (layout, group) = (layout?.ok_or(Bad)?, group?);
    let checkpoint = base(r, &layout, group);
    let parts = parts_of(r, &layout, parts?);
    let mut checkpoint = checkpoint?;
    if let Some(require) = value(require)? {
        checkpoint.kinds = vec![Kind::always(values(require))];
    }
    checkpoint.forbid = value(forbid)?.map_or(checkpoint.forbid, values);
    checkpoint.count = count?.unwrap_or(checkpoint.count);
    checkpoint.pointer = value(pointer)?.or(checkpoint.pointer);
    checkpoint.beside = value(unfinished)?.or(checkpoint.beside);
    show_layout(r, &checkpoint);
    (checkpoint.parts, (checkpoint.without, checkpoint.mixed)) = parts?;
    let (settle, active_within) = times?;
    Ok(Checkpoint { settle, active_within, keep: keep?, on_incomplete: on_incomplete?, ..checkpoint })
}

/// How long a group must have been quiet, and how old the newest object of a run may be.
fn times(r: &mut R<'_, '_>) -> Result<(Duration, Option<Duration>), Bad> {
    let settle = r.text("settle", |c| c.settle.as_ref());
    let active_within = r.text("active_within", |c| c.active_within.as_ref());
    let (settle, active_within) = (settle?, active_within?);
    if settle.is_none() {
        let shown = toml_string(&duration::show(Checkpoint::SETTLE));
        r.record("settle", shown, Origin::Default);
    }
    lint::times(r, settle.as_ref(), active_within.as_ref())?;
    let settle = settle.map_or(Checkpoint::SETTLE, |settle| settle.value);
    Ok((settle, active_within.map(|within| within.value)))
}

/// What the layout says, with the groups that were typed in place of its own.
fn base(r: &mut R<'_, '_>, layout: &Found<Layout>, group: Option<Found<Naming>>) -> Result<Checkpoint, Bad> {
    match (r.cx.of_layout(layout.value), group) {
        (Some(preset), None) => Ok(preset),
        // Names that were typed tell by themselves what is a group.
        (Some(preset), Some(group)) => Ok(Checkpoint { naming: group.value, signs: Vec::new(), ..preset }),
        (None, Some(group)) => Ok(Checkpoint::custom(group.value)),
        (None, None) => {
            let error = Diagnostic::error("a custom layout says what a checkpoint is").key(format!("{}.group", r.path));
            let help = "for example `group = '(?<run>.*)/step_(?<step>[0-9]+)/'`: a regular expression over keys";
            Err(r.fail(error.at(&layout.place, "has no `group`").help(help)))
        }
    }
}

/// Records what was left to the layout.
fn show_layout(r: &mut R<'_, '_>, checkpoint: &Checkpoint) {
    let list = |globs: &[KeyGlob]| {
        let globs: Vec<String> = globs.iter().map(|glob| toml_string(glob.text())).collect();
        format!("[{}]", globs.join(", "))
    };
    let require = match checkpoint.kinds.as_slice() {
        [Kind { when: When::Always, require, named: false, .. }] => Some(list(require)),
        _ => None,
    };
    let forbid = (!checkpoint.forbid.is_empty()).then(|| list(&checkpoint.forbid));
    let pointer = checkpoint.pointer.as_deref().map(toml_string);
    let all = [
        ("group", Some(toml_string(checkpoint.naming.text()))),
        ("require", require),
        ("forbid", forbid),
        ("count", Some(show_count(checkpoint.count))),
        ("pointer", pointer),
        ("unfinished", checkpoint.beside.as_deref().map(toml_string)),
    ];
    let origin = match checkpoint.layout {
        Layout::Custom => Origin::Default,
        layout => Origin::Inherited(format!("layout {}", layout.as_str())),
    };
    for (key, value) in all {
        if let Some(value) = value.filter(|_| !r.has(key)) {
            r.record(key, value, origin.clone());
        }
    }
}

type PartsOf = (Parts, (Vec<KeyGlob>, Vec<KeyGlob>));

fn parts_of(r: &mut R<'_, '_>, layout: &Found<Layout>, parts: Option<Found<Parts>>) -> Result<PartsOf, Bad> {
    let Some(parts) = parts else {
        r.record("parts", "\"all\"".to_owned(), Origin::Default);
        return Ok((Parts::All, Default::default()));
    };
    if parts.value == Parts::All {
        return Ok((Parts::All, Default::default()));
    }
    layout.value.weights().map(|weights| (Parts::Weights, weights)).map_err(|reason| {
        let error = parts.error(format!("weights cannot be had alone: {reason}"), "");
        let error = error.at(&layout.place, "in this layout");
        r.fail(error.help("write `parts = \"all\"`; `exclude` of the profile drops members by name"))
    })
}

fn show_count(count: MemberCount) -> String {
    match count {
        MemberCount::AtLeast(_) => count.to_string(),
        MemberCount::Any | MemberCount::AsPrevious | MemberCount::LikePrevious => toml_string(&count.to_string()),
    }
}

fn count(r: &mut R<'_, '_>) -> Result<Option<MemberCount>, Bad> {
    if r.is_broken("count") {
        return Err(Bad);
    }
    let Some((typed, layer)) = r.layer(|c| c.count.as_ref()) else { return Ok(None) };
    let place = layer.at(&typed.span);
    let count = match &typed.value {
        raw::MemberCount::AtLeast(least) => MemberCount::AtLeast(*least),
        raw::MemberCount::Word(word) => match &**word {
            "any" => MemberCount::Any,
            "as-previous" => MemberCount::AsPrevious,
            "like-previous" => MemberCount::LikePrevious,
            word => {
                let error = Diagnostic::error("is neither a number, nor `any`, `as-previous` or `like-previous`")
                    .key(format!("{}.count", layer.path));
                r.cx.push(error.at(&place, "").help_if(did_you_mean(word, ["any", "as-previous", "like-previous"])));
                return Err(Bad);
            }
        },
    };
    r.record("count", show_count(count), Origin::Typed(place, layer.standing));
    Ok(Some(count))
}
