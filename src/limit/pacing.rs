//! The pacer: how soon one request may follow another, by the rate limit and so that requests do not come in bursts.

use std::time::Duration;

use tokio::time::Instant;

/// A rate limit may catch up this much. Timers wake by the millisecond, so without it 1,000 requests a second were the most.
const CATCH_UP: Duration = Duration::from_millis(10);
/// Requests are spread over this fraction of the shortest fill. Fills that begin and end together leave the pipe idle between
/// bursts.
const SPREAD: f64 = 0.5;
/// The longest gap between two requests by that, and how much may catch up.
const MAX_SPREAD: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(2));

#[derive(Debug, Default)]
pub(super) struct Pacing {
    /// When the rate allows the next one.
    slot: Option<Instant>,
    /// When the next one is far enough from the latest.
    spread: Option<Instant>,
    /// The shortest time that a fill has taken.
    quickest: Option<Duration>,
}

impl Pacing {
    /// When the rate allows the next one, if that is later than `now`.
    pub fn slot(&self, now: Instant) -> Option<Instant> {
        self.slot.filter(|slot| now < *slot)
    }

    /// When the next one is far enough from the latest, if that is later than `now`.
    pub fn spread(&self, now: Instant) -> Option<Instant> {
        self.spread.filter(|at| now < *at)
    }

    /// A request is sent; `rate` is the limit a second, `allowed` the one in flight.
    pub fn sent(&mut self, rate: Option<u32>, allowed: u32, now: Instant) {
        self.slot = rate.map(|rate| due(self.slot, CATCH_UP, now) + Duration::from_secs(1) / rate.max(1));
        self.spread = self.quickest.map(|quickest| {
            let apart = quickest.mul_f64(SPREAD) / allowed.max(1);
            due(self.spread, MAX_SPREAD.1, now) + apart.min(MAX_SPREAD.0)
        });
    }

    pub fn filled(&mut self, took: Duration) {
        self.quickest = Some(self.quickest.map_or(took, |quickest| quickest.min(took)));
    }

    /// The rate is another one.
    pub fn forget_rate(&mut self) {
        self.slot = None;
    }
}

/// When the latest was due, or as long ago as may be caught up.
fn due(latest: Option<Instant>, catch_up: Duration, now: Instant) -> Instant {
    latest.unwrap_or(now).max(now.checked_sub(catch_up).unwrap_or(now))
}
