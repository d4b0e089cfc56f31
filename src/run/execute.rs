//! Executes one pass, from its plan to its outcome.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::connection::Connection;
use super::fresh::{fresh_for, mark_fresh};
use super::outcome::{Judged, Lost, Standard, judge};
use super::reselect::Seen;
use super::run_record::RunRecord;
use super::{Pass, Task, fail_if_lost, make, plan, too_late};
use crate::clock;
use crate::journal::Recorder;
use crate::report::{Outcome, Report, RunInfo, Totals, Trigger};
use crate::warm::{Ended, Warming, WarmingOrder, Wire, warm, warming_order};
use model::object::Count;
use model::select::Selection;
use model::select::plan::{Plan, Verdict};

/// A pass under way.
pub(super) struct Execution<'a> {
    pub pass: &'a Pass,
    pub task: &'a Task,
    pub connection: &'a Connection,
    pub deadline: Instant,
    pub record: Option<&'a RunRecord>,
}

impl Execution<'_> {
    pub async fn execute(&self, report: &mut Report) {
        if self.streams() {
            return self.stream(report).await;
        }
        let Some((objects, seen)) = self.begin(report).await else { return };
        let sharing = self.record.map(|record| record.share(self.task, self.connection.limit.clone()));
        let recorder = self.record.map(|record| record.recorder(self.task));
        let mut ended = self.warm(report, objects, recorder.as_ref()).await;
        let mut lost = Lost::Nothing;
        let all_seen = report.totals.ended().objects >= report.totals.planned.objects;
        if let Some(seen) = seen.filter(|_| all_seen && report.totals.gone.objects > 0) {
            (ended, lost) = self.reselect(report, &seen, recorder.as_ref()).await;
        }
        drop(sharing);
        if let Some(recorder) = recorder {
            recorder.finish().await;
        }
        self.judge(report, &ended, lost);
    }

    /// Gives the report of a warm that ended its outcome.
    pub fn judge(&self, report: &mut Report, ended: &Ended, lost: Lost) {
        let standard = Standard {
            wanted: report.wanted(),
            min_warm: self.pass.min_warm.or(self.task.profile.min_warm),
            over_cap: &report.plan.selection.runs_over_cap,
            lost,
        };
        // Where what it was to warm cannot be read any more it ended too early, whatever it came to.
        let judged = match self.connection.lost() {
            Some(why) => Judged { outcome: Outcome::Failed, reason: Some(why.to_owned()), class: None },
            None => judge(&report.totals, ended, &standard),
        };
        (report.outcome, report.reason, report.reason_class) = (judged.outcome, judged.reason, judged.class);
    }

    /// What there is to warm; of checkpoints also what was selected at all. `None`: the report says why it is over.
    async fn begin(&self, report: &mut Report) -> Option<(WarmingOrder, Option<Seen>)> {
        let (mut plan, fresh) = self.plan(&report.info).await;
        if let Some(why) = self.has_no_room(&report.info, plan.to_warm().objects) {
            plan.verdict = Verdict::Refused(why.into());
        }
        report.plan = plan;
        let (outcome, reason) = Outcome::of_plan(&report.plan.verdict);
        if outcome != Outcome::Complete {
            (report.outcome, report.reason) = (outcome, reason.map(str::to_owned));
            report.reason_class = report.plan.verdict.why().and_then(|why| why.class);
            return None;
        }
        report.totals = Totals { planned: report.plan.selected, fresh: report.plan.fresh, ..Totals::default() };
        report.totals.count_as_warmed(self.pass.resumed_with.unwrap_or_default());
        let seen = self.task.profile.checkpoint.as_ref().map(|_| Seen::of(&report.plan.selection.selected));
        let objects = to_warm(&mut report.plan.selection, &fresh);
        self.expect(report, report.plan.to_warm()).await;
        Some((objects, seen))
    }

    /// The plan as of now, and which of its objects are fresh.
    pub async fn plan(&self, info: &RunInfo) -> (Plan, Vec<bool>) {
        let Self { pass, task, connection, deadline, record } = self;
        // Large, and once a run.
        let planned = Box::pin(plan(task, connection, &pass.progress, &pass.stop));
        let planned = tokio::time::timeout_at(*deadline, planned).await;
        let mut plan = planned.unwrap_or_else(|_| {
            make(
                task,
                Selection::default(),
                too_late(),
                clock::now(),
                pass.progress.list_requests.load(Ordering::Relaxed),
            )
        });
        let fresh = match record.zip(fresh_for(pass, info, task)) {
            Some((record, within)) => mark_fresh(&mut plan, task, record.journal(), within).await,
            None => Vec::new(),
        };
        fail_if_lost(&mut plan, connection);
        (plan, fresh)
    }

    /// A degraded journal is bounded: what it cannot remember would be warmed again at every fire.
    pub fn has_no_room(&self, info: &RunInfo, objects: u64) -> Option<String> {
        let by_itself = !matches!(info.trigger, Trigger::Api | Trigger::Cli);
        let record = self.record.filter(|_| self.pass.degraded && by_itself)?;
        record.no_room_for(objects)
    }

    /// Says that so much is going to be warmed.
    pub async fn expect(&self, report: &Report, to_warm: Count) {
        self.pass.progress.plan(to_warm);
        if let Some(record) = self.record {
            record.note(report).await;
        }
    }

    /// Warms `objects`, which the report counts as planned, and adds what they came to.
    pub async fn warm(&self, report: &mut Report, objects: WarmingOrder, recorder: Option<&Recorder>) -> Ended {
        let (totals, ended) = warm(objects, self.warming(recorder)).await;
        report.totals.absorb(Totals { planned: Count::default(), ..totals });
        ended
    }

    pub fn warming(&self, recorder: Option<&Recorder>) -> Warming<Wire> {
        let Self { pass, task, connection, deadline, .. } = self;
        Warming {
            wire: connection.wire.clone(),
            limit: connection.limit.clone(),
            single_flight: connection.single_flight.clone(),
            first_wait: connection.first_wait,
            priority: task.profile.priority,
            deadline: *deadline,
            stop: pass.stop.clone(),
            progress: pass.progress.clone(),
            notes: recorder.map(Recorder::buffer),
            more: None,
        }
    }
}

/// Takes the objects of a selection, without those that are dropped, in warming order.
pub(super) fn to_warm(selection: &mut Selection, dropped: &[bool]) -> WarmingOrder {
    let mut objects = std::mem::take(&mut selection.selected);
    let is_dropped = |n: usize| dropped.get(n).copied().unwrap_or(false);
    let mut from = 0;
    let stretch = |segment: &model::select::Segment| {
        let range = from..from + segment.objects;
        from = range.end;
        range.filter(|n| !is_dropped(*n)).count()
    };
    let stretches: Vec<usize> = selection.segments.iter().map(stretch).collect();
    objects.retain(|n| !is_dropped(n));
    warming_order(objects, &stretches)
}
