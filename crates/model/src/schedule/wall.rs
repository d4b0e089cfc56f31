//! Wall time and instants: which instants a clock on the wall shows a time at, when clocks are put forward and back.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

/// When a wall time is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Once(DateTime<Utc>),
    /// The clock is put back at `change` and shows the time again; `end` is the first wall time shown once only.
    Twice {
        first: DateTime<Utc>,
        second: DateTime<Utc>,
        change: DateTime<Utc>,
        end: NaiveDateTime,
    },
    /// The clock is put forward over it at `change`, by `gap`, to `end`.
    Never {
        change: DateTime<Utc>,
        gap: TimeDelta,
        end: NaiveDateTime,
    },
}

impl Shown {
    /// The instant a wall time stands for when it must stand for one: the first pass, or the end of the gap over it.
    pub(super) fn instant(self) -> DateTime<Utc> {
        match self {
            Self::Once(at) => at,
            Self::Twice { first, .. } => first,
            Self::Never { change, .. } => change,
        }
    }
}

/// What the clock on the wall shows; `None` at the edges of the calendar.
pub(super) fn clock(zone: Tz, at: DateTime<Utc>) -> Option<NaiveDateTime> {
    at.naive_utc().checked_add_offset(zone.offset_from_utc_datetime(&at.naive_utc()).fix())
}

/// When the clock shows `wall`; `None` at the edges of the calendar.
pub(super) fn shown(zone: Tz, wall: NaiveDateTime) -> Option<Shown> {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) => Some(Shown::Once(at.to_utc())),
        LocalResult::Ambiguous(first, second) => {
            let (first, second) = (first.to_utc(), second.to_utc());
            let change = change_between(zone, first, second);
            let end = clock(zone, change - TimeDelta::seconds(1))? + TimeDelta::seconds(1);
            Some(Shown::Twice { first, second, change, end })
        }
        LocalResult::None => {
            let (begin, before) = GapInfo::new(&wall, &zone)?.begin?;
            let change = begin.checked_sub_offset(before.fix())?.and_utc();
            let end = clock(zone, change)?;
            Some(Shown::Never { change, gap: end - begin, end })
        }
    }
}

/// The first instant after `before` with the offset of `after`, by bisection over whole seconds.
fn change_between(zone: Tz, before: DateTime<Utc>, after: DateTime<Utc>) -> DateTime<Utc> {
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let old = offset(before);
    let (mut low, mut high) = (0, (after - before).num_seconds());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if offset(before + TimeDelta::seconds(middle)) == old { low = middle } else { high = middle }
    }
    before + TimeDelta::seconds(high)
}
