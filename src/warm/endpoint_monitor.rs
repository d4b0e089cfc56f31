//! Checks the endpoint at intervals: shows its state, and ends the run after too long an outage.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Ended, MONITOR_INTERVAL, Warming};
use crate::limit::{Cause, Reason, Snapshot};
use crate::report::Progress;

#[derive(Debug)]
pub(super) struct EndpointMonitor {
    /// When the run began: what was before is not held against it.
    began: Instant,
    look_again: Option<Instant>,
    /// What was logged of the limit.
    shown: Option<(&'static str, bool)>,
}

impl EndpointMonitor {
    pub fn new(now: Instant) -> Self {
        Self { began: now, look_again: None, shown: None }
    }

    /// Says how the endpoint is, if that has not been said just now, and why a run that has nothing in flight (`is_idle`) must
    /// end by it.
    pub fn look<W>(&mut self, now: Instant, warming: &Warming<W>, is_idle: bool) -> Option<Ended> {
        let Warming { limit, progress, .. } = warming;
        if self.look_again.is_some_and(|look| now < look) {
            return None;
        }
        self.look_again = Some(now + MONITOR_INTERVAL);
        let (snapshot, since) = (limit.snapshot(), limit.open_since().map(|since| since.max(self.began)));
        let silent = since.map(|since| now.duration_since(since));
        self.show(&snapshot, silent.unwrap_or_default(), progress);
        let wait = silent.map(|_| warming.outage_wait());
        let wait = wait.filter(|wait| silent >= Some(*wait) && is_idle)?;
        Some(match snapshot.reason {
            Reason::Circuit { cause: Cause::Malformed(what), .. } => Ended::Malformed(wait, what),
            Reason::Circuit { cause: Cause::Throttle, .. } => Ended::Throttled(wait),
            _ => Ended::Outage(wait),
        })
    }

    fn show(&mut self, limit: &Snapshot, silent: Duration, progress: &Progress) {
        let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        progress.silent_ms.store(silent_ms, Ordering::Relaxed);
        progress.show_limit(limit.to_string());
        if self.shown.replace(limit.state()) != Some(limit.state()) {
            tracing::debug!(target: "hotset::limit", allowed = limit.allowed, "the endpoint's limit: {limit}");
        }
    }
}
