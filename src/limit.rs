//! How hard an endpoint may be driven right now: requests and bytes in flight, a rate, and a circuit for outages.
//!
//! One [`Limit`] an endpoint, shared by all that warms through it; listing has its own patience. The number of requests in
//! flight starts low, grows while answers come, and falls on throttling and on silence. When nothing at all is answered any
//! more the circuit opens and lets one probe through at a time until something is. Who waits is let in by priority, and in
//! turn among equals.

mod places;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::config::endpoint::Limits;
pub(crate) use state::OPEN_AFTER;
use state::{Admission, State};

/// Clones share the endpoint's state.
#[derive(Clone, Debug)]
pub struct Limit(Arc<Mutex<State>>);

/// How a request ended, as far as the endpoint's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Any answer that does not ask for less.
    Answered,
    /// 429 or 503.
    Throttled { retry_after: Option<Duration> },
    /// No connection, a lost one, or no answer in time.
    Unanswered,
    /// Says nothing of the endpoint: given up by the caller, or an idle connection that had been closed.
    Neutral,
}

/// The state that people and metrics see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Requests that may be in flight now.
    pub allowed: u32,
    /// What `allowed` may grow to: this process's share of `max_in_flight`.
    pub max: u32,
    pub in_flight: u32,
    pub bytes_in_flight: u64,
    pub circuit_open: bool,
    /// Requests that ended, answered or not; what was given up is left out.
    pub requests_total: u64,
    /// Those of them that were throttled.
    pub throttled_total: u64,
}

impl Limit {
    pub fn new(limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(State::new(limits))))
    }

    /// A place for one run among all that send through this limit. A higher priority is let in first.
    pub fn place(&self, priority: i64) -> Place {
        let (id, woken) = self.state().places.enter(priority);
        Place { limit: self.clone(), id, woken }
    }

    /// Takes new limits at once, for requests that are under way too. `start_in_flight` matters to new endpoints only.
    pub fn set(&self, limits: &Limits) {
        self.state().set(limits);
    }

    /// Divides the endpoint with other processes: so many of them, this one included, drive it.
    pub fn share(&self, processes: u32) {
        self.state().share(processes);
    }

    /// What holds now: as configured, and divided with other processes.
    pub fn limits(&self) -> Limits {
        self.state().limits.clone()
    }

    /// How long a request admitted now may take: `base_timeout` + bytes in flight, its own included, / `min_fill_rate`.
    pub fn deadline(&self) -> Duration {
        let state = self.state();
        let Limits { base_timeout, min_fill_rate, .. } = state.limits;
        #[expect(clippy::cast_precision_loss, reason = "a deadline is not exact to the byte")]
        let filling = Duration::try_from_secs_f64(state.bytes as f64 / min_fill_rate.max(1) as f64);
        base_timeout.saturating_add(filling.unwrap_or(Duration::MAX))
    }

    /// Since when nothing has been answered, while the circuit is open.
    pub fn open_since(&self) -> Option<Instant> {
        self.state().open_since()
    }

    pub fn snapshot(&self) -> Snapshot {
        self.state().snapshot()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where one run waits. Dropped, it leaves no trace.
#[derive(Debug)]
pub struct Place {
    limit: Limit,
    id: u64,
    woken: Arc<Notify>,
}

impl Place {
    /// Waits for room for one more request that makes the endpoint move `bytes`. Cancel safe: the place keeps its turn, and
    /// is kept free of lower priorities for the moment that its run needs to come back.
    pub async fn admit(&mut self, bytes: u64) -> Permit {
        let asking = Asking(self);
        let Place { limit, id, woken } = &*asking.0;
        loop {
            let now = Instant::now();
            let admission = limit.state().admit(*id, bytes, now);
            match admission {
                Admission::Now { probe } => {
                    return Permit { limit: limit.clone(), bytes, sent: now, probe, settled: false };
                }
                Admission::NotBefore(instant) => tokio::select! {
                    () = sleep_until(instant) => {}
                    () = woken.notified() => {}
                },
                Admission::Full => woken.notified().await,
            }
        }
    }

    /// There is nothing to send for now: others need not wait for this run.
    pub fn rest(&mut self) {
        self.limit.state().rest(self.id);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limit.state().leave(self.id);
    }
}

/// A place that waits; until it is let in, or given up.
struct Asking<'a>(&'a mut Place);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.limit.state().give_up(self.0.id, Instant::now());
    }
}

/// Room for one request. Dropped without a verdict it says nothing of the endpoint.
#[derive(Debug)]
pub struct Permit {
    limit: Limit,
    bytes: u64,
    sent: Instant,
    /// Its number, if it is a request that an open circuit lets through.
    probe: Option<u64>,
    settled: bool,
}

impl Permit {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes do with fewer bytes than were asked for.
    pub fn shrink(&mut self, bytes: u64) {
        let spare = self.bytes.saturating_sub(bytes);
        self.bytes -= spare;
        self.limit.state().free(spare);
    }

    pub fn settle(mut self, verdict: Verdict) {
        self.release(verdict);
    }

    fn release(&mut self, verdict: Verdict) {
        if !std::mem::replace(&mut self.settled, true) {
            self.limit.state().settle(self, verdict);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.release(Verdict::Neutral);
    }
}

#[cfg(test)]
mod tests;
