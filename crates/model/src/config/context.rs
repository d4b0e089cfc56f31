//! What resolving gathers on its way: diagnostics, each once, and which keys are known to be bad already.

use std::collections::{HashMap, HashSet};

use super::diagnostic::{Diagnostic, MOST, Place};
use super::zones::{Known, Zones};

/// A value that cannot be used, and has been reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bad;

pub(super) struct Context {
    pub(super) zones: Zones,
    /// Looked up already: a file is read once, however many profiles name its zone.
    known_zones: HashMap<String, Result<Known, String>>,
    diagnostics: Vec<Diagnostic>,
    seen: HashSet<(usize, usize, usize, String)>,
    /// Dotted paths of keys whose value the walk took out.
    broken: HashSet<String>,
    /// A file could not be read or parsed, so what seems to be missing may stand there.
    pub(super) incomplete: bool,
    /// Every key of an override, in order.
    pub(super) override_keys: Vec<(String, Place)>,
}

impl Context {
    pub(super) fn new(zones: Zones) -> Self {
        Self {
            zones,
            known_zones: HashMap::new(),
            diagnostics: Vec::new(),
            seen: HashSet::new(),
            broken: HashSet::new(),
            incomplete: false,
            override_keys: Vec::new(),
        }
    }

    pub(super) fn zone(&mut self, name: &str) -> Result<Known, String> {
        self.known_zones.entry(name.to_owned()).or_insert_with(|| self.zones.find(name)).clone()
    }

    /// Adds a diagnostic, unless the same was said of the same place.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.is_full() {
            return;
        }
        let place = diagnostic
            .place()
            .map_or((usize::MAX, 0, 0), |place| (place.file.number(), place.span.start, place.span.end));
        if self.seen.insert((place.0, place.1, place.2, diagnostic.title())) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Nobody reads on, and a file of nothing but mistakes shall not cost more than one of a few.
    pub(super) fn is_full(&self) -> bool {
        self.diagnostics.len() >= MOST
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
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

/// A key as it stands in a dotted path.
pub(super) fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { key.to_owned() } else { super::reader::toml_string(key) }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { quoted(key) } else { format!("{path}.{}", quoted(key)) }
}
