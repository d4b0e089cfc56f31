//! The reference: a configuration with every key, its unit and its default. Examples in messages are taken from it.

use std::ops::Range;
use std::sync::LazyLock;

use toml::de::{DeTable, DeValue};

/// Stands in the crate as a link, so that the crate can be packaged by itself.
const TEXT: &str = include_str!("reference.toml");

/// `config/reference.toml`: every key, its unit and its default, as a configuration that can be read.
pub fn reference() -> &'static str {
    TEXT
}

/// The reference with its `[team]` table uncommented. It is a comment because the files that a team names must exist.
pub fn reference_with_team() -> &'static str {
    static FULL: LazyLock<String> = LazyLock::new(|| {
        let Some((before, table)) = TEXT.split_once("# [team.") else { return TEXT.to_owned() };
        let (table, after) = table.split_once("\n\n").unwrap_or((table, ""));
        let before = before.strip_suffix("#\n").unwrap_or(before);
        format!("{before}[team.{}\n\n{after}", table.replace("\n# ", "\n"))
    });
    &FULL
}

/// A valid line for `key` of the table that the schema calls `head`. A sub-table is written inline, with its first key.
pub(super) fn example(head: &str, key: &str) -> Option<String> {
    let (_, value) = entry(head, key)?;
    if value.contains('\n') {
        return None;
    }
    let Some(below) = value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).filter(|_| is_headed(value))
    else {
        return Some(format!("{key} = {value}"));
    };
    let first = first_line(below)?;
    Some(format!("{key} = {{ {first} }}"))
}

/// Whether it is the head of a table, which is no value.
fn is_headed(value: &str) -> bool {
    TEXT.lines().any(|line| line == value)
}

/// The first key of the table with this head, as it is written.
fn first_line(head: &str) -> Option<String> {
    let (_, table) = TEXT.split_once(&format!("\n[{head}]\n"))?;
    let line = table.lines().find(|line| !line.starts_with('#'))?;
    Some(line.rsplit_once("  #").map_or(line, |(setting, _)| setting).trim_end().to_owned())
}

/// Where the key stands among the others.
pub(super) fn rank(head: &str, key: &str) -> usize {
    entry(head, key).map_or(usize::MAX, |(start, _)| start)
}

fn entry(head: &str, key: &str) -> Option<(usize, &'static str)> {
    static TABLE: LazyLock<DeTable<'static>> =
        LazyLock::new(|| DeTable::parse_recoverable(reference_with_team()).0.into_inner());
    let head: Vec<&str> = match head {
        "" => return None,
        head => head.split('.').collect(),
    };
    // The keys of [defaults] are a profile's.
    let head = match head.as_slice() {
        ["defaults", rest @ ..] => [&["profile", "NAME"], rest].concat(),
        _ => head,
    };
    let span = find(&TABLE, &head, key)?;
    Some((span.start, reference_with_team().get(span)?))
}

fn find(table: &DeTable<'_>, head: &[&str], key: &str) -> Option<Range<usize>> {
    let below = |name: &str| match table.get(name)?.get_ref() {
        DeValue::Table(table) => find(table, head.get(1..)?, key),
        _ => None,
    };
    match head.first() {
        None => Some(table.get(key)?.span()),
        Some(&"NAME") => table.keys().filter_map(|name| below(name.get_ref())).min_by_key(|span| span.start),
        Some(name) => below(name),
    }
}
