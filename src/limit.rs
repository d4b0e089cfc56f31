//! How hard an endpoint may be driven right now: requests and bytes in flight, a rate, and a circuit for outages.
//!
//! One [`Limit`] an endpoint, shared by all that warms through it; listing has its own patience. The number of requests in
//! flight starts low, grows while answers come, and falls on throttling and on silence. When nothing at all is answered any
//! more the circuit opens and lets one probe through at a time until something is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::config::endpoint::Limits;

/// So many requests without an answer in a row open the circuit.
pub(crate) const OPEN_AFTER: u32 = 5;
/// The pause between two probes of an open circuit doubles from the first to the second.
const PROBE_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// How far a rate may catch up: timers wake by the millisecond, which alone would end at 1,000 requests a second.
const CATCH_UP: Duration = Duration::from_millis(10);
/// What is left of the limit after a throttled answer.
const CUT: f64 = 0.7;
/// A server's `Retry-After` holds the whole endpoint back for this long at the most.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// Clones share the endpoint's state.
#[derive(Clone, Debug)]
pub struct Limit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    allowed: f64,
    /// Nothing was throttled yet: grow by one an answer, later by one a round.
    ramping: bool,
    in_flight: u32,
    bytes: u64,
    unanswered: u32,
    last_cut: Option<Instant>,
    hold_until: Option<Instant>,
    next_slot: Option<Instant>,
    circuit: Circuit,
    /// Sent so far; the last of them is the one that an open circuit waits for.
    probes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Circuit {
    Closed,
    Open { since: Instant, probing: bool, next_probe: Instant, pause: Duration },
}

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
    pub allowed: u32,
    pub in_flight: u32,
    pub bytes_in_flight: u64,
    pub circuit_open: bool,
}

enum Admission {
    Now { probe: Option<u64> },
    NotBefore(Instant),
    Full,
}

impl Limit {
    pub fn new(limits: &Limits) -> Self {
        let state = State {
            allowed: f64::from(limits.start_in_flight.min(limits.max_in_flight)),
            ramping: true,
            in_flight: 0,
            bytes: 0,
            unanswered: 0,
            last_cut: None,
            hold_until: None,
            next_slot: None,
            circuit: Circuit::Closed,
            probes: 0,
        };
        Self(Arc::new(Shared { limits: limits.clone(), state: Mutex::new(state), changed: Notify::new() }))
    }

    /// Waits for room for one more request that makes the endpoint move `bytes`. Cancel safe.
    pub async fn admit(&self, bytes: u64) -> Permit {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let now = Instant::now();
            let admission = self.state().admit(&self.0.limits, bytes, now);
            match admission {
                Admission::Now { probe } => {
                    return Permit { limit: self.clone(), bytes, sent: now, probe, settled: false };
                }
                Admission::NotBefore(instant) => tokio::select! {
                    () = sleep_until(instant) => {}
                    () = changed => {}
                },
                Admission::Full => changed.await,
            }
        }
    }

    /// How long a request admitted now may take: `base_timeout` + bytes in flight, its own included, / `min_fill_rate`.
    pub fn deadline(&self) -> Duration {
        let Limits { base_timeout, min_fill_rate, .. } = self.0.limits;
        let bytes = self.state().bytes;
        #[expect(clippy::cast_precision_loss, reason = "a deadline is not exact to the byte")]
        let filling = Duration::try_from_secs_f64(bytes as f64 / min_fill_rate.max(1) as f64);
        base_timeout.saturating_add(filling.unwrap_or(Duration::MAX))
    }

    /// Since when nothing has been answered, while the circuit is open.
    pub fn open_since(&self) -> Option<Instant> {
        match self.state().circuit {
            Circuit::Open { since, .. } => Some(since),
            Circuit::Closed => None,
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        Snapshot {
            allowed: state.allowed_now(),
            in_flight: state.in_flight,
            bytes_in_flight: state.bytes,
            circuit_open: state.circuit != Circuit::Closed,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub fn settle(mut self, verdict: Verdict) {
        self.release(verdict);
    }

    fn release(&mut self, verdict: Verdict) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let limits = &self.limit.0.limits;
        let mut state = self.limit.state();
        state.in_flight -= 1;
        state.bytes -= self.bytes;
        state.settle(limits, self, verdict);
        drop(state);
        self.limit.0.changed.notify_waiters();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.release(Verdict::Neutral);
    }
}

impl State {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and max_in_flight, a u32")]
    fn allowed_now(&self) -> u32 {
        self.allowed as u32
    }

    fn admit(&mut self, limits: &Limits, bytes: u64, now: Instant) -> Admission {
        if let Circuit::Open { probing, next_probe, .. } = self.circuit {
            if probing {
                return Admission::Full;
            }
            if now < next_probe {
                return Admission::NotBefore(next_probe);
            }
        }
        if let Some(until) = self.hold_until.filter(|until| now < *until) {
            return Admission::NotBefore(until);
        }
        let full = self.in_flight >= self.allowed_now().max(1);
        // An object larger than the whole allowance goes alone rather than never.
        let heavy =
            self.in_flight > 0 && self.bytes.checked_add(bytes).is_none_or(|sum| sum > limits.max_in_flight_bytes);
        if full || heavy {
            return Admission::Full;
        }
        if let Some(slot) = self.next_slot.filter(|slot| now < *slot) {
            return Admission::NotBefore(slot);
        }
        let mut probe = None;
        if let Circuit::Open { probing, .. } = &mut self.circuit {
            *probing = true;
            self.probes += 1;
            probe = Some(self.probes);
        }
        self.in_flight += 1;
        self.bytes += bytes;
        self.next_slot = limits.max_requests_per_second.map(|rate| {
            let due = self.next_slot.unwrap_or(now).max(now.checked_sub(CATCH_UP).unwrap_or(now));
            due + Duration::from_secs(1) / rate.max(1)
        });
        Admission::Now { probe }
    }

    fn settle(&mut self, limits: &Limits, permit: &Permit, verdict: Verdict) {
        let now = Instant::now();
        match verdict {
            Verdict::Answered => {
                self.answered();
                if self.in_flight + 1 >= self.allowed_now() {
                    self.grow(limits);
                }
            }
            Verdict::Throttled { retry_after } => {
                self.answered();
                self.cut(permit.sent, now);
                if let Some(hold) = retry_after {
                    self.hold_until = self.hold_until.max(Some(now + hold.min(LONGEST_HOLD)));
                }
            }
            Verdict::Unanswered => {
                self.unanswered += 1;
                self.cut(permit.sent, now);
                self.open_or_wait(self.is_awaited(permit), now);
            }
            Verdict::Neutral => {
                let awaited = self.is_awaited(permit);
                if let Circuit::Open { probing, .. } = &mut self.circuit
                    && awaited
                {
                    *probing = false;
                }
            }
        }
    }

    /// A probe of an earlier outage may still be under way in a later one.
    fn is_awaited(&self, permit: &Permit) -> bool {
        permit.probe == Some(self.probes)
    }

    fn answered(&mut self) {
        self.unanswered = 0;
        self.circuit = Circuit::Closed;
    }

    fn grow(&mut self, limits: &Limits) {
        let step = if self.ramping { 1.0 } else { 1.0 / self.allowed };
        self.allowed = (self.allowed + step).min(f64::from(limits.max_in_flight));
    }

    /// Once for all the requests that were under way together.
    fn cut(&mut self, sent: Instant, now: Instant) {
        if self.last_cut.is_none_or(|cut| sent > cut) {
            self.allowed = (self.allowed * CUT).max(1.0);
            self.ramping = false;
            self.last_cut = Some(now);
        }
    }

    fn open_or_wait(&mut self, probe: bool, now: Instant) {
        match &mut self.circuit {
            Circuit::Closed if self.unanswered >= OPEN_AFTER => {
                let pause = PROBE_PAUSE.0;
                self.circuit = Circuit::Open { since: now, probing: false, next_probe: now + pause, pause };
            }
            // Stragglers of before the outage say nothing new.
            Circuit::Open { probing, next_probe, pause, .. } if probe => {
                *probing = false;
                *pause = (*pause * 2).min(PROBE_PAUSE.1);
                *next_probe = now + *pause;
            }
            Circuit::Closed | Circuit::Open { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            start_in_flight: 4,
            max_in_flight: 8,
            max_in_flight_bytes: 100,
            list_in_flight: 4,
            max_requests_per_second: None,
            connect_timeout: Duration::from_secs(1),
            base_timeout: Duration::from_secs(60),
            min_fill_rate: 10,
            retries: 4,
            outage_wait: Duration::from_secs(300),
        }
    }

    async fn now_or_never(limit: &Limit, bytes: u64) -> Option<Permit> {
        tokio::time::timeout(Duration::from_millis(1), limit.admit(bytes)).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_requests_are_admitted_than_allowed() {
        let limit = Limit::new(&limits());
        let mut held = Vec::new();
        while let Some(permit) = now_or_never(&limit, 1).await {
            held.push(permit);
        }
        assert_eq!(held.len(), 4);
        held.pop();
        assert!(now_or_never(&limit, 1).await.is_some(), "a dropped permit makes room");
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_in_flight_are_bounded_and_a_giant_goes_alone() {
        let limit = Limit::new(&limits());
        let giant = now_or_never(&limit, 1000).await.expect("alone");
        assert!(now_or_never(&limit, 1).await.is_none(), "nothing beside it");
        drop(giant);
        let half = now_or_never(&limit, 60).await.unwrap();
        assert!(now_or_never(&limit, 41).await.is_none());
        assert!(now_or_never(&limit, 40).await.is_some());
        drop(half);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_counts_all_the_bytes_in_flight() {
        let limit = Limit::new(&limits());
        let _one = limit.admit(30).await;
        let _two = limit.admit(20).await;
        assert_eq!(limit.deadline(), Duration::from_secs(60 + 5));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_raise_the_limit_to_its_maximum_and_throttling_lowers_it_once_a_round() {
        let limit = Limit::new(&limits());
        for _ in 0..8 {
            let mut round = Vec::new();
            while let Some(permit) = now_or_never(&limit, 1).await {
                round.push(permit);
            }
            round.into_iter().for_each(|permit| permit.settle(Verdict::Answered));
        }
        assert_eq!(limit.snapshot().allowed, 8);
        let mut round = Vec::new();
        while let Some(permit) = now_or_never(&limit, 1).await {
            round.push(permit);
        }
        round.into_iter().for_each(|permit| permit.settle(Verdict::Throttled { retry_after: None }));
        assert_eq!(limit.snapshot().allowed, 5, "8 × 0.7, once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_after_holds_the_endpoint_back() {
        let limit = Limit::new(&limits());
        let hold = Some(Duration::from_secs(7));
        limit.admit(1).await.settle(Verdict::Throttled { retry_after: hold });
        let start = Instant::now();
        drop(limit.admit(1).await);
        assert_eq!(start.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_opens_the_circuit_and_one_answer_closes_it() {
        let limit = Limit::new(&limits());
        for _ in 0..OPEN_AFTER {
            limit.admit(1).await.settle(Verdict::Unanswered);
        }
        assert!(limit.open_since().is_some());
        let probe = limit.admit(1).await;
        let second = tokio::time::timeout(Duration::from_secs(60), limit.admit(1)).await;
        assert!(second.is_err(), "one probe at a time");
        probe.settle(Verdict::Unanswered);
        let start = Instant::now();
        let probe = limit.admit(1).await;
        assert_eq!(start.elapsed(), Duration::from_secs(1), "the pause doubles");
        probe.settle(Verdict::Answered);
        assert!(limit.open_since().is_none());
        assert!(now_or_never(&limit, 1).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_keep_to_the_rate() {
        let limit = Limit::new(&Limits { max_requests_per_second: Some(10), ..limits() });
        let start = Instant::now();
        for _ in 0..21 {
            limit.admit(1).await.settle(Verdict::Answered);
        }
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }

    /// A limit whose circuit has just opened.
    async fn away() -> Limit {
        let limit = Limit::new(&limits());
        for _ in 0..OPEN_AFTER {
            limit.admit(1).await.settle(Verdict::Unanswered);
        }
        limit
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_makes_room_for_another() {
        let limit = away().await;
        drop(limit.admit(1).await);
        assert!(now_or_never(&limit, 1).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_straggler_from_before_the_outage_that_is_answered_ends_it() {
        let limit = Limit::new(&limits());
        let straggler = limit.admit(1).await;
        for _ in 0..OPEN_AFTER {
            limit.admit(1).await.settle(Verdict::Unanswered);
        }
        assert!(limit.snapshot().circuit_open);
        straggler.settle(Verdict::Answered);
        assert!(!limit.snapshot().circuit_open);
    }

    #[tokio::test(start_paused = true)]
    async fn a_straggler_that_is_not_answered_lets_no_second_probe_through() {
        let limit = Limit::new(&limits());
        let straggler = limit.admit(1).await;
        for _ in 0..OPEN_AFTER {
            limit.admit(1).await.settle(Verdict::Unanswered);
        }
        let _probe = limit.admit(1).await;
        straggler.settle(Verdict::Unanswered);
        assert!(tokio::time::timeout(Duration::from_secs(60), limit.admit(1)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_of_an_earlier_outage_lets_no_second_probe_through() {
        for verdict in [Verdict::Unanswered, Verdict::Neutral] {
            let limit = Limit::new(&limits());
            let straggler = limit.admit(1).await;
            for _ in 0..OPEN_AFTER {
                limit.admit(1).await.settle(Verdict::Unanswered);
            }
            let earlier = limit.admit(1).await;
            straggler.settle(Verdict::Answered);
            for _ in 0..10 {
                if let Some(permit) = now_or_never(&limit, 1).await {
                    permit.settle(Verdict::Answered);
                }
            }
            for _ in 0..OPEN_AFTER {
                limit.admit(1).await.settle(Verdict::Unanswered);
            }
            let _probe = limit.admit(1).await;
            earlier.settle(verdict);
            let second = tokio::time::timeout(Duration::from_secs(60), limit.admit(1)).await;
            assert!(second.is_err(), "{verdict:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_after_of_any_length_holds_the_endpoint_back_for_half_a_minute_at_most() {
        let limit = Limit::new(&limits());
        let hold = Some(Duration::from_secs(u64::MAX));
        limit.admit(1).await.settle(Verdict::Throttled { retry_after: hold });
        let start = Instant::now();
        drop(limit.admit(1).await);
        assert_eq!(start.elapsed(), LONGEST_HOLD);
    }

    #[tokio::test(start_paused = true)]
    async fn after_throttling_the_limit_grows_by_one_a_round() {
        let limit = Limit::new(&Limits { max_in_flight: 100, ..limits() });
        limit.admit(1).await.settle(Verdict::Throttled { retry_after: None });
        let mut allowed = vec![limit.snapshot().allowed];
        for _ in 0..6 {
            let mut round = Vec::new();
            while let Some(permit) = now_or_never(&limit, 1).await {
                round.push(permit);
            }
            round.into_iter().for_each(|permit| permit.settle(Verdict::Answered));
            allowed.push(limit.snapshot().allowed);
        }
        assert!(allowed.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{allowed:?}");
        assert!(allowed[6] > allowed[0], "{allowed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_falls_to_one_and_no_further() {
        let limit = Limit::new(&limits());
        for _ in 0..50 {
            tokio::time::advance(Duration::from_secs(1)).await;
            limit.admit(1).await.settle(Verdict::Throttled { retry_after: None });
        }
        assert_eq!(limit.snapshot().allowed, 1);
        assert!(now_or_never(&limit, 1).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_let_in_when_room_is_made() {
        let limit = Limit::new(&limits());
        let held: Vec<_> =
            [limit.admit(1).await, limit.admit(1).await, limit.admit(1).await, limit.admit(1).await].into();
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                tokio::spawn({
                    let limit = limit.clone();
                    async move { limit.admit(1).await.settle(Verdict::Answered) }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(held);
        for task in waiting {
            tokio::time::timeout(Duration::from_secs(1), task).await.expect("nobody is forgotten").unwrap();
        }
        assert_eq!(limit.snapshot().in_flight, 0);
    }
}
