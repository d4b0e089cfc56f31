//! Decides from the beginning of a name what a glob makes of all names that begin so.

use super::parse::Node;
use super::walk;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Below {
    /// False: none of them matches.
    pub may_match: bool,
    /// True: every one of them matches.
    pub matches_all: bool,
}

pub(super) fn of(nodes: &[Node], beginning: &[u8]) -> Below {
    let mut characters = walk::characters(beginning);
    // What is no character yet may become one with the bytes that follow.
    while characters.pop_if(|last| last.is_none()).is_some() {}
    let mut from = vec![false; characters.len() + 1];
    from[0] = true;
    let mut below = Below::default();
    follow(&mut below, nodes, Way { characters: &characters, may_end: true }, from);
    below
}

/// Through which characters, and whether nothing has to come behind the nodes.
#[derive(Clone, Copy)]
struct Way<'a> {
    characters: &'a [Option<char>],
    may_end: bool,
}

fn follow(below: &mut Below, nodes: &[Node], way: Way<'_>, mut places: Vec<bool>) -> Vec<bool> {
    let may_end = ends(nodes, way.may_end);
    for (i, node) in nodes.iter().enumerate() {
        if !places.contains(&true) {
            return places;
        }
        below.may_match |= places.last() == Some(&true);
        below.matches_all |= match node {
            Node::Deep => may_end[i + 1],
            // `**/*` is everything, too.
            node => is_segments(node) && nodes.get(i + 1) == Some(&Node::Star) && may_end[i + 2],
        };
        places = match node {
            Node::Either(branches) => {
                let way = Way { may_end: may_end[i + 1], ..way };
                walk::either(branches, &places, |branch, from| follow(below, branch, way, from))
            }
            node => walk::through(std::slice::from_ref(node), way.characters, places),
        };
    }
    below.may_match |= places.last() == Some(&true);
    places
}

/// For each place between `nodes`, whether nothing more has to come from there on.
fn ends(nodes: &[Node], at_the_end: bool) -> Vec<bool> {
    let mut ends = vec![at_the_end; nodes.len() + 1];
    for (i, node) in nodes.iter().enumerate().rev() {
        ends[i] = ends[i + 1] && may_be_empty(node);
    }
    ends
}

fn may_be_empty(node: &Node) -> bool {
    match node {
        Node::Star | Node::Deep => true,
        Node::Either(branches) => branches.iter().any(|branch| branch.iter().all(may_be_empty)),
        Node::Char(_) | Node::Any | Node::Class(_) => false,
    }
}

/// `**/` at the start of a segment.
fn is_segments(node: &Node) -> bool {
    matches!(node, Node::Either(branches) if *branches == [vec![], vec![Node::Deep, Node::Char('/')]])
}
