//! From a key to the group that it belongs to.
//!
//! A regular expression is searched in the key. Its captures are `step`, a number; `run`, what tells runs apart; `name`, what
//! the group is called where the rest of the match differs between its files; `temporary`, which says, when it takes part, that
//! the group is still being written. Where a `/` follows, in the match or behind it within the same segment, the group is the
//! folder that ends there; where none does, it is the files of one folder with the same name, or else the same step.

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex::bytes::{Regex, RegexBuilder};

const CAPTURES: [&str; 4] = ["step", "run", "name", "temporary"];
/// Bytes of an expression as it is written.
const MAX_TEXT: usize = 8 * 1024;
/// Bytes of a compiled expression.
const SIZE_LIMIT: usize = 1 << 20;
/// Bytes of one that is compiled in no time.
const SMALL: usize = 1 << 14;

/// What tells checkpoints apart. Cheap to clone; equal when written alike.
#[derive(Clone)]
pub struct Naming(Arc<Compiled>);

struct Compiled {
    text: String,
    /// Compiled again at the first key: it takes much more than its text, and most of a configuration is only read.
    regex: OnceLock<Regex>,
    counts: bool,
    is_large: bool,
}

/// Why an expression does not name groups.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamingError {
    #[error("is not a regular expression: {0}")]
    Syntax(String),
    #[error("is too large a regular expression")]
    TooLarge,
    #[error("has a capture `{0}`, which means nothing here")]
    Capture(String),
}

/// Where a key belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'k> {
    /// The folder that is the group, else the one that its files stand in; with its last `/`.
    pub stem: &'k [u8],
    pub is_folder: bool,
    pub run: &'k [u8],
    pub name: &'k [u8],
    pub step: Option<u64>,
    pub temporary: bool,
}

impl Naming {
    /// # Errors
    /// Not a regular expression, or one with captures of other names.
    pub fn parse(text: &str) -> Result<Self, NamingError> {
        if text.len() > MAX_TEXT {
            return Err(NamingError::TooLarge);
        }
        let (regex, is_large) = match compile(text, SMALL) {
            Err(NamingError::TooLarge) => (compile(text, SIZE_LIMIT)?, true),
            small => (small?, false),
        };
        if let Some(other) = regex.capture_names().flatten().find(|name| !CAPTURES.contains(name)) {
            return Err(NamingError::Capture(other.to_owned()));
        }
        let counts = regex.capture_names().flatten().any(|name| name == "step");
        Ok(Self(Arc::new(Compiled { text: text.to_owned(), regex: OnceLock::new(), counts, is_large })))
    }

    fn regex(&self) -> &Regex {
        let again = || compile(&self.0.text, SIZE_LIMIT);
        self.0.regex.get_or_init(|| again().unwrap_or_else(|error| unreachable!("it compiled before: {error}")))
    }

    /// Whether it takes more than a little to compile.
    pub fn is_large(&self) -> bool {
        self.0.is_large
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Whether groups have steps; else the times of their objects rank them.
    pub fn counts(&self) -> bool {
        self.0.counts
    }

    /// The group of `key`. `None`: it belongs to none, also where its step is no number below 2^64.
    pub fn place<'k>(&self, key: &'k [u8]) -> Option<Place<'k>> {
        let found = self.regex().captures(key)?;
        let capture = |name: &str| found.name(name).map(|part| part.as_bytes());
        let whole = found.get(0)?;
        let step_text = capture("step");
        let step = step_text.map(number).transpose().ok()?;
        let (stem, is_folder) = stem(key, whole.start(), whole.end());
        let name = capture("name").unwrap_or_else(|| match (is_folder, step_text) {
            (false, Some(step)) => step,
            (false, None) => &key[stem.len()..],
            (true, _) => last_segment(stem),
        });
        let run = capture("run").unwrap_or_default();
        Some(Place { stem, is_folder, run, name, step, temporary: capture("temporary").is_some() })
    }
}

fn compile(text: &str, size: usize) -> Result<Regex, NamingError> {
    let built = RegexBuilder::new(text).size_limit(size).dot_matches_new_line(true).build();
    built.map_err(|cause| match cause {
        // The last line of the parser's drawing is the reason.
        regex::Error::Syntax(drawing) => {
            let reason = drawing.lines().last().unwrap_or_default();
            NamingError::Syntax(reason.strip_prefix("error: ").unwrap_or(reason).to_owned())
        }
        regex::Error::CompiledTooBig(_) => NamingError::TooLarge,
        other => NamingError::Syntax(other.to_string()),
    })
}

fn number(digits: &[u8]) -> Result<u64, ()> {
    std::str::from_utf8(digits).map_err(drop)?.parse().map_err(drop)
}

/// The folder of the group, or of its files; and which of the two.
fn stem(key: &[u8], start: usize, end: usize) -> (&[u8], bool) {
    if end > start && key[end - 1] == b'/' {
        return (&key[..end], true);
    }
    if let Some(slash) = key[end..].iter().position(|byte| *byte == b'/') {
        return (&key[..=end + slash], true);
    }
    (folder_of(key), false)
}

/// Up to the last `/`, with it.
pub(super) fn folder_of(key: &[u8]) -> &[u8] {
    let slash = key.iter().rposition(|byte| *byte == b'/');
    &key[..slash.map_or(0, |at| at + 1)]
}

/// What stands between the last two `/` of a folder.
pub(super) fn last_segment(folder: &[u8]) -> &[u8] {
    let bare = folder.strip_suffix(b"/").unwrap_or(folder);
    &bare[folder_of(bare).len()..]
}

impl PartialEq for Naming {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl fmt::Debug for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Naming").field(&self.text()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_the_group_that_its_name_says() {
        for (group, key, expected, because) in [
            (
                r"^(?:(?<run>.*?)/)??checkpoint-(?<step>[0-9]+)/",
                "a/b/checkpoint-500/x",
                Some(("a/b/checkpoint-500/", true, "a/b", "checkpoint-500", Some(500))),
                "a folder, the run before it",
            ),
            (
                r"^(?:(?<run>.*?)/)??checkpoint-(?<step>[0-9]+)/",
                "checkpoint-500/checkpoint-7/x",
                Some(("checkpoint-500/", true, "", "checkpoint-500", Some(500))),
                "the outermost one",
            ),
            (
                "step_(?<step>[0-9]+)",
                "r/step_5/x",
                Some(("r/step_5/", true, "", "step_5", Some(5))),
                "the / may be left out",
            ),
            (
                "step_(?<step>[0-9]+)",
                "r/step_5b/x",
                Some(("r/step_5b/", true, "", "step_5b", Some(5))),
                "names are whole",
            ),
            (
                r"(?<run>.*)/\w+-(?<step>[0-9]+)\.bin$",
                "r/model-5.bin",
                Some(("r/", false, "r", "5", Some(5))),
                "files of one step",
            ),
            (
                r"^(?:(?<run>.*)/)?(?<name>ep\d+-ba(?<step>\d+))-rank\d+\.pt$",
                "r/ep1-ba20-rank3.pt",
                Some(("r/", false, "r", "ep1-ba20", Some(20))),
                "or of one name",
            ),
            (
                "s-(?<step>[0-9]+)/",
                "s-18446744073709551615/x",
                Some(("s-18446744073709551615/", true, "", "s-18446744073709551615", Some(u64::MAX))),
                "steps are numbers",
            ),
            ("s-(?<step>[0-9]+)/", "s-18446744073709551616/x", None, "below 2^64"),
            (
                r"^(?:(?<run>.*?)/)??s-(?<step>[0-9]+)/",
                "a\nb/s-1/x",
                Some(("a\nb/s-1/", true, "a\nb", "s-1", Some(1))),
                "a line end is a character as any other",
            ),
            ("s-(?<step>[0-9]+)/", "t-1/x", None, "no match, no group"),
            ("(?<step>[0-9]+|release)/", "release/x", None, "a step that is no number"),
        ] {
            let naming = Naming::parse(group).unwrap();
            let place = naming.place(key.as_bytes());
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let seen = place.map(|p| (text(p.stem), p.is_folder, text(p.run), text(p.name), p.step));
            let expected = expected.map(|(stem, folder, run, name, step)| {
                (stem.to_owned(), folder, run.to_owned(), name.to_owned(), step)
            });
            assert_eq!(seen, expected, "{key}: {because}");
        }
    }

    #[test]
    fn what_is_still_being_written_says_so() {
        let naming = Naming::parse(r"(?<step>\d+)(?<temporary>\.tmp)?/").unwrap();
        assert!(naming.place(b"5.tmp/x").unwrap().temporary);
        assert!(!naming.place(b"5/x").unwrap().temporary);
    }
}
