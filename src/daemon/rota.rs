//! Which profile runs when, and why: schedules, overlaps, reloads, pauses, resumes. No clock, no I/O: the loop tells what
//! happens and carries out what comes of it.
//!
//! One run a profile at a time, and one thing at a time that waits to be one. What is to run next is the first of these:
//! an interrupted run that may be taken up; a fingerprint that the journal does not have; what was wished for by a fire, a
//! start or a reload. Nothing begins while the profile is paused or outside its window; what was asked for by hand does
//! not ask the window.

mod seat;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ulid::Ulid;

use super::handle::{Objection, Started};
use super::planner::Fire;
use super::view::ReloadedBy;
use crate::journal::{Interrupted, Pause, ProfileRecord, Watermark};
use crate::report::{Begun, Outcome, RunInfo, StopReason};
use crate::run::Task;
use model::object::Count;
pub(super) use seat::Seat;

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
        mark: Watermark,
        reason: String,
    },
    /// The profile's place in time, to be kept.
    Mark {
        profile: Arc<str>,
        mark: Watermark,
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
    pub again: Option<Count>,
    pub rewarm: bool,
    /// From now.
    pub deadline: Duration,
    pub mark: Watermark,
}

/// The daemon's profiles.
#[derive(Debug, Default)]
pub(super) struct Rota {
    seats: BTreeMap<Arc<str>, Seat>,
    /// Nothing begins any more.
    stopping: bool,
}

/// What a journal knows when the daemon starts.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pub profiles: BTreeMap<String, ProfileRecord>,
    pub interrupted: Vec<Interrupted>,
}

impl Rota {
    /// The profiles of a start.
    pub fn start(tasks: Vec<Task>, remembered: Remembered, now: DateTime<Utc>) -> (Self, Vec<Action>) {
        let Remembered { mut profiles, interrupted } = remembered;
        let is_fresh = profiles.is_empty();
        let mut actions = Vec::new();
        let mut rota = Self::default();
        for task in tasks {
            let state = profiles.remove(&*task.profile.name);
            let mut seat = Seat::at_start(task, state, is_fresh, now, &mut actions);
            if let Some(run) = interrupted.iter().find(|run| *run.profile == *seat.task.profile.name) {
                seat.take_up(run.clone());
            }
            rota.seats.insert(seat.task.profile.name.clone(), seat);
        }
        // Removed while nobody looked.
        actions.extend(profiles.into_keys().map(|profile| Action::Forget { profile: profile.into() }));
        (rota, actions)
    }

    /// The profiles of a configuration that has just come into force.
    pub fn reconfigure(&mut self, tasks: Vec<Task>, by: ReloadedBy, now: DateTime<Utc>) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut gone: Vec<Arc<str>> = self.seats.keys().cloned().collect();
        for task in tasks {
            gone.retain(|name| *name != task.profile.name);
            match self.seats.get_mut(&task.profile.name) {
                Some(seat) => seat.reconfigure(task, by, now, &mut actions),
                None => {
                    let seat = Seat::new(task, by, now, &mut actions);
                    self.seats.insert(seat.task.profile.name.clone(), seat);
                }
            }
        }
        for name in gone {
            if self.seats.get_mut(&name).is_some_and(|seat| seat.leave(&mut actions)) {
                self.seats.remove(&name);
            }
        }
        actions
    }

    /// Looks at every profile: fires, windows, ends of pauses, and what can begin now.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<Action> {
        let mut actions = Vec::new();
        for seat in self.seats.values_mut() {
            seat.look(now, &mut actions);
            if !self.stopping {
                seat.settle(now, &mut actions);
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
    ) -> Result<(Started, Vec<Action>), Objection> {
        if self.stopping {
            return Err(Objection::Unanswered(super::handle::Unanswered::Stopping));
        }
        let mut actions = Vec::new();
        let started = self.seat(profile)?.begin_by_hand(rewarm, now, &mut actions)?;
        Ok((started, actions))
    }

    /// A pause by hand.
    pub fn pause(&mut self, profile: &str, pause: Pause) -> Result<Vec<Action>, Objection> {
        let mut actions = Vec::new();
        self.seat(profile)?.pause(pause, &mut actions);
        Ok(actions)
    }

    /// The end of a pause by hand.
    pub fn resume(&mut self, profile: &str, now: DateTime<Utc>) -> Result<Vec<Action>, Objection> {
        let mut actions = Vec::new();
        let seat = self.seat(profile)?;
        if seat.task.profile.paused {
            return Err(Objection::PausedByConfiguration(seat.task.profile.name.clone()));
        }
        seat.resume(now, &mut actions);
        Ok(actions)
    }

    /// Stops a run for good.
    pub fn cancel(&mut self, run: Ulid) -> Result<Vec<Action>, Objection> {
        let mut actions = Vec::new();
        let seat = self.seats.values_mut().find(|seat| seat.live().is_some_and(|live| live.info.id == run));
        let Some(seat) = seat else { return Err(Objection::no_run(run, self.in_progress())) };
        seat.stop(StopReason::Cancelled, &mut actions);
        Ok(actions)
    }

    /// Nothing begins any more, and what runs is told to stop.
    pub fn stop(&mut self) -> Vec<Action> {
        self.stopping = true;
        let mut actions = Vec::new();
        for seat in self.seats.values_mut() {
            seat.stop(StopReason::Shutdown, &mut actions);
        }
        actions
    }

    /// A run has ended.
    pub fn ended(&mut self, profile: &str, end: &RunEnd, now: DateTime<Utc>) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(seat) = self.seats.get_mut(profile) else { return actions };
        seat.ended(end, now, &mut actions);
        if seat.is_leaving() {
            actions.push(Action::Forget { profile: profile.into() });
            self.seats.remove(profile);
        } else if !self.stopping {
            seat.settle(now, &mut actions);
        }
        actions
    }

    pub fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.seats.values().filter(|seat| !seat.is_leaving())
    }

    fn seat(&mut self, profile: &str) -> Result<&mut Seat, Objection> {
        if self.seats.get(profile).is_none_or(Seat::is_leaving) {
            let names: Vec<_> = self.seats().map(|seat| &*seat.task.profile.name).collect();
            return Err(Objection::no_profile(profile, names));
        }
        self.seats.get_mut(profile).ok_or_else(|| unreachable!("it was there just now"))
    }

    fn in_progress(&self) -> impl Iterator<Item = (Ulid, Arc<str>)> {
        self.seats.values().filter_map(|seat| Some((seat.live()?.info.id, seat.task.profile.name.clone())))
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
