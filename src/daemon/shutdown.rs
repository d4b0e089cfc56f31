//! The phases of a shutdown: first nothing new is sent, then nothing is waited for.

use std::time::Duration;

use tokio::time::Instant;

use super::Daemon;

/// How long runs may take for their last entries of the journal after they were told to wait for nothing else.
const QUIT_TIMEOUT: Duration = Duration::from_secs(60);

/// How far the shutdown has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shutdown {
    No,
    /// Nothing new is sent; what is in flight may end until then.
    Draining(Instant),
    /// Nothing is waited for but entries of the journal.
    Quitting(Instant),
}

impl Daemon {
    pub(super) fn drain(&mut self) {
        let grace = self.config.daemon.shutdown_grace;
        let runs = self.active.len();
        if runs > 0 {
            tracing::info!(runs, "runs that are going on have {} to end", humantime::format_duration(grace));
        }
        self.shutdown = Shutdown::Draining(Instant::now() + grace);
        self.scheduler.stop();
    }

    /// Waits for nothing any more.
    pub(super) fn quit(&mut self) {
        self.shutdown = Shutdown::Quitting(Instant::now() + QUIT_TIMEOUT);
        self.scheduler.stop();
        if self.active.values().any(|active| !active.request.stop.quit.is_cancelled()) {
            tracing::warn!("requests that are still in flight are given up: what became of them is not known");
        }
        for active in self.active.values() {
            active.request.stop.quit.cancel();
        }
    }
}
