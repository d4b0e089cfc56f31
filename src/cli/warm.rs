//! `hotset warm`: one pass by hand, and what came of it.

use std::io::{self, Write};
use std::time::Duration;

use super::text::{count, counted, iec};
use crate::object::Count;
use crate::report::json::RunLine;
use crate::report::{Outcome, Report};

/// One JSON line a run.
pub fn write_json(report: &Report, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &RunLine::from(report))?;
    writeln!(out)
}

/// What a person reads at the end.
pub fn write_text(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let totals = &report.totals;
    let took = (report.ended - report.started).to_std().unwrap_or_default();
    let took = humantime::format_duration(round(took));
    writeln!(out, "{}: {} after {took}, run {}", report.plan.profile, report.outcome, report.run)?;
    let parts = [
        ("warmed", totals.warmed),
        ("fresh", totals.fresh),
        ("gone", totals.gone),
        ("failed", totals.failed),
        ("unknown", totals.unknown),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|(_, part)| part.objects > 0).map(part).collect();
    if !parts.is_empty() {
        writeln!(out, "  {} of {} planned", parts.join(", "), part_of(totals.planned))?;
    }
    if let Some(reason) = &report.reason {
        writeln!(out, "  {}: {reason}", if report.outcome == Outcome::Complete { "note" } else { "because" })?;
    }
    let over = report.plan.selection.over_cap();
    if over.objects > 0 && report.outcome != Outcome::Refused {
        let ratio = report.warm_ratio();
        let (objects, bytes) = (100.0 * ratio.objects, 100.0 * ratio.bytes);
        let over = part_of(over);
        writeln!(
            out,
            "  over the cap: {over} left out; {objects:.1}% of the objects wanted are warm, {bytes:.1}% of their bytes"
        )?;
    }
    for warning in &report.plan.warnings {
        writeln!(out, "  warning: {warning}")?;
    }
    for (class, errors) in &totals.errors {
        writeln!(out, "  {class}: {}", counted(errors.count, "object"))?;
        for sample in &errors.sample {
            writeln!(out, "    s3://{}/{}: {}", sample.bucket, sample.key, sample.message)?;
        }
        let more = errors.count.saturating_sub(errors.sample.len() as u64);
        if more > 0 {
            writeln!(out, "    and {} more", count(more))?;
        }
    }
    Ok(())
}

fn part((name, part): (&str, Count)) -> String {
    format!("{name} {}", part_of(part))
}

fn part_of(part: Count) -> String {
    format!("{} ({})", counted(part.objects, "object"), iec(part.bytes))
}

/// Milliseconds for what was quick, seconds for the rest.
fn round(took: Duration) -> Duration {
    if took < Duration::from_secs(10) {
        Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or_default())
    } else {
        Duration::from_secs(took.as_secs())
    }
}
