//! The stages of one pass, from its plan to its end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::account::Account;
use super::connection::Connection;
use super::{Pass, TOO_LATE, Task, make, plan, verdict};
use crate::clock;
use crate::journal::{Freshness, Journal, Recorder};
use crate::object::Object;
use crate::report::{Completion, Identity, Outcome, Report, Totals, Trigger};
use crate::select::Selection;
use crate::select::plan::{Plan, Verdict};
use crate::warm::{Warming, warm, warming_order};

/// Which of the plan's objects are fresh, in their order; the plan counts them. When the ledger cannot be read, that is
/// logged, and nothing is fresh.
pub async fn mark_fresh(plan: &mut Plan, task: &Task, journal: &Journal, within: Duration) -> Vec<bool> {
    if plan.verdict != Verdict::Ready {
        return Vec::new();
    }
    let endpoint = &task.profile.endpoint;
    let rules = Freshness {
        cache_url: endpoint.cache.0.url.to_string(),
        rewarm_after: within,
        capacity: endpoint.capacity,
        now: clock::now(),
    };
    let objects = std::mem::take(&mut plan.selection.selected);
    let journal = journal.clone();
    let looked = spawn_blocking(move || (journal.fresh(&objects, &rules), objects)).await;
    let (fresh, objects) = looked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    plan.selection.selected = objects;
    let fresh = fresh.unwrap_or_else(|error| {
        tracing::warn!("{error}; nothing counts as fresh");
        Vec::new()
    });
    for (object, _) in plan.selection.selected.iter().zip(&fresh).filter(|(_, fresh)| **fresh) {
        plan.fresh.add(object.size);
    }
    fresh
}

/// For how long what was warmed is fresh; `None` where nothing is. To a run that was interrupted what it has warmed itself is
/// fresh, whatever the rules are.
fn fresh_for(pass: &Pass, identity: &Identity, task: &Task) -> Option<Duration> {
    let since = (clock::now() - identity.started).to_std().unwrap_or_default();
    match (pass.rewarm, pass.again) {
        (false, None) => Some(task.profile.rewarm_after),
        (false, Some(_)) => Some(task.profile.rewarm_after.max(since)),
        (true, Some(_)) => Some(since),
        (true, None) => None,
    }
}

/// A pass under way.
pub(super) struct Going<'a> {
    pub pass: &'a Pass,
    pub task: &'a Task,
    pub connection: &'a Connection,
    pub deadline: Instant,
    pub account: Option<&'a Account>,
}

impl Going<'_> {
    pub async fn carry_out(&self, report: &mut Report) {
        if let Some(objects) = self.plan(report).await {
            self.warm(report, objects).await;
        }
    }

    /// What there is to warm. `None`: the report says why it is over.
    async fn plan(&self, report: &mut Report) -> Option<Vec<Object>> {
        let Self { pass, task, connection, deadline, account } = self;
        let planned = tokio::time::timeout_at(*deadline, plan(task, connection, &pass.progress, &pass.stop)).await;
        report.plan = planned.unwrap_or_else(|_| {
            let why = Verdict::Failed(TOO_LATE.to_owned());
            make(task, Selection::default(), why, clock::now(), pass.progress.list_requests.load(Ordering::Relaxed))
        });
        let fresh = match account.zip(fresh_for(pass, &report.identity, task)) {
            Some((account, within)) => mark_fresh(&mut report.plan, task, account.journal(), within).await,
            None => Vec::new(),
        };
        if let Some(why) = self.has_no_room(report) {
            report.plan.verdict = Verdict::Refused(why);
        }
        let (outcome, reason) = Outcome::of_plan(&report.plan.verdict);
        if outcome != Outcome::Complete {
            (report.outcome, report.reason) = (outcome, reason.map(str::to_owned));
            return None;
        }
        report.totals = Totals { planned: report.plan.selected, fresh: report.plan.fresh, ..Totals::default() };
        report.totals.count_as_warmed(pass.again.unwrap_or_default());
        let mut fresh = fresh.into_iter();
        let mut objects: Vec<_> = std::mem::take(&mut report.plan.selection.selected);
        objects.retain(|_| !fresh.next().unwrap_or(false));
        warming_order(&mut objects);
        let to_warm = report.plan.to_warm();
        pass.progress.planned_objects.store(to_warm.objects, Ordering::Relaxed);
        pass.progress.planned_bytes.store(to_warm.bytes, Ordering::Relaxed);
        Some(objects)
    }

    /// A journal that stands in for one on disk is bounded: what it cannot remember would be warmed again at every fire.
    fn has_no_room(&self, report: &Report) -> Option<String> {
        let by_itself = !matches!(report.identity.trigger, Trigger::Api | Trigger::Cli);
        let account = self.account.filter(|_| self.pass.stand_in && by_itself)?;
        account.no_room_for(report.plan.to_warm().objects)
    }

    async fn warm(&self, report: &mut Report, objects: Vec<Object>) {
        let Self { pass, task, connection, deadline, account } = self;
        let (planned, fresh) = (report.plan.selected, report.plan.fresh);
        let sharing = account.map(|account| account.share(task, connection.limit.clone()));
        let (completions, recorder) = self.record(report).await.unzip();
        let warming = Warming {
            wire: connection.wire.clone(),
            limit: connection.limit.clone(),
            flights: connection.flights.clone(),
            priority: task.profile.priority,
            deadline: *deadline,
            stop: pass.stop.clone(),
            progress: pass.progress.clone(),
            completions,
        };
        let (totals, ended) = warm(objects, warming).await;
        drop(sharing);
        if let Some(recorder) = recorder {
            recorder.finish().await;
        }
        report.totals = Totals { planned, fresh: fresh + totals.fresh, ..totals };
        report.totals.count_as_warmed(pass.again.unwrap_or_default());
        let min_warm = pass.min_warm.or(task.profile.min_warm);
        (report.outcome, report.reason) = verdict::judge(&report.totals, &ended, report.plan.wanted(), min_warm);
    }

    async fn record(&self, report: &Report) -> Option<(Sender<Completion>, Recorder)> {
        Some(self.account?.record(report, self.task).await)
    }
}
