//! `Mon-Fri 01:00-06:00`: when a profile may run by itself.
//!
//! A window is a weekly timetable in wall time. Each of its parts opens once and closes once on each of its days; a
//! time that clocks skip is taken as the end of the gap, one that they repeat as the first pass, as a fixed schedule
//! takes them. So a fire at the time a window opens always finds it open.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::field::WEEKDAYS;
use super::piece::Piece;
use super::wall::{clock, shown};
use super::zone::Zone;
use crate::object::Escaped;
use crate::text_error::TextError;

/// Days to look ahead for an end or a beginning: weeks more than a timetable needs, clock changes included.
const HORIZON: u64 = 35;

/// Hours in which a profile may run by itself, in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    text: Box<str>,
    zone: Zone,
    parts: Vec<Part>,
}

/// Some days of the week, and hours of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    /// From Sunday.
    days: [bool; 7],
    opens: Minute,
    /// Not after `opens`: on the next day.
    closes: Minute,
}

/// Minutes from midnight, at most 24:00.
type Minute = u16;
const MIDNIGHT: Minute = 24 * 60;

/// From the first instant to just before the second.
type Opening = (DateTime<Utc>, DateTime<Utc>);

impl Window {
    /// Reads a window as it stands in the configuration: parts separated by `;`, each of them days (none: every day) and
    /// `HH:MM-HH:MM`. Hours that end before they begin cross midnight and belong to the day they begin on.
    ///
    /// # Errors
    ///
    /// Names the part, what it may hold and an example.
    pub fn parse(text: &str, zone: Zone) -> Result<Self, TextError> {
        let trimmed = Piece::whole(text).trim();
        if trimmed.text.is_empty() {
            return Err(TextError::new("the window is empty").help(EXAMPLE));
        }
        let parts = trimmed.split(';').map(|part| Part::parse(part.trim())).collect::<Result<_, _>>()?;
        Ok(Self { text: trimmed.text.into(), zone, parts })
    }

    /// As it was written, without the blanks around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Whether the window is open at `at`. The closing time itself is outside.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.openings(at).any(|(opens, closes)| opens <= at && at < closes)
    }

    /// `at` itself when the window is open, else when it next opens.
    pub fn next_open(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        if self.contains(at) {
            return at;
        }
        let Some(today) = clock(&self.zone, at).map(|wall| wall.date()) else { return at };
        (0..HORIZON)
            .filter_map(|days| today.checked_add_days(Days::new(days)))
            .find_map(|day| self.openings_of(day).map(|(opens, _)| opens).filter(|opens| *opens > at).min())
            .unwrap_or(at)
    }

    /// The openings that can hold `at`: those of its day, of the day before (over midnight), and of the day after
    /// (clocks put back over midnight show the day before once more).
    fn openings(&self, at: DateTime<Utc>) -> impl Iterator<Item = Opening> {
        let today = clock(&self.zone, at).map(|wall| wall.date());
        let around = today.map(|today| [today.pred_opt(), Some(today), today.succ_opt()]);
        around.into_iter().flatten().flatten().flat_map(|day| self.openings_of(day))
    }

    /// What opens on a day. Hours that clocks skip altogether do not open.
    fn openings_of(&self, day: NaiveDate) -> impl Iterator<Item = Opening> {
        let weekday = day.weekday().num_days_from_sunday() as usize;
        self.parts.iter().filter(move |part| part.days[weekday]).filter_map(move |part| {
            let next = if part.closes <= part.opens { MIDNIGHT } else { 0 };
            let opens = self.instant(day, part.opens)?;
            let closes = self.instant(day, part.closes + next)?;
            (opens < closes).then_some((opens, closes))
        })
    }

    fn instant(&self, day: NaiveDate, minute: Minute) -> Option<DateTime<Utc>> {
        let wall = day.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::minutes(minute.into()))?;
        Some(shown(&self.zone, wall)?.instant())
    }
}

const EXAMPLE: &str =
    "for example `Mon-Fri 01:00-06:00`, `22:00-04:00` for every day, or two parts with `;` between them";

impl Part {
    fn parse(piece: Piece<'_>) -> Result<Self, TextError> {
        let error = |message: &str| {
            TextError::new(format!("window: `{}` {message}", Escaped(piece.text))).at(piece.span()).help(EXAMPLE)
        };
        let words: Vec<Piece<'_>> = piece.words().take(3).collect();
        let (days, hours) = match words[..] {
            [] => {
                return Err(TextError::new("window: nothing stands beside a `;`").at(piece.span()).help(EXAMPLE));
            }
            [days] if !days.text.contains(':') => return Err(error("lacks its hours")),
            [hours] => ([true; 7], hours),
            [hours, after] if hours.text.contains(':') => {
                return Err(TextError::new(format!("window: `{}` stands after the hours", Escaped(after.text)))
                    .at(after.span())
                    .help("days come first, and the zone is that of `time_zone`: `Mon-Fri 01:00-06:00`"));
            }
            [days, hours] => (parse_days(days)?, hours),
            _ => return Err(error("is more than days and hours with one blank between")),
        };
        if hours.text.contains(',') {
            return Err(error("lists hours").help("separate parts by `;`: `01:00-06:00; 22:00-23:00`"));
        }
        let (opens, closes) = hours.split_once('-').ok_or_else(|| error("lacks its hours"))?;
        let (opens, closes) = (parse_minute(opens)?, parse_minute(closes)?);
        if opens == MIDNIGHT {
            return Err(error("opens at 24:00").help("write `00:00` and the next day"));
        }
        if opens == closes {
            return Err(error("closes when it opens").help("for whole days write `00:00-24:00`"));
        }
        Ok(Self { days, opens, closes })
    }
}

/// `Mon,Wed-Fri`; a range may run over the end of the week.
fn parse_days(piece: Piece<'_>) -> Result<[bool; 7], TextError> {
    let mut days = [false; 7];
    for item in piece.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (mut day, last) = (parse_day(first)?, parse_day(last)?);
        days[day] = true;
        while day != last {
            day = (day + 1) % 7;
            days[day] = true;
        }
    }
    Ok(days)
}

fn parse_day(piece: Piece<'_>) -> Result<usize, TextError> {
    if piece.text.is_empty() {
        return Err(TextError::new("window: a day is missing")
            .at(piece.span())
            .help("days stand without blanks, for example `Mon,Wed-Fri 01:00-06:00`"));
    }
    WEEKDAYS.iter().position(|name| name.eq_ignore_ascii_case(piece.text)).ok_or_else(|| {
        TextError::new(format!("window: `{}` is not a day of the week", Escaped(piece.text)))
            .at(piece.span())
            .help("days are Mon Tue Wed Thu Fri Sat Sun, for example `Mon,Wed-Fri 01:00-06:00`")
    })
}

fn parse_minute(piece: Piece<'_>) -> Result<Minute, TextError> {
    let time = piece.text.split_once(':').and_then(|(hour, minute)| Some((two_digits(hour)?, two_digits(minute)?)));
    match time {
        Some((hour, minute)) if minute < 60 && hour * 60 + minute <= MIDNIGHT => Ok(hour * 60 + minute),
        _ => Err(TextError::new(format!("window: `{}` is not a time of day", Escaped(piece.text)))
            .at(piece.span())
            .help("times are HH:MM from 00:00 to 24:00, for example `01:00-06:00`")),
    }
}

fn two_digits(text: &str) -> Option<Minute> {
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}
