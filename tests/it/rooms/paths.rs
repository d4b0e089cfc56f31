//! The paths that a Rust source names, without a compiler: in `use` trees, in code, in attributes and macros.

/// Every path of two segments or more, and every `use`, of the production text: comments, strings and test modules
/// are left out, `use` trees are spelled out.
pub fn named(text: &str) -> Vec<String> {
    let tokens = without_test_modules(&tokens(text));
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            at = tree(&tokens, at + 1, "", &mut paths);
        } else if is_name(&tokens[at]) && (at == 0 || tokens[at - 1] != ".") {
            let start = at;
            while at + 2 < tokens.len() && tokens[at + 1] == "::" && is_name(&tokens[at + 2]) {
                at += 2;
            }
            if at > start {
                paths.push(tokens[start..=at].concat());
            }
            at += 1;
        } else {
            at += 1;
        }
    }
    paths
}

/// Reads one branch of a `use` tree that begins at `at`; answers where it ends.
fn tree(tokens: &[String], mut at: usize, prefix: &str, paths: &mut Vec<String>) -> usize {
    let mut path = prefix.to_owned();
    while at < tokens.len() {
        match tokens[at].as_str() {
            "::" if path.is_empty() || path.ends_with("::") => at += 1,
            "::" => {
                path.push_str("::");
                at += 1;
            }
            "{" => {
                at += 1;
                while at < tokens.len() && tokens[at] != "}" {
                    at = tree(tokens, at, &path, paths);
                    at += usize::from(at < tokens.len() && tokens[at] == ",");
                }
                return at + 1;
            }
            "as" => at += 2,
            name if is_name(name) || name == "*" => {
                if name != "self" || path.is_empty() {
                    path.push_str(name);
                }
                at += 1;
            }
            _ => break,
        }
    }
    paths.push(path.trim_end_matches("::").to_owned());
    at
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Drops each `#[cfg(test)] mod name { … }`.
fn without_test_modules(tokens: &[String]) -> Vec<String> {
    let marker = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let is_module = tokens[at..].iter().take(marker.len()).eq(marker.iter());
        if is_module && tokens.get(at + marker.len() + 1).is_some_and(|token| token == "{") {
            at = closing(tokens, at + marker.len() + 1);
        } else {
            kept.push(tokens[at].clone());
        }
        at += 1;
    }
    kept
}

/// Where the brace that opens at `at` closes.
fn closing(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        at += 1;
    }
    at
}

/// Names, `::` and single characters; comments, strings, characters and lifetimes leave nothing.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let next = chars.get(at + 1).copied();
        match chars[at] {
            '/' if next == Some('/') => at = find(&chars, at, |c| c == '\n'),
            '/' if next == Some('*') => at = after_comment(&chars, at),
            '"' => at = after_string(&chars, at),
            '\'' => at = after_quote(&chars, at),
            'r' | 'b' | 'c' if raw_string(&chars, at).is_some() => at = raw_string(&chars, at).unwrap_or(at),
            ':' if next == Some(':') => {
                tokens.push("::".to_owned());
                at += 2;
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = find(&chars, at, |c| !c.is_alphanumeric() && c != '_');
                tokens.push(chars[at..end].iter().collect());
                at = end;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                at += 1;
            }
        }
    }
    tokens
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| wanted(*c)).map_or(chars.len(), |offset| from + offset)
}

fn after_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    at
}

fn after_string(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Past a character, or past the quote of a lifetime.
fn after_quote(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => find(chars, at + 3, |c| c == '\'') + 1,
        (_, Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// The end of the raw string that begins at `at`, if one does.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    if at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') {
        return None;
    }
    let r = at + usize::from(matches!(chars[at], 'b' | 'c'));
    if chars.get(r) != Some(&'r') {
        return None;
    }
    let open = find(chars, r + 1, |c| c != '#');
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let hashes = open - r - 1;
    let mut at = open + 1;
    while at < chars.len() {
        if chars[at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').take(hashes).count() == hashes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(at)
}
