//! What the TOML parser says, in our form.

use std::sync::Arc;

use super::diagnostic::{Diagnostic, Place};
use super::source::File;

pub(super) fn explain(error: &toml::de::Error, file: &Arc<File>) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let place = Place::new(file, span.clone());
    let diagnostic = Diagnostic::error(format!("not TOML: {}", error.message())).at(&place, "");
    if error.message() == "duplicate key" {
        let twice = Diagnostic::error("the same key or table twice").at(&place, "again here");
        let twice = match first_definition(file.text(), span.start) {
            Some(first) => twice.at(&Place::new(file, first), "first here"),
            None => twice,
        };
        return twice.help("keep one of the two");
    }
    diagnostic
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
