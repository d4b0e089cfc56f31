//! One profile of the scheduler.

mod dispatch;
mod pause;
mod pending;
mod policy;
mod view;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Action;
use crate::daemon::fire_clock::{Fire, FireClock, Tick, Timetable};
use crate::journal::{Interrupted, Pause, Watermark};
use crate::report::{RunInfo, StopReason, Trigger};
use crate::run::Task;
use model::config::profile::OnOverlap;
use pending::Pending;

/// What a journal keeps in the place of the schedules of a profile that the configuration pauses: fires of that time are
/// not missed.
const PAUSED: &str = "paused";
/// By so much a clock that is kept right may step back: nothing but a wait comes of it.
const SET_BACK: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(in crate::daemon) struct ProfileState {
    pub task: Task,
    pub fire_clock: FireClock,
    /// The fingerprint that the journal has: of the last run, or taken without one.
    applied_fingerprint: Option<String>,
    /// What a fingerprint that the journal does not have is put down to.
    changed_by: Trigger,
    by_hand: Option<Pause>,
    live: Option<Live>,
    /// An interrupted run that may be taken up.
    resumable: Option<Interrupted>,
    pending: Option<Pending>,
    not_before: Option<DateTime<Utc>>,
    /// Removed from the configuration; its run is still ending.
    leaving: bool,
}

/// A run in progress.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct Live {
    pub info: RunInfo,
    pub fingerprint: String,
    pub stopping: Option<StopReason>,
    pub rewarm: bool,
    /// What was applied_fingerprint before, should it never begin.
    applied_before: Option<String>,
    pending_before: Option<Pending>,
    resumable_before: Option<Interrupted>,
}

impl ProfileState {
    fn empty(task: Task, watermark: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        Self {
            fire_clock: FireClock::new(Timetable::of(&task.profile), watermark, now),
            task,
            applied_fingerprint: None,
            changed_by: Trigger::Reload,
            by_hand: None,
            live: None,
            resumable: None,
            pending: None,
            not_before: None,
            leaving: false,
        }
    }

    /// What time brings: fires, the end of a pause, the end of a window.
    pub fn look(&mut self, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        if self.leaving {
            return;
        }
        if let Some(until) = self.by_hand.as_ref().and_then(|pause| pause.until).filter(|until| *until <= now) {
            self.resume(until, actions);
            actions.push(Action::Unpause { profile: self.task.profile.name.clone() });
        }
        if self.is_paused() {
            self.fire_clock.pass_over(now);
            return;
        }
        let is_open = self.task.profile.window.as_ref().is_none_or(|window| window.contains(now));
        if !is_open && self.live.as_ref().is_some_and(|live| live.info.trigger != Trigger::Api) {
            self.stop(StopReason::Window, actions);
        }
        if self.fire_clock.behind(now).is_some_and(|behind| behind > SET_BACK) {
            tracing::warn!(
                profile = &*self.task.profile.name,
                "the clock was set back; fires that were dealt with are not repeated"
            );
            self.fire_clock.rewind(now);
        }
        match self.fire_clock.tick(now) {
            Tick::Nothing => {}
            Tick::Fire(fire) => self.fire(fire, actions),
            Tick::Skipped(fire) => {
                let reason = "it passed while nobody could start it, and on_missed is skip".to_owned();
                self.skip(fire, reason, actions);
            }
        }
    }

    fn fire(&mut self, fire: Fire, actions: &mut Vec<Action>) {
        let going = self.live.as_ref().filter(|live| live.stopping.is_none());
        match (going, self.task.profile.on_overlap) {
            (Some(live), OnOverlap::Skip) => {
                let reason = still_running(&live.info);
                self.skip(fire, reason, actions);
            }
            (Some(_), OnOverlap::Replace) => {
                self.want(fire);
                self.stop(StopReason::Replaced, actions);
            }
            _ => self.want(fire),
        }
    }

    fn want(&mut self, fire: Fire) {
        self.pending = Some(self.pending.map_or_else(|| Pending::of(fire), |pending| pending.and(fire)));
    }

    fn skip(&self, fire: Fire, reason: String, actions: &mut Vec<Action>) {
        actions.push(Action::Skip { task: self.task.clone(), fire, watermark: self.watermark(), reason });
    }

    /// Tells the run in progress to stop, unless it was told already. One that is to be taken up again may still be
    /// stopped for good.
    pub fn stop(&mut self, reason: StopReason, actions: &mut Vec<Action>) {
        if let Some(live) =
            self.live.as_mut().filter(|live| live.stopping.is_none_or(|before| reason.overrules(before)))
        {
            live.stopping = Some(reason);
            actions.push(Action::Stop { run: live.info.id, reason });
        }
    }

    /// An interrupted run of this profile.
    pub fn take_up(&mut self, run: Interrupted) {
        self.resumable = Some(run);
    }

    fn watermark(&self) -> Watermark {
        Watermark { at: self.fire_clock.watermark(), timetable: timetable(&self.task) }
    }

    fn set_watermark(&self) -> Action {
        Action::SetWatermark { profile: self.task.profile.name.clone(), watermark: self.watermark() }
    }

    fn is_current(&self) -> bool {
        self.applied_fingerprint.as_ref() == Some(&self.task.fingerprint)
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving
    }

    pub fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }
}

/// What a journal keeps beside the watermark: fires count as missed only where it is the same.
fn timetable(task: &Task) -> String {
    if task.profile.paused { PAUSED.to_owned() } else { Timetable::of(&task.profile).text() }
}

fn still_running(info: &RunInfo) -> String {
    format!("still running since {}: run {}", info.started.format("%Y-%m-%d %H:%M:%S UTC"), info.id)
}
