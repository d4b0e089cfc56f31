//! Reads the keys of one table through its layers: an override beats the table, the table beats `[defaults]`, and a key that
//! is nowhere takes its default. Records where every value came from.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::context::{Bad, Context, toml_string};
use super::counted;
use super::diagnostic::{Diagnostic, Place};
use super::reference::{example, rank};
use super::schema::head;
use super::value::{At, Kind, Typed};
use crate::text_error::TextError;

/// Where a layer of a table stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Override,
    Own,
    Defaults,
}

/// Where a value came from.
#[derive(Clone, Debug)]
pub enum Origin {
    Typed(Place, Standing),
    /// Taken from another key, which is named.
    Inherited(String),
    Default,
}

/// `training.toml:12`, `default`
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Typed(place, Standing::Own) => write!(f, "{place}"),
            Self::Typed(place, Standing::Defaults) => write!(f, "[defaults], {place}"),
            Self::Typed(place, Standing::Override) => write!(f, "override, {place}"),
            Self::Inherited(from) => f.write_str(from),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One resolved key.
#[derive(Clone, Debug)]
pub struct Setting {
    pub key: &'static str,
    /// As TOML.
    pub value: Arc<str>,
    pub origin: Origin,
}

/// One resolved table.
#[derive(Clone, Debug)]
pub struct Section {
    /// As TOML writes it between brackets.
    pub head: String,
    /// Whose profile it is.
    pub team: Option<Arc<str>>,
    pub settings: Vec<Setting>,
}

/// A table in one file.
pub(super) struct Layer<'a, R> {
    pub table: &'a R,
    /// Its head.
    pub place: Place,
    /// Of the table's keys.
    pub path: String,
    pub standing: Standing,
}

impl<'a, R> Layer<'a, R> {
    pub(super) fn at(&self, span: &Range<usize>) -> Place {
        Place::new(&self.place.file, span.clone())
    }

    /// A table within it.
    pub(super) fn below<T>(&self, key: &str, table: &'a At<T>) -> Layer<'a, T> {
        let (place, path) = (self.at(&table.span), format!("{}.{key}", self.path));
        Layer { table: &table.value, place, path, standing: self.standing }
    }
}

impl<R> Clone for Layer<'_, R> {
    fn clone(&self) -> Self {
        Self { place: self.place.clone(), path: self.path.clone(), ..*self }
    }
}

/// A value that was typed.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub value: T,
    /// The dotted path it was typed at.
    pub key: String,
    pub place: Place,
}

impl<T> Found<T> {
    /// An error about it, and what its label says.
    pub(super) fn error(&self, message: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).key(&self.key).at(&self.place, label)
    }

    pub(super) fn warning(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(message).key(&self.key).at(&self.place, "")
    }
}

pub(super) type Read<T> = Result<Option<Found<T>>, Bad>;

pub(super) struct Reader<'a, 'c, R> {
    pub cx: &'c mut Context,
    /// Of the table, as the user sees it.
    pub path: String,
    /// Strongest first.
    layers: Vec<Layer<'a, R>>,
    settings: Vec<Setting>,
    /// Only values are looked at, not what they mean together.
    pub values_only: bool,
}

impl<'a, 'c, R> Reader<'a, 'c, R> {
    pub(super) fn new(cx: &'c mut Context, path: String, layers: Vec<Layer<'a, R>>) -> Self {
        Self { cx, path, layers, settings: Vec::new(), values_only: false }
    }

    /// Reports invalid values only, and breaks of no rule between keys.
    pub(super) fn values_only(mut self) -> Self {
        self.values_only = true;
        self
    }

    /// The head of the table itself, without overrides and defaults.
    pub(super) fn place(&self) -> Option<Place> {
        let own = self.layers.iter().find(|layer| layer.standing == Standing::Own).or(self.layers.first());
        own.map(|layer| layer.place.clone())
    }

    /// Adds a diagnostic about what values mean together.
    pub(super) fn rule(&mut self, diagnostic: Diagnostic) {
        if !self.values_only {
            self.cx.push(diagnostic);
        }
    }

    /// Adds an error about a value, which breaks a rule that others set.
    pub(super) fn reject<T>(&mut self, found: &Found<T>, message: impl Into<String>, help: impl Into<String>) -> Bad {
        self.fail(found.error(message, "").help(help))
    }

    /// Adds an error about what values mean together.
    pub(super) fn fail(&mut self, error: Diagnostic) -> Bad {
        self.rule(error);
        Bad
    }

    /// Adds an error about a key that is not there, at the head of the table.
    pub(super) fn missing(&mut self, key: &str, message: &str, helps: &[&str]) {
        if self.values_only {
            return;
        }
        let mut error = Diagnostic::error(message).key(format!("{}.{key}", self.path));
        if let Some(place) = self.place() {
            error = error.at(&place, format!("has no `{key}`"));
        }
        self.cx.absent(helps.iter().fold(error, |error, help| error.help(*help)));
    }

    pub(super) fn layer<T>(&self, pick: impl Fn(&'a R) -> Option<&'a T>) -> Option<(&'a T, Layer<'a, R>)> {
        self.layers.iter().find_map(|layer| pick(layer.table).map(|value| (value, layer.clone())))
    }

    /// Whether a layer had the key with a value that was reported and taken out.
    pub(super) fn is_broken(&self, key: &str) -> bool {
        self.layers.iter().any(|layer| self.cx.is_broken(&format!("{}.{key}", layer.path)))
    }

    /// Whether a value of the key was recorded.
    pub(super) fn has(&self, key: &str) -> bool {
        self.settings.iter().any(|setting| setting.key == key)
    }

    pub(super) fn record(&mut self, key: &'static str, value: impl Into<Arc<str>>, origin: Origin) {
        self.settings.push(Setting { key, value: value.into(), origin });
    }

    pub(super) fn into_section(self) -> Section {
        let head = head(&self.path);
        let mut settings = self.settings;
        settings.sort_by_cached_key(|setting| rank(&head, setting.key));
        Section { head: self.path, team: None, settings }
    }

    fn found<T>(
        &mut self,
        key: &'static str,
        layer: &Layer<'_, R>,
        (span, value): (Range<usize>, T),
        show: impl FnOnce(&T) -> String,
    ) -> Found<T> {
        let place = layer.at(&span);
        let shown = match layer.standing {
            Standing::Defaults => self.cx.counted.shown(&place, || show(&value)),
            Standing::Override | Standing::Own => show(&value).into(),
        };
        self.record(key, shown, Origin::Typed(place.clone(), layer.standing));
        Found { value, key: format!("{}.{key}", layer.path), place }
    }

    fn parse<K: Kind>(&mut self, key: &str, layer: &Layer<'_, R>, typed: &Typed<K>) -> Result<K::Value, Bad> {
        if self.cx.is_over() {
            return Err(Bad);
        }
        let place = layer.at(&typed.span);
        let is_shared = layer.standing == Standing::Defaults;
        if let Some(value) = self.cx.counted.shared(&place).filter(|_| is_shared) {
            return Ok(value);
        }
        let refuse =
            |r: &mut Self, error: &TextError| r.refuse(&format!("{}.{key}", layer.path), &place, (&typed.text, error));
        let value = K::parse(&typed.text).map_err(|error| refuse(self, &error))?;
        if let Err(message) = self.cx.counted.weight(K::weight(&value), &typed.text) {
            return Err(refuse(self, &TextError::new(message).help(counted::REMEDY)));
        }
        if is_shared {
            self.cx.counted.share(&place, &value);
        }
        Ok(value)
    }

    /// Reports a text that is no value of its kind.
    pub(super) fn refuse(&mut self, path: &str, place: &Place, (text, error): (&str, &TextError)) -> Bad {
        let at = error.span.clone().map_or_else(|| place.clone(), |span| place.inside(text, span));
        let diagnostic = Diagnostic::error(&error.message).key(path).at(&at, "").help_if(error.help.clone());
        // Help in the user's own words says more than an example.
        let helped = error.help.as_ref().is_some_and(|help| help.contains('`'));
        let right = path.rsplit_once('.').and_then(|(table, key)| example(&head(table), key)).filter(|_| !helped);
        self.cx.push(diagnostic.help_if(right.map(|right| format!("for example `{right}`"))));
        Bad
    }

    pub(super) fn text<K: Kind>(
        &mut self,
        key: &'static str,
        pick: impl Fn(&'a R) -> Option<&'a Typed<K>>,
    ) -> Read<K::Value> {
        let read = match self.layer(pick) {
            None => Ok(None),
            Some((typed, layer)) => self
                .parse(key, &layer, typed)
                .map(|value| Some(self.found(key, &layer, (typed.span.clone(), value), |value| typed.show(value)))),
        };
        if self.is_broken(key) { Err(Bad) } else { read }
    }

    pub(super) fn text_or<K: Kind>(
        &mut self,
        key: &'static str,
        pick: impl Fn(&'a R) -> Option<&'a Typed<K>>,
        default: K::Value,
    ) -> Result<K::Value, Bad> {
        let read = self.text(key, pick)?;
        let show = |value: &K::Value| K::show(value).unwrap_or_else(|| unreachable!("a default is spelled in one way"));
        Ok(self.or_default(key, read, default, |value| toml_string(&show(value))))
    }

    pub(super) fn texts<K: Kind>(
        &mut self,
        key: &'static str,
        pick: impl Fn(&'a R) -> Option<&'a At<Vec<Typed<K>>>>,
    ) -> Read<Vec<Found<K::Value>>> {
        let read = match self.layer(pick) {
            None => Ok(None),
            Some((list, layer)) => self.items(key, &layer, list).map(Some),
        };
        if self.is_broken(key) { Err(Bad) } else { read }
    }

    fn items<K: Kind>(
        &mut self,
        key: &'static str,
        layer: &Layer<'_, R>,
        list: &At<Vec<Typed<K>>>,
    ) -> Result<Found<Vec<Found<K::Value>>>, Bad> {
        let At { span, value: items } = list;
        let path = format!("{}.{key}", layer.path);
        let most = if key == "schedule" { counted::MAX_SCHEDULES } else { counted::MAX_ENTRIES };
        if let Err(message) = self.cx.counted.entries(items.len(), most) {
            let error = TextError::new(message).help(counted::REMEDY);
            return Err(self.refuse(&path, &layer.at(span), ("", &error)));
        }
        let parsed: Vec<_> = items.iter().map(|item| (item.span.clone(), self.parse(key, layer, item))).collect();
        let found = parsed
            .into_iter()
            .map(|(span, value)| Ok(Found { value: value?, key: path.clone(), place: layer.at(&span) }))
            .collect::<Result<Vec<_>, Bad>>()?;
        Ok(self.found(key, layer, (span.clone(), found), |found: &Vec<Found<K::Value>>| {
            let shown: Vec<String> = found.iter().zip(items).map(|(item, typed)| typed.show(&item.value)).collect();
            format!("[{}]", shown.join(", "))
        }))
    }

    /// A value that TOML has itself; the walk has held it to its limits.
    pub(super) fn plain<T: Copy + fmt::Display + 'a>(
        &mut self,
        key: &'static str,
        pick: impl Fn(&'a R) -> Option<&'a At<T>>,
    ) -> Read<T> {
        let read =
            self.layer(pick).map(|(at, layer)| self.found(key, &layer, (at.span.clone(), at.value), T::to_string));
        if self.is_broken(key) { Err(Bad) } else { Ok(read) }
    }

    pub(super) fn plain_or<T: Copy + fmt::Display + 'a>(
        &mut self,
        key: &'static str,
        pick: impl Fn(&'a R) -> Option<&'a At<T>>,
        default: T,
    ) -> Result<T, Bad> {
        let read = self.plain(key, pick)?;
        Ok(self.or_default(key, read, default, T::to_string))
    }

    /// What was typed, else the default, which is recorded.
    fn or_default<T>(
        &mut self,
        key: &'static str,
        found: Option<Found<T>>,
        default: T,
        show: impl FnOnce(&T) -> String,
    ) -> T {
        match found {
            Some(found) => found.value,
            None => {
                self.record(key, show(&default), Origin::Default);
                default
            }
        }
    }
}

/// The values of a list.
pub(super) fn values<T>(list: Vec<Found<T>>) -> Vec<T> {
    list.into_iter().map(|found| found.value).collect()
}

pub(super) fn value<T>(read: Read<T>) -> Result<Option<T>, Bad> {
    read.map(|found| found.map(|found| found.value))
}
