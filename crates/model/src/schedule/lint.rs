//! Warnings about schedules that were probably not meant.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Range, RangeInclusive};

use super::field::{Field, WEEKDAYS};

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
    /// `1-7 * SAT`, which is hardly meant as the first seven days and every Saturday; `line` is the first Saturday.
    CountedDay { span: Range<usize>, line: String },
}

impl Lint {
    /// Bytes of the schedule's text that the lint is about; `None` for all of it.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            Self::NeverFires => None,
            Self::StepTooLarge { span, .. }
            | Self::EmptyItem { span, .. }
            | Self::EitherDay { span }
            | Self::CountedDay { span, .. } => Some(span.clone()),
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
            Self::CountedDay { line, .. } => {
                write!(f, "both day fields are given, so either one matching is enough; what was meant may be `{line}`")
            }
        }
    }
}

/// Weeks of a month, counted from its start or its end.
const WEEKS: [(RangeInclusive<u32>, &str); 6] =
    [(1..=7, "#1"), (8..=14, "#2"), (15..=21, "#3"), (22..=28, "#4"), (29..=31, "#5"), (25..=31, "L")];

/// `SAT#1` of `1-7` and `SAT`: the days of the week that lie in that week of the month, or in those. `None` where no such field
/// says it.
pub(super) fn counted(days: &str, weekdays: &str) -> Option<String> {
    let days = set(days, &[])?;
    // The last seven days overlap the fourth week and the fifth.
    let mut weeks = [&["#1", "#2", "#3", "#4", "#5"][..], &["#1", "#2", "#3", "L"]].into_iter().map(|disjoint| {
        let within = |week: &RangeInclusive<u32>| week.clone().all(|day| days.contains(&day));
        WEEKS.iter().filter(|(week, name)| disjoint.contains(name) && within(week)).collect::<Vec<_>>()
    });
    let length =
        |weeks: &[&(RangeInclusive<u32>, &str)]| weeks.iter().map(|(week, _)| week.clone().count()).sum::<usize>();
    let weeks = weeks.find(|weeks| !weeks.is_empty() && length(weeks) == days.len())?;
    let mut weekdays: Vec<u32> = set(weekdays, &WEEKDAYS)?.into_iter().map(|day| day % 7).collect();
    weekdays.sort_unstable();
    weekdays.dedup();
    let each = weeks.iter().flat_map(|(_, week)| weekdays.iter().map(move |day| (day, week)));
    let named = each.map(|(day, week)| Some(format!("{}{week}", WEEKDAYS.get(*day as usize)?)));
    Some(named.collect::<Option<Vec<_>>>()?.join(","))
}

/// The values of numbers or names and of ranges. `None` where something else stands there.
fn set(field: &str, names: &[&str]) -> Option<BTreeSet<u32>> {
    let value = |text: &str| match names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        Some(index) => u32::try_from(index).ok(),
        None => text.parse().ok(),
    };
    let mut values = BTreeSet::new();
    for item in field.split(',').filter(|item| !item.is_empty()) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last) = (value(first)?, value(last)?);
        // A Sunday that ends a range is 7.
        let last = if last < first { last.saturating_add(7) } else { last };
        values.extend(first..=last.min(31));
    }
    Some(values)
}
