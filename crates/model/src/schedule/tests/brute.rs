//! Fires against a walk over every minute, or every second, with a field parser of its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::{LazyLock, Mutex};

use chrono::{Datelike, NaiveDateTime, TimeDelta, Timelike};
use proptest::prelude::*;

use super::*;

/// The values of one field, by the plainest reading of its grammar.
fn values(field: &str, min: u32, max: u32) -> BTreeSet<u32> {
    let mut values = BTreeSet::new();
    for item in field.split(',') {
        let (range, step) = item.split_once('/').unwrap_or((item, "1"));
        let step: u32 = step.parse().unwrap();
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
            None if range == "*" => (min, max),
            None => (range.parse().unwrap(), range.parse().unwrap()),
        };
        values.extend((from..=to).filter(|value| (value - from) % step == 0));
    }
    values
}

struct Plain {
    /// A minute, or a second where the expression has a field for it.
    step: TimeDelta,
    seconds: BTreeSet<u32>,
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    days: BTreeSet<u32>,
    months: BTreeSet<u32>,
    weekdays: BTreeSet<u32>,
    any_day: bool,
    any_weekday: bool,
    wildcard: bool,
}

impl Plain {
    fn parse(text: &str) -> Self {
        let mut fields: Vec<&str> = text.split(' ').collect();
        let step = if fields.len() == 6 { TimeDelta::seconds(1) } else { TimeDelta::minutes(1) };
        let seconds = values(if fields.len() == 6 { fields.remove(0) } else { "0" }, 0, 59);
        Self {
            step,
            seconds,
            minutes: values(fields[0], 0, 59),
            hours: values(fields[1], 0, 23),
            days: values(fields[2], 1, 31),
            months: values(fields[3], 1, 12),
            weekdays: values(fields[4], 0, 6).into_iter().map(|day| day % 7).collect(),
            any_day: fields[2] == "*",
            any_weekday: fields[4] == "*",
            wildcard: fields[0].starts_with('*') || fields[1].starts_with('*'),
        }
    }

    fn matches(&self, wall: NaiveDateTime) -> bool {
        let day = self.days.contains(&wall.day());
        let weekday = self.weekdays.contains(&wall.weekday().num_days_from_sunday());
        let date = match (self.any_day, self.any_weekday) {
            (true, _) => weekday,
            (_, true) => day,
            (false, false) => day || weekday,
        };
        self.seconds.contains(&wall.second())
            && self.minutes.contains(&wall.minute())
            && self.hours.contains(&wall.hour())
            && self.months.contains(&wall.month())
            && date
    }

    /// All fires after `from` until `to`. The walk starts hours before, to know what the clock has shown already.
    fn fires(&self, zone: &Zone, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let clock = |at: DateTime<Utc>| at.with_timezone(zone).naive_local();
        let mut instant = from - TimeDelta::hours(5);
        let mut latest = clock(instant);
        let mut fires = Vec::new();
        while instant < to {
            instant += self.step;
            let wall = clock(instant);
            let fire = self.matches(wall) && (self.wildcard || wall > latest) || self.makes_up(latest, wall);
            latest = latest.max(wall);
            if fire && instant > from {
                fires.push(instant);
            }
        }
        fires
    }

    /// Whether a fixed time was skipped between two that the clock showed one after the other.
    fn makes_up(&self, before: NaiveDateTime, after: NaiveDateTime) -> bool {
        let skipped = std::iter::successors(Some(before + self.step), |wall| Some(*wall + self.step));
        !self.wildcard
            && after - before - self.step <= TimeDelta::hours(3)
            && skipped.take_while(|wall| *wall < after).any(|wall| self.matches(wall))
    }
}

const ZONES: &[&str] = &[
    "UTC",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Santiago",
    "Europe/Paris",
    "Europe/London",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Antarctica/Troll",
    "Antarctica/Casey",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Asia/Amman",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kwajalein",
    "Pacific/Norfolk",
];

/// The clock changes of a zone in the years that the tests walk through, to within an hour.
fn changes(zone: &Zone) -> &'static [DateTime<Utc>] {
    type Known = HashMap<String, &'static [DateTime<Utc>]>;
    static CHANGES: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    let offset = |at: DateTime<Utc>| at.with_timezone(zone).naive_local() - at.naive_utc();
    let hours = |year, years: i64| {
        let start = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
        (0..years * 366 * 24).map(move |hour| start + TimeDelta::hours(hour))
    };
    let find = || {
        let all = hours(1993, 3).chain(hours(2009, 4)).chain(hours(2025, 3));
        all.filter(|at| offset(*at) != offset(*at + TimeDelta::hours(1))).collect::<Vec<_>>().leak() as &_
    };
    CHANGES.lock().unwrap().entry(zone.name().to_owned()).or_insert_with(find)
}

fn check(text: &str, zone: &Zone, from: DateTime<Utc>, to: DateTime<Utc>) {
    let schedule = Schedule::parse(text, zone.clone()).unwrap();
    let found: Vec<_> = fires(std::slice::from_ref(&schedule), from).take_while(|at| *at <= to).collect();
    let expected = Plain::parse(text).fires(zone, from, to);
    if found != expected {
        let wrong = found.iter().zip(&expected).find(|(a, b)| a != b);
        panic!("{text} in {zone} from {from}: {wrong:?}, {} found, {} expected", found.len(), expected.len());
    }
}

#[test]
fn fires_agree_with_a_walk_over_every_minute_around_clock_changes() {
    let texts = [
        "30 2 * * *",
        "0,30 2 * * *",
        "0,15,30,45 0-5 * * *",
        "*/15 * * * *",
        "*/20 1-3 * * *",
        "7 */3 * * *",
        "59 23 * * *",
        "0 0 * * *",
        "1 0 * * 0",
        "30 1,2,3 * * 6,0",
        "10-50/20 0-2 1-31/2 * 5",
    ];
    for name in ZONES {
        let zone = &zone(name);
        for change in changes(zone) {
            for text in texts {
                check(text, zone, *change - TimeDelta::hours(7), *change + TimeDelta::hours(9));
            }
        }
    }
}

#[test]
fn fires_agree_with_a_walk_over_every_second_around_clock_changes() {
    let texts = [
        "* * * * * *",
        "*/7 * * * * *",
        "0,30 */10 2 * * *",
        "* 30 2 * * *",
        "59 59 0-3 * * *",
        "5-55/25 15,45 1,2 * * *",
    ];
    for name in ["America/New_York", "Australia/Lord_Howe", "Antarctica/Casey", "Pacific/Apia"] {
        let zone = &zone(name);
        for change in changes(zone).iter().filter(|at| (2009..2012).contains(&at.year())) {
            for text in texts {
                check(text, zone, *change - TimeDelta::hours(2), *change + TimeDelta::hours(4));
            }
        }
    }
}

fn list(min: u32, max: u32) -> impl Strategy<Value = String> {
    let item = (min..=max, min..=max, 1..=max.max(2), 0..3).prop_map(|(a, b, step, kind)| {
        let (from, to) = (a.min(b), a.max(b));
        match kind {
            0 => a.to_string(),
            1 => format!("{from}-{to}"),
            _ => format!("{from}-{to}/{step}"),
        }
    });
    proptest::collection::vec(item, 1..4).prop_map(|items| items.join(","))
}

fn field(min: u32, max: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        Just("*".to_owned()),
        (1..=max.max(2)).prop_map(|step| format!("*/{step}")),
        list(min, max),
        list(min, max)
    ]
}

/// Expressions that fire on most days.
fn expression() -> impl Strategy<Value = String> {
    let any = || Just("*".to_owned());
    let day = prop_oneof![4 => any(), 1 => field(1, 31)];
    let month = prop_oneof![4 => any(), 1 => field(1, 12)];
    let weekday = prop_oneof![4 => any(), 1 => list(0, 7)];
    (field(0, 59), field(0, 23), day, month, weekday).prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fires_agree_with_a_walk_over_every_minute(
        text in expression(),
        zone_index in 0..ZONES.len(),
        change in any::<prop::sample::Index>(),
        before in 0i64..2 * 24 * 60,
        length in 60i64..3 * 24 * 60,
    ) {
        let zone = &zone(ZONES[zone_index]);
        let changes = changes(zone);
        let around = if changes.is_empty() { at("2012-02-28T12:00:00Z") } else { *change.get(changes) };
        let from = around - TimeDelta::minutes(before);
        check(&text, zone, from, from + TimeDelta::minutes(length));
    }
}
