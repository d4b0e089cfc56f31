//! The state of a limit that people and metrics see.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::circuit;
use super::concurrency::Phase;
use super::state::State;
use super::throttle::Cause;

/// How long a cut is shown as the reason for a limit.
const RECENT_CUT: Duration = Duration::from_mins(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Requests that may be in flight now.
    pub allowed: u32,
    /// What `allowed` may grow to: this process's share of `max_in_flight`.
    pub max: u32,
    pub in_flight: u32,
    pub bytes_in_flight: u64,
    pub circuit_open: bool,
    /// Why it is not more.
    pub reason: Reason,
    /// Retries wait for others to be answered: the budget is spent.
    pub retries_wait: bool,
    /// Requests that ended, answered or not; what was given up is left out.
    pub requests_total: u64,
    /// Those of them that were throttled.
    pub throttled_total: u64,
}

/// Why no more requests are in flight than there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing waits, or nothing has been sent yet.
    Idle,
    /// More were allowed a moment ago, and more will be.
    Growing,
    /// More bring no more.
    Flat,
    /// `max_in_flight`.
    Most,
    /// `max_in_flight_bytes`.
    Bytes,
    /// `max_requests_per_second`.
    Rate,
    /// Throttled with `at` requests in flight, that long ago.
    Throttled { at: u32, ago: Duration },
    /// Requests were refused, lost or timed out, whatever was in flight.
    Failing { ago: Duration },
    /// A `Retry-After` holds for `left`.
    Asked { left: Duration },
    /// The circuit is open: nothing of what was asked for comes.
    Circuit { since: Duration, cause: circuit::Cause },
}

/// What kept the latest request that had to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Nothing,
    Requests,
    Bytes,
    Rate,
}

impl State {
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        Snapshot {
            allowed: self.concurrency.allowed(),
            max: self.limits.max_in_flight,
            in_flight: self.in_flight,
            bytes_in_flight: self.bytes,
            circuit_open: self.circuit.open_since().is_some(),
            reason: self.reason(now),
            retries_wait: self.retries.wait(now),
            requests_total: self.requests_total,
            throttled_total: self.throttled_total,
        }
    }

    fn reason(&self, now: Instant) -> Reason {
        if let Some((since, cause)) = self.circuit.open_since().zip(self.circuit.cause()) {
            return Reason::Circuit { since: now.duration_since(since), cause: cause.clone() };
        }
        if let Some(left) = self.hold_until.and_then(|until| until.checked_duration_since(now)).filter(|l| !l.is_zero())
        {
            return Reason::Asked { left };
        }
        match self.bound {
            _ if self.in_flight == 0 => Reason::Idle,
            Bound::Bytes => Reason::Bytes,
            Bound::Rate => Reason::Rate,
            Bound::Nothing if self.in_flight < self.concurrency.allowed() => Reason::Idle,
            Bound::Nothing | Bound::Requests => self.concurrency_reason(now),
        }
    }

    fn concurrency_reason(&self, now: Instant) -> Reason {
        let last = self.concurrency.throttle.last.map(|(cause, at)| (cause, now.duration_since(at)));
        match last
            .filter(|(_, ago)| *ago < RECENT_CUT || self.concurrency.throttle.most() <= self.concurrency.allowed())
        {
            Some((Cause::Throttled { at }, ago)) => return Reason::Throttled { at, ago },
            Some((Cause::Other, ago)) if ago < RECENT_CUT / 10 => return Reason::Failing { ago },
            Some(_) | None => {}
        }
        if self.concurrency.allowed() >= self.limits.max_in_flight {
            return Reason::Most;
        }
        match self.concurrency.phase() {
            Phase::Ramp | Phase::Up { .. } => Reason::Growing,
            Phase::Hold | Phase::Down { .. } => Reason::Flat,
        }
    }
}

impl Snapshot {
    /// What is worth a line when it changes.
    pub fn state(&self) -> (&'static str, bool) {
        (self.reason.name(), self.retries_wait)
    }
}

impl Reason {
    /// All that [`Reason::name`] may say.
    pub const NAMES: [&str; 10] = [
        "idle",
        "growing",
        "flat",
        "max_in_flight",
        "max_in_flight_bytes",
        "max_requests_per_second",
        "throttled",
        "failing",
        "retry_after",
        "circuit",
    ];

    /// One word for labels and scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Growing => "growing",
            Self::Flat => "flat",
            Self::Most => "max_in_flight",
            Self::Bytes => "max_in_flight_bytes",
            Self::Rate => "max_requests_per_second",
            Self::Throttled { .. } => "throttled",
            Self::Failing { .. } => "failing",
            Self::Asked { .. } => "retry_after",
            Self::Circuit { .. } => "circuit",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("nothing waits"),
            Self::Growing => f.write_str("growing"),
            Self::Flat => f.write_str("holding: more brings no more"),
            Self::Most => f.write_str("holding: max_in_flight"),
            Self::Bytes => f.write_str("holding: max_in_flight_bytes"),
            Self::Rate => f.write_str("holding: max_requests_per_second"),
            Self::Throttled { at, ago } => write!(f, "holding: throttled {} ago at {at}", Brief(*ago)),
            Self::Failing { ago } => write!(f, "holding: requests failed {} ago", Brief(*ago)),
            Self::Asked { left } => write!(f, "waiting: asked to, for {} more", Brief(*left)),
            Self::Circuit { since, cause } => match cause {
                circuit::Cause::Silence => write!(f, "waiting: no answer for {}", Brief(*since)),
                circuit::Cause::Throttle => write!(f, "waiting: told to slow down for {}", Brief(*since)),
                circuit::Cause::Malformed(what) => {
                    write!(f, "waiting: for {} no answer of this cache, last {what}", Brief(*since))
                }
            },
        }
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} in flight, {}", self.in_flight, self.max, self.reason)?;
        if self.retries_wait { f.write_str(", retries wait") } else { Ok(()) }
    }
}

/// Whole seconds, minutes, hours.
struct Brief(Duration);

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds @ ..120 => write!(f, "{seconds} s"),
            seconds @ 120..7200 => write!(f, "{} min", seconds / 60),
            seconds => write!(f, "{} h", seconds / 3600),
        }
    }
}
