//! Which profile runs when, and why: schedules, overlaps, reloads, pauses, resumes. No clock, no I/O: the loop tells what
//! happens and carries out what comes of it.
//!
//! One run a profile at a time, and one thing at a time that waits to be one. What is to run next is the first of these:
//! an interrupted run that may be taken up; a fingerprint that the journal does not have; what was wished for by a fire, a
//! start or a reload. Nothing begins while the profile is paused or outside its window; what was asked for by hand does
//! not ask the window.

mod profile_state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ulid::Ulid;

use super::fire_clock::Fire;
use super::handle::{CommandError, Started};
use super::view::ReloadedBy;
use crate::journal::{Interrupted, Pause, ProfileRecord, Watermark};
use crate::report::{Begun, Outcome, RunInfo, StopReason};
use crate::run::Task;
use model::object::Count;
pub(super) use profile_state::ProfileState;

/// What the loop has to do.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Begin(Box<Begin>),
    Stop {
        run: Ulid,
        reason: StopReason,
    },
    /// A fire passes without a run.
    Skip {
        task: Task,
        fire: Fire,
        watermark: Watermark,
        reason: String,
    },
    /// The profile's place in time, to be kept.
    SetWatermark {
        profile: Arc<str>,
        watermark: Watermark,
    },
    /// The fingerprint is in force without a run.
    Adopt {
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

/// A run to begin.
#[derive(Clone, Debug)]
pub(super) struct Begin {
    pub task: Task,
    pub info: RunInfo,
    /// It was interrupted; this much of it was warmed by then.
    pub resumed_with: Option<Count>,
    pub rewarm: bool,
    /// From now.
    pub deadline: Duration,
    pub watermark: Watermark,
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
        let Remembered { mut profiles, interrupted } = remembered;
        let is_fresh = profiles.is_empty();
        let mut actions = Vec::new();
        let mut scheduler = Self::default();
        for task in tasks {
            let record = profiles.remove(&*task.profile.name);
            let mut state = ProfileState::at_start(task, record, is_fresh, now, &mut actions);
            if let Some(run) = interrupted.iter().find(|run| *run.profile == *state.task.profile.name) {
                state.take_up(run.clone());
            }
            scheduler.profiles.insert(state.task.profile.name.clone(), state);
        }
        // Removed while nobody looked.
        actions.extend(profiles.into_keys().map(|profile| Action::Forget { profile: profile.into() }));
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
            if self.profiles.get_mut(&name).is_some_and(|state| state.leave(&mut actions)) {
                self.profiles.remove(&name);
            }
        }
        actions
    }

    /// Looks at every profile: fires, windows, ends of pauses, and what can begin now.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<Action> {
        let mut actions = Vec::new();
        for state in self.profiles.values_mut() {
            state.look(now, &mut actions);
            if !self.stopping {
                state.settle(now, &mut actions);
            }
        }
        actions
    }

    /// A run was asked for by hand.
    pub fn begin_by_hand(
        &mut self,
        profile: &str,
        rewarm: bool,
        now: DateTime<Utc>,
    ) -> Result<(Started, Vec<Action>), CommandError> {
        if self.stopping {
            return Err(CommandError::LoopError(super::handle::LoopError::Stopping));
        }
        let mut actions = Vec::new();
        let started = self.state(profile)?.begin_by_hand(rewarm, now, &mut actions)?;
        Ok((started, actions))
    }

    /// A pause by hand.
    pub fn pause(&mut self, profile: &str, pause: Pause) -> Result<Vec<Action>, CommandError> {
        let mut actions = Vec::new();
        self.state(profile)?.pause(pause, &mut actions);
        Ok(actions)
    }

    /// The end of a pause by hand.
    pub fn resume(&mut self, profile: &str, now: DateTime<Utc>) -> Result<Vec<Action>, CommandError> {
        let mut actions = Vec::new();
        let state = self.state(profile)?;
        if state.task.profile.paused {
            return Err(CommandError::PausedByConfiguration(state.task.profile.name.clone()));
        }
        state.resume(now, &mut actions);
        Ok(actions)
    }

    /// Stops a run for good.
    pub fn cancel(&mut self, run: Ulid) -> Result<Vec<Action>, CommandError> {
        let mut actions = Vec::new();
        let state = self.profiles.values_mut().find(|state| state.live().is_some_and(|live| live.info.id == run));
        let Some(state) = state else { return Err(CommandError::no_run(run, self.in_progress())) };
        state.stop(StopReason::Cancelled, &mut actions);
        Ok(actions)
    }

    /// Nothing begins any more, and what runs is told to stop.
    pub fn stop(&mut self) -> Vec<Action> {
        self.stopping = true;
        let mut actions = Vec::new();
        for state in self.profiles.values_mut() {
            state.stop(StopReason::Shutdown, &mut actions);
        }
        actions
    }

    /// A run has ended.
    pub fn ended(&mut self, profile: &str, end: &RunEnd, now: DateTime<Utc>) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(state) = self.profiles.get_mut(profile) else { return actions };
        state.ended(end, now, &mut actions);
        if state.is_leaving() {
            actions.push(Action::Forget { profile: profile.into() });
            self.profiles.remove(profile);
        } else if !self.stopping {
            state.settle(now, &mut actions);
        }
        actions
    }

    pub fn profiles(&self) -> impl Iterator<Item = &ProfileState> {
        self.profiles.values().filter(|state| !state.is_leaving())
    }

    fn state(&mut self, profile: &str) -> Result<&mut ProfileState, CommandError> {
        if self.profiles.get(profile).is_none_or(ProfileState::is_leaving) {
            let names: Vec<_> = self.profiles().map(|state| &*state.task.profile.name).collect();
            return Err(CommandError::no_profile(profile, names));
        }
        self.profiles.get_mut(profile).ok_or_else(|| unreachable!("it was there just now"))
    }

    fn in_progress(&self) -> impl Iterator<Item = (Ulid, Arc<str>)> {
        self.profiles.values().filter_map(|state| Some((state.live()?.info.id, state.task.profile.name.clone())))
    }
}

/// How a run ended, as far as its profile's next one goes.
#[derive(Clone, Debug)]
pub(super) struct RunEnd {
    pub run: Ulid,
    pub begun: Begun,
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub warmed: Count,
}
