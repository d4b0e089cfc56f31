//! Cron expressions: fields in, coming fires out. The only user of the cron crate, which is asked about wall time
//! alone; what clocks do to wall time is decided here.

use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use croner::parser::{CronParser, Seconds, Year};

use super::field::Field;
use super::lint::{self, Lint};
use super::piece::Piece;
use super::wall::{Shown, clock, shown};
use super::zone::Zone;
use crate::text_error::TextError;
use crate::words::Words as _;

/// Clocks put forward by more than this make a correction, whose lost fires are not made up (Debian's cron).
const LONGEST_MADE_UP: TimeDelta = TimeDelta::hours(3);

/// Any two fires of an expression lie closer together than this: 29 February can miss a given weekday for 40 years.
const HORIZON: Days = Days::new(100 * 366);

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cron {
    engine: Arc<croner::Cron>,
    /// The minute or the hour begins with `*`: fires follow the wall clock wherever it goes.
    wildcard: bool,
    /// No year holds a date that matches.
    never: bool,
    pub(super) lints: Vec<Lint>,
}

impl Cron {
    pub(super) fn parse(text: Piece<'_>) -> Result<Self, TextError> {
        if let Some((at, blank)) = text.text.char_indices().find(|(_, c)| c.is_whitespace() && !c.is_ascii()) {
            let at = text.start + at;
            return Err(TextError::new(format!("a blank that is no plain space: `{}`", blank.escape_unicode()))
                .at(at..at + blank.len_utf8())
                .help("type the spaces anew; they came with a copied text"));
        }
        // More words than there can be fields are as wrong as any number of them.
        let words: Vec<Piece<'_>> = text.words().take(100).collect();
        let fields = match words.len() {
            5 => &Field::WORDS[1..],
            6 => Field::WORDS,
            n => return Err(count_error(n, text)),
        };
        let [.., minute, hour, day, _, weekday] = words[..] else { return Err(count_error(words.len(), text)) };
        let mut lints = Vec::new();
        let mut plain = if fields.len() == 5 { vec!["0".to_owned()] } else { Vec::new() };
        for ((_, field), word) in fields.iter().zip(&words) {
            plain.push(field.read(*word, &mut lints)?);
        }
        let begins_with_star = |piece: Piece<'_>| piece.text.starts_with('*');
        let both_days = day.text != "*" && weekday.text != "*";
        if both_days && (begins_with_star(day) || begins_with_star(weekday)) {
            let message = "both day fields are given, so either one matching is enough; some crons want both \
                           where a field begins with `*`";
            lints.push(Lint::new(day.start..weekday.span().end, message));
        }
        if both_days && let Some(meant) = lint::counted(day.text, weekday.text) {
            let texts = words.iter().map(|word| match word.start {
                start if start == day.start => "*",
                start if start == weekday.start => &*meant,
                _ => word.text,
            });
            let line = texts.collect::<Vec<_>>().join(" ");
            let message =
                format!("both day fields are given, so either one matching is enough; what was meant may be `{line}`");
            lints.push(Lint::new(day.start..weekday.span().end, message));
        }
        let never = never_fires(&plain, text)?;
        if never {
            lints.push(Lint::never_fires());
        }
        let engine = Arc::new(engine(&plain.join(" "), text)?);
        Ok(Self { engine, wildcard: begins_with_star(minute) || begins_with_star(hour), never, lints })
    }

    /// The first fire after `after`, which is a whole second.
    pub(super) fn next_after(&self, zone: &Zone, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.never {
            return None;
        }
        let last = clock(zone, after)?.checked_add_days(HORIZON)?;
        if self.wildcard { self.next_wildcard(zone, after, last) } else { self.next_fixed(zone, after, last) }
    }

    /// Every wall time stands for one instant at most, and they follow one another in the same order.
    fn next_fixed(&self, zone: &Zone, after: DateTime<Utc>, last: NaiveDateTime) -> Option<DateTime<Utc>> {
        let mut from = clock(zone, after)?.checked_add_signed(TimeDelta::seconds(1))?;
        loop {
            let wall = self.next_wall(from, last)?;
            let shown = shown(zone, wall)?;
            let made_up = !matches!(shown, Shown::Never { gap, .. } if gap > LONGEST_MADE_UP);
            if made_up && shown.instant() > after {
                return Some(shown.instant());
            }
            from = match shown {
                Shown::Once(_) => wall.checked_add_signed(TimeDelta::seconds(1))?,
                Shown::Twice { end, .. } | Shown::Never { end, .. } => end,
            };
        }
    }

    /// Every instant counts at which the clock shows a matching time.
    fn next_wildcard(&self, zone: &Zone, after: DateTime<Utc>, last: NaiveDateTime) -> Option<DateTime<Utc>> {
        let mut from = after.checked_add_signed(TimeDelta::seconds(1))?;
        loop {
            let start = clock(zone, from)?;
            let wall = self.next_wall(start, last)?;
            if let Shown::Twice { change, end, .. } = shown(zone, start)?
                && from < change
                && wall >= end
            {
                from = change;
                continue;
            }
            match shown(zone, wall)? {
                Shown::Once(at) => return Some(at),
                Shown::Twice { first, second, .. } => return Some(if first >= from { first } else { second }),
                Shown::Never { change, .. } => from = change,
            }
        }
    }

    /// The first matching wall time from `from` to `last`, as if no clock were ever changed.
    fn next_wall(&self, from: NaiveDateTime, last: NaiveDateTime) -> Option<NaiveDateTime> {
        self.engine.find_next_occurrence(&from, true).ok().filter(|wall| *wall <= last)
    }
}

fn count_error(count: usize, text: Piece<'_>) -> TextError {
    let hint = match count {
        1 if nickname(text.text) => format!("write `@{}`", text.text.to_ascii_lowercase()),
        1 if humantime::parse_duration(text.text).is_ok() => format!("write `@every {}`", text.text),
        7 => "leave out the year: there is no such field".into(),
        _ => "write minute, hour, day of the month, month, day of the week: `30 1 * * MON-FRI` is 01:30 on workdays"
            .into(),
    };
    let found = match count {
        0 => "this is empty".into(),
        1 => "this has 1".into(),
        100.. => "this has many more".into(),
        n => format!("this has {n}"),
    };
    TextError::new(format!("a schedule has 5 fields, or 6 with seconds first; {found}")).help(hint)
}

fn nickname(word: &str) -> bool {
    super::NICKNAMES.iter().any(|(name, _)| name[1..].eq_ignore_ascii_case(word))
}

fn engine(plain: &str, text: Piece<'_>) -> Result<croner::Cron, TextError> {
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Optional).build();
    parser.parse(plain).map_err(|error| TextError::new(format!("cron expression: {error}")).at(text.span()))
}

/// Any 28 years without a skipped leap year hold every kind of year, so what fires at all fires in these.
fn never_fires(plain: &[String], text: Piece<'_>) -> Result<bool, TextError> {
    let probe = engine(&format!("{} 2000-2027", plain.join(" ")), text)?;
    let start = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN);
    Ok(probe.find_next_occurrence(&start, true).is_err())
}
