//! How a run is told to stop, and why.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::report::Cut;

/// Tells a run to stop. Clones tell the same run.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Send nothing new; let what is in flight end.
    pub drain: CancellationToken,
    /// Wait for nothing.
    pub quit: CancellationToken,
    why: Arc<Mutex<Option<Cut>>>,
}

impl Stop {
    /// Tells the run to send nothing new, and why. Whoever told it first is the one that counts, unless that would have it
    /// taken up again and this one does not.
    pub fn cut(&self, cut: Cut) {
        let mut why = self.reason();
        let before = why.or(self.is_told().then_some(Cut::Told));
        *why = before.filter(|before| !cut.overrules(*before)).or(Some(cut));
        drop(why);
        self.drain.cancel();
    }

    /// Why the run was told to stop: `Told` where only a token was cancelled.
    pub fn why(&self) -> Cut {
        self.reason().unwrap_or(Cut::Told)
    }

    fn reason(&self) -> MutexGuard<'_, Option<Cut>> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner)
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
        let stop = Stop::default();
        let other = stop.clone();
        other.cut(Cut::Window);
        stop.cut(Cut::Shutdown);
        assert!(stop.drain.is_cancelled() && !stop.quit.is_cancelled());
        assert_eq!((stop.why(), other.why()), (Cut::Window, Cut::Window));
    }

    #[test]
    fn a_run_that_would_be_taken_up_again_can_still_be_stopped_for_good() {
        for (first, then, why) in [
            (Cut::Paused, Cut::Cancelled, Cut::Cancelled),
            (Cut::Shutdown, Cut::Cancelled, Cut::Cancelled),
            (Cut::Paused, Cut::Shutdown, Cut::Paused),
            (Cut::Cancelled, Cut::Removed, Cut::Cancelled),
        ] {
            let stop = Stop::default();
            stop.cut(first);
            stop.cut(then);
            assert_eq!(stop.why(), why, "{first:?}, then {then:?}");
        }
    }

    #[test]
    fn a_signal_that_came_first_is_not_covered_by_a_later_reason() {
        let stop = Stop::default();
        stop.drain.cancel();
        assert_eq!(stop.why(), Cut::Told);
        stop.cut(Cut::Removed);
        assert_eq!(stop.why(), Cut::Told);
    }
}
