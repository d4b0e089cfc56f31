//! When windows open and close, a sentence a row.

use chrono::{Datelike, TimeDelta, Timelike};
use proptest::prelude::*;

use super::*;

fn window(text: &str, zone_name: &str) -> Window {
    Window::parse(text, zone(zone_name)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn openings_in_a_week_without_clock_changes() {
    // 2026-01-05 is a Monday.
    for (sentence, text, when, open) in [
        ("inside", "Mon-Fri 01:00-06:00", "2026-01-05T03:00:00Z", true),
        ("the opening time is inside", "Mon-Fri 01:00-06:00", "2026-01-05T01:00:00Z", true),
        ("a moment before it is outside", "Mon-Fri 01:00-06:00", "2026-01-05T00:59:59.999Z", false),
        ("the closing time is outside", "Mon-Fri 01:00-06:00", "2026-01-05T06:00:00Z", false),
        ("a moment before it is inside", "Mon-Fri 01:00-06:00", "2026-01-05T05:59:59.999Z", true),
        ("another day is outside", "Mon-Fri 01:00-06:00", "2026-01-04T03:00:00Z", false),
        ("without days it is every day", "01:00-06:00", "2026-01-04T03:00:00Z", true),
        ("a list of days", "Mon,Wed-Fri 01:00-06:00", "2026-01-07T03:00:00Z", true),
        ("a day that the list leaves out", "Mon,Wed-Fri 01:00-06:00", "2026-01-06T03:00:00Z", false),
        ("days over the end of the week", "fri-mon 01:00-06:00", "2026-01-04T03:00:00Z", true),
        ("a part that crosses midnight, before it", "Fri 22:00-04:00", "2026-01-09T23:00:00Z", true),
        ("and after it, on the next day", "Fri 22:00-04:00", "2026-01-10T03:59:00Z", true),
        ("but not on the early morning of its own day", "Fri 22:00-04:00", "2026-01-09T03:00:00Z", false),
        ("the second of two parts", "Mon 01:00-06:00; Sat,Sun 00:00-24:00", "2026-01-04T12:00:00Z", true),
        ("24:00 is midnight", "Sun 12:00-24:00", "2026-01-04T23:59:59Z", true),
        ("and so is 00:00 as an end", "Sun 12:00-00:00", "2026-01-04T23:59:59Z", true),
        ("it closes there", "Sun 12:00-00:00", "2026-01-05T00:00:00Z", false),
    ] {
        assert_eq!(window(text, "UTC").contains(at(when)), open, "{sentence}: {text} at {when}");
    }
}

#[test]
fn ends_and_beginnings() {
    for (sentence, text, when, closes, opens) in [
        ("inside", "Mon-Fri 01:00-06:00", "2026-01-05T03:00:00Z", Some("2026-01-05T06:00:00Z"), "2026-01-05T03:00:00Z"),
        ("outside, on the day", "Mon-Fri 01:00-06:00", "2026-01-05T00:00:00Z", None, "2026-01-05T01:00:00Z"),
        ("outside, over a weekend", "Mon-Fri 01:00-06:00", "2026-01-09T06:00:00Z", None, "2026-01-12T01:00:00Z"),
        (
            "across midnight",
            "Fri 22:00-04:00",
            "2026-01-09T23:00:00Z",
            Some("2026-01-10T04:00:00Z"),
            "2026-01-09T23:00:00Z",
        ),
        (
            "parts that meet are one",
            "Sat,Sun 00:00-24:00; Mon 00:00-06:00",
            "2026-01-10T12:00:00Z",
            Some("2026-01-12T06:00:00Z"),
            "2026-01-10T12:00:00Z",
        ),
        (
            "parts that overlap are one",
            "01:00-03:00; 02:00-04:00",
            "2026-01-10T01:00:00Z",
            Some("2026-01-10T04:00:00Z"),
            "2026-01-10T01:00:00Z",
        ),
        ("open always", "00:00-24:00", "2026-01-10T12:00:00Z", None, "2026-01-10T12:00:00Z"),
        ("a week away", "Mon 01:00-02:00", "2026-01-05T02:00:00Z", None, "2026-01-12T01:00:00Z"),
    ] {
        let window = window(text, "UTC");
        if let Some(closes) = closes.map(at) {
            assert!(window.contains(closes - TimeDelta::seconds(1)) && !window.contains(closes), "{sentence}: {text}");
        }
        assert_eq!(window.next_open(at(when)), at(opens), "{sentence}: {text}");
    }
}

#[test]
fn clocks_change_in_windows() {
    // New York: 02:00 to 03:00 is skipped on 2026-03-08, 01:00 to 02:00 repeated on 2026-11-01.
    for (sentence, text, zone_name, opens, closes) in [
        (
            "over the gap it is an hour shorter",
            "01:00-06:00",
            "America/New_York",
            "2026-03-08T01:00:00-05:00",
            "2026-03-08T06:00:00-04:00",
        ),
        (
            "in the gap it opens as the gap ends",
            "02:30-06:00",
            "America/New_York",
            "2026-03-08T03:00:00-04:00",
            "2026-03-08T06:00:00-04:00",
        ),
        (
            "and closes as the gap ends",
            "00:00-02:30",
            "America/New_York",
            "2026-03-08T00:00:00-05:00",
            "2026-03-08T03:00:00-04:00",
        ),
        (
            "over the repeated hour it is an hour longer",
            "00:00-06:00",
            "America/New_York",
            "2026-11-01T00:00:00-04:00",
            "2026-11-01T06:00:00-05:00",
        ),
        (
            "it opens in the first pass, once",
            "01:30-06:00",
            "America/New_York",
            "2026-11-01T01:30:00-04:00",
            "2026-11-01T06:00:00-05:00",
        ),
        (
            "it closes in the first pass",
            "00:00-01:30",
            "America/New_York",
            "2026-11-01T00:00:00-04:00",
            "2026-11-01T01:30:00-04:00",
        ),
        (
            "where midnight is skipped the days still meet",
            "Sat,Sun 00:00-24:00",
            "America/Sao_Paulo",
            "2018-11-03T00:00:00-03:00",
            "2018-11-05T00:00:00-02:00",
        ),
        (
            "the clock may show the day before once more",
            "Sun 00:00-02:00",
            "America/St_Johns",
            "2010-11-07T00:00:00-02:30",
            "2010-11-07T02:00:00-03:30",
        ),
        (
            "before a skipped day it closes as that day would have begun",
            "Thu 22:00-04:00",
            "Pacific/Apia",
            "2011-12-29T22:00:00-10:00",
            "2011-12-31T00:00:00+14:00",
        ),
    ] {
        let window = window(text, zone_name);
        let (opens, closes) = (at(opens), at(closes));
        assert!(!window.contains(opens - TimeDelta::seconds(1)), "{sentence}");
        assert_eq!(window.next_open(opens - TimeDelta::seconds(1)), opens, "{sentence}");
        assert!(window.contains(opens), "{sentence}");
        assert!(window.contains(closes - TimeDelta::seconds(1)), "{sentence}");
        assert!(!window.contains(closes), "{sentence}");
        let inside = |minutes| Some(opens + TimeDelta::minutes(minutes)).filter(|at| *at < closes);
        assert!((0..).step_by(10).map_while(inside).all(|at| window.contains(at)), "{sentence}");
    }
}

#[test]
fn hours_that_clocks_skip_altogether_do_not_open() {
    let window = window("02:00-02:45", "America/New_York");
    assert_eq!(window.next_open(at("2026-03-08T05:00:00Z")), at("2026-03-09T02:00:00-04:00"));
    let window = self::window("Fri 01:00-06:00", "Pacific/Apia");
    assert_eq!(window.next_open(at("2011-12-26T00:00:00Z")), at("2012-01-06T01:00:00+14:00"));
}

#[test]
fn a_fixed_fire_at_the_opening_time_finds_the_window_open() {
    for (zone_name, from) in [
        ("America/New_York", "2026-03-07T12:00:00Z"),
        ("America/New_York", "2026-10-31T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T00:00:00Z"),
        ("America/Sao_Paulo", "2018-11-03T12:00:00Z"),
    ] {
        for hour in 0..4 {
            let window = window(&format!("{hour:02}:10-08:00"), zone_name);
            let schedule = schedule(&format!("10 {hour} * * *"), zone_name);
            for fire in fires(std::slice::from_ref(&schedule), at(from)).take(3) {
                assert!(window.contains(fire), "{hour}:10 in {zone_name} at {fire}");
            }
        }
    }
}

#[test]
fn the_ends_of_the_calendar_are_no_trap() {
    let window = window("22:00-04:00", "Pacific/Kiritimati");
    for when in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        window.contains(when);
        assert!(window.next_open(when) >= when);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_clock_changes_a_window_is_its_timetable(
        days in "(Sun|Mon|Tue|Wed|Thu|Fri|Sat)(,(Sun|Mon|Tue|Wed|Thu|Fri|Sat)){0,3}",
        opens in 0u32..1440,
        closes in 0u32..1440,
        start in 1_767_225_600i64..1_770_000_000,
    ) {
        prop_assume!(opens != closes);
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let window = window(&format!("{days} {}-{}", clock(opens), clock(closes)), "Asia/Kathmandu");
        let when = DateTime::from_timestamp(start, 0).unwrap();
        let local = when.with_timezone(window.zone());
        let minute = local.hour() * 60 + local.minute();
        let on = |day: chrono::Weekday| days.contains(&day.to_string());
        let expected = if opens < closes {
            on(local.weekday()) && (opens..closes).contains(&minute)
        } else {
            (on(local.weekday()) && minute >= opens) || (on(local.weekday().pred()) && minute < closes)
        };
        prop_assert_eq!(window.contains(when), expected);
        let open = window.next_open(when);
        prop_assert_eq!(open == when, expected);
        prop_assert!(window.contains(open));
    }
}

#[test]
fn dues_are_the_fires_inside_a_window() {
    for (sentence, texts, open, expected) in [
        (
            "a fire as it opens counts, one as it closes does not",
            &["0 * * * *"][..],
            "01:00-03:00",
            "06T01 06T02 07T01",
        ),
        ("days that the window leaves out are passed over", &["0 2 * * *"], "Sun,Tue 01:00-03:00", "08T02 10T02 15T02"),
        ("schedules are merged", &["0 2 * * *", "0 3 * * *"], "02:00-03:30", "06T02 06T03 07T02"),
        ("a rare fire is waited for", &["0 2 13 * *"], "Fri 01:00-03:00", "13T02 13T02 13T02"),
    ] {
        let schedules: Vec<_> = texts.iter().map(|text| schedule(text, "UTC")).collect();
        let window = window(open, "UTC");
        let found: Vec<_> = dues(&schedules, Some(&window), at("2026-03-06T00:00:00Z")).take(3).collect();
        let days: Vec<_> = found.iter().map(|due| due.format("%dT%H").to_string()).collect();
        assert_eq!(days.join(" "), expected, "{sentence}");
        let all = fires(&schedules, at("2026-03-06T00:00:00Z"));
        assert_eq!(all.filter(|fire| window.contains(*fire)).take(3).collect::<Vec<_>>(), found, "{sentence}");
    }
}

#[test]
fn a_search_for_dues_ends_and_says_how_far_it_came() {
    let from = at("2026-03-06T00:00:00Z");
    let (noon, night) = ([schedule("0 12 * * *", "UTC")], window("01:00-03:00", "UTC"));
    let mut never = dues(&noon, Some(&night), from);
    assert_eq!(never.next(), None);
    let first = never.gave_up().unwrap();
    assert_eq!(first, at("2031-08-27T00:59:59Z"), "2,000 days");
    assert_eq!(never.next(), None);
    assert_eq!(never.gave_up(), Some(at("2037-02-16T00:59:59Z")), "it goes on where it stopped");
    let mut ended = dues(&noon, Some(&night), at("4999-12-30T00:00:00Z"));
    assert_eq!((ended.next(), ended.gave_up()), (None, None), "the calendar is at its end");
    let mut all = dues(&noon, None, from);
    assert_eq!((all.next(), all.gave_up()), (Some(at("2026-03-06T12:00:00Z")), None));
}
