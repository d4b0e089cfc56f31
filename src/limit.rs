//! The adaptive limit of one endpoint: concurrency, bytes in flight, a rate limit, a retry budget and a circuit breaker.
//!
//! Every run that warms through an endpoint shares its [`Limit`]. The list side has a semaphore of its own.
//!
//! * `concurrency` finds how many requests may be in flight. It climbs while more of them bring more goodput, which it judges by
//!   `sample`s, and holds where they do not.
//! * `throttle` decides how far a refusal cuts it, and remembers the level that was refused.
//! * `pacing` spaces requests: by `max_requests_per_second`, and so that they do not come in bursts.
//! * `retries` is the budget of retries, and `backoff` the pause between them.
//! * `circuit` opens in an outage and lets one probe through at a time.
//! * `priority_queue` decides who is next: by priority, round robin among equals.

mod backoff;
mod circuit;
mod concurrency;
mod pacing;
mod priority_queue;
mod retries;
mod sample;
mod snapshot;
mod state;
mod throttle;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::sync;
pub use backoff::Backoff;
pub use circuit::Cause;
pub(crate) use circuit::OPEN_AFTER;
use model::config::endpoint::Limits;
pub use snapshot::{Reason, Snapshot};
use state::{Admission, Admitted, State, Want};

/// Clones share the endpoint's state.
#[derive(Clone, Debug)]
pub struct Limit(Arc<Mutex<State>>);

/// How a request ended, as far as the health of the endpoint goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The object is in the cache.
    Filled,
    /// Any other answer that does not ask for less.
    Answered,
    /// A server error.
    Erred,
    /// An answer that proves nothing of what was asked for, and what it was: something else answers there.
    Malformed(&'a str),
    /// 429 or 503.
    Throttled { retry_after: Option<Duration> },
    /// No connection, a lost one, or a timeout.
    Unanswered,
    /// Says nothing of the endpoint: given up by the caller, or an idle connection that had been closed.
    Neutral,
}

impl Limit {
    pub fn new(limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(State::new(limits))))
    }

    /// Registers one run among all that send through this limit. A higher priority is let in first.
    pub fn waiter(&self, priority: i64) -> Waiter {
        let (id, woken) = self.state().queue.enter(priority);
        Waiter { limit: self.clone(), id, woken }
    }

    /// Applies new limits at once, also to requests that are under way. `start_in_flight` matters to new endpoints only.
    pub fn set(&self, limits: &Limits) {
        self.state().set(limits);
    }

    /// Divides the endpoint among `processes`, this one included.
    pub fn share(&self, processes: u32) {
        self.state().share(processes);
    }

    /// The limits in force: as configured, divided among the processes.
    pub fn limits(&self) -> Limits {
        self.state().limits.clone()
    }

    /// Since when the circuit is open.
    pub fn open_since(&self) -> Option<Instant> {
        self.state().circuit.open_since()
    }

    pub fn snapshot(&self) -> Snapshot {
        self.state().snapshot(Instant::now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        sync::lock(&self.0)
    }
}

/// One run that waits for permits. Dropped, it leaves no trace.
#[derive(Debug)]
pub struct Waiter {
    limit: Limit,
    id: u64,
    woken: Arc<Notify>,
}

impl Waiter {
    /// Waits for a permit for one more request that makes the endpoint move `bytes`. Cancel safe: the waiter keeps its turn, and
    /// holds lower priorities off for the moment that its run needs to come back.
    ///
    /// While `bytes` do not fit, room for a smaller request, `instead`, will do. The permit says for which. What passes leaves
    /// the room that the larger one needs, so that this one does not starve.
    pub async fn admit_either(&mut self, bytes: u64, instead: Option<u64>) -> Permit {
        let want = Want { bytes, instead };
        let now = Instant::now();
        let admission = self.limit.state().admit(self.id, want, now);
        match admission {
            Admission::Now(admitted) => self.permit(admitted),
            Admission::Full => self.wait(want, None).await,
            Admission::NotBefore(instant) => self.wait(want, Some(instant)).await,
        }
    }

    /// Admits as `admit_either` does, if there is room `now`.
    pub fn try_admit_either(&mut self, bytes: u64, instead: Option<u64>, now: Instant) -> Option<Permit> {
        let mut state = self.limit.state();
        if let Admission::Now(admitted) = state.admit(self.id, Want { bytes, instead }, now) {
            drop(state);
            return Some(self.permit(admitted));
        }
        state.give_up(self.id, now);
        None
    }

    async fn wait(&mut self, want: Want, mut not_before: Option<Instant>) -> Permit {
        let asking = Asking(self);
        let Waiter { limit, id, woken } = &*asking.0;
        loop {
            match not_before {
                Some(instant) => tokio::select! {
                    () = sleep_until(instant) => {}
                    () = woken.notified() => {}
                },
                None => woken.notified().await,
            }
            let now = Instant::now();
            let admission = limit.state().admit(*id, want, now);
            not_before = match admission {
                Admission::Now(admitted) => return asking.0.permit(admitted),
                Admission::NotBefore(instant) => Some(instant),
                Admission::Full => None,
            };
        }
    }

    fn permit(&self, admitted: Admitted) -> Permit {
        Permit { limit: self.limit.clone(), admitted, settled: false }
    }

    /// There is nothing to send for now: others need not wait for this run.
    pub fn rest(&mut self) {
        self.limit.state().rest(self.id);
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.limit.state().leave(self.id);
    }
}

/// A waiter while it waits; until it is let in, or given up.
struct Asking<'a>(&'a mut Waiter);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.limit.state().give_up(self.0.id, Instant::now());
    }
}

/// Room for one request. Dropped without a verdict it says nothing of the endpoint.
#[derive(Debug)]
pub struct Permit {
    limit: Limit,
    admitted: Admitted,
    settled: bool,
}

impl Permit {
    pub fn bytes(&self) -> u64 {
        self.admitted.bytes
    }

    /// Makes do with fewer bytes than were asked for.
    pub fn shrink(&mut self, bytes: u64) {
        let spare = self.admitted.bytes.saturating_sub(bytes);
        if spare > 0 {
            self.limit.state().free(&mut self.admitted, spare);
        }
    }

    /// Uses it to send once more what was sent before.
    ///
    /// # Errors
    /// When to ask again: the endpoint's budget of retries is spent.
    pub fn retry(&mut self) -> Result<(), Instant> {
        self.limit.state().retry(&mut self.admitted, Instant::now())
    }

    /// How long its request may take: `base_timeout` + bytes in flight, its own included, / `min_fill_rate`.
    pub fn deadline(&self) -> Duration {
        self.limit.state().deadline(self.admitted.total())
    }

    pub fn settle(mut self, verdict: Verdict<'_>) {
        self.release(verdict);
    }

    fn release(&mut self, verdict: Verdict<'_>) {
        if !std::mem::replace(&mut self.settled, true) {
            self.limit.state().settle(&self.admitted, verdict, Instant::now());
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
