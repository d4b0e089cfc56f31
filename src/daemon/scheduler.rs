//! Decides which profile runs when, and why: schedules, overlaps, reloads, pauses, resumes. A state machine without clock and
//! I/O: the loop passes it events, and executes the actions it answers with.
//!
//! A run begins in two steps. The scheduler asks the journal for it ([`Action::Claim`]), and the run counts once the journal has
//! granted it: until then nothing of its profile has changed, so a denied claim leaves nothing to undo.
//!
//! A profile has one run at a time, and one pending trigger. What runs next is the first of these: an interrupted run that may
//! be resumed; a fingerprint that the journal does not have; the pending trigger of a fire, a start or a reload. Nothing begins
//! while the profile is paused or outside its window; a run by hand ignores the window.

mod profile_state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ulid::Ulid;

use super::fire_clock::Fire;
use super::handle::{CommandError, LoopError, Started};
use crate::journal::{Interrupted, Pause, ProfileRecord, Watermark};
use crate::report::{Outcome, RunInfo, StopReason};
use crate::run::{Denied, Task};
use crate::warm::StopSignal;
use model::api::ReloadedBy;
use model::object::Count;
pub(super) use profile_state::ProfileState;

/// What the loop has to do.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Ask the journal for a run, and begin it once it is granted.
    Claim(Arc<RunRequest>),
    /// A fire passes without a run.
    Skip {
        task: Task,
        fire: Fire,
        watermark: Watermark,
        reason: String,
    },
    SetWatermark {
        profile: Arc<str>,
        watermark: Watermark,
    },
    /// The fingerprint is in force without a run.
    ApplyFingerprint {
        profile: Arc<str>,
        fingerprint: String,
    },
    /// The profile is gone, and its last run has ended.
    Forget {
        profile: Arc<str>,
    },
    /// A pause by hand is over by itself.
    Unpause {
        profile: Arc<str>,
    },
}

/// A run that the journal is asked for.
#[derive(Debug)]
pub(super) struct RunRequest {
    pub task: Task,
    pub info: RunInfo,
    /// Of an interrupted run that is resumed: what was warmed by then.
    pub resumed_with: Option<Count>,
    pub rewarm: bool,
    /// Counted from the start of the run.
    pub deadline: Duration,
    /// Written with the claim.
    pub watermark: Watermark,
    /// Stops the run, and knows why. It works from the claim on: a run granted later stops at once.
    pub stop: StopSignal,
}

/// How a run ended, as far as its profile's next one depends on it.
#[derive(Clone, Debug)]
pub(super) struct RunEnd {
    pub outcome: Outcome,
    pub warmed: Count,
}

/// The daemon's profiles.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    profiles: BTreeMap<Arc<str>, ProfileState>,
    /// Nothing begins any more.
    stopping: bool,
}

/// What a journal knows when the daemon starts.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pub profiles: BTreeMap<String, ProfileRecord>,
    pub interrupted: Vec<Interrupted>,
}

impl Scheduler {
    /// The profiles of a start.
    pub fn start(tasks: Vec<Task>, remembered: Remembered, now: DateTime<Utc>) -> (Self, Vec<Action>) {
        let Remembered { profiles: mut records, interrupted } = remembered;
        let is_fresh = records.is_empty();
        let mut actions = Vec::new();
        let mut scheduler = Self::default();
        for task in tasks {
            let name = task.profile.name.clone();
            let mut state = ProfileState::at_start(task, records.remove(&*name), is_fresh, now, &mut actions);
            if let Some(run) = interrupted.iter().find(|run| *run.profile == *name) {
                state.set_resumable(run.clone());
            }
            scheduler.profiles.insert(name, state);
        }
        // Removed while no daemon ran.
        actions.extend(records.into_keys().map(|profile| Action::Forget { profile: profile.into() }));
        (scheduler, actions)
    }

    /// The profiles of a configuration that has just come into force.
    pub fn reconfigure(&mut self, tasks: Vec<Task>, by: ReloadedBy, now: DateTime<Utc>) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut gone: Vec<Arc<str>> = self.profiles.keys().cloned().collect();
        for task in tasks {
            gone.retain(|name| *name != task.profile.name);
            match self.profiles.get_mut(&task.profile.name) {
                Some(state) => state.reconfigure(task, by, now, &mut actions),
                None => {
                    let state = ProfileState::new(task, by, now, &mut actions);
                    self.profiles.insert(state.task.profile.name.clone(), state);
                }
            }
        }
        for name in gone {
            if self.profiles.get_mut(&name).is_some_and(ProfileState::leave) {
                self.forget(&name, &mut actions);
            }
        }
        actions
    }

    /// Passes time on to every profile: fires, windows, ends of pauses, and what can begin now.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<Action> {
        let mut actions = Vec::new();
        for state in self.profiles.values_mut() {
            state.tick(now, &mut actions);
            if !self.stopping {
                state.dispatch(now, &mut actions);
            }
        }
        actions
    }

    /// A run was asked for by hand.
    pub fn start_by_hand(
        &mut self,
        profile: &str,
        rewarm: bool,
        now: DateTime<Utc>,
    ) -> Result<(Started, Vec<Action>), CommandError> {
        if self.stopping {
            return Err(LoopError::Stopping.into());
        }
        let mut actions = Vec::new();
        let started = self.profile(profile)?.start_by_hand(rewarm, now, &mut actions)?;
        Ok((started, actions))
    }

    /// A pause by hand.
    pub fn pause(&mut self, profile: &str, pause: Pause) -> Result<Vec<Action>, CommandError> {
        let mut actions = Vec::new();
        self.profile(profile)?.pause(pause, &mut actions);
        Ok(actions)
    }

    /// The end of a pause by hand.
    pub fn resume(&mut self, profile: &str, now: DateTime<Utc>) -> Result<Vec<Action>, CommandError> {
        let mut actions = Vec::new();
        let state = self.profile(profile)?;
        if state.task.profile.paused {
            return Err(CommandError::PausedByConfiguration(state.task.profile.name.clone()));
        }
        state.resume(now, &mut actions);
        Ok(actions)
    }

    /// Stops a run for good.
    pub fn cancel(&mut self, run: Ulid) -> Result<(), CommandError> {
        let state = self.profiles.values().find(|state| state.run().is_some_and(|known| known.info.id == run));
        let Some(state) = state else { return Err(CommandError::no_run(run, self.in_progress())) };
        state.stop(StopReason::Cancelled);
        Ok(())
    }

    /// Nothing begins any more, and what runs is told to stop.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.profiles.values().for_each(|state| state.stop(StopReason::Shutdown));
    }

    /// The journal has granted the run that was claimed.
    pub fn granted(&mut self, profile: &str) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some(state) = self.profiles.get_mut(profile) {
            state.granted(&mut actions);
        }
        actions
    }

    /// The journal has denied the run that was claimed.
    pub fn denied(&mut self, profile: &str, denied: &Denied, now: DateTime<Utc>) -> Vec<Action> {
        self.over(profile, now, |state, actions| state.denied(denied, now, actions))
    }

    /// A run has ended.
    pub fn ended(&mut self, profile: &str, end: &RunEnd, now: DateTime<Utc>) -> Vec<Action> {
        self.over(profile, now, |state, actions| state.ended(end, now, actions))
    }

    /// The profile has no run any more: it is forgotten if it was removed, else the next run may begin.
    fn over(
        &mut self,
        profile: &str,
        now: DateTime<Utc>,
        how: impl FnOnce(&mut ProfileState, &mut Vec<Action>),
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(state) = self.profiles.get_mut(profile) else { return actions };
        let was_removed = state.is_leaving();
        how(state, &mut actions);
        if was_removed {
            self.forget(profile, &mut actions);
        } else if !self.stopping {
            state.dispatch(now, &mut actions);
        }
        actions
    }

    fn forget(&mut self, profile: &str, actions: &mut Vec<Action>) {
        self.profiles.remove(profile);
        actions.push(Action::Forget { profile: profile.into() });
    }

    pub fn profiles(&self) -> impl Iterator<Item = &ProfileState> {
        self.profiles.values().filter(|state| !state.is_leaving())
    }

    fn profile(&mut self, name: &str) -> Result<&mut ProfileState, CommandError> {
        if self.profiles.get(name).is_none_or(ProfileState::is_leaving) {
            let names: Vec<_> = self.profiles().map(|state| &*state.task.profile.name).collect();
            return Err(CommandError::no_profile(name, names));
        }
        self.profiles.get_mut(name).ok_or_else(|| unreachable!("it was there just now"))
    }

    fn in_progress(&self) -> impl Iterator<Item = (Ulid, Arc<str>)> {
        self.profiles.values().filter_map(|state| Some((state.run()?.info.id, state.task.profile.name.clone())))
    }
}
