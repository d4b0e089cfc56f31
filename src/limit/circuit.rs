//! The circuit breaker. While an endpoint serves nothing, it lets one probe through at a time.

use std::sync::Arc;

use tokio::time::Instant;

use super::backoff::Backoff;

/// The circuit opens after this many requests in a row that brought nothing.
pub(crate) const OPEN_AFTER: u32 = 5;

#[derive(Debug, Default)]
pub(super) struct Circuit {
    /// Requests in a row that were not answered.
    unanswered: u32,
    /// Requests in a row that were told to slow down while they were alone.
    throttled: u32,
    /// Requests in a row whose answer was none of this cache.
    malformed: u32,
    open: Option<Open>,
    /// Probes sent so far; the last of them is the one that an open circuit waits for.
    probes: u64,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    cause: Cause,
    probing: bool,
    next_probe: Instant,
    backoff: Backoff,
}

/// What the endpoint does in place of serving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    Silence,
    /// Every request is told to slow down.
    Throttle,
    /// Answers that prove nothing, and what the latest of them was.
    Malformed(Arc<str>),
}

/// What stands before a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// A probe is under way.
    Probing,
    NotBefore(Instant),
}

impl Circuit {
    pub fn open_since(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.since)
    }

    /// Why it is open.
    pub fn cause(&self) -> Option<&Cause> {
        self.open.as_ref().map(|open| &open.cause)
    }

    pub fn gate(&self, now: Instant) -> Gate {
        match &self.open {
            Some(Open { probing: true, .. }) => Gate::Probing,
            Some(Open { next_probe, .. }) if now < *next_probe => Gate::NotBefore(*next_probe),
            Some(_) | None => Gate::Open,
        }
    }

    /// A request is let through. Gives the number of the probe, where it is one.
    pub fn let_through(&mut self) -> Option<u64> {
        let open = self.open.as_mut()?;
        open.probing = true;
        self.probes += 1;
        Some(self.probes)
    }

    pub fn answered(&mut self) {
        *self = Self { probes: self.probes, ..Self::default() };
    }

    pub fn unanswered(&mut self, probe: Option<u64>, now: Instant) {
        self.unanswered += 1;
        self.nothing(self.unanswered, Cause::Silence, probe, now);
    }

    /// Something else answered: `what`.
    pub fn malformed(&mut self, what: &str, probe: Option<u64>, now: Instant) {
        (self.unanswered, self.throttled) = (0, 0);
        self.malformed += 1;
        self.open.take_if(|open| !matches!(open.cause, Cause::Malformed(_)));
        let cause = Cause::Malformed(what.into());
        if let Some(open) = &mut self.open {
            open.cause = cause.clone();
        }
        self.nothing(self.malformed, cause, probe, now);
    }

    /// `alone`: no fewer requests at once could be sent.
    pub fn throttled(&mut self, alone: bool, probe: Option<u64>, now: Instant) {
        (self.unanswered, self.malformed) = (0, 0);
        self.throttled = if alone { self.throttled + 1 } else { 0 };
        // Silence is over: whether the endpoint serves anything is to be seen.
        self.open.take_if(|open| open.cause != Cause::Throttle);
        self.nothing(self.throttled, Cause::Throttle, probe, now);
    }

    fn nothing(&mut self, in_a_row: u32, cause: Cause, probe: Option<u64>, now: Instant) {
        let awaited = self.is_awaited(probe);
        match &mut self.open {
            None if in_a_row >= OPEN_AFTER => {
                let mut backoff = Backoff::default();
                let next_probe = now + backoff.failed();
                self.open = Some(Open { since: now, cause, probing: false, next_probe, backoff });
            }
            Some(Open { probing, next_probe, backoff, .. }) if awaited => {
                *probing = false;
                *next_probe = now + backoff.failed();
            }
            // Stragglers of before the outage say nothing new.
            None | Some(_) => {}
        }
    }

    /// A probe that says nothing makes room for another.
    pub fn neutral(&mut self, probe: Option<u64>) {
        let awaited = self.is_awaited(probe);
        if let Some(open) = self.open.as_mut().filter(|_| awaited) {
            open.probing = false;
        }
    }

    /// A probe of an earlier outage may still be under way in a later one.
    fn is_awaited(&self, probe: Option<u64>) -> bool {
        probe == Some(self.probes)
    }
}
