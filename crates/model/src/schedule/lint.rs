//! Warnings about schedules that were probably not meant.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use super::field::WEEKDAYS;

/// Something legal that looks like a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// What happens instead of what was meant.
    pub message: String,
    /// Bytes of the schedule's text that the lint is about; `None` for all of it.
    pub span: Option<Range<usize>>,
}

impl Lint {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), span: Some(span) }
    }

    /// No date of any year matches, or the first fire lies beyond the calendar.
    pub(super) fn never_fires() -> Self {
        Self { message: "never fires: no date before the year 5000 matches".to_owned(), span: None }
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
