//! The state of one resolution: the diagnostics so far, each once, and the keys that are known to be bad.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::counted::Counted;
use super::diagnostic::{Diagnostic, MAX_DIAGNOSTICS, Place};
use super::suggest::did_you_mean;
use super::zones::{Known, Zones};
use crate::schedule::{Schedule, Zone};
use crate::select::checkpoint::Checkpoint;
use crate::select::checkpoint::layout::Layout;
use crate::text_error::TextError;

/// Errors with a suggestion.
const MAX_SUGGESTIONS: usize = 50;

/// A value that cannot be used, and has been reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bad;

/// Tells a reading that nobody waits for it any more. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(super) struct Context {
    pub(super) zones: Zones,
    /// Looked up already: a file is read once, however many profiles name its zone.
    known_zones: HashMap<String, Result<Known, String>>,
    pub(super) diagnostics: Vec<Diagnostic>,
    errors: usize,
    pub(super) stop: Stop,
    pub(super) counted: Counted,
    /// What layouts say, each compiled once.
    layouts: HashMap<Layout, Option<Checkpoint>>,
    /// By text and zone.
    schedules: HashMap<(String, String), Schedule>,
    gaps: HashMap<Vec<(String, String)>, Option<Duration>>,
    seen: HashSet<(usize, usize, usize, String)>,
    /// Dotted paths of keys whose value the walk took out.
    broken: HashSet<String>,
    /// A file could not be read or parsed, so what seems to be missing may stand there.
    pub(super) incomplete: bool,
    /// Every key of an override, in order.
    pub(super) override_keys: Vec<(String, Place)>,
}

impl Context {
    pub(super) fn new(zones: Zones, stop: Stop) -> Self {
        Self { zones, stop, ..Self::default() }
    }

    pub(super) fn zone(&mut self, name: &str) -> Result<Known, String> {
        self.known_zones.entry(name.to_owned()).or_insert_with(|| self.zones.find(name)).clone()
    }

    /// What the layout says by itself.
    pub(super) fn of_layout(&mut self, layout: Layout) -> Option<Checkpoint> {
        self.layouts.entry(layout).or_insert_with(|| Checkpoint::of(layout)).clone()
    }

    /// A schedule in a zone, read once however many profiles have it.
    ///
    /// # Errors
    /// Not a schedule.
    pub(super) fn schedule(&mut self, text: &str, zone: &Zone) -> Result<Schedule, TextError> {
        let key = (text.to_owned(), zone.name().to_owned());
        if let Some(known) = self.schedules.get(&key) {
            return Ok(known.clone());
        }
        let new = Schedule::parse(text, zone.clone())?;
        self.schedules.insert(key, new.clone());
        Ok(new)
    }

    /// What `compute` says of these schedules together, asked once.
    pub(super) fn gap(
        &mut self,
        schedules: &[Schedule],
        compute: impl FnOnce(&[Schedule]) -> Option<Duration>,
    ) -> Option<Duration> {
        let key = |schedule: &Schedule| (schedule.text().to_owned(), schedule.zone().name().to_owned());
        *self.gaps.entry(schedules.iter().map(key).collect()).or_insert_with(|| compute(schedules))
    }

    /// Adds a diagnostic, unless the same was said of the same place.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        // Warnings never keep an error out.
        let same = if diagnostic.is_error() { self.errors } else { self.diagnostics.len() - self.errors };
        if same >= MAX_DIAGNOSTICS {
            return;
        }
        let place = diagnostic
            .place()
            .map_or((usize::MAX, 0, 0), |place| (place.file.number, place.span.start, place.span.end));
        if self.seen.insert((place.0, place.1, place.2, diagnostic.title())) {
            self.errors += usize::from(diagnostic.is_error());
            self.diagnostics.push(diagnostic);
        }
    }

    /// Nobody reads on, and a file of nothing but mistakes shall not cost more than one of a few.
    pub(super) fn is_over(&self) -> bool {
        self.errors >= MAX_DIAGNOSTICS || self.stop.is_set()
    }

    /// "Did you mean", for the errors that somebody reads: a long file may have thousands, each held against all names.
    pub(super) fn did_you_mean<'a>(&self, word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
        if self.errors < MAX_SUGGESTIONS { did_you_mean(word, names) } else { None }
    }

    /// Adds an error about something that is not there.
    pub(super) fn absent(&mut self, diagnostic: Diagnostic) {
        if !self.incomplete {
            self.push(diagnostic);
        }
    }

    pub(super) fn mark_broken(&mut self, path: &str) {
        self.broken.insert(path.to_owned());
    }

    pub(super) fn is_broken(&self, path: &str) -> bool {
        self.broken.contains(path)
    }

    /// Whether a table of this kind, or all of them, were taken out.
    pub(super) fn is_any_broken(&self, kind: &str) -> bool {
        let below =
            |path: &String| path.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.broken.iter().any(below)
    }

    pub(super) fn has_errors(&self) -> bool {
        self.errors > 0 || self.stop.is_set()
    }
}

/// A key as it stands in a dotted path.
pub(super) fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { key.to_owned() } else { toml_string(key) }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { quoted(key) } else { format!("{path}.{}", quoted(key)) }
}

/// A basic string of TOML.
pub(super) fn toml_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
