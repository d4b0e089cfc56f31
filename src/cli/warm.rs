//! `hotset warm`: one pass by hand, and what came of it.

use std::io::{self, Write};

use super::groups::write_recorded;
use super::text::{Row, caps, count, counted, percent, took, write_counts};
use crate::report::json::on_record;
use crate::report::{Outcome, Report, Totals};
use model::config::profile::Profile;
use model::object::Count;
use model::select::plan::Verdict;

/// What a person reads at the end.
pub fn write_text(report: &Report, profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let took = took(report.info.started, report.ended);
    writeln!(out, "{}: {} after {took}, run {}", report.plan.profile, report.outcome, report.info.id)?;
    if let Some(reason) = &report.reason {
        writeln!(out, "  {}: {reason}", if report.outcome == Outcome::Complete { "note" } else { "because" })?;
    }
    let rows = rows(report, profile);
    if report.totals.planned.objects > 0 {
        write_counts(&rows, out)?;
    }
    let (groups, more) = on_record(report);
    write_recorded((&groups, more), "age", report.plan.verdict == Verdict::Ready, out)?;
    for warning in &report.plan.warnings {
        writeln!(out, "  warning: {warning}")?;
    }
    write_errors(&report.totals, out)
}

fn rows(report: &Report, profile: &Profile) -> Vec<Row> {
    let totals = &report.totals;
    let (planned, ended) = (totals.planned, totals.ended());
    let not_tried = Count {
        objects: planned.objects.saturating_sub(ended.objects),
        bytes: planned.bytes.saturating_sub(ended.bytes),
    };
    let mut rows = vec![Row::new("planned", planned, ""), Row::new("warmed", totals.warmed, "")];
    let parts = [
        ("fresh", totals.fresh, "warmed not long ago"),
        ("gone", totals.gone, "deleted since they were listed"),
        ("failed", totals.failed, ""),
        ("unknown", totals.unknown, "sent, and no answer"),
        ("not tried", not_tried, ""),
    ];
    let parts = parts.into_iter().filter(|(_, count, _)| count.objects > 0);
    rows.extend(parts.map(|(name, count, note)| Row::new(name, count, note)));
    let over = report.plan.selection.over_cap();
    if over.objects > 0 {
        let ratio = report.warm_ratio().lower();
        let warm = if ratio < 1.0 { format!("; {} of what is wanted is warm", percent(ratio)) } else { String::new() };
        rows.push(Row::new("over cap", over, caps(&report.plan, &profile.rules) + &warm));
    }
    rows
}

fn write_errors(totals: &Totals, out: &mut impl Write) -> io::Result<()> {
    for (class, errors) in &totals.errors {
        writeln!(out, "  {class}: {}", counted(errors.count, "object"))?;
        for sample in &errors.sample {
            writeln!(out, "    {}: {}", sample.object, sample.message)?;
        }
        let more = errors.count.saturating_sub(errors.sample.len() as u64);
        if more > 0 {
            writeln!(out, "    and {} more", count(more))?;
        }
    }
    Ok(())
}
