//! What the TOML parser says, in our form.

use std::borrow::Cow;
use std::sync::Arc;

use toml::de::DeTable;

use super::diagnostic::{Diagnostic, Place};
use super::source::File;

/// Spans count from the start of the file, so a byte order mark is blanked rather than cut off.
pub(super) fn without_mark(text: &str) -> Cow<'_, str> {
    text.strip_prefix('\u{feff}').map_or(Cow::Borrowed(text), |rest| Cow::Owned(format!("   {rest}")))
}

/// One grammar error a file: what the parser says after the first is mostly about the first. Every key that stands twice.
pub(super) fn explain_all(errors: &[toml::de::Error], file: &Arc<File>) -> Vec<Diagnostic> {
    let (twice, grammar): (Vec<_>, Vec<_>) = errors.iter().partition(|error| error.message() == TWICE);
    let first =
        grammar.first().map(|error| explain(error, file).help("what follows in this file is read once this is right"));
    first.into_iter().chain(twice.into_iter().map(|error| explain(error, file))).collect()
}

const TWICE: &str = "duplicate key";

/// In words that say what to do, where the parser's do not.
fn plainly(error: &toml::de::Error, text: &str) -> (String, Option<&'static str>) {
    let message = error.message();
    if message.starts_with("string values must be quoted") {
        return match text.trim().is_empty() {
            true => ("a value is missing after `=`".to_owned(), None),
            false => ("a text stands in quotes".to_owned(), None),
        };
    }
    if message.starts_with("invalid basic string") {
        return ("the text is not closed".to_owned(), Some("it ends with `\"` on the line it begins on"));
    }
    (format!("not TOML: {message}"), None)
}

pub(super) fn explain(error: &toml::de::Error, file: &Arc<File>) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let place = Place::new(file, span.clone());
    if error.message() == TWICE {
        let twice = Diagnostic::error("the same key or table twice").at(&place, "again here");
        let twice = match first_definition(file.text(), span.start) {
            Some(first) => twice.at(&Place::new(file, first), "first here"),
            None => twice,
        };
        return twice.help("keep one of the two");
    }
    let (message, help) = plainly(error, file.text().get(span).unwrap_or_default());
    Diagnostic::error(message).at(&place, "").help_if(help.map(str::to_owned))
}

/// The first line that defines what the line at `at` defines again, within the same table.
fn first_definition(text: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let before = text.get(..at)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let what =
        |line: &str| line.split('#').next().unwrap_or_default().split('=').next().unwrap_or_default().trim().to_owned();
    let again = what(text.get(line_start..)?.lines().next()?);
    let header = again.starts_with('[');
    let from = if header { 0 } else { text[..line_start].rfind("\n[").map_or(0, |at| at + 1) };
    let mut start = from;
    for line in text.get(from..line_start)?.split_inclusive('\n') {
        if what(line) == again && !again.is_empty() {
            let indent = line.len() - line.trim_start().len();
            return Some(start + indent..start + indent + again.len());
        }
        start += line.len();
    }
    None
}

/// A key of `[daemon]` in a text, as far as it can be read.
pub(super) fn of_daemon(text: &str, key: &str) -> Option<String> {
    let (table, _) = DeTable::parse_recoverable(text);
    let value = table.get_ref().get("daemon")?.get_ref().get(key)?.get_ref().as_str()?;
    (!value.is_empty()).then(|| value.to_owned())
}
