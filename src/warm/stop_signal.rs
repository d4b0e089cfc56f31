//! How a run is told to stop, and why.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio_util::sync::CancellationToken;

use crate::report::StopReason;
use crate::sync;

/// Tells a run to stop. Clones tell the same run.
#[derive(Clone, Debug, Default)]
pub struct StopSignal {
    /// Send nothing new; let what is in flight end.
    pub drain: CancellationToken,
    /// Wait for nothing.
    pub quit: CancellationToken,
    reason: Arc<Mutex<Option<StopReason>>>,
}

impl StopSignal {
    /// Tells the run to send nothing new, and why. The first reason counts, unless it would have the run resumed and this one
    /// does not. `false` where it does not count.
    pub fn stop(&self, reason: StopReason) -> bool {
        let mut known = self.lock();
        let before = known.or(self.is_told().then_some(StopReason::Told));
        let counts = before.is_none_or(|before| reason.overrules(before));
        *known = if counts { Some(reason) } else { before };
        drop(known);
        self.drain.cancel();
        counts
    }

    /// Why the run was told to stop: `Told` where only a token was cancelled. `None`: it was not.
    pub fn reason(&self) -> Option<StopReason> {
        self.lock().or(self.is_told().then_some(StopReason::Told))
    }

    fn lock(&self) -> MutexGuard<'_, Option<StopReason>> {
        sync::lock(&self.reason)
    }

    pub(super) fn is_told(&self) -> bool {
        self.drain.is_cancelled() || self.quit.is_cancelled()
    }

    pub async fn told(&self) {
        tokio::select! {
            () = self.drain.cancelled() => {}
            () = self.quit.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_tells_a_run_first_is_the_one_that_is_named() {
        let stop = StopSignal::default();
        let other = stop.clone();
        other.stop(StopReason::Window);
        stop.stop(StopReason::Shutdown);
        assert!(stop.drain.is_cancelled() && !stop.quit.is_cancelled());
        assert_eq!((stop.reason(), other.reason()), (Some(StopReason::Window), Some(StopReason::Window)));
    }

    #[test]
    fn a_run_that_would_be_taken_up_again_can_still_be_stopped_for_good() {
        for (first, then, why) in [
            (StopReason::Paused, StopReason::Cancelled, StopReason::Cancelled),
            (StopReason::Shutdown, StopReason::Cancelled, StopReason::Cancelled),
            (StopReason::Paused, StopReason::Shutdown, StopReason::Paused),
            (StopReason::Cancelled, StopReason::Removed, StopReason::Cancelled),
        ] {
            let stop = StopSignal::default();
            stop.stop(first);
            stop.stop(then);
            assert_eq!(stop.reason(), Some(why), "{first:?}, then {then:?}");
        }
    }

    #[test]
    fn a_signal_that_came_first_is_not_covered_by_a_later_reason() {
        let stop = StopSignal::default();
        stop.drain.cancel();
        assert_eq!(stop.reason(), Some(StopReason::Told));
        assert!(!stop.stop(StopReason::Removed));
        assert_eq!(stop.reason(), Some(StopReason::Told));
    }
}
