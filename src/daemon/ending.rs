//! How the process ends: nothing new first, then no waiting.

use std::time::Duration;

use tokio::time::Instant;

use super::Daemon;
use crate::report::StopReason;

/// How long runs that were told to wait for nothing may take for their last entries.
const LAST_ENTRIES: Duration = Duration::from_secs(60);

/// How far the end of the process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    No,
    /// Nothing new is sent; what is in flight may end until then.
    Draining(Instant),
    /// Nothing is waited for but entries of the journal.
    Quitting(Instant),
}

impl Daemon {
    pub(super) async fn drain(&mut self) {
        let grace = self.config.daemon.shutdown_grace;
        let runs = self.live.len();
        if runs > 0 {
            tracing::info!(runs, "runs that are going on have {} to end", humantime::format_duration(grace));
        }
        self.ending = Ending::Draining(Instant::now() + grace);
        let actions = self.rota.stop();
        self.act(actions).await;
    }

    /// Waits for nothing any more.
    pub(super) fn quit(&mut self) {
        self.ending = Ending::Quitting(Instant::now() + LAST_ENTRIES);
        let actions = self.rota.stop();
        self.act_soon(actions);
        if self.live.values().any(|live| !live.stop.quit.is_cancelled()) {
            tracing::warn!("requests that are still in flight are given up: what became of them is not known");
        }
        for live in self.live.values_mut() {
            live.stop(StopReason::Shutdown);
            live.stop.quit.cancel();
        }
    }
}
