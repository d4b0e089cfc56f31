//! Numbers as a person reads them, and the tables they stand in.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};
use serde::Serialize;

pub use crate::report::{count, iec, percent};
use model::config::value::size::brief;
use model::object::Count;
use model::select::Rules;
use model::select::plan::Plan;

/// `1 object`, `12,345 objects`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `$12.30`, rounded up: what it is said of costs at most that.
pub fn usd(dollars: f64) -> String {
    // A thousandth of a cent is an error of the arithmetic; adding zero makes minus zero plain.
    format!("${:.2}", (100.0 * dollars - 0.001).ceil() / 100.0 + 0.0)
}

/// `213ms`, `3.4s`, `2m 5s`: as exact as a person cares.
pub fn brief_time(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    match seconds {
        short if short < 1.0 => format!("{}ms", took.as_millis()),
        some if some < 60.0 => format!("{some:.1}s"),
        _ => humantime::format_duration(Duration::from_secs(took.as_secs())).to_string(),
    }
}

/// `45s`, `12m`, `30h`, `5d`: how old something is, in one unit.
pub fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds if seconds < 120 => format!("{seconds}s"),
        seconds if seconds < 7_200 => format!("{}m", seconds / 60),
        seconds if seconds < 172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// How long a run took, as [`brief_time`] has it; nothing while it runs.
pub fn took(started: DateTime<Utc>, ended: Option<DateTime<Utc>>) -> String {
    ended.map_or_else(String::new, |ended| brief_time((ended - started).to_std().unwrap_or_default()))
}

/// The cap that cut something: the first candidate that did not fit met it.
fn cut_by(plan: &Plan, rules: &Rules) -> Option<&'static str> {
    let by_objects = rules.max_objects.is_some_and(|most| plan.selected.objects >= most);
    plan.over_cap().then_some(if by_objects { "max_objects" } else { "max_bytes" })
}

/// Which cap cut the selection, or which ones it is within, as the configuration writes them.
pub fn caps(plan: &Plan, rules: &Rules) -> String {
    let bytes = rules.max_bytes.bytes().map_or_else(|| "unlimited".to_owned(), brief);
    let objects = rules.max_objects.map(|most| format!("max_objects = {most}"));
    match (cut_by(plan, rules), objects) {
        (Some("max_objects"), Some(objects)) => format!("cut by {objects}"),
        (Some(_), _) => format!("cut by max_bytes = {bytes}"),
        (None, Some(objects)) => format!("within max_bytes = {bytes} and {objects}"),
        (None, None) if rules.max_bytes.bytes().is_none() => "max_bytes = unlimited".to_owned(),
        (None, None) => format!("within max_bytes = {bytes}"),
    }
}

/// One line of the JSON contract.
pub fn write_json(line: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    writeln!(out)
}

/// A table without borders.
pub fn write_table(table: &mut Table, out: &mut impl Write) -> io::Result<()> {
    table.load_style(presets::NOTHING);
    // The style still pads its outer columns.
    table.trim_fmt().lines().try_for_each(|line| writeln!(out, "{}", line.strip_prefix(' ').unwrap_or(line).trim_end()))
}

/// An empty line between two profiles.
pub fn write_gap(first: bool, out: &mut impl Write) -> io::Result<()> {
    if first { Ok(()) } else { writeln!(out) }
}

/// One line of a table of counts.
pub struct Row {
    pub name: String,
    pub count: Count,
    pub note: String,
}

impl Row {
    pub fn new(name: impl Into<String>, count: Count, note: impl Into<String>) -> Self {
        Self { name: name.into(), count, note: note.into() }
    }
}

/// Writes names to the left, numbers to the right, notes behind them, and nothing behind those.
pub fn write_counts(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let cells: Vec<_> = rows.iter().map(|row| (count(row.count.objects), iec(row.count.bytes))).collect();
    let names = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let objects = cells.iter().map(|(objects, _)| objects.len()).max().unwrap_or(0).max("objects".len());
    let bytes = cells.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or(0).max("bytes".len());
    let mut text = String::new();
    let mut line = |name: &str, n: &str, size: &str, note: &str| {
        let line = format!("  {name:<names$}  {n:>objects$}  {size:>bytes$}  {note}");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    };
    line("", "objects", "bytes", "");
    for (row, (objects, bytes)) in rows.iter().zip(&cells) {
        line(&row.name, objects, bytes, &row.note);
    }
    out.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_agrees_with_its_number() {
        assert_eq!(counted(1, "object"), "1 object");
        assert_eq!(counted(1000, "object"), "1,000 objects");
    }

    #[test]
    fn dollars_are_rounded_up() {
        for (dollars, text) in
            [(0.0, "$0.00"), (0.001, "$0.01"), (0.01, "$0.01"), (0.011, "$0.02"), (1234.5, "$1234.50")]
        {
            assert_eq!(usd(dollars), text);
        }
    }

    #[test]
    fn times_are_as_exact_as_a_person_cares() {
        for (ms, text) in [(0, "0ms"), (213, "213ms"), (3_422, "3.4s"), (125_900, "2m 5s"), (7_200_000, "2h")] {
            assert_eq!(brief_time(Duration::from_millis(ms)), text);
        }
    }
}
