//! What a schedule says that its author hardly meant.

use std::fmt;
use std::ops::Range;

use super::field::Field;

/// Something legal that looks like a mistake. `Display` says what happens instead of what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lint {
    /// No date of any year matches, or the first fire lies beyond the calendar.
    NeverFires,
    /// `*/90`: only the first value of the range is left.
    StepTooLarge { field: Field, step: u32, only: u32, span: Range<usize> },
    /// `1,,2` or a comma at an end.
    EmptyItem { field: Field, span: Range<usize> },
    /// `*/2` beside a day of the week: crons differ on whether both must match.
    EitherDay { span: Range<usize> },
}

impl Lint {
    /// Bytes of the schedule's text that the lint is about; `None` for all of it.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            Self::NeverFires => None,
            Self::StepTooLarge { span, .. } | Self::EmptyItem { span, .. } | Self::EitherDay { span } => {
                Some(span.clone())
            }
        }
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverFires => f.write_str("never fires: no date before the year 5000 matches"),
            Self::StepTooLarge { field, step, only, .. } => {
                write!(f, "{field}: a step of {step} is larger than the range it steps through, so only {only} matches")
            }
            Self::EmptyItem { field, .. } => write!(f, "{field}: nothing stands beside a comma"),
            Self::EitherDay { .. } => f.write_str(
                "both day fields are given, so either one matching is enough; some crons want both \
                 where a field begins with `*`",
            ),
        }
    }
}
