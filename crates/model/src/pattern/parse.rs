//! Parses a pattern. Every bound that keeps matching cheap is enforced here.

use std::ops::Range;

use super::{SCHEME, TextError};

mod braces;

/// Bytes of a pattern. Keys have 1,024; the rest is for alternatives.
const MAX_TEXT: usize = 8 * 1024;
/// Nodes of a glob, numeric ranges as digits: keeps what is compiled from it under a few MiB.
const MAX_NODES: usize = 10_000;

const NO_SLASH: &str = "a class cannot hold a `/`: it stays within a segment";

/// One step of a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Char(char),
    /// `?`
    Any,
    /// `*`
    Star,
    /// `**`
    Deep,
    Class(Class),
    /// `{a,b}`; at least two.
    Either(Vec<Vec<Node>>),
}

impl Node {
    pub(super) fn literal(&self) -> Option<char> {
        match self {
            Self::Char(c) => Some(*c),
            _ => None,
        }
    }
}

/// One character; never `/`, whatever the ranges say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) negated: bool,
    /// Both ends included.
    pub(super) ranges: Vec<(char, char)>,
}

impl Class {
    pub(super) fn accepts(&self, c: char) -> bool {
        c != '/' && self.negated != self.ranges.iter().any(|&(from, to)| (from..=to).contains(&c))
    }
}

/// Buckets have fewer characters than keys, and no segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Bucket,
    Key,
}

/// Where the key glob of a whole pattern begins. What stands between the scheme and the `/` before it is the bucket glob.
pub(super) fn split(text: &str) -> Result<usize, TextError> {
    let Some(rest) = text.strip_prefix(SCHEME) else {
        return Err(without_scheme(text));
    };
    let bucket = rest.split('/').next().unwrap_or_default();
    let slash = SCHEME.len() + bucket.len();
    if bucket.is_empty() {
        let message = "a pattern has to name a bucket after `s3://`";
        return Err(error(SCHEME.len()..(SCHEME.len() + 1).min(text.len()), message, None));
    }
    if slash + 1 >= text.len() {
        let hint = format!("to mean all of its keys, write `{SCHEME}{bucket}/**`");
        return Err(error(0..text.len(), "a pattern has to name keys after the bucket", Some(hint)));
    }
    if leaves_open(bucket) {
        let hint = "write one pattern for each bucket".to_owned();
        return Err(error(slash..slash + 1, "brackets and braces of the bucket cannot hold a `/`", Some(hint)));
    }
    Ok(slash + 1)
}

fn without_scheme(text: &str) -> TextError {
    let path = text.split_once("://").map_or(text, |(_, path)| path).trim_start_matches('/');
    let hint = (!path.is_empty() && text.len() <= MAX_TEXT).then(|| format!("write `{SCHEME}{path}`"));
    error(0..text.len(), "a pattern has to begin with `s3://`", hint)
}

/// Whether a bracket or brace is still open at the end, and is closed only behind the `/` that follows.
fn leaves_open(bucket: &str) -> bool {
    let (mut braces, mut bracket, mut escaped) = (0_usize, false, false);
    for c in bucket.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => bracket = false,
            _ if bracket => {}
            '[' => bracket = true,
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    bracket || braces > 0
}

/// Reads the glob that stands at `span` of `text`; errors speak of bytes of `text`.
pub(super) fn glob(text: &str, span: Range<usize>, dialect: Dialect) -> Result<Vec<Node>, TextError> {
    if text.len() > MAX_TEXT {
        return Err(error(0..text.len(), format!("a pattern has at most {MAX_TEXT} bytes"), None));
    }
    if span.is_empty() {
        return Err(error(span, "an empty glob matches nothing", None));
    }
    let mut parser = Parser { text, dialect, at: span.start, end: span.end, depth: 0, nodes: 0 };
    let (nodes, _) = parser.sequence(true)?;
    if dialect == Dialect::Key && ends_in_slash(text) {
        let message = "a pattern that ends in `/` matches folder markers only, and those are never warmed";
        return Err(error(text.len() - 1..text.len(), message, Some(format!("write `{text}**`"))));
    }
    Ok(nodes)
}

/// Whether the last character is a `/` that no backslash stands before.
fn ends_in_slash(text: &str) -> bool {
    let Some(before) = text.strip_suffix('/') else { return false };
    (before.len() - before.trim_end_matches('\\').len()).is_multiple_of(2)
}

/// The key glob that matches `key` and nothing else.
pub fn escape(key: &str) -> String {
    let mut glob = String::with_capacity(key.len());
    let last = key.len().saturating_sub(1);
    for (at, c) in key.char_indices() {
        if matches!(c, '*' | '?' | '[' | '{' | '}' | '\\') || (c == '/' && at == last) {
            glob.push('\\');
        }
        glob.push(c);
    }
    glob
}

fn error(span: Range<usize>, message: impl Into<String>, hint: Option<String>) -> TextError {
    TextError { span: Some(span), message: message.into(), help: hint }
}

struct Parser<'a> {
    text: &'a str,
    dialect: Dialect,
    /// The next byte to read.
    at: usize,
    /// Where the glob ends.
    end: usize,
    /// Braces open.
    depth: usize,
    /// Nodes made.
    nodes: usize,
}

impl Parser<'_> {
    /// Reads up to the end, or to the `,` or `}` that ends an alternative. `fresh`: a segment begins here.
    fn sequence(&mut self, mut fresh: bool) -> Result<(Vec<Node>, bool), TextError> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            let start = self.at;
            if self.depth > 0 && matches!(c, ',' | '}') {
                break;
            }
            self.at += c.len_utf8();
            match c {
                '?' => nodes.push(Node::Any),
                '*' => {
                    let (node, begins_segment) = self.star(start, fresh)?;
                    nodes.push(node);
                    fresh = begins_segment;
                    self.count(1, start)?;
                    continue;
                }
                '[' => nodes.push(Node::Class(self.class(start)?)),
                '{' => {
                    fresh = self.braces(start, fresh, &mut nodes)?;
                    continue;
                }
                '}' => return Err(self.stray(start)),
                '\\' => nodes.push(Node::Char(self.escaped(start)?)),
                c => nodes.push(Node::Char(self.literal(c, start)?)),
            }
            self.count(1, start)?;
            fresh = nodes.last() == Some(&Node::Char('/'));
        }
        Ok((nodes, fresh))
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..self.end].chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, expected: char) -> bool {
        let there = self.peek() == Some(expected);
        if there {
            self.at += expected.len_utf8();
        }
        there
    }

    fn count(&mut self, nodes: usize, start: usize) -> Result<(), TextError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(error(start..self.at, "the pattern is too large: split it into several", None));
        }
        Ok(())
    }

    /// The whole text with `span` replaced, for hints.
    fn fixed(&self, span: Range<usize>, replacement: &str) -> String {
        format!("{}{replacement}{}", &self.text[..span.start], &self.text[span.end..])
    }

    fn stray(&self, at: usize) -> TextError {
        let hint = format!("if it belongs to the key, write `{}`", self.fixed(at..at + 1, "\\}"));
        error(at..at + 1, "`}` closes nothing", Some(hint))
    }

    fn literal(&self, c: char, start: usize) -> Result<char, TextError> {
        if self.dialect == Dialect::Key || c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
            return Ok(c);
        }
        let message = match c {
            '/' => "a glob of buckets cannot hold a `/`".to_owned(),
            c => format!("no bucket has {c:?} in its name"),
        };
        Err(error(start..start + c.len_utf8(), message, None))
    }

    fn escaped(&mut self, start: usize) -> Result<char, TextError> {
        let character = self.at;
        if let Some(c) = self.bump() {
            return self.literal(c, character);
        }
        let hint = format!("to mean a backslash, write `{}`", self.fixed(start..self.at, "\\\\"));
        Err(error(start..self.at, "the backslash at the end escapes nothing", Some(hint)))
    }

    /// After the first `*`; also whether a segment begins behind it.
    fn star(&mut self, start: usize, fresh: bool) -> Result<(Node, bool), TextError> {
        if !self.take('*') {
            return Ok((Node::Star, false));
        }
        if self.dialect == Dialect::Bucket {
            let hint = format!("write `{}`", self.fixed(start..self.at, "*"));
            return Err(error(start..self.at, "`**` crosses `/`, which buckets do not have", Some(hint)));
        }
        if self.peek() == Some('*') {
            while self.take('*') {}
            let hint = format!("to cross `/`, write `{}`", self.fixed(start..self.at, "**"));
            return Err(error(start..self.at, "only `*` and `**` have a meaning", Some(hint)));
        }
        if fresh && self.take('/') {
            self.count(2, start)?;
            return Ok((Node::Either(vec![Vec::new(), vec![Node::Deep, Node::Char('/')]]), true));
        }
        Ok((Node::Deep, false))
    }

    /// After the `[`.
    fn class(&mut self, start: usize) -> Result<Class, TextError> {
        let negated = self.take('!') || self.take('^');
        let mut ranges = Vec::new();
        while !self.take(']') {
            let member = self.at;
            let from = self.member(start)?;
            // A `-` before the `]` is a character like others.
            let is_range = self.text[self.at..self.end].starts_with('-') && !self.text[self.at..].starts_with("-]");
            let to = if is_range && self.take('-') { self.member(start)? } else { from };
            if from > to {
                let message = format!("the range from {from:?} to {to:?} runs backwards");
                let hint = format!("write `{}`", self.fixed(member..self.at, &format!("{to}-{from}")));
                return Err(error(member..self.at, message, Some(hint)));
            }
            ranges.push((from, to));
            self.count(1, start)?;
        }
        if ranges.is_empty() {
            let hint = "a `]` of the class is written `\\]`".to_owned();
            return Err(error(start..self.at, "an empty class matches nothing", Some(hint)));
        }
        Ok(Class { negated, ranges })
    }

    /// One character of a class that begins at `class`.
    fn member(&mut self, class: usize) -> Result<char, TextError> {
        let start = self.at;
        match self.bump() {
            Some('/') => Err(error(start..self.at, NO_SLASH, self.key_only("[", class))),
            Some('\\') => match self.escaped(start)? {
                '/' => Err(error(start..self.at, NO_SLASH, self.key_only("[", class))),
                c => Ok(c),
            },
            Some(c) => Ok(c),
            None => {
                let hint = self.key_only("[", class);
                Err(error(class..self.end, "`[` is never closed", hint))
            }
        }
    }

    /// How to mean the bracket at `at` itself, where names may have one.
    fn key_only(&self, bracket: &str, at: usize) -> Option<String> {
        (self.dialect == Dialect::Key)
            .then(|| format!("if it belongs to the key, write `{}`", self.fixed(at..at + 1, &format!("\\{bracket}"))))
    }
}
