//! Pauses, by hand and by the configuration.

use chrono::{DateTime, Utc};

use super::pending::Pending;
use super::{Action, ProfileState};
use crate::journal::Pause;
use crate::report::StopReason;

impl ProfileState {
    pub fn pause(&mut self, pause: Pause, actions: &mut Vec<Action>) {
        self.by_hand = Some(pause);
        self.stop(StopReason::Paused);
        self.drop_pending(actions);
    }

    /// A fire that is pending when the profile is paused passes without a run.
    pub(super) fn drop_pending(&mut self, actions: &mut Vec<Action>) {
        if let Some(fire) = self.next().take().and_then(Pending::fire) {
            self.skip(fire, "the profile was paused before it could begin".to_owned(), actions);
        }
    }

    /// A pause by hand is over since `at`.
    pub fn resume(&mut self, at: DateTime<Utc>, actions: &mut Vec<Action>) {
        if self.by_hand.take().is_some() && !self.is_paused() {
            self.fire_clock.pass_over(at);
            actions.push(self.set_watermark());
        }
    }

    pub fn is_paused(&self) -> bool {
        self.task.profile.paused || self.by_hand.is_some()
    }
}
