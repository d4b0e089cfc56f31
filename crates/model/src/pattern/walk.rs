//! The meaning of a glob, character by character: each node turns the places where it may begin into those where it may end.
//!
//! Steps are bounded by nodes × characters, whatever the glob.

use super::parse::Node;

pub(super) fn matches(nodes: &[Node], name: &[u8]) -> bool {
    let characters = characters(name);
    let mut from = vec![false; characters.len() + 1];
    from[0] = true;
    through(nodes, &characters, from).last() == Some(&true)
}

/// A byte that is not UTF-8 is a character that no literal is.
pub(super) fn characters(name: &[u8]) -> Vec<Option<char>> {
    let of_chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let valid = chunk.valid().chars().map(Some);
        valid.chain(chunk.invalid().iter().map(|_| None)).collect::<Vec<_>>()
    };
    name.utf8_chunks().flat_map(of_chunk).collect()
}

pub(super) fn through(nodes: &[Node], characters: &[Option<char>], mut places: Vec<bool>) -> Vec<bool> {
    for node in nodes {
        if !places.contains(&true) {
            break;
        }
        places = match node {
            Node::Char(literal) => one(characters, &places, |c| c == Some(*literal)),
            Node::Any => one(characters, &places, |c| c != Some('/')),
            Node::Class(class) => one(characters, &places, |c| c.map_or(class.negated, |c| class.accepts(c))),
            Node::Star => run(characters, places, |c| c != Some('/')),
            Node::Deep => run(characters, places, |_| true),
            Node::Either(branches) => either(branches, &places, |branch, from| through(branch, characters, from)),
        };
    }
    places
}

fn one(characters: &[Option<char>], from: &[bool], accepts: impl Fn(Option<char>) -> bool) -> Vec<bool> {
    std::iter::once(false).chain(from.iter().zip(characters).map(|(&here, &c)| here && accepts(c))).collect()
}

fn run(characters: &[Option<char>], mut places: Vec<bool>, accepts: impl Fn(Option<char>) -> bool) -> Vec<bool> {
    for (i, &c) in characters.iter().enumerate() {
        places[i + 1] |= places[i] && accepts(c);
    }
    places
}

pub(super) fn either(
    branches: &[Vec<Node>],
    from: &[bool],
    mut through: impl FnMut(&[Node], Vec<bool>) -> Vec<bool>,
) -> Vec<bool> {
    let mut to = vec![false; from.len()];
    for branch in branches {
        for (to, end) in to.iter_mut().zip(through(branch, from.to_vec())) {
            *to |= end;
        }
    }
    to
}
