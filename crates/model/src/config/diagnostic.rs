//! Diagnostics: what is wrong with a configuration, and where (file, line, caret, key), the rule, and how to fix it.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::file::File;
use crate::object::{Escaped, disturbs};

/// Diagnostics that are printed; the rest is only counted.
const MAX_SHOWN: usize = 50;

/// Bytes of source lines that are printed: a file may be a single line.
const MAX_LINE_BYTES: usize = 2 << 20;

/// Errors, and likewise warnings, that are collected at most.
pub(super) const MAX_DIAGNOSTICS: usize = 1000;

/// Bytes of a file.
#[derive(Clone, Debug)]
pub struct Place {
    pub file: Arc<File>,
    pub span: Range<usize>,
}

impl Place {
    pub fn new(file: &Arc<File>, span: Range<usize>) -> Self {
        Self { file: Arc::clone(file), span }
    }

    /// A part of the string whose literal stands here; all of it where escapes make its bytes differ from the file's.
    #[must_use]
    pub fn inside(&self, string: &str, part: Range<usize>) -> Self {
        let literal = self.file.text.get(self.span.clone()).unwrap_or_default();
        let Some(quotes) = [3, 1].into_iter().find(|quotes| {
            let end = literal.len().saturating_sub(*quotes);
            literal.get(*quotes..end) == Some(string)
        }) else {
            return self.clone();
        };
        let start = self.span.start + quotes;
        Self::new(&self.file, start + part.start.min(string.len())..start + part.end.min(string.len()))
    }

    /// Line and column, both from 1, the column in characters.
    pub fn position(&self) -> (usize, usize) {
        let before = self.file.text.get(..self.span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// `file:line`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.name, self.position().0)
    }
}

#[derive(Clone, Debug)]
struct Label {
    place: Place,
    text: String,
}

/// One thing that is wrong, or worth a second look.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Else a warning.
    is_error: bool,
    /// The dotted path of the key.
    key: Option<String>,
    message: String,
    /// The file, where there is no place in it.
    file: Option<String>,
    /// The first is the cause, the others belong to it.
    labels: Vec<Label>,
    helps: Vec<String>,
}

impl Diagnostic {
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self { is_error: true, key: None, message: clip(message), file: None, labels: Vec::new(), helps: Vec::new() }
    }

    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self { is_error: false, ..Self::error(message) }
    }

    pub(super) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    pub(super) fn file(mut self, name: impl Into<String>) -> Self {
        self.file = Some(name.into());
        self
    }

    pub(super) fn at(mut self, place: &Place, text: impl Into<String>) -> Self {
        self.labels.push(Label { place: place.clone(), text: clip(text) });
        self
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.helps.push(clip(text));
        self
    }

    pub(super) fn help_if(mut self, text: Option<String>) -> Self {
        self.helps.extend(text.map(clip));
        self
    }

    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// The dotted path of the key it is about, where it is about one.
    pub fn key_path(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub fn place(&self) -> Option<&Place> {
        self.labels.first().map(|label| &label.place)
    }

    pub(super) fn title(&self) -> String {
        match &self.key {
            Some(key) => format!("{key}: {}", self.message),
            None => self.message.clone(),
        }
    }

    /// With the lines it speaks of, for people.
    pub fn render(&self, color: bool) -> String {
        let level = if self.is_error() { Level::ERROR } else { Level::WARNING };
        let mut group = Group::with_title(level.primary_title(self.title()));
        let mut shown: Vec<&Arc<File>> = Vec::new();
        for label in &self.labels {
            let file = &label.place.file;
            if !shown.iter().any(|other| Arc::ptr_eq(other, file)) {
                shown.push(file);
                group = group.element(self.snippet(file));
            }
        }
        if let (true, Some(name)) = (self.labels.is_empty(), &self.file) {
            group = group.element(Origin::path(Escaped(name).to_string()));
        }
        for help in &self.helps {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    /// Bytes of the lines it shows.
    fn size(&self) -> usize {
        let line = |label: &Label| {
            let text = &label.place.file.text;
            lines(text, &[first_line(text, &label.place.span)]).len()
        };
        self.labels.iter().map(line).sum()
    }

    /// The lines of `file` that hold labels; the renderer folds what lies between.
    fn snippet<'a>(&'a self, file: &'a File) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let labels =
            || self.labels.iter().enumerate().filter(|(_, label)| std::ptr::eq(&raw const *label.place.file, file));
        let text = &file.text;
        let spans: Vec<_> = labels().map(|(_, label)| first_line(text, &label.place.span)).collect();
        let Range { start, end } = lines(text, &spans);
        let annotations = labels().zip(&spans).map(|((nth, label), span)| {
            let kind = if nth == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let span = kind.span(span.start - start..span.end - start);
            if label.text.is_empty() { span } else { span.label(&label.text) }
        });
        Snippet::source(&text[start..end])
            .line_start(text[..start].matches('\n').count() + 1)
            .path(Escaped(&file.name).to_string())
            .annotations(annotations)
    }
}

/// How many diagnostics to print: at most `most`, and as many as `MAX_LINE_BYTES` of source lines allow.
pub fn shown(all: &[Diagnostic], most: usize) -> usize {
    let sizes = all.iter().scan(0, |size, diagnostic| {
        *size += diagnostic.size();
        Some(*size)
    });
    sizes.take_while(|size| *size <= MAX_LINE_BYTES).count().max(1).min(most).min(all.len())
}

/// Shortens what the user typed, and escapes control characters.
fn clip(text: impl Into<String>) -> String {
    const MAX_CHARS: usize = 400;
    let text: String = text.into();
    let mut shown = String::with_capacity(text.len());
    for (nth, c) in text.chars().enumerate() {
        match c {
            _ if nth == MAX_CHARS => {
                shown.push_str("...");
                break;
            }
            c if c != '\n' && disturbs(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// The whole lines from the first of `spans` to the last.
fn lines(text: &str, spans: &[Range<usize>]) -> Range<usize> {
    let first = spans.iter().map(|span| span.start).min().unwrap_or(0);
    let last = spans.iter().map(|span| span.end).max().unwrap_or(0);
    let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
    start..text[last..].find('\n').map_or(text.len(), |at| last + at)
}

/// The part of `span` on its first line, within `text` and on the boundaries of characters.
fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let start = floor(span.start);
    let end = floor(span.end).max(start);
    let end = text[start..end].find(['\n', '\r']).map_or(end, |at| start + at);
    start..end
}

/// On one line, for logs: `file:line:column: key: message`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place() {
            let (line, column) = place.position();
            write!(f, "{}:{line}:{column}: ", place.file.name)?;
        } else if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        f.write_str(&self.title())
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let position = self.place().map(Place::position);
        let file = self.place().map(|place| &*place.file.name).or(self.file.as_deref());
        let mut out = serializer.serialize_struct("Diagnostic", 7)?;
        out.serialize_field("severity", if self.is_error() { "error" } else { "warning" })?;
        out.serialize_field("key", &self.key)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("file", &file)?;
        out.serialize_field("line", &position.map(|(line, _)| line))?;
        out.serialize_field("column", &position.map(|(_, column)| column))?;
        out.serialize_field("help", &self.helps)?;
        out.end()
    }
}

/// All that is wrong with a configuration, errors and warnings, in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Of files whose file system has not answered within `limit`.
    pub fn unanswered(paths: &[PathBuf], limit: Duration) -> Self {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let limit = humantime::format_duration(limit);
        let message =
            format!("{}: not read within {limit}: a file system, or a pipe, does not answer", paths.join(", "));
        Self::new(vec![Diagnostic::error(message)])
    }

    pub(super) fn new(mut all: Vec<Diagnostic>) -> Self {
        all.sort_by_key(|diagnostic| {
            (!diagnostic.is_error, diagnostic.place().map(|place| (place.file.number, place.span.start)))
        });
        Self(all)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    pub fn errors(&self) -> usize {
        self.0.iter().filter(|diagnostic| diagnostic.is_error()).count()
    }

    pub fn warnings(&self) -> usize {
        self.0.len() - self.errors()
    }

    /// For people: every diagnostic with its lines, then how many there are.
    pub fn render(&self, color: bool) -> String {
        let mut text = String::new();
        let shown = shown(&self.0, MAX_SHOWN);
        for diagnostic in self.0.iter().take(shown) {
            text.push_str(&diagnostic.render(color));
            text.push_str("\n\n");
        }
        if self.0.len() > shown {
            text.push_str(&format!("... and {} more\n\n", self.0.len() - shown));
        }
        text.push_str(&self.to_string());
        text.push('\n');
        text
    }
}

/// How many: `the configuration has 2 errors and 1 warning`.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        f.write_str(if self.errors() < MAX_DIAGNOSTICS && self.warnings() < MAX_DIAGNOSTICS {
            "the configuration has "
        } else {
            "the configuration has at least "
        })?;
        match (self.errors(), self.warnings()) {
            (errors, 0) => f.write_str(&count(errors, "error")),
            (0, warnings) => f.write_str(&count(warnings, "warning")),
            (errors, warnings) => write!(f, "{} and {}", count(errors, "error"), count(warnings, "warning")),
        }
    }
}

impl std::error::Error for Diagnostics {}
