//! Numeric ranges as digits: `{008..127}` is a handful of alternatives, whatever the size of the range.

use super::parse::{Class, Node};

/// Digits of a bound, at most. Any number of 18 digits fits a `u64`.
pub(super) const MAX_DIGITS: usize = 18;

/// The range `low..=high` of decimal numbers as alternatives of digits; `padded` to the width of the wider bound or not at all.
pub(super) fn range(low: u64, high: u64, padded: Option<usize>) -> Vec<Vec<Node>> {
    if let Some(width) = padded {
        return between(format!("{low:0width$}").as_bytes(), format!("{high:0width$}").as_bytes());
    }
    let (low, high) = (low.to_string(), high.to_string());
    let of_width = |digits: usize| {
        let least = if digits == low.len() { low.clone() } else { format!("1{}", "0".repeat(digits - 1)) };
        let most = if digits == high.len() { high.clone() } else { "9".repeat(digits) };
        between(least.as_bytes(), most.as_bytes())
    };
    (low.len()..=high.len()).flat_map(of_width).collect()
}

/// Both bounds have the same number of ASCII digits.
fn between(low: &[u8], high: &[u8]) -> Vec<Vec<Node>> {
    let (Some((&first, low_rest)), Some((&last, high_rest))) = (low.split_first(), high.split_first()) else {
        return vec![Vec::new()];
    };
    let all_zeros = low_rest.iter().all(|&digit| digit == b'0');
    let all_nines = high_rest.iter().all(|&digit| digit == b'9');
    if first == last && !(all_zeros && all_nines) {
        return led_by(first, between(low_rest, high_rest));
    }
    let mut branches = Vec::new();
    let (mut whole_from, mut whole_to) = (first, last);
    if !all_zeros {
        branches.extend(led_by(first, between(low_rest, &vec![b'9'; low_rest.len()])));
        whole_from += 1;
    }
    if !all_nines {
        whole_to -= 1;
    }
    if whole_from <= whole_to {
        let mut branch = vec![digit(whole_from, whole_to)];
        branch.extend(low_rest.iter().map(|_| digit(b'0', b'9')));
        branches.push(branch);
    }
    if !all_nines {
        branches.extend(led_by(last, between(&vec![b'0'; high_rest.len()], high_rest)));
    }
    branches
}

fn led_by(first: u8, branches: Vec<Vec<Node>>) -> Vec<Vec<Node>> {
    let lead = |rest: Vec<Node>| std::iter::once(Node::Char(first.into())).chain(rest).collect();
    branches.into_iter().map(lead).collect()
}

fn digit(from: u8, to: u8) -> Node {
    if from == to {
        return Node::Char(from.into());
    }
    Node::Class(Class { negated: false, ranges: vec![(from.into(), to.into())] })
}
