//! A file of a configuration: as it was read, and as diagnostics show it.

use std::path::Path;

use super::secret::mask;
use crate::object::disturbs;

/// A text to parse, under the name that diagnostics call it by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Source {
    pub name: String,
    pub text: String,
    /// The position of its `--config`: overrides change tables of earlier layers.
    pub layer: usize,
    /// The team whose file it is: it holds that team's profiles and nothing else. `None`: it is trusted.
    pub team: Option<String>,
}

impl Source {
    /// One that may say anything.
    pub fn trusted(name: impl Into<String>, text: impl Into<String>, layer: usize) -> Self {
        Self { name: name.into(), text: text.into(), layer, team: None }
    }
}

/// A source as diagnostics show it.
#[derive(Debug)]
pub struct File {
    pub name: String,
    /// As long as the source, byte by byte, with stars where a secret stood.
    pub text: String,
    pub layer: usize,
    /// Its position in the order of reading.
    pub number: usize,
    /// The team whose file it is; `None` where it is trusted.
    pub team: Option<String>,
}

impl File {
    pub(super) fn new(source: &Source, number: usize) -> Self {
        let Source { name, text, layer, team } = source;
        Self { name: name.clone(), text: visible(&mask(text)), layer: *layer, number, team: team.clone() }
    }

    /// The folder that it stands in.
    pub fn folder(&self) -> &Path {
        let folder = Path::new(&self.name).parent().unwrap_or(Path::new(""));
        if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
    }
}

/// Replaces control and invisible characters beyond ASCII by question marks, byte for byte. The renderer replaces those of ASCII.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !c.is_ascii() && disturbs(c) => (0..c.len_utf8()).for_each(|_| shown.push('?')),
            c => shown.push(c),
        }
    }
    shown
}
