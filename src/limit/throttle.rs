//! The answer to throttling: when to cut the concurrency limit, how far, and what to remember.
//!
//! A server that throttles by requests in flight refuses what goes beyond a level, at once. That level becomes a ceiling: the
//! limit stays just below it and tries it again at growing intervals. Other refusals cut again for as long as cuts lower their
//! share. Where two cuts in a row did not, refusals have nothing to do with the level, and are left alone for a while.

use std::time::Duration;

use tokio::time::Instant;

/// How long a ceiling holds before it is tried again. Doubles up to its maximum each time that it still holds.
const CEILING_HOLD: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(10));
/// The share of refusals is judged over this many requests, or over as many as are allowed in flight, if that is more.
const MIN_JUDGED: u32 = 100;
/// Fewer refusals than this are an accident.
const MIN_REFUSALS: u32 = 3;
/// Refusals no further apart than this have one cause.
const BURST_GAP: Duration = Duration::from_millis(250);
/// Below this share of refusals the limit is not cut, and may grow.
const MIN_SHARE: f64 = 0.02;
/// From this share of refusals on the limit is always cut.
const MAX_SHARE: f64 = 0.5;
/// From this share of refusals on they have nothing to do with the level.
const NEARLY_ALL_SHARE: f64 = 0.9;
/// What a cut leaves of the limit where its effect is to be judged, as a factor.
const CUT_FACTOR: f64 = 0.8;
/// How long refusals are left alone that cuts do not help against. Doubles up to its maximum.
const LEFT_ALONE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(5));

/// A request that was refused, or not answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub sent: Instant,
    /// Requests in flight when it was sent, itself included.
    pub level: u32,
    pub throttled: bool,
}

#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// The latest cut: what was sent before it was refused at the level before it.
    cut: Option<Instant>,
    /// What the latest cut was made from.
    before: u32,
    /// Of what was sent since the latest cut.
    ended: u32,
    refused: u32,
    /// Since when these are counted, and how long the slowest refusal took to come.
    since: Option<Instant>,
    slowest: Duration,
    /// The lowest level at which one was refused, of the latest burst; and when its latest was.
    lowest: Option<u32>,
    latest: Option<Instant>,
    /// It was cut, and has not been clean since.
    strained: bool,
    /// Of refusals, when it was last cut for that.
    share: Option<f64>,
    /// Cuts in a row that did not help.
    in_vain: u32,
    alone_until: Option<Instant>,
    alone_for: Duration,
    ceiling: Option<Ceiling>,
    /// What the limit fell for last, and when.
    pub last: Option<(Cause, Instant)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Throttled {
        at: u32,
    },
    /// Refused or not answered, whatever was in flight.
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Ceiling {
    /// The lowest level that was refused.
    at: u32,
    again: Instant,
    pause: Duration,
    /// It is being exceeded, to see whether it holds.
    tried: bool,
}

impl Throttle {
    /// The most that may be in flight by what is known.
    pub fn most(&self) -> u32 {
        self.ceiling.map_or(u32::MAX, |ceiling| if ceiling.tried { beyond(ceiling.at) } else { below(ceiling.at) })
    }

    /// Tries what lies above the ceiling, if it is time to.
    pub fn try_beyond(&mut self, now: Instant) -> bool {
        let due = self.ceiling.as_mut().filter(|ceiling| !ceiling.tried && now >= ceiling.again);
        due.map(|ceiling| ceiling.tried = true).is_some()
    }

    /// The endpoint is another one than the one that refused.
    pub fn forget(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }

    /// A round went by without a cut: a ceiling that was exceeded meanwhile is none.
    pub fn passed(&mut self) {
        self.ceiling.take_if(|ceiling| ceiling.tried);
    }

    /// Whether refusals may still cut the limit: it must not grow now.
    pub fn trouble(&self, now: Instant, allowed: u32) -> bool {
        let unclear = self.strained && self.refused > 0 && !self.is_whole(allowed, now);
        (unclear || (self.refused >= MIN_REFUSALS && self.part() > MIN_SHARE)) && !self.left_alone(now)
    }

    pub fn ended(&mut self, sent: Instant, allowed: u32, now: Instant) {
        self.ended += u32::from(self.is_new(sent));
        if self.part() < MIN_SHARE / 2.0 && self.is_whole(allowed, now) {
            self.begin(now);
            (self.strained, self.share, self.in_vain, self.alone_until) = (false, None, 0, None);
        }
    }

    /// Gives what is allowed from now on.
    pub fn refused(&mut self, refusal: Refusal, allowed: u32, now: Instant) -> u32 {
        if !self.is_new(refusal.sent) {
            return self.same_burst(refusal, allowed);
        }
        self.refused += 1;
        let burst = self.latest.replace(now).is_some_and(|latest| now.duration_since(latest) < BURST_GAP);
        self.lowest = Some(self.lowest.filter(|_| burst).map_or(refusal.level, |lowest| lowest.min(refusal.level)));
        self.slowest = self.slowest.max(now.duration_since(refusal.sent));
        let whole = self.is_whole(allowed, now);
        if self.left_alone(now) {
            if whole {
                self.look_at_those_left_alone(now);
            }
            return allowed;
        }
        if self.refused < MIN_REFUSALS || self.part() < MIN_SHARE {
            return allowed;
        }
        if !std::mem::replace(&mut self.strained, true) {
            return self.cut(refusal.throttled, allowed, if refusal.throttled { 1.0 } else { 0.8 }, now);
        }
        if whole || (self.refused >= 16 && self.part() >= MAX_SHARE) {
            return self.judge(refusal.throttled, allowed, now);
        }
        allowed
    }

    /// Cuts again, unless the cuts before did not help.
    fn judge(&mut self, throttled: bool, allowed: u32, now: Instant) -> u32 {
        let share = self.part();
        let helped = share >= MAX_SHARE || self.share.is_none_or(|before| share < halfway(before));
        self.in_vain = if helped { 0 } else { self.in_vain + 1 };
        self.share = self.share.filter(|before| !helped && *before > share).or(Some(share));
        if self.in_vain < 2 {
            // What refuses nearly everything, whatever the level, says nothing of any.
            let level = throttled && share < NEARLY_ALL_SHARE;
            return self.cut(level, allowed, if share < NEARLY_ALL_SHARE { CUT_FACTOR } else { CUT_FACTOR / 2.0 }, now);
        }
        let pause = (self.alone_for * 2).clamp(LEFT_ALONE.0, LEFT_ALONE.1);
        (self.alone_for, self.alone_until) = (pause, Some(now + pause));
        (self.ceiling, self.cut) = (None, Some(now));
        self.begin(now);
        allowed
    }

    fn look_at_those_left_alone(&mut self, now: Instant) {
        let grown = self.share.is_some_and(|before| self.part() > before * 1.5 + 4.0 * MIN_SHARE);
        if grown {
            (self.alone_until, self.in_vain, self.alone_for) = (None, 0, Duration::ZERO);
        }
        self.begin(now);
    }

    /// `level`: it was throttled for what was in flight, which is remembered.
    fn cut(&mut self, level: bool, allowed: u32, factor: f64, now: Instant) -> u32 {
        let mut left = part_of(allowed, factor);
        let mut cause = Cause::Other;
        if level {
            let at = self.lowest.map_or(left, |lowest| lowest.min(left)).max(2);
            let held = self.ceiling.filter(|ceiling| ceiling.tried || at + at / 8 >= ceiling.at);
            let pause =
                held.map_or(CEILING_HOLD.0, |held| (held.pause * if held.tried { 2 } else { 1 }).min(CEILING_HOLD.1));
            self.ceiling = Some(Ceiling { at, again: now + pause, pause, tried: false });
            (left, cause) = (below(at), Cause::Throttled { at });
        }
        self.last = Some((cause, now));
        (self.cut, self.before) = (Some(now), allowed);
        self.begin(now);
        left.min(allowed).max(1)
    }

    /// Requests of one level are refused together: the lowest of them says where it lies.
    fn same_burst(&mut self, refusal: Refusal, allowed: u32) -> u32 {
        let lowest = part_of(self.before, 0.5);
        let Some(ceiling) = self.ceiling.as_mut().filter(|_| refusal.throttled && refusal.level > lowest) else {
            return allowed;
        };
        ceiling.at = ceiling.at.min(refusal.level.max(2));
        let at = ceiling.at;
        if let Some((Cause::Throttled { at: told }, _)) = &mut self.last {
            *told = at;
        }
        allowed.min(below(at)).max(1)
    }

    /// Enough has ended to know the share of refusals. What is lost is known late: at first they seem to be fewer.
    fn is_whole(&self, allowed: u32, now: Instant) -> bool {
        let long = self.since.is_none_or(|since| now.duration_since(since) >= self.slowest * 4);
        long && self.ended >= allowed.max(MIN_JUDGED)
    }

    /// Counts anew.
    fn begin(&mut self, now: Instant) {
        (self.ended, self.refused, self.lowest) = (0, 0, None);
        (self.since, self.slowest) = (Some(now), self.slowest / 2);
    }

    fn is_new(&self, sent: Instant) -> bool {
        self.cut.is_none_or(|cut| sent > cut)
    }

    fn left_alone(&self, now: Instant) -> bool {
        self.alone_until.is_some_and(|until| now < until)
    }

    fn part(&self) -> f64 {
        f64::from(self.refused) / f64::from(self.ended.max(1))
    }
}

/// Of an endpoint that serves so much and no more, a cut leaves a known share refused; of one that refuses at random, the same.
fn halfway(before: f64) -> f64 {
    let left = (1.0 - (1.0 - before) / CUT_FACTOR).max(0.0);
    f64::midpoint(before, left)
}

/// Just below a level that was refused.
fn below(at: u32) -> u32 {
    (at - 1).saturating_sub(at / 128).max(1)
}

/// As little beyond it as tells.
fn beyond(at: u32) -> u32 {
    at.saturating_add(at / 64)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a u32")]
fn part_of(allowed: u32, factor: f64) -> u32 {
    (f64::from(allowed) * factor) as u32
}
