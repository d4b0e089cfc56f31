//! The state of one limit: who is admitted, and what every answer changes. Pure: `now` is a parameter.

use std::time::Duration;

use tokio::time::Instant;

use super::Verdict;
use super::circuit::{Cause, Circuit, Gate};
use super::concurrency::Concurrency;
use super::pacing::Pacing;
use super::priority_queue::{Ahead, PriorityQueue};
use super::retries::Retries;
use super::sample::Fill;
use super::snapshot::Bound;
use super::throttle::Refusal;
use model::config::endpoint::Limits;

/// After an outage this long the limit forgets what it learned: the endpoint may be another one. A few lost requests are none.
const OUTAGE: Duration = Duration::from_secs(3);
/// The longest time that a `Retry-After` holds the whole endpoint back.
pub(super) const LONGEST_HOLD: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct State {
    configured: Limits,
    processes: u32,
    /// As configured, divided among the processes.
    pub limits: Limits,
    pub queue: PriorityQueue,
    pub concurrency: Concurrency,
    pub circuit: Circuit,
    pub retries: Retries,
    pub in_flight: u32,
    pub bytes: u64,
    /// Of those in flight that passed a larger one.
    passing: u64,
    /// The sum of what was in flight over time, in request-seconds, up to an instant.
    beside: f64,
    beside_at: Option<Instant>,
    pub hold_until: Option<Instant>,
    pacing: Pacing,
    /// What kept the latest request that had to wait.
    pub bound: Bound,
    pub requests_total: u64,
    pub throttled_total: u64,
}

/// What a waiter asks room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    pub bytes: u64,
    /// The bytes of another request, that may go while this one does not fit.
    pub instead: Option<u64>,
}

/// How a request is let in.
#[derive(Clone, Copy, Debug)]
struct Room {
    bytes: u64,
    /// By passing a larger one.
    passed: bool,
    /// One of the same waiter, which goes on waiting.
    instead: bool,
}

pub(super) enum Admission {
    Now(Admitted),
    NotBefore(Instant),
    /// Whoever waits is woken when that may have changed.
    Full,
}

/// What is known of a request while it is in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    pub bytes: u64,
    pub sent: Instant,
    /// Its number, if it is a request that an open circuit lets through.
    pub probe: Option<u64>,
    pub retry: bool,
    /// Requests in flight, itself included.
    level: u32,
    /// `State::beside` when it was sent.
    beside: f64,
    passed: bool,
    /// Of all that is in flight, itself included.
    total: u64,
}

impl State {
    pub fn new(limits: &Limits) -> Self {
        Self {
            configured: limits.clone(),
            processes: 1,
            limits: limits.clone(),
            queue: PriorityQueue::default(),
            concurrency: Concurrency::new(limits.start_in_flight.min(limits.max_in_flight)),
            circuit: Circuit::default(),
            retries: Retries::default(),
            in_flight: 0,
            bytes: 0,
            passing: 0,
            beside: 0.0,
            beside_at: None,
            hold_until: None,
            pacing: Pacing::default(),
            bound: Bound::Nothing,
            requests_total: 0,
            throttled_total: 0,
        }
    }

    pub fn set(&mut self, limits: &Limits) {
        self.configured = limits.clone();
        self.apply();
    }

    pub fn share(&mut self, processes: u32) {
        if self.processes != processes.max(1) {
            self.processes = processes.max(1);
            self.apply();
        }
    }

    fn apply(&mut self) {
        let (whole, n) = (&self.configured, self.processes);
        let rate = whole.max_requests_per_second.map(|rate| (rate / n).max(1));
        if rate != self.limits.max_requests_per_second {
            self.pacing.forget_rate();
        }
        self.limits = Limits {
            max_in_flight: (whole.max_in_flight / n).max(1),
            max_in_flight_bytes: (whole.max_in_flight_bytes / u64::from(n)).max(1),
            max_requests_per_second: rate,
            // What others have in flight fills at the cost of ours.
            min_fill_rate: (whole.min_fill_rate / u64::from(n)).max(1),
            ..whole.clone()
        };
        self.concurrency.cap(self.limits.max_in_flight);
        self.wake();
    }

    /// The deadline of a request that is sent with `bytes` in flight, its own included.
    pub fn deadline(&self, bytes: u64) -> Duration {
        let Limits { base_timeout, min_fill_rate, .. } = self.limits;
        #[expect(clippy::cast_precision_loss, reason = "a deadline is not exact to the byte")]
        let filling = Duration::try_from_secs_f64(bytes as f64 / min_fill_rate.max(1) as f64);
        base_timeout.saturating_add(filling.unwrap_or(Duration::MAX))
    }

    fn full(&self) -> bool {
        self.in_flight >= self.concurrency.allowed()
    }

    /// An object larger than the whole allowance goes alone rather than never.
    fn fits(&self, bytes: u64) -> bool {
        let sum = self.bytes.checked_add(bytes);
        self.in_flight == 0 || sum.is_some_and(|sum| sum <= self.limits.max_in_flight_bytes)
    }

    /// What would pass a larger one must leave the room that this one needs when those before it have ended.
    fn leaves(&self, bytes: u64, reserved: u64) -> bool {
        let others = self.limits.max_in_flight_bytes.saturating_sub(reserved);
        self.passing.checked_add(bytes).is_some_and(|sum| sum <= others)
    }

    fn wake(&self) {
        if !self.full() {
            self.queue.wake(|bytes| self.fits(bytes));
        }
    }

    pub fn rest(&mut self, waiter: u64) {
        if self.queue.rest(waiter) {
            self.wake();
        }
    }

    pub fn leave(&mut self, waiter: u64) {
        self.queue.leave(waiter);
        self.wake();
    }

    pub fn give_up(&mut self, waiter: u64, now: Instant) {
        if self.queue.give_up(waiter, now) {
            self.wake();
        }
    }

    /// Gives the bytes back that a request does without.
    pub fn free(&mut self, of: &mut Admitted, spare: u64) {
        of.bytes -= spare;
        of.total -= spare;
        self.bytes -= spare;
        self.passing -= if of.passed { spare } else { 0 };
        self.wake();
    }

    pub fn admit(&mut self, waiter: u64, want: Want, now: Instant) -> Admission {
        self.queue.ask(waiter, want.bytes, now);
        let (bound, admission) = match self.circuit.gate(now) {
            Gate::Open => match self.room(waiter, want, now) {
                Ok(room) => return Admission::Now(self.let_in(waiter, room, now)),
                Err(why) => why,
            },
            Gate::Probing => (Bound::Nothing, Admission::Full),
            Gate::NotBefore(probe) => (Bound::Nothing, Admission::NotBefore(probe)),
        };
        self.bound = bound;
        admission
    }

    /// How there is room; else what binds, and until when.
    fn room(&mut self, waiter: u64, want: Want, now: Instant) -> Result<Room, (Bound, Admission)> {
        if let Some(until) = self.hold_until.filter(|until| now < *until) {
            return Err((Bound::Requests, Admission::NotBefore(until)));
        }
        if self.full() {
            self.concurrency.blind_step(now, self.limits.max_in_flight);
        }
        if self.full() {
            let step = self.concurrency.full(now, self.limits.max_in_flight);
            return Err((Bound::Requests, step.map_or(Admission::Full, Admission::NotBefore)));
        }
        let mut room = Room { bytes: want.bytes, passed: false, instead: false };
        let mut reserved = 0;
        if !self.fits(want.bytes) {
            let Some(instead) = want.instead.filter(|bytes| *bytes < want.bytes && self.fits(*bytes)) else {
                return Err((Bound::Bytes, Admission::Full));
            };
            reserved = want.bytes;
            room = Room { bytes: instead, passed: true, instead: true };
        }
        match self.queue.ahead(waiter, now, |bytes| self.fits(bytes)) {
            Ahead::Nobody => {}
            Ahead::Passed => room.passed = true,
            Ahead::Reserved(others) => (room.passed, reserved) = (true, reserved.max(others)),
            Ahead::Somebody => return Err((self.bound, Admission::Full)),
            Ahead::Expected(by) => return Err((self.bound, Admission::NotBefore(by))),
        }
        if reserved > 0 && !self.leaves(room.bytes, reserved) {
            return Err((Bound::Bytes, Admission::Full));
        }
        if let Some(slot) = self.pacing.slot(now) {
            return Err((Bound::Rate, Admission::NotBefore(slot)));
        }
        match self.pacing.spread(now) {
            Some(at) => Err((self.bound, Admission::NotBefore(at))),
            None => Ok(room),
        }
    }

    fn let_in(&mut self, waiter: u64, Room { bytes, passed, instead }: Room, now: Instant) -> Admitted {
        self.pass_time(now);
        self.in_flight += 1;
        self.bytes += bytes;
        self.passing += if passed { bytes } else { 0 };
        if self.full() {
            self.concurrency.full(now, self.limits.max_in_flight);
        }
        self.pacing.sent(self.limits.max_requests_per_second, self.concurrency.allowed(), now);
        self.queue.let_in(waiter, instead, now);
        self.wake();
        Admitted {
            bytes,
            sent: now,
            probe: self.circuit.let_through(),
            retry: false,
            level: self.in_flight,
            beside: self.beside,
            passed,
            total: self.bytes,
        }
    }

    /// A request that was let in is to be a retry. Gives when to ask again where it may not be. Asked twice, as where the first
    /// object turned out to be open elsewhere, it counts once.
    pub fn retry(&mut self, of: &mut Admitted, now: Instant) -> Result<(), Instant> {
        if of.retry {
            return Ok(());
        }
        self.retries.begin(now)?;
        of.retry = true;
        Ok(())
    }

    pub fn settle(&mut self, of: &Admitted, verdict: Verdict<'_>, now: Instant) {
        self.pass_time(now);
        self.in_flight -= 1;
        self.bytes -= of.bytes;
        self.passing -= if of.passed { of.bytes } else { 0 };
        if of.retry {
            self.retries.end();
        }
        match verdict {
            Verdict::Neutral => self.circuit.neutral(of.probe),
            Verdict::Answered | Verdict::Filled | Verdict::Erred => self.answered(of, verdict, now),
            Verdict::Malformed(what) => self.malformed(of, what, now),
            Verdict::Throttled { .. } | Verdict::Unanswered => self.refused(of, verdict, now),
        }
        self.wake();
    }

    /// It says nothing of how much the cache takes.
    fn malformed(&mut self, of: &Admitted, what: &str, now: Instant) {
        self.requests_total += 1;
        self.circuit.malformed(what, of.probe, now);
        self.retries.answered(of.retry);
        self.concurrency.throttle.ended(of.sent, self.concurrency.allowed(), now);
    }

    fn answered(&mut self, of: &Admitted, verdict: Verdict<'_>, now: Instant) {
        self.requests_total += 1;
        let away = self.circuit.open_since().map(|since| now.duration_since(since));
        if self.circuit.cause() == Some(&Cause::Throttle) || away >= Some(OUTAGE) {
            self.concurrency.forget();
        }
        self.circuit.answered();
        match verdict {
            Verdict::Erred => self.retries.refused(of.retry, now),
            _ => self.retries.answered(of.retry),
        }
        self.concurrency.throttle.ended(of.sent, self.concurrency.allowed(), now);
        if verdict == Verdict::Filled {
            let took = now.duration_since(of.sent);
            self.pacing.filled(took);
            let fill = Fill { bytes: of.bytes, took: took.as_secs_f64(), beside: self.beside - of.beside };
            self.concurrency.fill(fill, of.sent, now, self.limits.max_in_flight);
        }
    }

    fn refused(&mut self, of: &Admitted, verdict: Verdict<'_>, now: Instant) {
        self.requests_total += 1;
        let refusal =
            Refusal { sent: of.sent, level: of.level, throttled: matches!(verdict, Verdict::Throttled { .. }) };
        if let Verdict::Throttled { retry_after } = verdict {
            self.throttled_total += 1;
            self.circuit.throttled(self.concurrency.allowed() == 1, of.probe, now);
            self.retries.refused(of.retry, now);
            if let Some(hold) = retry_after {
                self.hold_until = self.hold_until.max(Some(now + hold.min(LONGEST_HOLD)));
            }
        } else {
            self.circuit.unanswered(of.probe, now);
            self.retries.unanswered(of.retry, now);
        }
        self.concurrency.throttle.ended(of.sent, self.concurrency.allowed(), now);
        self.concurrency.refused(refusal, now);
    }

    fn pass_time(&mut self, now: Instant) {
        let since = self.beside_at.replace(now).unwrap_or(now);
        self.beside += f64::from(self.in_flight) * now.duration_since(since).as_secs_f64();
    }
}

impl Admitted {
    /// Bytes in flight when it was sent, its own included.
    pub fn total(&self) -> u64 {
        self.total
    }
}
