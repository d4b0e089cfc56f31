//! Applies the configuration to a profile, at the start of the daemon and at a reload: `on_start`, `on_reload`, removal.

use std::mem;

use chrono::{DateTime, Utc};

use super::pending::Pending;
use super::{Action, Phase, ProfileState, timetable};
use crate::daemon::fire_clock::Timetable;
use crate::journal::ProfileRecord;
use crate::report::{StopReason, Trigger};
use crate::run::Task;
use model::api::ReloadedBy;
use model::config::profile::{OnReload, OnStart};

impl ProfileState {
    /// A profile of the configuration that the daemon starts with.
    pub fn at_start(
        task: Task,
        record: Option<ProfileRecord>,
        is_fresh: bool,
        now: DateTime<Utc>,
        actions: &mut Vec<Action>,
    ) -> Self {
        let is_known = record.is_some();
        let record = record.unwrap_or_default();
        let timetable = timetable(&task);
        let same_times = record.timetable.as_deref() == Some(&*timetable);
        let mut watermark = record.watermark.filter(|_| same_times);
        let (by_hand, over) = match record.pause {
            Some(pause) if pause.until.is_some_and(|until| until <= now) => (None, pause.until),
            pause => (pause, None),
        };
        if over.is_some() {
            // What fired before the pause's end is not missed, what fired since is.
            watermark = watermark.max(over);
        }
        let mut state = Self::idle(task, watermark, now);
        (state.applied_fingerprint, state.by_hand, state.changed_by) =
            (record.applied_fingerprint, by_hand, Trigger::Start);
        if !same_times || over.is_some() {
            actions.push(state.set_watermark());
        }
        if over.is_some() {
            // After the watermark: a crash between the two must not make fires of the pause missed ones.
            actions.push(Action::Unpause { profile: state.task.profile.name.clone() });
        }
        match state.task.profile.on_start {
            OnStart::Always => state.pending = Some(Pending { trigger: Trigger::Start, due: None, missed: 0 }),
            OnStart::Never => state.apply_fingerprint(actions),
            OnStart::Auto if is_fresh => state.apply_fingerprint(actions),
            OnStart::Auto if state.task.profile.on_reload == OnReload::Never => state.apply_fingerprint(actions),
            OnStart::Auto => {}
        }
        if !is_known && state.applied_fingerprint.is_none() {
            // Known from now on, however long its first run has to wait.
            actions.push(state.set_watermark());
        }
        state
    }

    /// A profile that a reload has brought.
    pub fn new(task: Task, by: ReloadedBy, now: DateTime<Utc>, actions: &mut Vec<Action>) -> Self {
        let mut state = Self::idle(task, None, now);
        actions.push(state.set_watermark());
        state.obey_reload(by, actions);
        state
    }

    /// The profile as the configuration now has it.
    pub fn reconfigure(&mut self, task: Task, by: ReloadedBy, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        let before = timetable(&self.task);
        let was_paused = self.task.profile.paused;
        self.task = task;
        self.phase = match mem::take(&mut self.phase) {
            // Removed and brought back before its run had ended: a new profile.
            Phase::Leaving(run) => {
                self.applied_fingerprint = None;
                Phase::Running(run)
            }
            other => other,
        };
        self.fire_clock.retime(Timetable::of(&self.task.profile), now);
        if was_paused && !self.task.profile.paused {
            self.fire_clock.pass_over(now);
        }
        if timetable(&self.task) != before {
            actions.push(self.set_watermark());
        }
        if self.run().is_some_and(|run| run.task.fingerprint != self.task.fingerprint) {
            self.stop(StopReason::Changed);
        }
        if self.task.profile.paused {
            self.stop(StopReason::Paused);
            self.drop_pending(actions);
        }
        self.obey_reload(by, actions);
    }

    fn obey_reload(&mut self, by: ReloadedBy, actions: &mut Vec<Action>) {
        self.changed_by = Trigger::Reload;
        match self.task.profile.on_reload {
            OnReload::IfChanged => {}
            // A run that is stopped because of the change is replaced all the same: it was under way.
            OnReload::Never if self.run().is_some() && !self.is_applied() => {}
            OnReload::Never => self.apply_fingerprint(actions),
            OnReload::Always if matches!(by, ReloadedBy::Sighup | ReloadedBy::Api) && !self.is_paused() => {
                self.next().get_or_insert(Pending { trigger: Trigger::Reload, due: None, missed: 0 });
            }
            OnReload::Always => {}
        }
        // A run that continues unchanged needs no reload run.
        if self.run().is_some_and(|run| run.stop.reason().is_none()) {
            self.next().take_if(|pending| pending.trigger == Trigger::Reload);
        }
    }

    /// The profile is gone from the configuration. True when it has no run whose end is to be waited for.
    pub fn leave(&mut self) -> bool {
        self.stop(StopReason::Removed);
        (self.pending, self.resumable) = (None, None);
        self.phase = match mem::take(&mut self.phase) {
            Phase::Idle { .. } => return true,
            Phase::Claiming { run, .. } | Phase::Running(run) | Phase::Leaving(run) => Phase::Leaving(run),
        };
        false
    }

    /// Puts the fingerprint in force without a run.
    pub(super) fn apply_fingerprint(&mut self, actions: &mut Vec<Action>) {
        if !self.is_applied() {
            self.applied_fingerprint = Some(self.task.fingerprint.clone());
            let (profile, fingerprint) = (self.task.profile.name.clone(), self.task.fingerprint.clone());
            actions.push(Action::ApplyFingerprint { profile, fingerprint });
        }
    }
}
