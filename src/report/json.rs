//! What a run's report is in the JSON contract.

use super::groups::{Bound, Unnamed, named};
use super::{Errors, Report};
use model::api::{ErrorClass, GroupField, LeftOut, RunLine};

impl From<&Report> for RunLine {
    fn from(report: &Report) -> Self {
        let (plan, totals) = (&report.plan, &report.totals);
        let (groups, more_groups) = on_record(report);
        Self {
            ended: report.ended,
            outcome: report.outcome,
            reason: report.reason.clone(),
            reason_class: report.reason_class,
            matched: plan.selection.matched,
            wanted: report.wanted(),
            planned: totals.planned,
            warmed: totals.warmed,
            fresh: totals.fresh,
            gone: totals.gone,
            failed: totals.failed,
            unknown: totals.unknown,
            groups,
            more_groups,
            left_out: LeftOut::all(&plan.selection.left_out),
            warm_ratio: report.warm_ratio(),
            errors: totals.errors.iter().map(error_class).collect(),
            ..Self::begun(&plan.profile, &plan.endpoint, &plan.fingerprint, report.info)
        }
    }
}

fn error_class((class, errors): (&&str, &Errors)) -> ErrorClass {
    ErrorClass { class: (*class).to_owned(), count: errors.count, sample: errors.sample.clone() }
}

/// The checkpoints that a run's line names: chosen, over the caps and incomplete ones; and how many more of them there are.
pub fn on_record(report: &Report) -> (Vec<GroupField>, u64) {
    let all = GroupField::all(&report.plan.selection.groups, report.plan.at);
    let (groups, Unnamed { chosen, over_cap, incomplete, .. }) = named(all, Bound::RECORD);
    (groups, chosen + over_cap + incomplete)
}

#[cfg(test)]
mod tests;
