//! One profile of the scheduler.

mod dispatch;
mod pause;
mod pending;
mod policy;
mod view;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Action, RunRequest};
use crate::daemon::fire_clock::{Fire, FireClock, Tick, Timetable};
use crate::journal::{Interrupted, Pause, Watermark};
use crate::report::{RunInfo, StopReason, Trigger};
use crate::run::Task;
use model::config::profile::OnOverlap;
use pending::Pending;

/// What a journal keeps as the timetable of a profile that the configuration pauses: fires of that time are not missed.
const PAUSED: &str = "paused";
/// Clock steps smaller than this (NTP slew) are waited out.
const MAX_CLOCK_STEP: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(in crate::daemon) struct ProfileState {
    pub task: Task,
    pub fire_clock: FireClock,
    /// The fingerprint that the journal has: of the last run, or applied without one.
    applied_fingerprint: Option<String>,
    /// The trigger of the run that a new fingerprint causes.
    changed_by: Trigger,
    /// A pause by hand.
    by_hand: Option<Pause>,
    phase: Phase,
    /// An interrupted run that may be resumed.
    resumable: Option<Interrupted>,
    pending: Option<Pending>,
}

/// How far the profile's run is.
#[derive(Debug)]
enum Phase {
    Idle {
        /// Another process runs the profile: nothing begins by itself before this time.
        not_before: Option<DateTime<Utc>>,
    },
    /// The journal has been asked for the run, and has not answered.
    Claiming {
        run: Arc<RunRequest>,
        /// The trigger that came meanwhile. `pending` is the run's own, and is used up once it is granted.
        arrived: Option<Pending>,
    },
    Running(Arc<RunRequest>),
    /// The profile was removed from the configuration, and its claim or run has not ended.
    Leaving(Arc<RunRequest>),
}

impl Default for Phase {
    fn default() -> Self {
        Self::Idle { not_before: None }
    }
}

impl ProfileState {
    fn idle(task: Task, watermark: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        Self {
            fire_clock: FireClock::new(Timetable::of(&task.profile), watermark, now),
            task,
            applied_fingerprint: None,
            changed_by: Trigger::Reload,
            by_hand: None,
            phase: Phase::default(),
            resumable: None,
            pending: None,
        }
    }

    /// What time brings: fires, the end of a pause, the end of a window.
    pub fn tick(&mut self, now: DateTime<Utc>, actions: &mut Vec<Action>) {
        if self.is_leaving() {
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
        if !self.is_open(now) && self.run().is_some_and(|run| run.info.trigger != Trigger::Api) {
            self.stop(StopReason::Window);
        }
        if self.fire_clock.behind(now).is_some_and(|behind| behind > MAX_CLOCK_STEP) {
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
        let going = self.run().filter(|run| run.stop.reason().is_none());
        match (going, self.task.profile.on_overlap) {
            (Some(run), OnOverlap::Skip) => {
                let reason = still_running(&run.info);
                self.skip(fire, reason, actions);
            }
            (Some(_), OnOverlap::Replace) => {
                self.queue(fire);
                self.stop(StopReason::Replaced);
            }
            _ => self.queue(fire),
        }
    }

    /// The trigger of the next run that is not claimed yet.
    fn next(&mut self) -> &mut Option<Pending> {
        match &mut self.phase {
            Phase::Claiming { arrived, .. } => arrived,
            _ => &mut self.pending,
        }
    }

    fn queue(&mut self, fire: Fire) {
        let next = self.next();
        *next = Some(next.map_or_else(|| Pending::of(fire), |pending| pending.and(fire)));
    }

    fn skip(&self, fire: Fire, reason: String, actions: &mut Vec<Action>) {
        actions.push(Action::Skip { task: self.task.clone(), fire, watermark: self.watermark(), reason });
    }

    /// Tells the run to stop, unless it was told already. One that is to be resumed may still be stopped for good.
    pub fn stop(&self, reason: StopReason) {
        if let Some(run) = self.run().filter(|run| run.stop.stop(reason)) {
            tracing::info!(run = %run.info.id, profile = &*self.task.profile.name, "stopping the run: {}", reason.as_str());
        }
    }

    /// An interrupted run of this profile.
    pub fn set_resumable(&mut self, run: Interrupted) {
        self.resumable = Some(run);
    }

    fn watermark(&self) -> Watermark {
        Watermark { at: self.fire_clock.watermark(), timetable: timetable(&self.task) }
    }

    fn set_watermark(&self) -> Action {
        Action::SetWatermark { profile: self.task.profile.name.clone(), watermark: self.watermark() }
    }

    /// Whether the fingerprint needs no run: the journal has it, or is being asked for a run of it.
    fn is_applied(&self) -> bool {
        let claimed = match &self.phase {
            Phase::Claiming { run, .. } => Some(&run.task.fingerprint),
            _ => None,
        };
        claimed.or(self.applied_fingerprint.as_ref()) == Some(&self.task.fingerprint)
    }

    fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.task.profile.window.as_ref().is_none_or(|window| window.contains(now))
    }

    pub fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving(_))
    }

    /// The run that is claimed or going on.
    pub fn run(&self) -> Option<&Arc<RunRequest>> {
        match &self.phase {
            Phase::Idle { .. } => None,
            Phase::Claiming { run, .. } | Phase::Running(run) | Phase::Leaving(run) => Some(run),
        }
    }
}

/// What a journal keeps beside the watermark: fires count as missed only where it is the same.
fn timetable(task: &Task) -> String {
    if task.profile.paused { PAUSED.to_owned() } else { Timetable::of(&task.profile).text() }
}

fn still_running(info: &RunInfo) -> String {
    format!("still running since {}: run {}", info.started.format("%Y-%m-%d %H:%M:%S UTC"), info.id)
}
