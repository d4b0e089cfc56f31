//! `hotset plan`: what a pass would do, as text, as JSON Lines, as a list of objects.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use super::groups::write_planned;
use super::text::{self, Row, caps, count, counted, percent, usd, write_counts};
use crate::report::Outcome;
use model::api::{GroupField, ObjectLine, PlanLine};
use model::config::profile::Profile;
use model::config::value::size::brief;
use model::manifest::Account;
use model::select::plan::{Plan, Verdict};
use model::select::{Rules, no_room};

/// What `plan` prints and where.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub json: bool,
    /// Where the keys go; `-` is standard output, and then the table goes to standard error.
    pub objects: Option<PathBuf>,
}

impl Output {
    /// Where the table goes.
    pub fn text(&self) -> Box<dyn Write> {
        if self.objects_on_stdout() {
            Box::new(BufWriter::new(io::stderr()))
        } else {
            Box::new(BufWriter::new(io::stdout()))
        }
    }

    /// Whether the objects take standard output.
    pub fn objects_on_stdout(&self) -> bool {
        self.objects.as_deref().is_some_and(|path| path.as_os_str() == "-")
    }
}

/// One JSON line a profile.
pub fn write_json(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    text::write_json(&PlanLine::from(plan), out)
}

/// The selected keys in rank order, one JSON line each; none where the plan must not be carried out.
pub fn write_objects(plan: &Plan, out: &mut impl Write) -> io::Result<()> {
    let ready = plan.verdict == Verdict::Ready;
    for (object, group) in plan.selection.with_groups().filter(|_| ready) {
        text::write_json(&ObjectLine::new(&plan.profile, &object, group), out)?;
    }
    Ok(())
}

/// What a person reads.
pub fn write_text(plan: &Plan, profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let paused = if profile.paused { " (paused)" } else { "" };
    let at = plan.at.format("%Y-%m-%d %H:%M:%S UTC");
    writeln!(out, "{} on {} at {at}{paused}", plan.profile, plan.endpoint)?;
    let (outcome, reason) = Outcome::of_plan(&plan.verdict);
    let counted_all = matches!(plan.verdict, Verdict::Ready | Verdict::Refused(_));
    if counted_all && plan.selection.listed.objects > 0 {
        write_counts(&rows(plan, &profile.rules), out)?;
        let groups = GroupField::all(&plan.selection.groups, plan.at);
        write_planned(groups, plan.selection.more_groups, plan.verdict == Verdict::Ready, out)?;
    }
    if let Some(reason) = reason {
        writeln!(out, "  {outcome}: {reason}")?;
    } else {
        write_facts(plan, profile, out)?;
    }
    if !counted_all && plan.list_requests > 0 {
        let objects = counted(plan.selection.listed.objects, "object");
        writeln!(out, "  until then: {objects} by {}", counted(plan.list_requests, request(plan)))?;
    }
    plan.warnings.iter().try_for_each(|warning| writeln!(out, "  warning: {warning}"))
}

fn rows(plan: &Plan, rules: &Rules) -> Vec<Row> {
    let selection = &plan.selection;
    let mut rows = vec![Row::new("listed", selection.listed, source(plan)), Row::new("matched", selection.matched, "")];
    for (reason, left) in &selection.left_out {
        let sample = left.sample.first().map(|(bucket, key)| format!("such as s3://{bucket}/{key}"));
        rows.push(Row::new(format!("- {reason}"), left.count, sample.unwrap_or_default()));
    }
    rows.push(Row::new("selected", plan.selected, caps(plan, rules)));
    if plan.fresh.objects > 0 {
        rows.push(Row::new("- fresh", plan.fresh, "warmed not long ago"));
    }
    rows.push(Row::new("to warm", plan.to_warm(), ""));
    rows
}

/// What was listed, or what was read instead.
fn source(plan: &Plan) -> String {
    let requests = counted(plan.list_requests, request(plan));
    let Some(Account { place, entries, .. }) = &plan.manifest else { return requests };
    let read = format!("manifest {place}, {} {}", count(*entries), if *entries == 1 { "entry" } else { "entries" });
    if plan.list_requests == 0 { read } else { format!("{read}, {requests}") }
}

fn request(plan: &Plan) -> &'static str {
    if plan.manifest.is_some() { "GET request" } else { "LIST request" }
}

fn write_facts(plan: &Plan, profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let unmet = plan.selection.unmet;
    if unmet.objects > 0 && profile.min_warm.is_none() && plan.selection.runs_over_cap.is_empty() {
        writeln!(out, "  a warm of this ends partial: {}", no_room(unmet, plan.wanted()))?;
    }
    if let (Some(share), Some(capacity)) = (plan.share, profile.endpoint.capacity) {
        writeln!(out, "  share: {} of the cache's {}", percent(share), brief(capacity))?;
    }
    if let Some(cost) = plan.cost {
        let (once, month) = (usd(cost.usd_once_max), usd(cost.usd_month_max));
        writeln!(out, "  cost: at most {once} for this warm, {month} a month if kept hot")?;
    }
    if let (Some(cutoff), Some(last)) = (&plan.selection.cutoff, plan.selection.selected.last()) {
        let at = cutoff.last_modified.format("%Y-%m-%d %H:%M:%S UTC");
        writeln!(out, "  cutoff: s3://{}/{} of {at} is the last one in", last.bucket, last.key)?;
    }
    Ok(())
}
