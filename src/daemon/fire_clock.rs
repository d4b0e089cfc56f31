//! Computes the fires of a profile's schedules. Pure: `now` is a parameter, and may jump either way.
//!
//! The watermark is the time up to which fires are dealt with. The first tick at or after `due + jitter` deals with the fire of
//! `due`. Of several fires between two ticks the last one fires, the others are *missed*. A tick never moves the watermark back;
//! a caller that rewinds it, because the clock was set back, recognises by their dues the fires that were dealt with.

mod timetable;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use model::config::profile::OnMissed;
pub(super) use timetable::Timetable;

/// A fire found later than this is late. The loop ticks every second, or every two without the heartbeat, and a machine may
/// stall for a few.
const MAX_LATENESS: TimeDelta = TimeDelta::seconds(60);

/// A profile's timetable and its watermark.
#[derive(Clone, Debug)]
pub(super) struct FireClock {
    timetable: Timetable,
    /// Fires up to here have been dealt with.
    watermark: DateTime<Utc>,
    next: Next,
}

/// What one tick found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tick {
    Nothing,
    /// To be run now; or as the window opens, where `now` is outside it.
    Fire(Fire),
    /// A late one, of a profile whose `on_missed` is `skip`. All of its fires are missed, `due` too.
    Skipped(Fire),
}

/// The last of the fires that one tick dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fire {
    /// Without the jitter.
    pub due: DateTime<Utc>,
    /// Fires before it, since the last tick, that were missed; a lower bound beyond 100,000 of them.
    pub missed: u64,
    /// It was found more than a minute after `due + jitter`, or while the window was shut: its trigger is `missed`.
    pub late: bool,
}

/// The first fire after the watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    At(DateTime<Utc>),
    /// The search was given up there; it goes on when that time has come.
    NotBefore(DateTime<Utc>),
    Never,
}

impl Next {
    fn after(timetable: &Timetable, watermark: DateTime<Utc>) -> Self {
        let mut dues = timetable.dues(watermark);
        match (dues.next(), dues.gave_up()) {
            (Some(due), _) => Self::At(due),
            (None, Some(searched)) => Self::NotBefore(searched),
            (None, None) => Self::Never,
        }
    }

    fn is_reached(self, by: DateTime<Utc>) -> bool {
        match self {
            Self::At(at) | Self::NotBefore(at) => at <= by,
            Self::Never => false,
        }
    }
}

impl FireClock {
    /// `watermark` is that of the same schedules before a restart: what has passed since counts. `None`: a profile seen
    /// for the first time, of which nothing before `now` counts.
    pub(super) fn new(timetable: Timetable, watermark: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        let watermark = watermark.unwrap_or(now);
        let next = Next::after(&timetable, watermark);
        Self { timetable, watermark, next }
    }

    /// Deals with all fires whose `due + jitter` has come. At most one of them fires.
    ///
    /// Fires outside the window are none: they neither run nor are they missed. One inside it that is found when the
    /// window has been shut is late: the caller lets it wait until the window opens.
    pub(super) fn tick(&mut self, now: DateTime<Utc>) -> Tick {
        let by = now.checked_sub_signed(self.timetable.jitter()).filter(|by| *by > self.watermark);
        let Some(by) = by else { return Tick::Nothing };
        let after = std::mem::replace(&mut self.watermark, by);
        if !self.next.is_reached(by) {
            return Tick::Nothing;
        }
        let passed = self.timetable.passed(after, by);
        self.next = Next::after(&self.timetable, by);
        let Some((due, missed)) = passed else { return Tick::Nothing };
        let late = by - due > MAX_LATENESS || self.timetable.is_shut(now);
        let fire = Fire { due, missed, late };
        match self.timetable.on_missed() {
            OnMissed::Skip if late => Tick::Skipped(fire),
            OnMissed::Skip | OnMissed::RunOnce => Tick::Fire(fire),
        }
    }

    /// Fires up to here have been dealt with; with a jitter, that long before the last tick.
    pub(super) fn watermark(&self) -> DateTime<Utc> {
        self.watermark
    }

    /// The next fire that counts, the jitter not added. `None`: none comes, or none within years.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        match self.next {
            Next::At(due) => Some(due),
            Next::NotBefore(_) | Next::Never => None,
        }
    }

    /// When [`tick`](Self::tick) finds that fire.
    #[cfg(test)]
    pub(super) fn next_wake(&self) -> Option<DateTime<Utc>> {
        self.next_due()?.checked_add_signed(self.timetable.jitter())
    }

    /// For a paused profile, in place of [`tick`](Self::tick): what is due while it is paused is not missed, and
    /// neither is a fire whose jitter runs out in that time.
    pub(super) fn pass_over(&mut self, now: DateTime<Utc>) {
        self.watermark = self.watermark.max(now);
        if self.next.is_reached(self.watermark) {
            self.next = Next::after(&self.timetable, self.watermark);
        }
    }

    /// After a reload. Of new schedules nothing before `now` counts; while their text stays the same, what is pending
    /// stays so, whatever becomes of the window, the jitter and `on_missed`.
    pub(super) fn retime(&mut self, timetable: Timetable, now: DateTime<Utc>) {
        if timetable.text() != self.timetable.text() {
            self.watermark = self.watermark.max(now);
        }
        self.next = Next::after(&timetable, self.watermark);
        self.timetable = timetable;
    }

    /// A clock that was set back: what comes from `now` on is found again. Which of it was dealt with before is for the
    /// caller to know, by its due.
    pub(super) fn rewind(&mut self, now: DateTime<Utc>) {
        self.watermark = self.watermark.min(now);
        self.next = Next::after(&self.timetable, self.watermark);
    }

    /// By how much the clock is behind the watermark, if it is: it was set back, and nothing fires for so long.
    pub(super) fn behind(&self, now: DateTime<Utc>) -> Option<Duration> {
        (self.watermark - now).to_std().ok().filter(|behind| !behind.is_zero())
    }
}

#[cfg(test)]
mod tests;
