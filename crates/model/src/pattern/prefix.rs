//! What to LIST for a glob: the literal text that every match begins with.

use super::parse::{Class, Node};
use crate::object::Key;

/// More prefixes than this cost more requests than they save.
pub(super) const MAX_PREFIXES: usize = 64;

/// Bytes.
const MAX_KEY: usize = 1024;

/// The beginning of a match, and whether it may go on with what follows in the glob.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Beginning {
    text: String,
    open: bool,
}

pub(super) fn of(glob: &[Node]) -> Vec<Key> {
    merge(beginnings(glob).into_iter().map(|beginning| Key::from(beginning.text.as_str())).collect())
}

/// Sorted, without those that another one is a prefix of.
pub(super) fn merge(mut prefixes: Vec<Key>) -> Vec<Key> {
    prefixes.sort_unstable();
    prefixes.dedup_by(|next, kept| next.as_bytes().starts_with(kept.as_bytes()));
    prefixes
}

/// At most [`MAX_PREFIXES`].
fn beginnings(nodes: &[Node]) -> Vec<Beginning> {
    let mut so_far = vec![Beginning { text: String::new(), open: true }];
    for node in nodes {
        let mut next = continuations(node);
        let open = so_far.iter().filter(|beginning| beginning.open).count();
        if open == 0 {
            break;
        }
        if so_far.len() - open + open * next.len() > MAX_PREFIXES {
            next = vec![common(&next)];
        }
        match next.as_slice() {
            [next] => so_far.iter_mut().filter(|beginning| beginning.open).for_each(|beginning| beginning.go_on(next)),
            _ => so_far = so_far.iter().flat_map(|beginning| beginning.branch(&next)).collect(),
        }
    }
    so_far.sort_unstable();
    so_far.dedup();
    so_far
}

impl Beginning {
    /// No key is longer than `MAX_KEY`, so nothing beyond it needs to be followed.
    fn go_on(&mut self, next: &Self) {
        self.text.push_str(&next.text);
        self.open = next.open && self.text.len() <= MAX_KEY;
    }

    fn branch(&self, next: &[Self]) -> Vec<Self> {
        if !self.open {
            return vec![self.clone()];
        }
        let gone_on = |next| {
            let mut beginning = self.clone();
            beginning.go_on(next);
            beginning
        };
        next.iter().map(gone_on).collect()
    }
}

fn continuations(node: &Node) -> Vec<Beginning> {
    match node {
        Node::Char(c) => vec![Beginning { text: c.to_string(), open: true }],
        Node::Class(class) => members(class),
        Node::Either(branches) => {
            let mut all: Vec<Beginning> = branches.iter().flat_map(|branch| beginnings(branch)).collect();
            all.sort_unstable();
            all.dedup();
            all
        }
        Node::Any | Node::Star | Node::Deep => vec![end()],
    }
}

/// A class narrows a listing only while it is small: all ten digits are what keys hold anyway.
fn members(class: &Class) -> Vec<Beginning> {
    let size = |&(from, to): &(char, char)| u32::from(to) - u32::from(from) + 1;
    if class.negated || class.ranges.iter().map(size).fold(0, u32::saturating_add) > 9 {
        return vec![end()];
    }
    let characters = class.ranges.iter().flat_map(|&(from, to)| from..=to).filter(|&c| c != '/');
    characters.map(|c| Beginning { text: c.to_string(), open: true }).collect()
}

fn end() -> Beginning {
    Beginning { text: String::new(), open: false }
}

/// What all of them begin with, in whole characters.
fn common(all: &[Beginning]) -> Beginning {
    let first = all.first().map_or("", |beginning| beginning.text.as_str());
    let shared = |other: &Beginning| first.chars().zip(other.text.chars()).take_while(|(a, b)| a == b).count();
    let characters = all.iter().map(shared).min().unwrap_or(0);
    Beginning { text: first.chars().take(characters).collect(), open: false }
}
