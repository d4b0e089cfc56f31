//! Gathers the tables of all files by name. Each is defined once; overrides stand beside the table they change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::{Context, join};
use super::diagnostic::{Diagnostic, Place};
use super::file::File;
use super::raw::{Credentials, Daemon, Document, Endpoint, Named, Profile, Team};
use super::reader::{Layer, Standing};
use super::value::At;

/// A file that was read, and what it says.
pub(super) struct Parsed {
    pub file: Arc<File>,
    pub document: Document,
}

/// A table and what changes it, strongest first.
pub(super) type Layers<'a, R> = Vec<Layer<'a, R>>;

#[derive(Default)]
pub(super) struct Tables<'a> {
    pub daemon: Option<Layer<'a, Daemon>>,
    pub defaults: Option<Layer<'a, Profile>>,
    pub credentials: BTreeMap<&'a str, Layers<'a, Credentials>>,
    pub endpoints: BTreeMap<&'a str, Layers<'a, Endpoint>>,
    pub profiles: BTreeMap<&'a str, Layers<'a, Profile>>,
    pub teams: BTreeMap<&'a str, Layers<'a, Team>>,
}

impl<'a> Tables<'a> {
    pub(super) fn gather(files: &'a [Parsed], cx: &mut Context) -> Self {
        let mut tables = Self::default();
        for Parsed { file, document } in files {
            single(&mut tables.daemon, document.daemon.as_ref(), (file, "daemon"), cx);
            single(&mut tables.defaults, document.defaults.as_ref(), (file, "defaults"), cx);
            define(&mut tables.credentials, &document.credentials, (file, "credentials"), cx);
            define(&mut tables.endpoints, &document.endpoint, (file, "endpoint"), cx);
            define(&mut tables.profiles, &document.profile, (file, "profile"), cx);
            define(&mut tables.teams, &document.team, (file, "team"), cx);
        }
        for Parsed { file, document } in files {
            change(&mut tables.endpoints, &document.overrides.endpoint, (file, "endpoint"), cx);
            change(&mut tables.profiles, &document.overrides.profile, (file, "profile"), cx);
        }
        once_each(cx);
        tables
    }
}

fn layer<'a, R>(file: &Arc<File>, path: String, table: &'a At<R>, standing: Standing) -> Layer<'a, R> {
    Layer { table: &table.value, place: Place::new(file, table.span.clone()), path, standing }
}

fn single<'a, R>(
    slot: &mut Option<Layer<'a, R>>,
    table: Option<&'a At<R>>,
    (file, name): (&Arc<File>, &str),
    cx: &mut Context,
) {
    let Some(table) = table else { return };
    let standing = if name == "defaults" { Standing::Defaults } else { Standing::Own };
    let new = layer(file, name.to_owned(), table, standing);
    match slot {
        None => *slot = Some(new),
        Some(first) => cx.push(
            Diagnostic::error(format!("[{name}] stands in one file only"))
                .at(&new.place, "defined again here")
                .at(&first.place, "first defined here")
                .help("keep one of the two, and move the other's keys there"),
        ),
    }
}

fn define<'a, R>(
    all: &mut BTreeMap<&'a str, Layers<'a, R>>,
    named: &'a Named<R>,
    (file, kind): (&Arc<File>, &str),
    cx: &mut Context,
) {
    for (name, table) in named {
        let path = join(kind, name);
        let new = layer(file, path.clone(), table, Standing::Own);
        match all.get(name.as_str()).and_then(|layers| layers.first()) {
            None => {
                all.insert(name, vec![new]);
            }
            Some(first) => {
                let error = Diagnostic::error(format!("[{path}] is defined twice"))
                    .at(&new.place, "defined again here")
                    .at(&first.place, "first defined here");
                cx.push(if matches!(kind, "credentials" | "team") {
                    error.help("rename one of the two")
                } else {
                    error.help(format!(
                        "rename one of the two; to change keys of it in a later --config, write `[override.{path}]`"
                    ))
                });
            }
        }
    }
}

fn change<'a, R>(
    all: &mut BTreeMap<&'a str, Layers<'a, R>>,
    named: &'a Named<R>,
    (file, kind): (&Arc<File>, &str),
    cx: &mut Context,
) {
    for (name, table) in named {
        let new = layer(file, format!("override.{}", join(kind, name)), table, Standing::Override);
        let Some(layers) = all.get_mut(name.as_str()) else {
            if !cx.is_broken(&join(kind, name)) {
                let error =
                    Diagnostic::error(format!("there is no [{}] to change", join(kind, name))).at(&new.place, "");
                cx.absent(error.help_if(cx.did_you_mean(name, all.keys().copied())));
            }
            continue;
        };
        if let Some(own) =
            layers.iter().find(|layer| layer.standing == Standing::Own && layer.place.file.layer >= file.layer)
        {
            cx.push(
                Diagnostic::error("an override stands in a later --config than the table it changes")
                    .key(new.path.clone())
                    .at(&new.place, "changes a table of the same or a later --config")
                    .at(&own.place, "the table")
                    .help("change the table itself, or name the file with the override by a further --config"),
            );
            continue;
        }
        layers.insert(0, new);
    }
}

/// No key is overridden twice: the second would win in silence.
fn once_each(cx: &mut Context) {
    let mut first: BTreeMap<String, Place> = BTreeMap::new();
    for (key, place) in std::mem::take(&mut cx.override_keys) {
        match first.get(&key) {
            None => {
                first.insert(key, place);
            }
            Some(earlier) => cx.push(
                Diagnostic::error("the key is overridden twice")
                    .key(&key)
                    .at(&place, "again here")
                    .at(earlier, "first here")
                    .help("keep one of the two"),
            ),
        }
    }
}
