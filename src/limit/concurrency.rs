//! The concurrency controller: how many requests may be in flight.
//!
//! It ramps up by doubling for as long as goodput grows nearly as much. Until the first fill has ended, which may take minutes,
//! it steps up by the clock. Then it holds, and tries a higher or a lower level now and then.

use std::time::Duration;

use tokio::time::Instant;

use super::sample::{Fill, Sample};
use super::throttle::{Refusal, Throttle};

/// A sample is whole after this time and this many fills.
const MIN_SAMPLE: (Duration, u32) = (Duration::from_millis(50), 12);
/// Until the first fill has ended, the limit steps up this often.
const BLIND_STEP_INTERVAL: Duration = Duration::from_millis(300);
/// While ramping: the least gain in goodput, as a fraction of the gain in requests. Below it the limit settles.
const MIN_RAMP_GAIN: f64 = 0.6;
/// Head room over the level that fills the pipe, as a factor: the floor latency of a request leaves its share of it idle.
const HEADROOM: f64 = 1.25;
/// Steps of a trial up and down, as factors.
const TRIAL_STEPS: (f64, f64) = (1.25, 0.875);
/// A higher level is kept where goodput grows by this fraction of the growth in requests.
const MIN_TRIAL_GAIN: f64 = 0.07;
/// A lower level is kept where goodput falls by no more than this fraction of the fall in requests.
const MAX_TRIAL_LOSS: f64 = 0.05;
/// A change of goodput beyond these factors means that the cache itself changed: try anew at once.
const CACHE_CHANGED: (f64, f64) = (1.33, 0.75);
/// Samples between two trials up, and between two trials down. The latter doubles up to its maximum with each failed trial.
const TRIAL_UP_SAMPLES: u32 = 6;
const TRIAL_DOWN_SAMPLES: (u32, u32) = (8, 256);

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
            until_up: TRIAL_UP_SAMPLES,
            until_down: TRIAL_DOWN_SAMPLES.0,
            down_every: TRIAL_DOWN_SAMPLES.0,
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
        (blind && !self.throttle.trouble(now, self.allowed)).then(|| since + BLIND_STEP_INTERVAL)
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
            (self.since, self.step) = (Some(now), TRIAL_STEPS.0);
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
        if gain > 1.1 && grew < 1.0 + MIN_RAMP_GAIN * (gain - 1.0) {
            let needed = base.map_or(0.0, |base| base.level() * grew.max(1.0) * HEADROOM);
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
        (self.phase, self.until_up) = (Phase::Hold, TRIAL_UP_SAMPLES);
    }

    fn hold(&mut self, sample: Sample, full: bool, grew: f64, (now, max): (Instant, u32)) {
        self.base = Some(sample);
        if !full {
            return;
        }
        (self.until_up, self.until_down) = (self.until_up.saturating_sub(1), self.until_down.saturating_sub(1));
        if grew < CACHE_CHANGED.1 {
            // Only the next sample tells what it is like now: this one saw both.
            (self.until_up, self.down_every, self.until_down) = (TRIAL_UP_SAMPLES, TRIAL_DOWN_SAMPLES.0, 1);
        } else if self.until_up == 0 || grew > CACHE_CHANGED.0 {
            self.try_up(now, max);
        } else if self.until_down == 0 {
            self.try_down();
        }
    }

    fn try_up(&mut self, now: Instant, max: u32) {
        self.until_up = TRIAL_UP_SAMPLES;
        self.throttle.try_beyond(now);
        let up = scaled(self.allowed, TRIAL_STEPS.0).max(self.allowed + 1).min(max).min(self.throttle.most());
        if up > self.allowed {
            self.phase = Phase::Up { from: self.allowed };
            self.allowed = up;
        }
    }

    fn try_down(&mut self) {
        let down = scaled(self.allowed, TRIAL_STEPS.1).min(self.allowed - 1);
        if down > 0 {
            self.phase = Phase::Down { from: self.allowed };
            self.allowed = down;
        }
    }

    fn tried_up(&mut self, sample: Sample, from: u32, (gain, grew): (f64, f64), max: u32) {
        self.settle();
        if gain < 1.0 + f64::EPSILON || grew < 1.0 + MIN_TRIAL_GAIN * (gain - 1.0) {
            self.allowed = from;
        } else if grew >= 1.0 + 0.8 * (gain - 1.0) {
            (self.base, self.phase) = (Some(sample), Phase::Ramp);
            self.step_up(max);
        } else {
            self.allowed = scaled(from, grew * HEADROOM.sqrt()).clamp(from, self.allowed);
            self.until_up = 1;
        }
    }

    fn tried_down(&mut self, from: u32, (gain, grew): (f64, f64)) {
        let less = 1.0 - gain;
        if less < (1.0 - TRIAL_STEPS.1) / 2.0 {
            // What was in flight before is only just on its way out.
            return;
        }
        if grew >= 1.0 - less * MAX_TRIAL_LOSS {
            self.down_every = TRIAL_DOWN_SAMPLES.0;
            self.settle();
            self.until_down = 1;
        } else {
            self.allowed = from;
            self.down_every = (self.down_every * 2).min(TRIAL_DOWN_SAMPLES.1);
            self.until_down = self.down_every;
            self.settle();
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and a limit is a u32")]
fn scaled(allowed: u32, factor: f64) -> u32 {
    (f64::from(allowed) * factor) as u32
}
