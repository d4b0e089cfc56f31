//! A parsed glob, ready to match.
//!
//! globset matches bytes, so it decides wherever a byte is a character: for ASCII keys, and for globs without `?` and classes.
//! Only what is left goes through the slower [`walk`].

use std::fmt::Write as _;
use std::sync::OnceLock;

use globset::{Candidate, GlobBuilder, GlobMatcher};

use super::below::{self, Below};
use super::parse::{Class, Node};
use super::{residual, walk};

pub(super) struct Glob {
    /// What every match begins with; most globs are decided by it.
    literal: String,
    rest: Rest,
}

/// What may follow the literal.
enum Rest {
    Nothing,
    Anything,
    Nodes {
        nodes: Box<[Node]>,
        /// Compiled at the first name: it takes more than all else of a configuration, and most of one is only read. Absent only
        /// if globset refused what `lower` wrote, which no parsed glob makes it do.
        fast: OnceLock<Option<GlobMatcher>>,
        /// Whether it asks for single characters, which may be several bytes.
        counts_characters: bool,
    },
}

impl Glob {
    pub(super) fn new(mut nodes: Vec<Node>) -> Self {
        let literal: String = nodes.iter().map_while(Node::literal).collect();
        nodes.drain(..literal.chars().count());
        let rest = match nodes.as_slice() {
            [] => Rest::Nothing,
            [Node::Deep] => Rest::Anything,
            _ => Rest::Nodes {
                fast: OnceLock::new(),
                counts_characters: counts_characters(&nodes),
                nodes: nodes.into_boxed_slice(),
            },
        };
        Self { literal, rest }
    }

    /// The only name that matches, if there is only one.
    pub(super) fn only(&self) -> Option<&str> {
        matches!(self.rest, Rest::Nothing).then_some(&self.literal)
    }

    pub(super) fn matches(&self, name: &[u8]) -> bool {
        let Some(name) = name.strip_prefix(self.literal.as_bytes()) else { return false };
        match &self.rest {
            Rest::Nothing => name.is_empty(),
            Rest::Anything => true,
            Rest::Nodes { nodes, fast, counts_characters } => {
                let decides = !counts_characters || name.is_ascii();
                match decides.then(|| fast.get_or_init(|| compiled(nodes)).as_ref()).flatten() {
                    Some(fast) => fast.is_match_candidate(&Candidate::from_bytes(name)),
                    None => walk::matches(nodes, name),
                }
            }
        }
    }

    /// Steps it has behind what every match begins with, with ranges and alternatives written out.
    pub(super) fn nodes(&self) -> usize {
        match &self.rest {
            Rest::Nothing | Rest::Anything => 0,
            Rest::Nodes { nodes, .. } => count(nodes),
        }
    }

    /// What follows the literal.
    fn rest(&self) -> &[Node] {
        match &self.rest {
            Rest::Nothing => &[],
            Rest::Anything => &[Node::Deep],
            Rest::Nodes { nodes, .. } => nodes,
        }
    }

    /// As it was parsed.
    pub(super) fn parsed(&self) -> Vec<Node> {
        self.literal.chars().map(Node::Char).chain(self.rest().iter().cloned()).collect()
    }

    /// All that may come behind `beginning`; `None` where that is too much to follow.
    pub(super) fn behind(&self, beginning: &[u8]) -> Option<Vec<Vec<Node>>> {
        let (literal, rest) = (&self.literal, self.rest());
        if let Some(beyond) = beginning.strip_prefix(literal.as_bytes()) {
            return residual::behind(rest, beyond);
        }
        let Some(more) = literal.as_bytes().strip_prefix(beginning) else { return Some(Vec::new()) };
        // Within a character no node begins.
        let more = std::str::from_utf8(more).ok()?;
        Some(vec![more.chars().map(Node::Char).chain(rest.iter().cloned()).collect()])
    }

    /// What it makes of the names that begin with `prefix`.
    pub(super) fn below(&self, prefix: &[u8]) -> Below {
        let literal = self.literal.as_bytes();
        let Some(beyond) = prefix.strip_prefix(literal) else {
            return Below { may_match: literal.starts_with(prefix), matches_all: false };
        };
        match &self.rest {
            Rest::Nothing => Below { may_match: beyond.is_empty(), matches_all: false },
            Rest::Anything => Below { may_match: true, matches_all: true },
            Rest::Nodes { nodes, .. } => below::of(nodes, beyond),
        }
    }
}

fn count(nodes: &[Node]) -> usize {
    let below = |node: &Node| match node {
        Node::Either(branches) => branches.iter().map(|branch| 1 + count(branch)).sum(),
        Node::Class(class) => class.ranges.len(),
        Node::Char(_) | Node::Any | Node::Star | Node::Deep => 0,
    };
    nodes.iter().map(|node| 1 + below(node)).sum()
}

fn compiled(nodes: &[Node]) -> Option<GlobMatcher> {
    let mut text = String::new();
    lower(nodes, &mut text);
    let glob = GlobBuilder::new(&text).literal_separator(true).backslash_escape(true).empty_alternates(true).build();
    glob.ok().map(|glob| glob.compile_matcher())
}

fn counts_characters(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Any | Node::Class(_) => true,
        Node::Either(branches) => branches.iter().any(|branch| counts_characters(branch)),
        Node::Char(_) | Node::Star | Node::Deep => false,
    })
}

/// Writes a glob that globset reads with the same meaning for ASCII names, and for all names if nothing counts characters.
fn lower(nodes: &[Node], out: &mut String) {
    for (i, node) in nodes.iter().enumerate() {
        match node {
            Node::Char(c) => literal(*c, out),
            Node::Any => out.push('?'),
            // `{*}*` is two runs, which are one, and must not be read as `**`.
            Node::Star if i > 0 && nodes[i - 1] == Node::Star => {}
            Node::Star => out.push('*'),
            // globset knows `**` as a whole segment only: a run either stays within its segment or spans whole ones.
            Node::Deep => out.push_str("{*,*/**/*}"),
            Node::Class(class) => lower_class(class, out),
            Node::Either(branches) => {
                for (i, branch) in branches.iter().enumerate() {
                    out.push(if i == 0 { '{' } else { ',' });
                    lower(branch, out);
                }
                out.push('}');
            }
        }
    }
}

fn literal(c: char, out: &mut String) {
    if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | ',' | '\\') {
        out.push('\\');
    }
    out.push(c);
}

/// A class as alternatives, because globset has no escapes inside brackets. Its part beyond ASCII is left to the walk.
fn lower_class(class: &Class, out: &mut String) {
    let mut members = (0..=0x7f_u8).map(char::from).filter(|&c| class.accepts(c)).peekable();
    if members.peek().is_none() {
        // A class without ASCII members matches no ASCII name.
        out.push('\u{80}');
        return;
    }
    let mut open = '{';
    while let Some(first) = members.next() {
        out.push(open);
        open = ',';
        let mut last = first;
        while let Some(next) = members.next_if(|&c| continues(first, last, c)) {
            last = next;
        }
        if first == last {
            literal(first, out);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "[{first}-{last}]");
        }
    }
    out.push('}');
}

/// Whether `next` prolongs the range `first..=last` without putting a character at an end that brackets take otherwise.
fn continues(first: char, last: char, next: char) -> bool {
    let plain = |c| !matches!(c, '!' | '^' | '-' | ']');
    u32::from(next) == u32::from(last) + 1 && plain(first) && plain(next)
}
