//! `hotset plan`: what a pass would do, as text, as JSON Lines, as a list of objects.

use std::io::{self, Write};
use std::path::PathBuf;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::text::{count, counted, iec};
use crate::object::Count;
use crate::report::json::{ObjectLine, PlanLine};
use crate::select::Cap;
use crate::select::plan::{Plan, Verdict};

/// What `plan` prints and where.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub json: bool,
    /// Where the keys go; `-` is standard output, and then the table goes to standard error.
    pub objects: Option<PathBuf>,
}

impl Output {
    /// Whether the objects take standard output.
    pub fn objects_on_stdout(&self) -> bool {
        self.objects.as_deref().is_some_and(|path| path.as_os_str() == "-")
    }
}

/// One JSON line a profile.
pub fn write_json(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &PlanLine::from(plan))?;
    writeln!(out)
}

/// The selected keys in rank order, one JSON line each.
pub fn write_objects(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    for object in &plan.selection.selected {
        serde_json::to_writer(&mut *out, &ObjectLine::new(&plan.profile, object))?;
        writeln!(out)?;
    }
    Ok(())
}

/// What a person reads.
pub fn write_text(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{} on {} at {}", plan.profile, plan.endpoint, plan.at.format("%Y-%m-%d %H:%M:%S UTC"))?;
    writeln!(out, "{}", table(plan))?;
    let facts = facts(plan);
    if !facts.is_empty() {
        writeln!(out, "  {}", facts.join("\n  "))?;
    }
    for warning in &plan.warnings {
        writeln!(out, "  warning: {warning}")?;
    }
    match &plan.verdict {
        Verdict::Ready => Ok(()),
        Verdict::Refused(why) => writeln!(out, "  refused: {why}"),
        Verdict::Failed(why) => writeln!(out, "  failed: {why}"),
        Verdict::Interrupted(why) => writeln!(out, "  interrupted: {why}"),
    }
}

fn table(plan: &Plan) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let row = |name: &str, of: Count, note: String| [format!("  {name}"), count(of.objects), iec(of.bytes), note];
    table.add_row(["", "objects", "bytes", ""]);
    table.add_row(row("listed", plan.selection.listed, counted(plan.list_requests, "LIST request")));
    table.add_row(row("matched", plan.selection.matched, String::new()));
    for (reason, left) in &plan.selection.left_out {
        let sample = left.sample.first().map(|(bucket, key)| format!("such as s3://{bucket}/{key}"));
        table.add_row(row(&format!("- {}", reason.as_str()), left.count, sample.unwrap_or_default()));
    }
    table.add_row(row("selected", plan.selected, cap_note(plan)));
    table.add_row(row("to warm", plan.to_warm(), String::new()));
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn cap_note(plan: &Plan) -> String {
    match (plan.max_bytes, plan.over_cap()) {
        (Cap::Bytes(cap), true) => format!("cut at the cap; max_bytes {}", iec(cap)),
        (Cap::Bytes(cap), false) => format!("of max_bytes {}", iec(cap)),
        (Cap::Unlimited, true) => "cut at the cap".to_owned(),
        (Cap::Unlimited, false) => String::new(),
    }
}

fn facts(plan: &Plan) -> Vec<String> {
    let share = plan.share.map(|share| format!("{:.1}% of the cache's capacity", 100.0 * share));
    let cost = plan.cost.map(|cost| {
        let (once, month) = (cost.usd_once_max, cost.usd_month_max);
        format!("at most ${once:.2} for this warm, ${month:.2} a month if kept hot")
    });
    let cutoff = plan.selection.cutoff.as_ref().map(|cutoff| {
        let at = cutoff.last_modified.format("%Y-%m-%d %H:%M:%S UTC");
        format!("the last one in: {} of {at}", cutoff.key)
    });
    [share, cost, cutoff].into_iter().flatten().collect()
}
