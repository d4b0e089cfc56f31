//! What a configuration may hold. Whoever may write one, a pull request or a compromised repository, must not be able to take
//! the memory or the time of the process that reads it: any text is read or refused within both.
//!
//! Bounds of one value stand with its kind; here are those of a whole configuration, counted over all of its files.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::context::Context;
use super::diagnostic::{Diagnostic, Place};
use super::file::File;

/// Keys and list entries, as far as their punctuation tells before anything is parsed.
const MAX_MARKS: usize = 250_000;
/// What a table takes, in keys.
const TABLE: usize = 6;
/// Brackets within brackets, and parts of a dotted key. Tables are taken down one within the other.
const MAX_DEPTH: usize = 16;
/// Tables of a kind.
const MAX_TABLES: [(&str, usize); 3] = [("profile", 10_000), ("endpoint", 1_000), ("credentials", 10_000)];

/// Refuses a text that parsing alone would take too much for.
pub(super) fn text(text: &str, file: &Arc<File>, cx: &mut Context) -> bool {
    let marks = Marks::of(text);
    if let Some(at) = marks.too_deep {
        let error = Diagnostic::error(format!("brackets and dotted keys nest at most {MAX_DEPTH} deep"));
        cx.push(error.at(&Place::new(file, at..at + 1), "one more"));
        return false;
    }
    cx.counted.marks += marks.count;
    if cx.counted.marks <= MAX_MARKS {
        return true;
    }
    let error = Diagnostic::error(format!("the configuration has more than {MAX_MARKS} keys and list entries"));
    cx.push(error.file(&file.name).help("name many objects by patterns, or in a `manifest`"));
    false
}

/// Refuses more tables of a kind than anyone has.
pub(super) fn tables(document: &DeTable<'_>, file: &Arc<File>, cx: &mut Context) -> bool {
    let nested = document.get("override").and_then(|overrides| overrides.get_ref().as_table());
    let mut fits = true;
    for (kind, most) in MAX_TABLES {
        let here = [Some(document), nested].into_iter().flatten().filter_map(|table| table.get(kind));
        for named in here.filter_map(|named| Some((named, named.get_ref().as_table()?))) {
            let count = cx.counted.tables.entry(kind).or_default();
            let room = most.saturating_sub(*count);
            *count += named.1.len();
            if *count > most {
                fits = false;
                let over = named.1.iter().map(|(name, _)| name.span()).nth(room);
                let place = Place::new(file, over.unwrap_or_else(|| Spanned::<DeValue<'_>>::span(named.0)));
                let error = Diagnostic::error(format!("a configuration has at most {most} tables [{kind}.NAME]"));
                cx.push(error.at(&place, "one more"));
            }
        }
    }
    fits
}

/// What stands in a text outside of strings and comments.
#[derive(Default)]
struct Marks {
    /// Of keys, list entries and tables, and of characters that are an error by themselves.
    count: usize,
    /// Where it nests deeper than anything does.
    too_deep: Option<usize>,
}

impl Marks {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut marks = Self::default();
        let (mut at, mut brackets, mut dots) = (0, 0_usize, 0_usize);
        while let Some(&byte) = bytes.get(at) {
            let next = match byte {
                b'#' => at + memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at),
                b'"' | b'\'' => past_string(bytes, at),
                _ => at + 1,
            };
            marks.count += match byte {
                b'.' | b'{' => TABLE,
                b'=' | b',' | b'[' => 1,
                b'\r' if bytes.get(next) == Some(&b'\n') => 0,
                b'\n' | b'\t' => 0,
                0..0x20 | 0x7f => 1,
                _ => 0,
            };
            match byte {
                b'[' | b'{' => (brackets, dots) = (brackets + 1, 0),
                b']' | b'}' => brackets = brackets.saturating_sub(1),
                b'.' => dots += 1,
                b'=' | b',' | b'\n' => dots = 0,
                _ => {}
            }
            if brackets > MAX_DEPTH || dots > MAX_DEPTH {
                marks.too_deep = marks.too_deep.or(Some(at));
            }
            at = next;
        }
        marks
    }
}

/// Where the string that begins at `at` is over.
fn past_string(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let long = bytes[at..].starts_with(&[quote; 3]);
    let mut at = at + if long { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 2,
            // One that is not closed ends with its line.
            b'\n' if !long => return at,
            _ if byte != quote => at += 1,
            _ if !long => return at + 1,
            _ if bytes[at..].starts_with(&[quote; 3]) => return at + 3,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_dotted_keys_nest_sixteen_deep() {
        for (text, at) in [
            (format!("a = {}{}", "[".repeat(16), "]".repeat(16)), None),
            (format!("a = {}", "[".repeat(17)), Some(20)),
            (format!("a{} = 1", ".a".repeat(16)), None),
            (format!("a{} = 1", ".a".repeat(17)), Some(33)),
            ("[a]\n".repeat(100), None),
            ("a.b = 1.5\n".repeat(100), None),
        ] {
            assert_eq!(Marks::of(&text).too_deep, at, "{text}");
        }
    }

    #[test]
    fn marks_are_those_outside_of_strings_and_comments() {
        for (text, count, why) in [
            ("a = 1\n[t]\nb = [1, 2]\n", 5, "keys, a table, a list and its second entry"),
            ("a = \"[,=\\\"[\" # [[,\n", 1, "a basic string, with a quote in it, and a comment"),
            ("a = '[\\' b = 1", 2, "a literal string knows no escapes"),
            ("a = '''\n',[''' \n", 1, "over several lines"),
            ("a = \"\"\"\n\\\"\"\",[\"\"\"", 1, "with an escaped quote"),
            ("a = \"x\nb = 1", 2, "one that is not closed ends with its line"),
            ("\r\n\t\r\0", 2, "a carriage return alone, and another control character"),
            ("a = \"\\", 1, "an escape of nothing"),
            ("[a.b]\nc = {}", 2 + 2 * TABLE, "tables count for more"),
        ] {
            let marks = Marks::of(text);
            assert_eq!((marks.count, marks.too_deep), (count, None), "{why}");
        }
    }
}
