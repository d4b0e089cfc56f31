//! Lengths of time: `"36h"`, `"2m 30s"`, `"90d"`.

use std::time::Duration;

use humantime::DurationError as Cause;

use super::{Kind, TextError};

/// Beyond it a length of time is a slip of the keyboard, and arithmetic with the calendar would overflow.
const MAX_LENGTH: Duration = Duration::from_hours(24 * 36_525);

/// A length of time. With `ZERO` none at all is one too.
pub struct Length<const ZERO: bool>;

impl<const ZERO: bool> Kind for Length<ZERO> {
    type Value = Duration;
    const EXAMPLE: &'static str = "36h";
    const PATTERN: Option<&'static str> = Some(r"^\s*([0-9]+(\.[0-9]+)?\s*[A-Za-zµ]+\s*)+$");

    fn parse(text: &str) -> Result<Duration, TextError> {
        let length = humantime::parse_duration(text).map_err(|cause| explain(&cause, text))?;
        if length.is_zero() && !ZERO {
            return Err(TextError::new("must be longer than 0s"));
        }
        if length > MAX_LENGTH {
            return Err(TextError::new("is more than 100 years"));
        }
        Ok(length)
    }

    fn show(length: &Duration) -> Option<String> {
        Some(show(*length))
    }
}

fn explain(cause: &Cause, text: &str) -> TextError {
    let one = |at: usize| at..at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    match cause {
        Cause::InvalidCharacter(at) | Cause::NumberExpected(at) if text.trim().starts_with('-') => {
            TextError::new("a length of time has no sign").at(one(*at))
        }
        Cause::InvalidCharacter(at) => TextError::new("this character has no place in a length of time").at(one(*at)),
        Cause::NumberExpected(at) => TextError::new("a number is expected here").at(one(*at)),
        Cause::UnknownUnit { unit, .. } if unit.is_empty() => {
            TextError::new("a length of time needs a unit").help("write s, m, h or d after the number")
        }
        Cause::UnknownUnit { start, end, unit, .. } => TextError::new(format!("unknown unit `{unit}`"))
            .at(*start..*end)
            .help("units are ms, s, m (minutes), h, d, w, M (months of 30.44 days) and y"),
        Cause::NumberOverflow => TextError::new("the number is too large"),
        Cause::Empty => TextError::new("a length of time is expected"),
    }
}

/// Days, hours, minutes, seconds: `1d 12h`. Exact to the nanosecond.
pub fn show(length: Duration) -> String {
    let (seconds, nanos) = (length.as_secs(), length.subsec_nanos());
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(nanos / 1_000_000), "ms"),
        (u64::from(nanos / 1_000 % 1_000), "us"),
        (u64::from(nanos % 1_000), "ns"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepts, refuses};
    use super::*;

    #[test]
    fn lengths_of_time_are_exact() {
        accepts::<Length<true>>(&[
            ("36h", "1d 12h"),
            ("90d", "90d"),
            ("2m 30s", "2m 30s"),
            ("2min30sec", "2m 30s"),
            ("1.5h", "1h 30m"),
            ("250ms", "250ms"),
            ("1w", "7d"),
            ("0s", "0s"),
            ("100years", "36525d"),
        ]);
    }

    #[test]
    fn what_is_no_length_of_time_is_refused_where_it_goes_wrong() {
        refuses::<Length<false>>(&[
            ("12", "12", "a length of time needs a unit"),
            ("12x", "x", "unknown unit `x`"),
            ("12h foo", "f", "a number is expected here"),
            ("-12h", "-", "a length of time has no sign"),
            ("12,5h", ",", "this character has no place in a length of time"),
            ("", "", "a length of time is expected"),
            ("0s", "0s", "must be longer than 0s"),
            ("101years", "101years", "is more than 100 years"),
            ("99999999999999999999999h", "99999999999999999999999h", "the number is too large"),
        ]);
    }

    proptest::proptest! {
        #[test]
        fn every_length_reads_back_as_it_is_shown(seconds in 0..3_155_760_000_u64, nanos in 0..1_000_000_000_u32) {
            let length = Duration::new(seconds, nanos);
            proptest::prop_assert_eq!(Length::<true>::parse(&show(length)), Ok(length));
        }

        #[test]
        fn no_text_is_too_odd(text: String) {
            if let Err(error) = Length::<true>::parse(&text) {
                proptest::prop_assert!(error.span.is_none_or(|span| text.get(span).is_some()));
            }
        }
    }
}
