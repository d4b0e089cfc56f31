//! What a limit knows, and what it decides by it. Pure but for the clock's readings that it is handed.

use std::time::Duration;

use tokio::time::Instant;

use super::places::{Ahead, Places};
use super::{Permit, Snapshot, Verdict};
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
pub(super) const LONGEST_HOLD: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct State {
    configured: Limits,
    processes: u32,
    /// As configured, divided among the processes.
    pub limits: Limits,
    pub places: Places,
    allowed: f64,
    /// Nothing was throttled yet: grow by one an answer, later by one a round.
    ramping: bool,
    in_flight: u32,
    pub bytes: u64,
    unanswered: u32,
    last_cut: Option<Instant>,
    hold_until: Option<Instant>,
    next_slot: Option<Instant>,
    circuit: Circuit,
    /// Sent so far; the last of them is the one that an open circuit waits for.
    probes: u64,
    requests_total: u64,
    throttled_total: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Circuit {
    Closed,
    Open { since: Instant, probing: bool, next_probe: Instant, pause: Duration },
}

pub(super) enum Admission {
    Now {
        probe: Option<u64>,
    },
    NotBefore(Instant),
    /// Whoever waits is woken when that may have changed.
    Full,
}

impl State {
    pub fn new(limits: &Limits) -> Self {
        Self {
            configured: limits.clone(),
            processes: 1,
            limits: limits.clone(),
            places: Places::default(),
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
            requests_total: 0,
            throttled_total: 0,
        }
    }

    pub fn set(&mut self, limits: &Limits) {
        self.configured = limits.clone();
        self.apply();
    }

    pub fn share(&mut self, processes: u32) {
        self.processes = processes.max(1);
        self.apply();
    }

    fn apply(&mut self) {
        let (whole, n) = (&self.configured, self.processes);
        let rate = whole.max_requests_per_second.map(|rate| (rate / n).max(1));
        if rate != self.limits.max_requests_per_second {
            self.next_slot = None;
        }
        self.limits = Limits {
            max_in_flight: (whole.max_in_flight / n).max(1),
            max_in_flight_bytes: (whole.max_in_flight_bytes / u64::from(n)).max(1),
            max_requests_per_second: rate,
            // What others have in flight fills at the cost of ours.
            min_fill_rate: (whole.min_fill_rate / u64::from(n)).max(1),
            ..whole.clone()
        };
        self.allowed = self.allowed.min(f64::from(self.limits.max_in_flight));
        self.wake();
    }

    pub fn open_since(&self) -> Option<Instant> {
        match self.circuit {
            Circuit::Open { since, .. } => Some(since),
            Circuit::Closed => None,
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            allowed: self.allowed_now(),
            max: self.limits.max_in_flight,
            in_flight: self.in_flight,
            bytes_in_flight: self.bytes,
            circuit_open: self.circuit != Circuit::Closed,
            requests_total: self.requests_total,
            throttled_total: self.throttled_total,
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and max_in_flight, a u32")]
    fn allowed_now(&self) -> u32 {
        self.allowed as u32
    }

    fn full(&self) -> bool {
        self.in_flight >= self.allowed_now().max(1)
    }

    /// An object larger than the whole allowance goes alone rather than never.
    fn fits(&self, bytes: u64) -> bool {
        let sum = self.bytes.checked_add(bytes);
        self.in_flight == 0 || sum.is_some_and(|sum| sum <= self.limits.max_in_flight_bytes)
    }

    fn wake(&self) {
        if !self.full() {
            self.places.wake(|bytes| self.fits(bytes));
        }
    }

    pub fn rest(&mut self, place: u64) {
        if self.places.rest(place) {
            self.wake();
        }
    }

    pub fn leave(&mut self, place: u64) {
        self.places.leave(place);
        self.wake();
    }

    pub fn give_up(&mut self, place: u64, now: Instant) {
        if self.places.give_up(place, now) {
            self.wake();
        }
    }

    pub fn free(&mut self, bytes: u64) {
        self.bytes -= bytes;
        self.wake();
    }

    pub fn admit(&mut self, place: u64, bytes: u64, now: Instant) -> Admission {
        self.places.ask(place, bytes, now);
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
        if self.full() || !self.fits(bytes) {
            return Admission::Full;
        }
        match self.places.ahead(place, now, |bytes| self.fits(bytes)) {
            Ahead::Nobody => {}
            Ahead::Somebody => return Admission::Full,
            Ahead::Expected(by) => return Admission::NotBefore(by),
        }
        if let Some(slot) = self.next_slot.filter(|slot| now < *slot) {
            return Admission::NotBefore(slot);
        }
        Admission::Now { probe: self.let_in(place, bytes, now) }
    }

    /// Gives the number of the probe, where it is one.
    fn let_in(&mut self, place: u64, bytes: u64, now: Instant) -> Option<u64> {
        let mut probe = None;
        if let Circuit::Open { probing, .. } = &mut self.circuit {
            *probing = true;
            self.probes += 1;
            probe = Some(self.probes);
        }
        self.in_flight += 1;
        self.bytes += bytes;
        self.next_slot = self.limits.max_requests_per_second.map(|rate| {
            let due = self.next_slot.unwrap_or(now).max(now.checked_sub(CATCH_UP).unwrap_or(now));
            due + Duration::from_secs(1) / rate.max(1)
        });
        self.places.let_in(place, now);
        self.wake();
        probe
    }

    pub fn settle(&mut self, permit: &Permit, verdict: Verdict) {
        let now = Instant::now();
        self.in_flight -= 1;
        self.bytes -= permit.bytes;
        self.requests_total += u64::from(verdict != Verdict::Neutral);
        match verdict {
            Verdict::Answered => {
                self.answered();
                if self.in_flight + 1 >= self.allowed_now() {
                    self.grow();
                }
            }
            Verdict::Throttled { retry_after } => {
                self.throttled_total += 1;
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
        self.wake();
    }

    /// A probe of an earlier outage may still be under way in a later one.
    fn is_awaited(&self, permit: &Permit) -> bool {
        permit.probe == Some(self.probes)
    }

    fn answered(&mut self) {
        self.unanswered = 0;
        self.circuit = Circuit::Closed;
    }

    fn grow(&mut self) {
        let step = if self.ramping { 1.0 } else { 1.0 / self.allowed };
        self.allowed = (self.allowed + step).min(f64::from(self.limits.max_in_flight));
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
