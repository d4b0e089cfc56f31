//! Decides whether every name that one glob matches is matched by others. True is certain; what cannot be shown within bounds
//! is false.

use super::parse::{Class, Node};

/// Alternatives of a glob that are told apart.
const MAX_BRANCHES: usize = 1024;
/// Comparisons of one question.
const MAX_STEPS: usize = 100_000;

/// Whether each name that `narrow` matches is matched by one of `wide`.
pub(super) fn covers(wide: &[Vec<Node>], narrow: &[Node]) -> bool {
    let mut steps = MAX_STEPS;
    let mut branches = Vec::new();
    if !expand(narrow, &mut Vec::new(), &mut branches, &mut steps) {
        return false;
    }
    branches.iter().all(|branch| wide.iter().any(|wide| within(wide, branch, &mut steps)))
}

/// Writes `nodes` as globs without braces; false where they are too many.
fn expand(nodes: &[Node], before: &mut Vec<Node>, all: &mut Vec<Vec<Node>>, steps: &mut usize) -> bool {
    if !step(steps) {
        return false;
    }
    match nodes.split_first() {
        None if all.len() == MAX_BRANCHES => false,
        None => {
            all.push(before.clone());
            true
        }
        Some((Node::Either(branches), rest)) => branches.iter().all(|branch| {
            let nodes: Vec<Node> = branch.iter().chain(rest).cloned().collect();
            let length = before.len();
            let fits = expand(&nodes, before, all, steps);
            before.truncate(length);
            fits
        }),
        Some((node, rest)) => {
            before.push(node.clone());
            expand(rest, before, all, steps)
        }
    }
}

/// Reads `narrow`, which has no braces, as a name whose characters are its nodes.
fn within(wide: &[Node], narrow: &[Node], steps: &mut usize) -> bool {
    if !step(steps) {
        return false;
    }
    let Some((first, rest)) = wide.split_first() else { return narrow.is_empty() };
    match first {
        // Names of buckets have no `/`, so that all runs are alike.
        Node::Star | Node::Deep => (0..=narrow.len()).any(|taken| within(rest, &narrow[taken..], steps)),
        Node::Either(branches) => branches.iter().any(|branch| {
            let nodes: Vec<Node> = branch.iter().chain(rest).cloned().collect();
            within(&nodes, narrow, steps)
        }),
        one => narrow.split_first().is_some_and(|(node, others)| holds(one, node) && within(rest, others, steps)),
    }
}

/// Whether the one character that `wide` asks for may be any that `narrow` does.
fn holds(wide: &Node, narrow: &Node) -> bool {
    match (wide, narrow) {
        (Node::Any, Node::Char(_) | Node::Any | Node::Class(_)) => true,
        (Node::Char(wide), Node::Char(narrow)) => wide == narrow,
        (Node::Class(wide), Node::Char(narrow)) => wide.accepts(*narrow),
        (Node::Class(wide), Node::Class(narrow)) => wide == narrow || spans(wide, narrow),
        _ => false,
    }
}

/// Whether every range of one class lies in a range of the other.
fn spans(wide: &Class, narrow: &Class) -> bool {
    let within = |&(from, to): &(char, char)| wide.ranges.iter().any(|&(least, most)| least <= from && to <= most);
    !wide.negated && !narrow.negated && narrow.ranges.iter().all(within)
}

fn step(steps: &mut usize) -> bool {
    *steps = steps.saturating_sub(1);
    *steps > 0
}

#[cfg(test)]
mod tests {
    use super::super::BucketGlob;

    fn covers(wide: &[&str], narrow: &str) -> bool {
        let glob = |text: &&str| BucketGlob::parse(text).unwrap();
        BucketGlob::cover(&wide.iter().map(glob).collect::<Vec<_>>(), &glob(&narrow))
    }

    #[test]
    fn a_glob_lies_in_others_only_where_that_is_certain() {
        for (sentence, wide, narrow, is_covered) in [
            ("a name is one of those listed", &["training", "vision-*"][..], "training", true),
            ("or matches a glob", &["training", "vision-*"], "vision-raw", true),
            ("a longer name is another", &["training"], "training-secrets", false),
            ("the glob itself", &["vision-*"], "vision-*", true),
            ("a glob that says more", &["vision-*"], "vision-raw-*", true),
            ("one that says less", &["vision-*"], "vision*", false),
            ("every bucket", &["training", "vision-*"], "*", false),
            ("every bucket, where all are granted", &["*"], "*", true),
            ("an ending alone", &["vision-*"], "*-vision", false),
            ("each alternative in a glob of its own", &["training", "vision-*"], "{training,vision-a}", true),
            ("one alternative too many", &["training", "vision-*"], "{training,platform}", false),
            ("an alternative behind a beginning", &["v-a", "v-b"], "v-{a,b}", true),
            ("an alternative that runs", &["v-a", "v-b"], "v-{a,b*}", false),
            ("alternatives on the other side", &["{speech,vision}-*"], "vision-raw", true),
            ("numbers", &["shard-{00..31}"], "shard-{08..12}", true),
            ("a number too many", &["shard-{00..31}"], "shard-{08..32}", false),
            ("one character", &["b?"], "b[0-9]", true),
            ("one character is no run", &["b?"], "b*", false),
            ("a class within a class", &["b[a-z]"], "b[c-f]", true),
            ("a class beyond a class", &["b[a-c]"], "b[a-d]", false),
            ("all but a class may be anything", &["b[a-z]"], "b[!0-9]", false),
            ("two runs", &["a-*-b"], "a-*-x-*-b", true),
            ("a range within digits", &["n-{0..9}{0..9}{0..9}{0..9}"], "n-{0000..9999}", true),
            ("more alternatives than are told apart", &["*"], &"{a,b}".repeat(11), false),
        ] {
            assert_eq!(covers(wide, narrow), is_covered, "{sentence}: {narrow} in {wide:?}");
        }
    }

    #[test]
    fn no_question_takes_long() {
        let runs = "*a".repeat(40);
        assert!(!covers(&[&format!("{runs}b")], &"*a".repeat(80)));
        let braces = "{a,b}".repeat(60);
        assert!(!covers(&["a*"], &braces));
    }

    proptest::proptest! {
        #[test]
        fn what_is_covered_is_matched(wide in "[ab?]{0,2}[*]?[ab?]{1,2}", narrow in "[ab?]{0,2}[*]?[ab?]{1,2}", name in "[ab]{1,6}") {
            let glob = |text: &str| BucketGlob::parse(text).unwrap();
            let (wide, narrow) = (glob(&wide), glob(&narrow));
            if BucketGlob::cover(std::slice::from_ref(&wide), &narrow) && narrow.matches(&name) {
                proptest::prop_assert!(wide.matches(&name));
            }
        }
    }
}
