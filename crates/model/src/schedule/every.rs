//! `@every 10m`: elapsed time, counted from the Unix epoch, so that a restart moves no fire.

use chrono::{DateTime, Utc};

use super::piece::Piece;
use crate::object::Escaped;
use crate::text_error::TextError;

/// A period of whole seconds, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Every(u64);

impl Every {
    pub(super) fn parse(duration: Piece<'_>) -> Result<Self, TextError> {
        let shown = Escaped(duration.text);
        let error = |message: String| {
            TextError::new(message)
                .at(duration.span())
                .help("write numbers with units, at least a second: `@every 10m`, `@every 1h 30m`")
        };
        if duration.text.is_empty() {
            return Err(error("`@every` lacks its duration".into()));
        }
        let period = humantime::parse_duration(duration.text).map_err(|cause| {
            error(match cause {
                humantime::DurationError::UnknownUnit { unit, .. } if unit.is_empty() => {
                    format!("`@every {shown}` lacks a unit")
                }
                humantime::DurationError::UnknownUnit { unit, .. } => {
                    format!("`@every {shown}`: `{}` is not a unit of time", Escaped(&unit))
                }
                humantime::DurationError::NumberOverflow => format!("`@every {shown}` is too long or too fine"),
                _ => format!("`@every {shown}` is not a duration"),
            })
        })?;
        match (period.as_secs(), period.subsec_nanos()) {
            (0, _) => Err(error(format!("`@every {shown}` is shorter than a second"))),
            (seconds, 0) => Ok(Self(seconds)),
            _ => Err(error(format!("`@every {shown}` is not a whole number of seconds"))),
        }
    }

    /// The first multiple of the period after `after`; `None` beyond the calendar.
    pub(super) fn next_after(self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let period = i64::try_from(self.0).ok()?;
        let next = after.timestamp().div_euclid(period).checked_add(1)?.checked_mul(period)?;
        DateTime::from_timestamp(next, 0)
    }
}
