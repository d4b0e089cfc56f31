//! How a run is told to stop, and why.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::report::Cut;

/// Tells a run to stop. Clones tell the same run.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Send nothing new; let what is in flight end.
    pub drain: CancellationToken,
    /// Wait for nothing.
    pub quit: CancellationToken,
    why: Arc<OnceLock<Cut>>,
}

impl Stop {
    /// Tells the run to send nothing new, and why. Whoever told it first is the one that the report names.
    pub fn cut(&self, cut: Cut) {
        // Losing the race means that somebody else was first.
        let _ = self.why.set(if self.is_told() { Cut::Told } else { cut });
        self.drain.cancel();
    }

    /// Why the run was told to stop: `Told` where only a token was cancelled.
    pub fn why(&self) -> Cut {
        self.why.get().copied().unwrap_or(Cut::Told)
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
    fn a_signal_that_came_first_is_not_covered_by_a_later_reason() {
        let stop = Stop::default();
        stop.drain.cancel();
        assert_eq!(stop.why(), Cut::Told);
        stop.cut(Cut::Removed);
        assert_eq!(stop.why(), Cut::Told);
    }
}
