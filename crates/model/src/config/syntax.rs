//! Turns the errors of the TOML parser into diagnostics.

use std::borrow::Cow;
use std::sync::Arc;

use toml::de::DeTable;

use super::diagnostic::{Diagnostic, MAX_DIAGNOSTICS, Place};
use super::file::File;

/// Spans count from the start of the file, so a byte order mark is blanked rather than cut off.
pub(super) fn without_mark(text: &str) -> Cow<'_, str> {
    text.strip_prefix('\u{feff}').map_or(Cow::Borrowed(text), |rest| Cow::Owned(format!("   {rest}")))
}

/// One grammar error a file: what the parser says after the first is mostly about the first. Every key and table that stands
/// twice; what stands in a table that does is no mistake of its own.
pub(super) fn explain_all(errors: &[toml::de::Error], file: &Arc<File>) -> Vec<Diagnostic> {
    let (mut twice, grammar): (Vec<_>, Vec<_>) = errors.iter().partition(|error| error.message() == TWICE);
    twice.truncate(MAX_DIAGNOSTICS);
    let first =
        grammar.first().map(|error| explain(error, file).help("what follows in this file is read once this is right"));
    let again: Vec<&str> = twice.iter().filter_map(|error| head_of(line_at(&file.text, error))).collect();
    let is_of_another = |error: &&&toml::de::Error| {
        let table = match head_of(line_at(&file.text, error)) {
            Some(head) => head.rsplit_once('.').map(|(parent, _)| parent),
            None => enclosing(&file.text, error),
        };
        table.is_some_and(|table| again.iter().any(|head| is_within(table, head)))
    };
    let twice = twice.iter().filter(|error| !is_of_another(error)).enumerate();
    // The text is searched for each first one.
    first.into_iter().chain(twice.map(|(nth, error)| duplicate(error, file, nth < MAX_PAIRED))).collect()
}

/// The line that an error begins on.
fn line_at<'a>(text: &'a str, error: &toml::de::Error) -> &'a str {
    let at = error.span().map_or(0, |span| span.start);
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
}

/// `profile.a` of the line `[profile.a]`.
fn head_of(line: &str) -> Option<&str> {
    Some(line.trim_start().strip_prefix('[')?.split(']').next()?.trim())
}

/// The head of the table that an error stands in.
fn enclosing<'a>(text: &'a str, error: &toml::de::Error) -> Option<&'a str> {
    text.get(..error.span()?.start)?.lines().rev().find_map(head_of)
}

fn is_within(table: &str, head: &str) -> bool {
    table.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Duplicate keys that are shown with the place of the first one, at most.
const MAX_PAIRED: usize = 20;

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
        return duplicate(error, file, true);
    }
    let (message, help) = plainly(error, file.text.get(span).unwrap_or_default());
    Diagnostic::error(message).at(&place, "").help_if(help.map(str::to_owned))
}

fn duplicate(error: &toml::de::Error, file: &Arc<File>, is_paired: bool) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let first = is_paired.then(|| first_definition(&file.text, span.start)).flatten();
    let head = head_of(line_at(&file.text, error));
    let twice = match head {
        Some(head) => Diagnostic::error(format!("[{head}] is defined twice")),
        None => Diagnostic::error("the same key twice"),
    };
    let twice = twice.at(&Place::new(file, span), "again here");
    let twice = match first {
        Some(first) => twice.at(&Place::new(file, first), "first here"),
        None => twice,
    };
    twice.help(if head.is_some() { "keep one of the two, or rename it" } else { "keep one of the two" })
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

#[cfg(test)]
mod tests {
    use crate::config::tests::errors;

    #[test]
    fn a_table_that_stands_twice_is_one_error() {
        let keys = "objects = [\"s3://b/**\"]\nmax_bytes = \"1 TiB\"\n";
        let group = |name: &str| format!("[{name}.checkpoint]\nlayout = \"orbax\"\nkeep = 2\n");
        for (text, said, why) in [
            (
                format!("[profile.a]\n{keys}[profile.b]\n{keys}[profile.a]\n{keys}"),
                &["[profile.a] is defined twice"][..],
                "whatever keys the two have in common",
            ),
            (
                format!("[profile.a]\n{keys}{}[profile.a]\n{keys}{}", group("profile.a"), group("profile.a")),
                &["[profile.a] is defined twice"],
                "and whatever tables",
            ),
            (
                format!("[profile.a]\n{keys}{}{}", group("profile.a"), group("profile.a")),
                &["[profile.a.checkpoint] is defined twice"],
                "a table in a table",
            ),
            (
                format!("[profile.a]\n{keys}[profile.a]\n{keys}[profile.b]\nx = 1\nx = 2\n"),
                &["[profile.a] is defined twice", "the same key twice"],
                "what is another mistake is said",
            ),
            (
                format!("[profile.a]\n{keys}[profile.ab]\n{keys}max_bytes = \"1 TiB\"\n[profile.a]\n{keys}"),
                &["the same key twice", "[profile.a] is defined twice"],
                "a name that begins with another is another",
            ),
        ] {
            let titles: Vec<_> =
                errors(&text).iter().filter_map(|error| Some(error.split_once(": ")?.1.to_owned())).collect();
            assert_eq!(titles, said, "{why}:\n{text}");
        }
    }
}
