//! When a profile runs: schedules in a zone, and the instants they fire at. Pure rules: the present is a parameter.
//!
//! A schedule is a cron expression of 5 fields (6 with seconds in front), a nickname (`@daily`), or `@every 10m`.
//! What happens when clocks are changed follows Debian's cron. A schedule whose minute or hour begins with `*` is
//! *wildcard*: it fires whenever the clock on the wall shows a matching time, twice in a repeated hour and not at all
//! in a skipped one. Any other is *fixed*: skipped times become one fire as the gap ends, where the gap is up to
//! three hours long, and repeated times fire in the first pass.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};

mod cron;
mod due;
mod every;
mod field;
mod foreign;
mod lint;
mod piece;
mod wall;
mod window;
mod zone;

pub use due::{Dues, dues};
pub use lint::Lint;
pub use window::Window;
pub use zone::{Zone, ZoneOffset, built_in_version};

use cron::Cron;
use every::Every;
use piece::Piece;

use crate::object::Escaped;
use crate::text_error::TextError;

/// One cron expression, nickname or `@every`, in a zone.
///
/// Fires are whole seconds from the Unix epoch to the end of the year 4999.
#[derive(Clone, PartialEq)]
pub struct Schedule {
    text: Box<str>,
    zone: Zone,
    /// Clones share it: a default is every profile's.
    rule: Arc<Rule>,
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Cron(Cron),
    Every(Every),
}

impl Schedule {
    /// Reads a schedule as it stands in the configuration; spans of errors and lints are bytes of this `text`. `zone` is
    /// where its wall times are read; `@every` has none.
    ///
    /// # Errors
    ///
    /// Names the field, what it may hold and an example.
    pub fn parse(text: &str, zone: Zone) -> Result<Self, TextError> {
        let trimmed = Piece::whole(text).trim();
        if let Some(refusal) = foreign::refusal(trimmed) {
            return Err(refusal);
        }
        let rule = if trimmed.text.starts_with('@') { nickname(trimmed)? } else { Rule::Cron(Cron::parse(trimmed)?) };
        Ok(Self { text: trimmed.text.into(), zone, rule: Arc::new(rule) })
    }

    /// As it was written, without the blanks around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first fire after `after`, never `after` itself. `None` when none comes: no date matches, or the calendar ends.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Fires are whole seconds, so the first one after 12:00:00.5 is also the first one after 12:00:00.
        let after = DateTime::from_timestamp(after.timestamp().max(-1), 0)?;
        let next = match &*self.rule {
            Rule::Cron(cron) => cron.next_after(&self.zone, after),
            Rule::Every(every) => every.next_after(after),
        };
        next.filter(|next| *next < end_of_calendar())
    }

    /// What is legal but hardly meant.
    pub fn lints(&self) -> Vec<Lint> {
        match &*self.rule {
            Rule::Cron(cron) => cron.lints.clone(),
            Rule::Every(every) => every
                .next_after(DateTime::UNIX_EPOCH)
                .filter(|at| *at < end_of_calendar())
                .map_or_else(|| vec![Lint::never_fires()], |_| Vec::new()),
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({:?} in {})", self.text, self.zone)
    }
}

/// The cron engine knows no later year.
fn end_of_calendar() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(5000, 1, 1, 0, 0, 0).single().unwrap_or(DateTime::<Utc>::MAX_UTC)
}

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

fn nickname(text: Piece<'_>) -> Result<Rule, TextError> {
    let (word, rest) = text.first_word();
    let name = word.text.to_ascii_lowercase();
    match name.as_str() {
        "@every" => return Every::parse(rest).map(Rule::Every),
        "@reboot" => {
            return Err(TextError::new("`@reboot` is no time")
                .at(word.span())
                .help("`on_start = \"always\"` runs a profile whenever the daemon starts"));
        }
        _ => {}
    }
    let Some((_, expression)) = NICKNAMES.iter().find(|(nickname, _)| *nickname == name) else {
        return Err(unknown_nickname(word, &name));
    };
    if !rest.text.is_empty() {
        return Err(TextError::new(format!("`{name}` stands alone, without fields"))
            .at(rest.span())
            .help(format!("write `{name}`, or its fields with your changes: `{expression}`")));
    }
    Cron::parse(Piece::whole(expression)).map(Rule::Cron)
}

fn unknown_nickname(word: Piece<'_>, name: &str) -> TextError {
    let all = || NICKNAMES.iter().map(|(nickname, _)| *nickname).chain(["@every"]);
    let near = all().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = match near {
        Some(near) if strsim::jaro_winkler(near, name) > 0.8 => format!("did you mean `{near}`?"),
        _ => format!("write one of {}", all().collect::<Vec<_>>().join(" ")),
    };
    TextError::new(format!("`{}` is not a known nickname", Escaped(word.text))).at(word.span()).help(hint)
}

/// Several schedules merged: instants that strictly increase, simultaneous fires once.
#[derive(Clone, Debug)]
pub struct Fires<'a> {
    coming: Vec<(&'a Schedule, Option<DateTime<Utc>>)>,
}

impl Iterator for Fires<'_> {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.coming.iter().filter_map(|(_, at)| *at).min()?;
        for (schedule, at) in &mut self.coming {
            if *at == Some(next) {
                *at = schedule.next_after(next);
            }
        }
        Some(next)
    }
}

/// The fires of all `schedules` after `after`.
pub fn fires(schedules: &[Schedule], after: DateTime<Utc>) -> Fires<'_> {
    Fires { coming: schedules.iter().map(|schedule| (schedule, schedule.next_after(after))).collect() }
}

#[cfg(test)]
mod tests;
