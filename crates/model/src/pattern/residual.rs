//! What is left of a glob behind the beginning of a name: what to LIST below a folder, and whether folders are worth finding.

use super::parse::Node;
use super::{prefix, walk};
use crate::object::Key;

/// More ways through a glob than this are not followed.
const MAX_WAYS: usize = 64;
/// Globs of more nodes are not followed, nor do people write them with segments to be found.
const MAX_NODES: usize = 1000;

/// What has still to come, the next of it last: a place in the glob, and where each brace around it goes on.
type Way<'a> = Vec<&'a [Node]>;

/// All that may come behind `beginning` for the glob to match; `None` where that is too much to follow. Of none, nothing that
/// begins so matches.
pub(super) fn behind(nodes: &[Node], beginning: &[u8]) -> Option<Vec<Vec<Node>>> {
    if size(nodes) > MAX_NODES {
        return None;
    }
    let mut ways: Vec<Way<'_>> = vec![on(Vec::new(), nodes)];
    for c in walk::characters(beginning) {
        let mut next = Vec::new();
        for way in ways {
            step(way, c, &mut next);
        }
        ways = next;
        if ways.len() > MAX_WAYS {
            return None;
        }
    }
    let nodes = |way: &Way<'_>| way.iter().rev().flat_map(|nodes| nodes.iter().cloned()).collect();
    Some(ways.iter().map(nodes).collect())
}

/// What to LIST below `folder` so that nothing which `residuals` match is missed.
pub(super) fn prefixes(folder: &Key, residuals: &[Vec<Node>]) -> Vec<Key> {
    let below = residuals.iter().flat_map(|residual| prefix::of(residual));
    prefix::merge(below.map(|below| Key::from_bytes([folder.as_bytes(), below.as_bytes()].concat())).collect())
}

/// What finding the folders of the next segment does for a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folders {
    /// Nothing: all of them have to be listed, or nobody can say.
    All,
    /// Nothing below them matches.
    None,
    /// Of each, only some of what is below it has to be listed, or of what is below its own folders.
    Some,
}

pub(super) fn folders(residual: &[Node]) -> Folders {
    let Some(slash) = residual.iter().position(|node| *node == Node::Char('/') || may_cross(node)) else {
        return Folders::None;
    };
    let rest = &residual[slash + 1..];
    if residual[slash] != Node::Char('/') {
        return Folders::All;
    }
    if prefix::of(rest).iter().all(|prefix| !prefix.as_bytes().is_empty()) {
        return Folders::Some;
    }
    if folders(rest) == Folders::Some { Folders::Some } else { Folders::All }
}

/// Whether more than one segment may stand there.
fn may_cross(node: &Node) -> bool {
    match node {
        Node::Deep => true,
        Node::Either(branches) => branches.iter().flatten().any(|node| *node == Node::Char('/') || may_cross(node)),
        Node::Char(_) | Node::Any | Node::Star | Node::Class(_) => false,
    }
}

fn size(nodes: &[Node]) -> usize {
    let of = |node: &Node| match node {
        Node::Either(branches) => branches.iter().map(|branch| size(branch)).sum(),
        _ => 1,
    };
    nodes.iter().map(of).sum()
}

fn on<'a>(mut way: Way<'a>, nodes: &'a [Node]) -> Way<'a> {
    if !nodes.is_empty() {
        way.push(nodes);
    }
    way
}

/// Where `way` may stand behind `c`.
fn step<'a>(mut way: Way<'a>, c: Option<char>, to: &mut Vec<Way<'a>>) {
    while let Some(nodes) = way.pop() {
        let Some((first, rest)) = nodes.split_first() else { continue };
        let stays = |run: bool| run.then(|| on(way.clone(), nodes));
        let takes = match first {
            Node::Char(literal) => c == Some(*literal),
            Node::Any => c != Some('/'),
            Node::Class(class) => c.map_or(class.negated, |c| class.accepts(c)),
            Node::Star | Node::Deep => {
                // A run takes it and goes on, or ends before it.
                stays(*first == Node::Deep || c != Some('/')).into_iter().for_each(|way| keep(way, to));
                way = on(way, rest);
                continue;
            }
            Node::Either(branches) => {
                let way = on(way, rest);
                return branches.iter().for_each(|branch| step(on(way.clone(), branch), c, to));
            }
        };
        if takes {
            keep(on(way, rest), to);
        }
        return;
    }
}

fn keep<'a>(way: Way<'a>, to: &mut Vec<Way<'a>>) {
    let same = |other: &Way<'_>| way.len() == other.len() && way.iter().zip(other).all(|(a, b)| std::ptr::eq(*a, *b));
    if !to.iter().any(same) {
        to.push(way);
    }
}
