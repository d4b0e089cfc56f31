//! Streams a pass: warming begins before the listing ends. Only where no cap can cut what the first pages selected, nothing can
//! refuse the plan, and there are no groups.

use std::sync::atomic::Ordering;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

use super::execute::Execution;
use super::fresh::{fresh_for, fresh_of};
use super::list_and_select::list_and_select;
use super::outcome::Lost;
use super::run_record::RunRecord;
use super::stream_channel::StreamChannel;
use super::{Source, over, rules};
use crate::journal::{Recorder, Written};
use crate::report::{Outcome, Report, RunInfo, Totals};
use crate::warm::{Ended, Warming, WarmingOrder, warm, warming_order};
use model::object::{Count, ObjectIndex};
use model::select::plan::{Plan, Verdict};

/// What was handed over by the listing.
#[derive(Clone, Copy, Debug, Default)]
struct Checked {
    planned: Count,
    fresh: Count,
}

impl Execution<'_> {
    /// Whether warming may begin before all is listed. A degraded journal may have no room for it all.
    pub fn streams(&self) -> bool {
        self.task.profile.rules.is_uncapped() && Source::of(self.task) == Source::Listing && !self.pass.degraded
    }

    /// Lists, and warms meanwhile.
    pub async fn stream(&self, report: &mut Report) {
        let (out, found) = StreamChannel::new();
        let (feed, more) = channel(1);
        let over = CancellationToken::new();
        let sharing = self.record.map(|record| record.share(self.task, self.connection.limit.clone()));
        let recorder = self.record.map(|record| record.recorder(self.task));
        self.pass.progress.still_listing.store(true, Ordering::Relaxed);
        let info = report.info;
        let written = recorder.as_ref().map(Recorder::written);
        let planning = async {
            let (plan, checked) = tokio::join!(self.list(out, &over), self.check(&info, found, feed, written));
            self.pass.progress.still_listing.store(false, Ordering::Relaxed);
            report.totals = Totals { planned: checked.planned, fresh: checked.fresh, ..Totals::default() };
            report.totals.count_as_warmed(self.pass.resumed_with.unwrap_or_default());
            report.plan = Plan { fresh: checked.fresh, ..plan };
            self.expect(report, Count::default()).await;
        };
        let ((), (totals, ended)) = tokio::join!(planning, self.warm_all(more, recorder.as_ref(), &over));
        report.totals.absorb(Totals { planned: Count::default(), ..totals });
        drop(sharing);
        if let Some(recorder) = recorder {
            recorder.finish().await;
        }
        let (outcome, why) = Outcome::of_plan(&report.plan.verdict);
        if outcome != Outcome::Complete && report.totals.planned.objects == 0 {
            (report.outcome, report.reason) = (outcome, why.map(str::to_owned));
            report.reason_class = report.plan.verdict.why().and_then(|why| why.class);
            return;
        }
        let lost = match &report.plan.verdict {
            Verdict::Ready => Lost::Nothing,
            other => Lost::Unlisted(other.clone()),
        };
        self.judge(report, &ended, lost);
    }

    /// Lists no longer than it is of use.
    async fn list(&self, out: StreamChannel, warm_is_over: &CancellationToken) -> Plan {
        let Self { pass, task, connection, deadline, .. } = self;
        let until = async {
            tokio::select! {
                biased;
                why = over(&pass.stop, *deadline) => why,
                () = warm_is_over.cancelled() => Verdict::Failed("the warm ended before the listing did".to_owned().into()),
            }
        };
        let rules = [rules(task)];
        let mut selections =
            Box::pin(list_and_select((connection, Some(out.clone())), &rules, &pass.progress, until)).await;
        let mut plan = selections.plan(task);
        out.finish(std::mem::take(&mut plan.selection.selected)).await;
        plan
    }

    /// Passes on what is not fresh, in an order to be warmed in.
    async fn check(
        &self,
        info: &RunInfo,
        mut found: Receiver<ObjectIndex>,
        feed: Sender<WarmingOrder>,
        written: Option<&Written>,
    ) -> Checked {
        let mut checked = Checked::default();
        while let Some(mut objects) = found.recv().await {
            checked.planned = checked.planned + objects.count();
            let journal = self.record.map(RunRecord::journal).zip(written);
            let (fresh, count) = match journal.zip(fresh_for(self.pass, info, self.task)) {
                _ if feed.is_closed() => continue,
                Some((journal, within)) => fresh_of(&mut objects, self.task, journal, within).await,
                None => <(Vec<bool>, Count)>::default(),
            };
            checked.fresh = checked.fresh + count;
            objects.retain(|n| !fresh.get(n).copied().unwrap_or(false));
            self.pass.progress.plan(objects.count());
            if !objects.is_empty() && feed.send(warming_order(objects, &[])).await.is_err() {
                tracing::debug!(profile = %self.task.profile.name, "the warm ended before the listing did");
            }
        }
        checked
    }

    async fn warm_all(
        &self,
        more: Receiver<WarmingOrder>,
        recorder: Option<&Recorder>,
        over: &CancellationToken,
    ) -> (Totals, Ended) {
        let warming = Warming { more: Some(more), ..self.warming(recorder) };
        let warmed = warm(WarmingOrder::default(), warming).await;
        over.cancel();
        warmed
    }
}
