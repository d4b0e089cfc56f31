//! A profile's timetable: its schedules, window and jitter.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use model::config::profile::{OnMissed, Profile};
use model::schedule::{Dues, Schedule, Window, dues};

/// Fires between two ticks are counted one by one up to this many: 69 days of a schedule each minute, in some 0.1 s.
const MAX_COUNTED_FIRES: usize = 100_000;

/// What decides when a profile fires by itself.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct Timetable {
    schedules: Vec<Schedule>,
    window: Option<Window>,
    /// This profile's own offset, the same every time.
    jitter: TimeDelta,
    on_missed: OnMissed,
}

impl Timetable {
    pub(in crate::daemon) fn of(profile: &Profile) -> Self {
        Self {
            schedules: profile.schedules.clone(),
            window: profile.window.clone(),
            jitter: offset(&profile.name, profile.jitter),
            on_missed: profile.on_missed,
        }
    }

    /// Equal as long as the schedules and their zones are, in whatever order and with whatever blanks. A journal keeps
    /// it beside the watermark.
    pub(in crate::daemon) fn text(&self) -> String {
        let line = |schedule: &Schedule| {
            let words: Vec<&str> = schedule.text().split_whitespace().collect();
            format!("{} in {}", words.join(" "), schedule.zone().name())
        };
        let mut lines: Vec<String> = self.schedules.iter().map(line).collect();
        lines.sort_unstable();
        lines.dedup();
        lines.join("\n")
    }

    pub(super) fn jitter(&self) -> TimeDelta {
        self.jitter
    }

    pub(super) fn on_missed(&self) -> OnMissed {
        self.on_missed
    }

    pub(super) fn is_shut(&self, at: DateTime<Utc>) -> bool {
        self.window.as_ref().is_some_and(|window| !window.contains(at))
    }

    /// The fires that count after `after`.
    pub(super) fn dues(&self, after: DateTime<Utc>) -> Dues<'_> {
        dues(&self.schedules, self.window.as_ref(), after)
    }

    /// The last fire after `after` until `by`, and how many come before it. Beyond 100,000 fires (or years in which
    /// the window was shut at every one) the last one is searched for, and the count is a lower bound.
    pub(super) fn passed(&self, after: DateTime<Utc>, by: DateTime<Utc>) -> Option<(DateTime<Utc>, u64)> {
        let (mut last, mut count) = (None, 0);
        let mut dues = self.dues(after);
        for due in dues.by_ref().take_while(|due| *due <= by).take(MAX_COUNTED_FIRES) {
            last = Some(due);
            count += 1;
        }
        let gave_up = dues.gave_up().is_some_and(|searched| searched < by);
        if (gave_up || count >= MAX_COUNTED_FIRES)
            && let Some(due) = self.last(last.unwrap_or(after), by)
        {
            last = Some(due);
            count += 1;
        }
        let missed = u64::try_from(count.saturating_sub(1)).unwrap_or(u64::MAX);
        last.map(|due| (due, missed))
    }

    /// The last fire after `after` until `by`, by bisection: forwards only, since a search backwards breaks where
    /// clocks skip a day.
    fn last(&self, after: DateTime<Utc>, by: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = |second: i64| self.dues(DateTime::from_timestamp(second, 0)?).next().filter(|due| *due <= by);
        // Fires are whole seconds. None that matters comes after `high`; `low` is a fire, or the beginning.
        let (mut low, mut high) = (after.timestamp(), by.timestamp());
        let mut last = None;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match next(middle) {
                Some(due) => (last, low) = (Some(due), due.timestamp()),
                None => high = middle,
            }
        }
        next(low).or(last)
    }
}

/// A whole number of milliseconds from zero to less than `jitter`, decided by the name alone.
fn offset(name: &str, jitter: Duration) -> TimeDelta {
    let hash = Sha256::digest(name.as_bytes());
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let range = u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX);
    let offset = number.checked_rem(range).unwrap_or(0);
    i64::try_from(offset).ok().and_then(TimeDelta::try_milliseconds).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
impl Timetable {
    /// For a profile named `name`.
    pub(super) fn new(name: &str, schedules: Vec<Schedule>, window: Option<Window>, jitter: Duration) -> Self {
        Self { schedules, window, jitter: offset(name, jitter), on_missed: OnMissed::RunOnce }
    }

    pub(super) fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    pub(super) fn skipping(self) -> Self {
        Self { on_missed: OnMissed::Skip, ..self }
    }
}
