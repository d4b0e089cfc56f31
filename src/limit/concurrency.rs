//! How many requests may be in flight: as many as bring more, and no more than the endpoint takes.
//!
//! Begins by doubling, for as long as what the fills bring grows nearly as much; where none has ended yet, by the clock,
//! because a fill may take minutes. Then it holds, and tries now and then whether more brings more, or less as much.

use std::time::Duration;

use tokio::time::Instant;

use super::sample::{Fill, Sample};
use super::throttle::{Refusal, Throttle};

/// A sample lasts so long at least, and has so many fills.
const MIN_SAMPLE: (Duration, u32) = (Duration::from_millis(50), 12);
/// While no fill has ended that could tell, the limit grows so often.
const BLIND: Duration = Duration::from_millis(300);
/// More requests must bring this part of what they would where nothing binds; else the limit is settled.
const WORTH: f64 = 0.6;
/// Above what is needed to fill the pipe: a request's floor leaves its share of it idle.
const SPARE: f64 = 1.25;
/// How far it tries up and down, as factors.
const TRY: (f64, f64) = (1.25, 0.875);
/// More is taken where it brings this part of what it would where nothing binds.
const WON: f64 = 0.07;
/// Less is taken where it costs no more than this part of what it would where nothing binds.
const LOST: f64 = 0.05;
/// A cache that became so much faster or slower is another one.
const CHANGED: (f64, f64) = (1.33, 0.75);
/// Rounds between two tries up, and between two tries down: that doubles to the second each time it is in vain.
const UP_EVERY: u32 = 6;
const DOWN_EVERY: (u32, u32) = (8, 256);

#[derive(Debug)]
pub(super) struct Concurrency {
    allowed: u32,
    phase: Phase,
    /// The factor of a step while ramping: smaller once anything was refused.
    step: f64,
    /// Of fills sent from `since` on.
    sample: Sample,
    since: Option<Instant>,
    /// What the latest whole sample brought, as something to compare with.
    base: Option<Sample>,
    /// Everything that is allowed was in flight, since then.
    full: Option<Instant>,
    until_up: u32,
    until_down: u32,
    down_every: u32,
    pub throttle: Throttle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Ramp,
    /// More brings no more.
    Hold,
    Up {
        from: u32,
    },
    Down {
        from: u32,
    },
}

impl Concurrency {
    pub fn new(start: u32) -> Self {
        Self {
            allowed: start.max(1),
            phase: Phase::Ramp,
            step: 2.0,
            sample: Sample::default(),
            since: None,
            base: None,
            full: None,
            until_up: UP_EVERY,
            until_down: DOWN_EVERY.0,
            down_every: DOWN_EVERY.0,
            throttle: Throttle::default(),
        }
    }

    pub fn allowed(&self) -> u32 {
        self.allowed
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Never above `max`, from now on.
    pub fn cap(&mut self, max: u32) {
        self.allowed = self.allowed.min(max).max(1);
    }

    /// Everything that is allowed is in flight. Gives when that alone is a reason to allow more.
    pub fn full(&mut self, now: Instant, max: u32) -> Option<Instant> {
        let since = *self.full.get_or_insert(now);
        let blind = self.base.is_none() && self.sample.fills() == 0 && self.target(max) > self.allowed;
        (blind && !self.throttle.trouble(now, self.allowed)).then(|| since + BLIND)
    }

    /// Allows more where it has been full for long enough and nothing has spoken against it.
    pub fn blind_step(&mut self, now: Instant, max: u32) {
        if self.full(now, max).is_some_and(|at| now >= at) {
            (self.allowed, self.full) = (self.target(max), None);
        }
    }

    /// A fill ended well.
    pub fn fill(&mut self, fill: Fill, sent: Instant, now: Instant, max: u32) {
        if self.since.is_some_and(|since| sent < since) {
            return;
        }
        let since = *self.since.get_or_insert(sent);
        self.sample.add(fill);
        if self.sample.fills() >= self.whole() && now.duration_since(since) >= MIN_SAMPLE.0 {
            let sample = std::mem::take(&mut self.sample);
            self.judge(sample, now, max);
        }
    }

    pub fn refused(&mut self, refusal: Refusal, now: Instant) {
        let allowed = self.throttle.refused(refusal, self.allowed, now);
        if allowed < self.allowed {
            self.allowed = allowed;
            (self.phase, self.base, self.sample, self.full) = (Phase::Ramp, None, Sample::default(), None);
            (self.since, self.step) = (Some(now), TRY.0);
        }
    }

    /// Nothing is known any more of what the endpoint bears.
    pub fn forget(&mut self) {
        self.throttle.forget();
        (self.base, self.sample, self.since, self.full) = (None, Sample::default(), None, None);
        (self.phase, self.step) = (Phase::Ramp, 2.0);
    }

    fn whole(&self) -> u32 {
        let whole = if self.phase == Phase::Ramp { self.allowed / 2 } else { self.allowed };
        whole.max(MIN_SAMPLE.1)
    }

    /// Where the next step leads.
    fn target(&self, max: u32) -> u32 {
        scaled(self.allowed, self.step).max(self.allowed + 1).min(max).min(self.throttle.most().max(self.allowed))
    }

    fn judge(&mut self, sample: Sample, now: Instant, max: u32) {
        let full = self.full.take().is_some();
        self.since = Some(now);
        if self.throttle.trouble(now, self.allowed) {
            return;
        }
        self.throttle.passed();
        let Some(base) = self.base else {
            self.base = Some(sample);
            if full && self.phase == Phase::Ramp {
                self.step_up(max);
            }
            return;
        };
        let (gain, grew) = (sample.level() / base.level(), sample.over(&base));
        match self.phase {
            Phase::Ramp => self.ramp(sample, full, (gain, grew), max),
            Phase::Hold => self.hold(sample, full, grew, (now, max)),
            Phase::Up { from } => self.tried_up(sample, from, (gain, grew), max),
            Phase::Down { from } => self.tried_down(from, (gain, grew)),
        }
    }

    fn ramp(&mut self, sample: Sample, full: bool, (gain, grew): (f64, f64), max: u32) {
        let base = self.base.replace(sample);
        // What could not be filled says nothing of what it would have brought.
        if gain > 1.1 && grew < 1.0 + WORTH * (gain - 1.0) {
            let needed = base.map_or(0.0, |base| base.level() * grew.max(1.0) * SPARE);
            self.allowed = self.allowed.min(scaled(1, needed.ceil())).max(1);
            self.settle();
        } else if full {
            self.step_up(max);
        }
    }

    fn step_up(&mut self, max: u32) {
        let target = self.target(max);
        if target <= self.allowed {
            self.settle();
        }
        self.allowed = target;
    }

    fn settle(&mut self) {
        (self.phase, self.until_up) = (Phase::Hold, UP_EVERY);
    }

    fn hold(&mut self, sample: Sample, full: bool, grew: f64, (now, max): (Instant, u32)) {
        self.base = Some(sample);
        if !full {
            return;
        }
        (self.until_up, self.until_down) = (self.until_up.saturating_sub(1), self.until_down.saturating_sub(1));
        if grew < CHANGED.1 {
            // Only the next sample tells what it is like now: this one saw both.
            (self.until_up, self.down_every, self.until_down) = (UP_EVERY, DOWN_EVERY.0, 1);
        } else if self.until_up == 0 || grew > CHANGED.0 {
            self.try_up(now, max);
        } else if self.until_down == 0 {
            self.try_down();
        }
    }

    fn try_up(&mut self, now: Instant, max: u32) {
        self.until_up = UP_EVERY;
        self.throttle.try_beyond(now);
        let up = scaled(self.allowed, TRY.0).max(self.allowed + 1).min(max).min(self.throttle.most());
        if up > self.allowed {
            self.phase = Phase::Up { from: self.allowed };
            self.allowed = up;
        }
    }

    fn try_down(&mut self) {
        let down = scaled(self.allowed, TRY.1).min(self.allowed - 1);
        if down > 0 {
            self.phase = Phase::Down { from: self.allowed };
            self.allowed = down;
        }
    }

    fn tried_up(&mut self, sample: Sample, from: u32, (gain, grew): (f64, f64), max: u32) {
        self.settle();
        if gain < 1.0 + f64::EPSILON || grew < 1.0 + WON * (gain - 1.0) {
            self.allowed = from;
        } else if grew >= 1.0 + 0.8 * (gain - 1.0) {
            (self.base, self.phase) = (Some(sample), Phase::Ramp);
            self.step_up(max);
        } else {
            self.allowed = scaled(from, grew * SPARE.sqrt()).clamp(from, self.allowed);
            self.until_up = 1;
        }
    }

    fn tried_down(&mut self, from: u32, (gain, grew): (f64, f64)) {
        let less = 1.0 - gain;
        if less < (1.0 - TRY.1) / 2.0 {
            // What was in flight before is only just on its way out.
            return;
        }
        if grew >= 1.0 - less * LOST {
            self.down_every = DOWN_EVERY.0;
            self.settle();
            self.until_down = 1;
        } else {
            self.allowed = from;
            self.down_every = (self.down_every * 2).min(DOWN_EVERY.1);
            self.until_down = self.down_every;
            self.settle();
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and a limit is a u32")]
fn scaled(allowed: u32, factor: f64) -> u32 {
    (f64::from(allowed) * factor) as u32
}
