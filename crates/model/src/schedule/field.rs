//! One field of a cron expression: what it may hold, checked here so that an error names the field and its place.
//!
//! The cron parser takes more than it should (`1MON` is 11 to it, `L` as a weekday never fires) and says little
//! about what it refuses. So every field is read here first, and the parser is given numbers only.

use super::lint::Lint;
use super::piece::Piece;
use crate::object::Escaped;
use crate::text_error::TextError;
use crate::words::words;

words! {
    /// A field of a cron expression, in the order of writing.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Field {
        Second = "second",
        Minute = "minute",
        Hour = "hour",
        DayOfMonth = "day of the month",
        Month = "month",
        DayOfWeek = "day of the week",
    }
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
pub(super) const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Field {
    fn range(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
        }
    }

    /// Names of values, the first one standing for the smallest value.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }

    /// What the field may hold, with an example.
    fn allowed(self) -> &'static str {
        match self {
            Self::Second => "a second is 0 to 59, for example `0` or `*/10`",
            Self::Minute => "a minute is 0 to 59, for example `30`, `0,30` or `*/5`",
            Self::Hour => "an hour is 0 to 23, for example `1`, `9-17` or `*/6`",
            Self::DayOfMonth => "a day of the month is 1 to 31, for example `1,15`, `L` (the last) or `15W`",
            Self::Month => "a month is 1 to 12 or JAN to DEC, for example `1-3` or `JUN`",
            Self::DayOfWeek => {
                "a day of the week is 0 to 7 (0 and 7 are Sunday) or SUN to SAT, for example `MON-FRI` or `FRI#1`"
            }
        }
    }

    fn error(self, piece: Piece<'_>, what: &str) -> TextError {
        TextError::new(format!("{self}: `{}` {what}", Escaped(piece.text))).at(piece.span()).help(self.allowed())
    }

    /// One number or name.
    fn value(self, piece: Piece<'_>) -> Result<u32, TextError> {
        let (min, max) = self.range();
        let text = piece.text;
        if text.is_empty() {
            return Err(TextError::new(format!("{self}: a value is missing")).at(piece.span()).help(self.allowed()));
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return match text.parse() {
                Ok(value) if (min..=max).contains(&value) => Ok(value),
                _ => Err(self.error(piece, &format!("is not between {min} and {max}"))),
            };
        }
        let names = self.names();
        if let Some(index) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(min + u32::try_from(index).unwrap_or(0));
        }
        let short = names.iter().find(|name| text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(name)));
        Err(match (short, text) {
            (Some(name), _) => {
                self.error(piece, "is not a known name").help(format!("names have three letters: `{name}`"))
            }
            (None, "?") => self
                .error(piece, "is Quartz's sign for any day")
                .help("write `*`; and mind that here 1 is Monday, where in Quartz it is Sunday"),
            (None, "H" | "h") => {
                self.error(piece, "is Jenkins's sign for a spread").help("write a number, and spread by `jitter`")
            }
            (None, _) => self.error(piece, "is not a value of this field"),
        })
    }

    /// `5` or `1-5`; a Sunday that ends a range is 7.
    fn bounds(self, piece: Piece<'_>) -> Result<(u32, u32), TextError> {
        let Some((first, last)) = piece.split_once('-') else {
            let value = self.value(piece)?;
            return Ok((value, value));
        };
        if first.text.is_empty() || last.text.is_empty() {
            return Err(self.error(piece, "lacks an end of its range"));
        }
        let from = self.value(first)?;
        let to = match self.value(last)? {
            0 if self == Self::DayOfWeek && from > 0 && last.text != "0" => 7,
            to => to,
        };
        if from <= to {
            return Ok((from, to));
        }
        let (min, max) = if self == Self::DayOfWeek { (1, 7) } else { self.range() };
        let fix = match to {
            0 if self == Self::DayOfWeek => format!("Sunday as the end of a range is 7: `{from}-7`"),
            to if to == min => format!("write its two parts: `{from}-{max},{min}`"),
            to => format!("write its two parts: `{from}-{max},{min}-{to}`"),
        };
        Err(self.error(piece, "runs backwards").help(fix))
    }

    /// The days that only a calendar can tell: `L`, `LW`, `15W`; `5L`, `FRI#2`. `None` for anything else.
    fn special(self, piece: Piece<'_>) -> Option<Result<String, TextError>> {
        match self {
            Self::DayOfMonth => self.special_day(piece),
            Self::DayOfWeek => self.special_weekday(piece),
            _ => None,
        }
    }

    fn special_day(self, piece: Piece<'_>) -> Option<Result<String, TextError>> {
        let upper = piece.text.to_ascii_uppercase();
        if upper == "L" || upper == "LW" {
            return Some(Ok(upper));
        }
        Some(self.value(piece.strip_suffix(['W', 'w'])?).map(|day| format!("{day}W")))
    }

    fn special_weekday(self, piece: Piece<'_>) -> Option<Result<String, TextError>> {
        let (day, nth) = match piece.split_once('#') {
            Some((day, nth)) => (day, Some(nth.text)),
            None => (piece.strip_suffix(['L', 'l'])?, None),
        };
        Some(match nth {
            None if day.text.is_empty() => Err(self
                .error(piece, "needs the weekday it is the last of")
                .help("for the month's last Friday write `FRIL`; for its last day write `L` as the day of the month")),
            _ if day.text.contains('-') => {
                Err(self.error(piece, "counts a range").help("count each day by itself, for example `MON#1,TUE#1`"))
            }
            None => self.value(day).map(|day| format!("{day}L")),
            Some(nth @ ("1" | "2" | "3" | "4" | "5")) => self.value(day).map(|day| format!("{day}#{nth}")),
            Some(_) => Err(self
                .error(piece, "needs 1 to 5 after `#`")
                .help("`FRI#1` to `FRI#5` are a month's first to fifth Friday")),
        })
    }

    /// One item between commas, in numbers.
    fn item(self, piece: Piece<'_>, lints: &mut Vec<Lint>) -> Result<String, TextError> {
        let (min, max) = self.range();
        if piece.text == "*" {
            return Ok(format!("{min}-{max}"));
        }
        if let Some(special) = self.special(piece) {
            return special;
        }
        let Some((base, step_piece)) = piece.split_once('/') else {
            let (from, to) = self.bounds(piece)?;
            return Ok(if from == to { from.to_string() } else { format!("{from}-{to}") });
        };
        let step = match step_piece.text.parse::<u32>() {
            Ok(step) if step > 0 && step_piece.text.bytes().all(|b| b.is_ascii_digit()) => step,
            _ => return Err(self.error(piece, "needs a step of 1 or more after `/`")),
        };
        let (from, to) = if base.text == "*" {
            (min, if self == Self::DayOfWeek { 6 } else { max })
        } else if base.text.contains('-') {
            self.bounds(base)?
        } else if base.text.is_empty() {
            return Err(self.error(piece, "steps through nothing").help(format!("write `*/{step}`")));
        } else {
            let from = self.value(base)?;
            return Err(self.error(piece, "steps through a single value").help(format!("write `{from}-{max}/{step}`")));
        };
        if step > to - from {
            let message =
                format!("{self}: a step of {step} is larger than the range it steps through, so only {from} matches");
            lints.push(Lint::new(piece.span(), message));
            return Ok(from.to_string());
        }
        Ok(format!("{from}-{to}/{step}"))
    }

    /// The whole field in numbers, as the cron parser takes it.
    pub(super) fn read(self, piece: Piece<'_>, lints: &mut Vec<Lint>) -> Result<String, TextError> {
        if piece.text == "*" {
            return Ok("*".into());
        }
        let mut items = Vec::new();
        for item in piece.split(',') {
            if item.text.is_empty() {
                let lint = Lint::new(piece.span(), format!("{self}: nothing stands beside a comma"));
                if lints.last() != Some(&lint) {
                    lints.push(lint);
                }
            } else {
                items.push(self.item(item, lints)?);
            }
        }
        if items.is_empty() {
            return Err(self.error(piece, "holds no value"));
        }
        if self == Self::DayOfMonth && items.iter().any(|i| i == "L") && items.iter().any(|i| i == "LW") {
            return Err(self.error(piece, "holds both `L` and `LW`").help("use two schedules, one with each"));
        }
        items.sort_unstable();
        items.dedup();
        Ok(items.join(","))
    }
}
