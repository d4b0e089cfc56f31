//! From wishes to runs, and back from runs that ended.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ulid::Ulid;

use super::pending::Pending;
use super::{Action, Live, ProfileState, still_running};
use crate::daemon::handle::{CommandError, Started};
use crate::daemon::scheduler::{Begin, RunEnd};
use crate::journal::Interrupted;
use crate::report::{Begun, Outcome, RunInfo, StopReason, Trigger};
use crate::run::Task;
use model::config::profile::{OnOverlap, OnReload};

/// How long a run of the daemon may take where the profile does not say.
const DEADLINE: Duration = Duration::from_secs(24 * 3600);
/// How soon a profile is looked at again whose claim another process holds.
const CLAIMED: TimeDelta = TimeDelta::seconds(10);

impl ProfileState {
    /// Begins what is to run next, if anything is and nothing is in its way.
    pub fn settle(&mut self, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        if self.live.is_some() || self.is_paused() || self.leaving || self.not_before.is_some_and(|at| now < at) {
            return;
        }
        self.not_before = None;
        let is_open = self.task.profile.window.as_ref().is_none_or(|window| window.contains(now));
        if let Some(left) = self.resumable.take() {
            if is_open && self.is_worth_taking_up(&left, now) {
                return self.begin_again(left, now, actions);
            }
            tracing::info!(profile = &*self.task.profile.name, run = %left.info.id, "the interrupted run is not taken up again");
        }
        if !is_open {
            return;
        }
        let changed = Pending { trigger: self.changed_by, due: None, missed: 0 };
        let next = match (self.is_current(), self.pending) {
            (true, None) => return,
            (true, Some(pending)) => pending,
            (false, None) => changed,
            (false, Some(pending)) => Pending { trigger: changed.trigger, ..pending },
        };
        self.begin(next, false, now, actions);
    }

    /// A run of what the profile was, or one that has outlived its deadline, is over.
    fn is_worth_taking_up(&self, left: &Interrupted, now: DateTime<Utc>) -> bool {
        left.fingerprint == self.task.fingerprint
            && left.info.started <= now
            && !self.time_left(left.info.started, now).is_zero()
    }

    fn time_left(&self, started: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
        let spent = (now - started).to_std().unwrap_or_default();
        self.task.profile.deadline.unwrap_or(DEADLINE).saturating_sub(spent)
    }

    fn begin(&mut self, pending: Pending, rewarm: bool, now: DateTime<Utc>, actions: &mut Vec<Action>) -> Ulid {
        let Pending { trigger, due, missed } = pending;
        let info = RunInfo { due, missed, ..RunInfo::new(trigger, now) };
        let run = info.id;
        self.go(
            Begin {
                task: self.task.clone(),
                info,
                resumed_with: None,
                rewarm,
                deadline: self.task.profile.deadline.unwrap_or(DEADLINE),
                watermark: self.watermark(),
            },
            actions,
        );
        run
    }

    fn begin_again(&mut self, left: Interrupted, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        let info = RunInfo { trigger: Trigger::Resume, resumes: left.info.resumes + 1, ..left.info };
        // A fire that comes with it finds it running; a pending without a fire is what it does already.
        let fire = self.pending.take().and_then(Pending::fire);
        match fire {
            Some(fire) if self.task.profile.on_overlap == OnOverlap::Skip => {
                self.skip(fire, still_running(&info), actions);
            }
            Some(fire) => self.want(fire),
            None => {}
        }
        let begin = Begin {
            task: self.task.clone(),
            info,
            resumed_with: Some(left.warmed),
            rewarm: left.rewarm,
            deadline: self.time_left(left.info.started, now),
            watermark: self.watermark(),
        };
        let pending = self.pending;
        self.resumable = Some(left);
        self.go(begin, actions);
        self.pending = pending;
    }

    fn go(&mut self, begin: Begin, actions: &mut Vec<Action>) {
        self.live = Some(Live {
            info: begin.info,
            fingerprint: begin.task.fingerprint.clone(),
            stopping: None,
            rewarm: begin.rewarm,
            applied_before: self.applied_fingerprint.replace(begin.task.fingerprint.clone()),
            pending_before: self.pending.take(),
            resumable_before: self.resumable.take(),
        });
        actions.push(Action::Begin(Box::new(begin)));
    }

    /// Joins the run in progress, or begins one; the window is not asked.
    pub fn begin_by_hand(
        &mut self,
        rewarm: bool,
        now: DateTime<Utc>,
        actions: &mut Vec<Action>,
    ) -> Result<Started, CommandError> {
        let profile = &self.task.profile.name;
        if let Some(live) = &self.live {
            let run = live.info.id;
            return match live.stopping {
                None => Ok(Started { run, joined: true }),
                Some(_) => Err(CommandError::Ending { profile: profile.clone(), run }),
            };
        }
        if self.is_paused() {
            return Err(CommandError::Paused(profile.clone()));
        }
        let pending = self.pending.map_or((None, 0), |pending| (pending.due, pending.missed));
        let pending = Pending { trigger: Trigger::Api, due: pending.0, missed: pending.1 };
        Ok(Started { run: self.begin(pending, rewarm, now, actions), joined: false })
    }

    /// The run in progress is over.
    pub fn ended(&mut self, end: &RunEnd, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        let Some(live) = self.live.take_if(|live| live.info.id == end.run) else { return };
        match (end.begun, end.outcome) {
            (Begun::Held, _) => self.held(live, end, now, actions),
            // The clock was set back: it has been seen to.
            (Begun::Done, _) => self.applied_fingerprint = live.applied_before,
            (Begun::Yes, Outcome::Interrupted) => match live.stopping {
                Some(StopReason::Paused) => self.resumable = Some(interrupted(&self.task, &live, end, now)),
                // It was under way: a run of what the profile is now takes its place, and stands for the same fire.
                Some(StopReason::Changed) if !self.leaving => {
                    let due = live.info.due.filter(|_| live.fingerprint != self.task.fingerprint);
                    self.pending = self.pending.or(Some(Pending { trigger: self.changed_by, due, missed: 0 }));
                }
                _ => {}
            },
            (Begun::Yes, _)
                if live.stopping == Some(StopReason::Changed) && self.task.profile.on_reload == OnReload::Never =>
            {
                self.adopt(actions);
            }
            (Begun::Yes, _) => {}
        }
    }

    /// Another process holds the profile.
    fn held(&mut self, live: Live, end: &RunEnd, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        self.applied_fingerprint = live.applied_before;
        self.resumable = self.resumable.take().or(live.resumable_before);
        let reason = end.reason.clone().unwrap_or_default();
        let RunInfo { trigger, due, missed, .. } = live.info;
        if trigger == Trigger::Api || self.leaving {
            self.pending = self.pending.or(live.pending_before);
            return;
        }
        self.not_before = Some(now + CLAIMED);
        if trigger == Trigger::Resume {
            // It is taken up when the other one is done.
            return;
        }
        let pending = Pending { trigger, due, missed };
        match pending.fire() {
            Some(fire) if self.task.profile.on_overlap == OnOverlap::Skip => self.skip(fire, reason, actions),
            _ => self.pending = self.pending.or(Some(pending)),
        }
    }
}

fn interrupted(task: &Task, live: &Live, end: &RunEnd, now: DateTime<Utc>) -> Interrupted {
    Interrupted {
        info: live.info,
        profile: task.profile.name.to_string(),
        fingerprint: live.fingerprint.clone(),
        ended: now,
        warmed: end.warmed,
        rewarm: live.rewarm,
    }
}
