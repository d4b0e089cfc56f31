//! Claims the next run of a profile, and takes in how the claim and the run ended.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::pending::Pending;
use super::{Action, Phase, ProfileState, still_running};
use crate::daemon::handle::{CommandError, Started};
use crate::daemon::scheduler::{RunEnd, RunRequest};
use crate::journal::Interrupted;
use crate::report::{Outcome, RunInfo, StopReason, Trigger};
use crate::run::Denied;
use crate::warm::StopSignal;
use model::config::profile::{OnOverlap, OnReload};

/// The deadline of a run of the daemon where the profile sets none.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(24 * 3600);
/// How long a profile waits to claim again after another process was found to run it.
const CLAIM_RETRY_INTERVAL: TimeDelta = TimeDelta::seconds(10);

impl ProfileState {
    /// Claims what is to run next, if anything is and nothing is in its way.
    pub fn dispatch(&mut self, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        let Phase::Idle { not_before } = self.phase else { return };
        if not_before.is_some_and(|at| now < at) || self.is_paused() {
            return;
        }
        self.phase = Phase::default();
        if let Some(run) = &self.resumable {
            if self.is_open(now) && self.is_worth_resuming(run, now) {
                let request = self.resumption(run, now);
                return self.claim(request, actions);
            }
            tracing::info!(profile = &*self.task.profile.name, run = %run.info.id, "the interrupted run is not taken up again");
            self.resumable = None;
        }
        if !self.is_open(now) {
            return;
        }
        let changed = Pending { trigger: self.changed_by, due: None, missed: 0 };
        let next = match (self.is_applied(), self.pending) {
            (true, None) => return,
            (true, Some(pending)) => pending,
            (false, None) => changed,
            (false, Some(pending)) => Pending { trigger: changed.trigger, ..pending },
        };
        self.claim(self.new_run(next, false, now), actions);
    }

    /// A run of what the profile was, or one that has outlived its deadline, is over.
    fn is_worth_resuming(&self, run: &Interrupted, now: DateTime<Utc>) -> bool {
        run.fingerprint == self.task.fingerprint
            && run.info.started <= now
            && !self.time_left(run.info.started, now).is_zero()
    }

    fn time_left(&self, started: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
        let spent = (now - started).to_std().unwrap_or_default();
        self.task.profile.deadline.unwrap_or(DEFAULT_DEADLINE).saturating_sub(spent)
    }

    fn new_run(&self, pending: Pending, rewarm: bool, now: DateTime<Utc>) -> RunRequest {
        let Pending { trigger, due, missed } = pending;
        RunRequest {
            task: self.task.clone(),
            info: RunInfo { due, missed, ..RunInfo::new(trigger, now) },
            resumed_with: None,
            rewarm,
            deadline: self.task.profile.deadline.unwrap_or(DEFAULT_DEADLINE),
            watermark: self.watermark(),
            stop: StopSignal::default(),
        }
    }

    fn resumption(&self, run: &Interrupted, now: DateTime<Utc>) -> RunRequest {
        RunRequest {
            task: self.task.clone(),
            info: RunInfo { trigger: Trigger::Resume, resumes: run.info.resumes + 1, ..run.info },
            resumed_with: Some(run.warmed),
            rewarm: run.rewarm,
            deadline: self.time_left(run.info.started, now),
            watermark: self.watermark(),
            stop: StopSignal::default(),
        }
    }

    fn claim(&mut self, request: RunRequest, actions: &mut Vec<Action>) {
        let run = Arc::new(request);
        actions.push(Action::Claim(run.clone()));
        self.phase = Phase::Claiming { run, arrived: None };
    }

    /// Joins the run in progress, or claims one; the window is ignored.
    pub fn start_by_hand(
        &mut self,
        rewarm: bool,
        now: DateTime<Utc>,
        actions: &mut Vec<Action>,
    ) -> Result<Started, CommandError> {
        let profile = &self.task.profile.name;
        if let Some(going) = self.run() {
            let run = going.info.id;
            return match going.stop.reason() {
                None => Ok(Started { run, joined: true }),
                Some(_) => Err(CommandError::Ending { profile: profile.clone(), run }),
            };
        }
        if self.is_paused() {
            return Err(CommandError::Paused(profile.clone()));
        }
        let (due, missed) = self.pending.map_or((None, 0), |pending| (pending.due, pending.missed));
        let request = self.new_run(Pending { trigger: Trigger::Api, due, missed }, rewarm, now);
        let run = request.info.id;
        self.claim(request, actions);
        Ok(Started { run, joined: false })
    }

    /// The run is the profile's from now on, and uses up what it stands for.
    pub fn granted(&mut self, actions: &mut Vec<Action>) {
        let (run, arrived) = match mem::take(&mut self.phase) {
            Phase::Claiming { run, arrived } => (run, arrived),
            other => return self.phase = other,
        };
        self.applied_fingerprint = Some(run.task.fingerprint.clone());
        self.resumable = None;
        // A fire that came with a resumed run finds it running; a trigger without a fire is what the run does already.
        let fire = self.pending.take().and_then(Pending::fire).filter(|_| run.info.trigger == Trigger::Resume);
        match fire {
            Some(fire) if self.task.profile.on_overlap == OnOverlap::Skip => {
                self.skip(fire, still_running(&run.info), actions);
            }
            fire => self.pending = fire.map(Pending::of),
        }
        self.phase = Phase::Running(run);
        self.join(arrived);
    }

    /// What arrived during a claim joins what is pending: one run for both.
    fn join(&mut self, arrived: Option<Pending>) {
        self.pending = match (self.pending, arrived.and_then(Pending::fire)) {
            (Some(pending), Some(fire)) => Some(pending.and(fire)),
            (pending, _) => pending.or(arrived),
        };
    }

    /// The run does not begin. The phase was all that had changed.
    pub fn denied(&mut self, denied: &Denied, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        let Phase::Claiming { run, arrived } = mem::take(&mut self.phase) else { return };
        match (denied, run.info.trigger) {
            // The interrupted run was ended by somebody else; or the clock was set back, and the fire has been dealt with.
            (Denied::AlreadyDone { .. }, Trigger::Resume) => self.resumable = None,
            (Denied::AlreadyDone { .. }, _) => self.pending = None,
            (Denied::AlreadyRunning { .. }, Trigger::Api) => {}
            (Denied::AlreadyRunning { .. }, trigger) => {
                self.phase = Phase::Idle { not_before: Some(now + CLAIM_RETRY_INTERVAL) };
                let is_skipped = trigger != Trigger::Resume && self.task.profile.on_overlap == OnOverlap::Skip;
                if let Some(fire) = self.pending.filter(|_| is_skipped).and_then(Pending::fire) {
                    self.pending = None;
                    self.skip(fire, denied.to_string(), actions);
                }
            }
        }
        self.join(arrived);
        if self.is_paused() {
            self.drop_pending(actions);
        }
    }

    /// The run in progress is over.
    pub fn ended(&mut self, end: &RunEnd, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        // A fault during the claim counts as a run: it is not repeated at every tick.
        self.granted(actions);
        let Phase::Running(run) = mem::take(&mut self.phase) else { return };
        match (end.outcome, run.stop.reason()) {
            (Outcome::Interrupted, Some(StopReason::Paused)) => {
                self.resumable = Some(interrupted(&run, end, now));
            }
            // It was under way: a run of what the profile is now takes its place, and stands for the same fire.
            (Outcome::Interrupted, Some(StopReason::Changed)) => {
                let due = run.info.due.filter(|_| run.task.fingerprint != self.task.fingerprint);
                self.pending.get_or_insert(Pending { trigger: self.changed_by, due, missed: 0 });
            }
            (Outcome::Interrupted, _) => {}
            (_, Some(StopReason::Changed)) if self.task.profile.on_reload == OnReload::Never => {
                self.apply_fingerprint(actions);
            }
            _ => {}
        }
    }
}

fn interrupted(run: &RunRequest, end: &RunEnd, now: DateTime<Utc>) -> Interrupted {
    Interrupted {
        info: run.info,
        profile: run.task.profile.name.to_string(),
        fingerprint: run.task.fingerprint.clone(),
        ended: now,
        warmed: end.warmed,
        rewarm: run.rewarm,
    }
}
