//! The part of the status snapshot that the scheduler knows.

use chrono::{DateTime, Utc};

use super::{Phase, ProfileState, still_running};
use crate::report::Trigger;
use model::api::{Pause, Waiting};

impl ProfileState {
    pub fn paused(&self) -> Option<Pause> {
        let by_configuration = self.task.profile.paused;
        let until = self.by_hand.as_ref().and_then(|pause| pause.until).filter(|_| !by_configuration);
        self.is_paused().then_some(Pause { by_configuration, until })
    }

    /// What has yet to begin, and why it has not.
    pub fn waiting(&self, now: DateTime<Utc>) -> Option<Waiting> {
        let (resumable, pending) = match &self.phase {
            Phase::Claiming { arrived, .. } => (None, arrived),
            _ => (self.resumable.as_ref(), &self.pending),
        };
        let resumable = resumable.map(|run| (Trigger::Resume, run.info.due));
        let changed = (!self.is_applied()).then_some((self.changed_by, None));
        let pending = pending.map(|pending| (pending.trigger, pending.due));
        let (trigger, due) = resumable.or(changed).or(pending)?;
        let why = if let Some(run) = self.run() {
            still_running(&run.info)
        } else if self.is_paused() {
            "the profile is paused".to_owned()
        } else if let Phase::Idle { not_before: Some(at) } = self.phase {
            format!("another process warms this profile; it is looked at again at {}", at.format("%H:%M:%S UTC"))
        } else {
            let window = self.task.profile.window.as_ref()?;
            let zone = &self.task.profile.zone;
            format!("its window opens at {}", window.next_open(now).with_timezone(zone).format("%Y-%m-%d %H:%M %Z"))
        };
        Some(Waiting { trigger, due, why })
    }
}
