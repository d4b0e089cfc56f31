//! Executes what the scheduler decided: starts and stops runs, and queues entries of the journal.

use std::sync::Arc;

use tokio::task::{Id, JoinError};
use ulid::Ulid;

use super::Daemon;
use super::active_run::{ActiveRun, Step};
use super::fire_clock::Fire;
use super::scheduler::{Action, RunEnd, RunRequest};
use crate::clock;
use crate::journal::Watermark;
use crate::report::groups::PassedOver;
use crate::report::{Outcome, Report, RunInfo, Trigger};
use crate::run::{self, Claim, Denied, Pass, Task};
use model::api::GroupField;
use model::object::Count;

impl Daemon {
    pub(super) fn act(&mut self, actions: Vec<Action>) {
        actions.into_iter().for_each(|action| self.execute(action));
    }

    fn execute(&mut self, action: Action) {
        match action {
            Action::Claim(request) => self.claim(request),
            Action::Skip { task, fire, watermark, reason } => self.skip(&task, fire, watermark, reason),
            Action::SetWatermark { profile, watermark } => {
                self.writer.write("a profile's watermark", move |journal| {
                    journal.set_watermark(&profile, watermark.at, &watermark.timetable)
                });
            }
            Action::ApplyFingerprint { profile, fingerprint } => {
                self.writer
                    .write("a profile's fingerprint", move |journal| journal.apply_fingerprint(&profile, &fingerprint));
            }
            Action::Forget { profile } => {
                self.history.forget(&profile);
                self.writer.write("that a profile is gone", move |journal| journal.forget(&profile));
            }
            Action::Unpause { profile } => {
                tracing::info!(profile = &*profile, "the pause is over");
                self.writer.write("the end of a pause", move |journal| journal.set_pause(&profile, None));
            }
        }
    }

    /// A fire that passes without a run is known all the same.
    fn skip(&mut self, task: &Task, fire: Fire, watermark: Watermark, reason: String) {
        let profile = &task.profile;
        tracing::warn!(profile = &*profile.name, endpoint = &*profile.endpoint.name, due = %fire.due, "skipped: {reason}");
        self.history.skipped(&profile.name, fire.due, fire.missed);
        let trigger = if fire.late { Trigger::Missed } else { Trigger::Schedule };
        let info = RunInfo { due: Some(fire.due), missed: fire.missed, ..RunInfo::new(trigger, clock::now()) };
        let report = run::skipped(task, info, reason);
        let new = run::new_run(&report, profile.name.to_string(), Some(watermark));
        self.writer.write("a skipped fire", move |journal| journal.skip(&new).map(drop));
    }

    fn claim(&mut self, request: Arc<RunRequest>) {
        let run = request.info.id;
        let active = ActiveRun::new(request);
        let claiming = active.claim(self.journal.clone(), self.writer.flushed());
        self.tasks.insert(self.runs.spawn(claiming).id(), run);
        self.active.insert(run, active);
    }

    /// A task of a run has ended: its claim, or the run itself.
    pub(super) fn step(&mut self, step: Result<(Id, Step), JoinError>) {
        let id = step.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(run) = self.tasks.remove(&id) else { return };
        let actions = match step.map(|(_, step)| step) {
            Ok(Step::Granted(granted)) => self.granted(run, *granted),
            Ok(Step::Denied(denied)) => self.denied(run, &denied),
            Ok(Step::Ended(report)) => self.ended(run, &report),
            Err(error) => self.failed(run, &error),
        };
        self.act(actions.unwrap_or_default());
    }

    fn granted(&mut self, run: Ulid, granted: (Pass, Claim)) -> Option<Vec<Action>> {
        let active = self.active.get(&run)?;
        let profile = &active.request.task.profile;
        let RunInfo { trigger, due, missed, resumes, .. } = active.request.info;
        tracing::info!(
            %run, profile = &*profile.name, endpoint = &*profile.endpoint.name, %trigger,
            due = due.map(|due| due.to_rfc3339()), missed, resumes, "the run begins"
        );
        if let Some(due) = due {
            self.history.dealt_with(&profile.name, due, missed);
        }
        let executing = active.execute(self.connections.clone(), granted);
        self.tasks.insert(self.runs.spawn(executing).id(), run);
        Some(self.scheduler.granted(&profile.name))
    }

    fn denied(&mut self, run: Ulid, denied: &Denied) -> Option<Vec<Action>> {
        let profile = self.active.remove(&run)?.request.task.profile.name.clone();
        tracing::info!(%run, profile = &*profile, "the run does not begin: {denied}");
        Some(self.scheduler.denied(&profile, denied, clock::now()))
    }

    fn ended(&mut self, run: Ulid, report: &Report) -> Option<Vec<Action>> {
        let (active, now) = (self.active.remove(&run)?, clock::now());
        self.history.ended(report, &active.ended(), report.ended.unwrap_or(now));
        say(report);
        let end = RunEnd { outcome: report.outcome, warmed: report.totals.warmed };
        Some(self.scheduler.ended(&active.request.task.profile.name, &end, now))
    }

    fn failed(&mut self, run: Ulid, error: &JoinError) -> Option<Vec<Action>> {
        let profile = self.active.remove(&run)?.request.task.profile.name.clone();
        tracing::error!(%run, profile = &*profile, %error, "a fault of hotset ended the run");
        self.history.count(&profile, Outcome::Failed);
        let end = RunEnd { outcome: Outcome::Failed, warmed: Count::default() };
        Some(self.scheduler.ended(&profile, &end, clock::now()))
    }
}

/// One line for the log.
fn say(report: &Report) {
    say_passed_over(report);
    let (run, profile, endpoint) = (report.info.id, &*report.plan.profile, &*report.plan.endpoint);
    let totals = &report.totals;
    let (warmed, fresh, bytes) = (totals.warmed.objects, totals.fresh.objects, totals.warmed.bytes);
    let reason = report.reason.as_deref();
    match report.outcome {
        Outcome::Complete => {
            tracing::info!(%run, profile, endpoint, outcome = %report.outcome, warmed, bytes, fresh, reason, "the run ended");
        }
        _ => {
            let (failed, unknown) = (totals.failed.objects, totals.unknown.objects);
            tracing::warn!(
                %run, profile, endpoint, outcome = %report.outcome, warmed, bytes, fresh, failed, unknown, reason, "the run ended"
            );
        }
    }
}

/// Where the newest checkpoint of a run is not complete: which, why, and what is taken in its place.
fn say_passed_over(report: &Report) {
    let (run, profile, endpoint) = (report.info.id, &*report.plan.profile, &*report.plan.endpoint);
    let groups = GroupField::all(&report.plan.selection.groups, report.plan.at);
    let mut all = PassedOver::all(&groups);
    if let Some(first) = all.next() {
        let others = all.count();
        let others =
            if others > 0 { format!("; nor is the newest of {others} more of its runs") } else { String::new() };
        tracing::info!(%run, profile, endpoint, "{first}{others}");
    }
}
