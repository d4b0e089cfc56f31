//! What a change would reach that was not reached before, said before anybody is asked anything.

use std::io::{self, Write};

use serde::Serialize;

use super::{Format, cell, write_json};
pub use model::config::reach::{Change, changes};

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    table: &'a str,
    key: &'a str,
    /// As TOML; `null`: the key is not there.
    before: Option<&'a str>,
    after: Option<&'a str>,
}

/// Prints the keys of endpoints, credentials and teams that differ; nothing where none does.
///
/// # Errors
/// What `out` cannot take.
pub fn write(changes: &[Change], format: Format, out: &mut impl Write) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    match format {
        Format::Table => {
            writeln!(out, "where requests go, and as whom:")?;
            changes.iter().try_for_each(|change| {
                let Change { table, key, .. } = change;
                writeln!(out, "  [{table}] {key}: {}", told(change))
            })?;
            writeln!(out)
        }
        Format::Markdown => {
            writeln!(out, "### Where requests go, and as whom\n\n| table | key | before | after |\n|---|---|---|---|")?;
            changes.iter().try_for_each(|Change { table, key, before, after }| {
                let side = |value: &Option<String>| value.as_deref().map_or_else(|| "–".to_owned(), cell);
                writeln!(out, "| {} | `{key}` | {} | {} |", cell(table), side(before), side(after))
            })?;
            writeln!(out)
        }
        Format::Json => changes.iter().try_for_each(|Change { table, key, before, after }| {
            let line = Line { v: 1, table, key, before: before.as_deref(), after: after.as_deref() };
            write_json(&line, out)
        }),
    }
}

fn told(change: &Change) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{before} becomes {after}"),
        (None, Some(after)) => format!("{after} is new"),
        (Some(before), None) => format!("{before} is gone"),
        (None, None) => String::new(),
    }
}
