//! Executes what the scheduler decided: starts and stops runs, and queues entries of the journal.

use tokio::task::{Id, JoinError};

use super::Daemon;
use super::active_run::ActiveRun;
use super::fire_clock::Fire;
use super::scheduler::{Action, Begin, RunEnd};
use crate::clock;
use crate::journal::Watermark;
use crate::report::groups::{PassedOver, fields};
use crate::report::{Begun, Outcome, Report, RunInfo, Trigger};
use crate::run::{self, Task};
use model::object::Count;

impl Daemon {
    /// Carries out what the scheduler wants.
    pub(super) async fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Begin(begin) => self.begin(*begin).await,
                other => self.act_now(other),
            }
        }
    }

    /// The same where nothing begins: at the start, where runs wait for the first tick, and at the end.
    pub(super) fn act_soon(&mut self, actions: Vec<Action>) {
        actions.into_iter().for_each(|action| self.act_now(action));
    }

    fn act_now(&mut self, action: Action) {
        match action {
            Action::Begin(_) => {}
            Action::Stop { run, reason } => {
                if let Some(live) = self.live.get_mut(&run) {
                    tracing::info!(%run, profile = &*live.task.profile.name, "stopping the run: {}", reason.as_str());
                    live.stop(reason);
                }
            }
            Action::Skip { task, fire, watermark, reason } => self.skip(&task, fire, watermark, reason),
            Action::SetWatermark { profile, watermark } => {
                self.writer.write("a profile's watermark", move |journal| {
                    journal.set_watermark(&profile, watermark.at, &watermark.timetable)
                });
            }
            Action::Adopt { profile, fingerprint } => {
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
        let report = run::skipped(task, info, reason.clone());
        let new = run::new_run(&report, profile.name.to_string(), Some(watermark));
        self.writer.write("a skipped fire", move |journal| journal.skip(&new, &reason).map(drop));
    }

    async fn begin(&mut self, begin: Begin) {
        let profile = begin.task.profile.clone();
        let RunInfo { id: run, trigger, due, missed, resumes, .. } = begin.info;
        tracing::info!(
            %run, profile = &*profile.name, endpoint = &*profile.endpoint.name, %trigger,
            due = due.map(|due| due.to_rfc3339()), missed, resumes, "the run begins"
        );
        if let Some(due) = due {
            self.history.dealt_with(&profile.name, due, missed);
        }
        let connection = self.connections.open(&profile).await;
        let (live, going) = ActiveRun::new(&begin, connection, self.journal.clone(), self.writer.flushed());
        let task = self.runs.spawn(going);
        self.tasks.insert(task.id(), run);
        self.live.insert(run, live);
    }

    pub(super) async fn run_over(&mut self, over: Result<(Id, Report), JoinError>) {
        let now = clock::now();
        let id = over.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(live) = self.tasks.remove(&id).and_then(|run| self.live.remove(&run)) else { return };
        let profile = live.task.profile.name.clone();
        let run = live.info.id;
        let end = match over {
            Ok((_, report)) => {
                let (begun, outcome) = (report.begun, report.outcome);
                match begun {
                    Begun::Yes => {
                        self.history.ended(&report, &live.ended(), report.ended.unwrap_or(now));
                        say(&report);
                    }
                    Begun::Held | Begun::Done => {
                        let reason = report.reason.as_deref().unwrap_or_default();
                        tracing::info!(%run, profile = &*profile, "the run does not begin: {reason}");
                    }
                }
                RunEnd { run, begun, outcome, reason: report.reason, warmed: report.totals.warmed }
            }
            Err(error) => {
                tracing::error!(%run, profile = &*profile, %error, "a fault of hotset ended the run");
                self.history.count(&profile, Outcome::Failed);
                RunEnd { run, begun: Begun::Yes, outcome: Outcome::Failed, reason: None, warmed: Count::default() }
            }
        };
        let actions = self.scheduler.ended(&profile, &end, now);
        self.act(actions).await;
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
    let groups = fields(&report.plan.selection.groups, report.plan.at);
    let mut all = PassedOver::all(&groups);
    if let Some(first) = all.next() {
        let others = all.count();
        let others =
            if others > 0 { format!("; nor is the newest of {others} more of its runs") } else { String::new() };
        tracing::info!(%run, profile, endpoint, "{first}{others}");
    }
}
