//! Converts wall time to instants, across changes of the clock.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use jiff::tz::AmbiguousOffset;

use super::zone::{Zone, fixed};

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
pub(super) fn clock(zone: &Zone, at: DateTime<Utc>) -> Option<NaiveDateTime> {
    at.naive_utc().checked_add_offset(zone.offset(at.naive_utc()))
}

/// When the clock shows `wall`; `None` at the edges of the calendar.
pub(super) fn shown(zone: &Zone, wall: NaiveDateTime) -> Option<Shown> {
    let at = |offset| Some(wall.checked_sub_offset(fixed(offset))?.and_utc());
    Some(match zone.wall(wall) {
        AmbiguousOffset::Unambiguous { offset } => Shown::Once(at(offset)?),
        AmbiguousOffset::Fold { before, after } => {
            let (first, second) = (at(before)?, at(after)?);
            let change = change_between(zone, first, second);
            let end = clock(zone, change - TimeDelta::seconds(1))? + TimeDelta::seconds(1);
            Shown::Twice { first, second, change, end }
        }
        // The later offset makes of it an instant before the change, the earlier one an instant after it.
        AmbiguousOffset::Gap { before, after } => {
            let change = change_between(zone, at(after)?, at(before)?);
            let begin = clock(zone, change - TimeDelta::seconds(1))? + TimeDelta::seconds(1);
            let end = clock(zone, change)?;
            Shown::Never { change, gap: end - begin, end }
        }
    })
}

/// The first instant after `before` with the offset of `after`, by bisection over whole seconds.
fn change_between(zone: &Zone, before: DateTime<Utc>, after: DateTime<Utc>) -> DateTime<Utc> {
    let offset = |at: DateTime<Utc>| zone.offset(at.naive_utc());
    let old = offset(before);
    let (mut low, mut high) = (0, (after - before).num_seconds());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if offset(before + TimeDelta::seconds(middle)) == old { low = middle } else { high = middle }
    }
    before + TimeDelta::seconds(high)
}
