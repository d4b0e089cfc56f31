//! The dialect by brute force: braces are written out, then every way to match is tried.

/// Stands where a brace stood, so that two stars on its sides are not taken for `**`.
pub(super) const SEAM: char = '\u{1}';

pub(super) fn matches(glob: &str, key: &str) -> bool {
    let key: Vec<char> = key.chars().collect();
    expand(&glob.chars().collect::<Vec<_>>()).iter().any(|glob| covers(glob, 0, &key))
}

/// All globs without braces that `glob` stands for.
pub(super) fn expand(glob: &[char]) -> Vec<Vec<char>> {
    let Some(open) = find(glob, '{') else { return vec![glob.to_vec()] };
    let (mut depth, mut cuts, mut at) = (0, vec![open], open);
    let close = loop {
        match glob[at] {
            '\\' => at += 1,
            '{' => depth += 1,
            ',' if depth == 1 => cuts.push(at),
            '}' if depth == 1 => break at,
            '}' => depth -= 1,
            _ => {}
        }
        at += 1;
    };
    cuts.push(close);
    let inside: String = glob[open + 1..close].iter().collect();
    let alternatives: Vec<Vec<char>> = match inside.split_once("..") {
        Some((low, high)) if !inside.contains(['{', ',']) => numbers(low, high),
        _ => cuts.windows(2).map(|cut| glob[cut[0] + 1..cut[1]].to_vec()).collect(),
    };
    let whole = |alternative: &Vec<char>| [&glob[..open], &[SEAM], alternative, &[SEAM], &glob[close + 1..]].concat();
    alternatives.iter().flat_map(|alternative| expand(&whole(alternative))).collect()
}

fn find(glob: &[char], wanted: char) -> Option<usize> {
    let mut at = 0;
    while at < glob.len() && glob[at] != wanted {
        at += if glob[at] == '\\' { 2 } else { 1 };
    }
    (at < glob.len()).then_some(at)
}

fn numbers(low: &str, high: &str) -> Vec<Vec<char>> {
    let padded = [low, high].iter().any(|bound| bound.len() > 1 && bound.starts_with('0'));
    let width = if padded { low.len().max(high.len()) } else { 0 };
    let all = low.parse::<u64>().unwrap()..=high.parse().unwrap();
    all.map(|n| format!("{n:0width$}").chars().collect()).collect()
}

/// `at`: how much of the glob is used up.
fn covers(glob: &[char], at: usize, key: &[char]) -> bool {
    let rest = &glob[at..];
    let begins_segment = || glob[..at].iter().rev().find(|&&c| c != SEAM).is_none_or(|&c| c == '/');
    let after_any = |used: usize, c: fn(char) -> bool| {
        let run = key.iter().take_while(|&&k| c(k)).count();
        (0..=run).any(|run| covers(glob, at + used, &key[run..]))
    };
    match rest {
        [] => key.is_empty(),
        [SEAM, ..] => covers(glob, at + 1, key),
        ['*', '*', '/', ..] if begins_segment() => {
            covers(glob, at + 3, key) || (0..key.len()).any(|i| key[i] == '/' && covers(glob, at + 3, &key[i + 1..]))
        }
        ['*', '*', ..] => after_any(2, |_| true),
        ['*', ..] => after_any(1, |c| c != '/'),
        ['?', ..] => key.first().is_some_and(|&c| c != '/') && covers(glob, at + 1, &key[1..]),
        ['[', ..] => {
            let close = rest.iter().position(|&c| c == ']').unwrap();
            key.first().is_some_and(|&c| class(&rest[1..close], c)) && covers(glob, at + close + 1, &key[1..])
        }
        ['\\', literal, ..] => key.first() == Some(literal) && covers(glob, at + 2, &key[1..]),
        [literal, ..] => key.first() == Some(literal) && covers(glob, at + 1, &key[1..]),
    }
}

fn class(members: &[char], c: char) -> bool {
    match members {
        ['!', members @ ..] => c != '/' && !class(members, c),
        [from, '-', to, rest @ ..] => (from..=to).contains(&&c) || class(rest, c),
        [member, rest @ ..] => *member == c || class(rest, c),
        [] => false,
    }
}
