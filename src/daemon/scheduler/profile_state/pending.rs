//! The trigger of the next run.

use chrono::{DateTime, Utc};

use crate::daemon::fire_clock::Fire;
use crate::report::Trigger;

/// A trigger whose run has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub trigger: Trigger,
    pub due: Option<DateTime<Utc>>,
    pub missed: u64,
}

impl Pending {
    pub fn of(fire: Fire) -> Self {
        let trigger = if fire.late { Trigger::Missed } else { Trigger::Schedule };
        Self { trigger, due: Some(fire.due), missed: fire.missed }
    }

    /// One run for both: a pending fire passes without one of its own.
    pub fn and(self, fire: Fire) -> Self {
        let passed = fire.missed + self.due.map_or(0, |_| self.missed + 1);
        let trigger = match self.trigger {
            Trigger::Schedule | Trigger::Missed => Self::of(fire).trigger,
            other => other,
        };
        Self { trigger, due: Some(fire.due), missed: passed }
    }

    pub fn fire(self) -> Option<Fire> {
        let late = self.trigger != Trigger::Schedule;
        self.due.map(|due| Fire { due, missed: self.missed, late })
    }
}
