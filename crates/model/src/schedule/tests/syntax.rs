//! What may be written, and what it means.

use proptest::prelude::*;

use super::*;

fn next(text: &str, from: &str, count: usize) -> Vec<String> {
    let schedule = schedule(text, "UTC");
    fires(std::slice::from_ref(&schedule), at(from))
        .take(count)
        .map(|fire| fire.format("%a %Y-%m-%d %H:%M:%S").to_string())
        .collect()
}

#[test]
fn expressions_and_nicknames() {
    let from = "2026-01-01T00:00:00Z";
    for (sentence, text, expected) in [
        ("five fields fire on the minute", "30 1 * * *", &["Thu 2026-01-01 01:30:00"][..]),
        ("six fields begin with the second", "15 30 1 * * *", &["Thu 2026-01-01 01:30:15"]),
        ("blanks of any width part the fields", "  30\t1  *\n* * ", &["Thu 2026-01-01 01:30:00"]),
        ("names in any case", "0 0 * jUn mon", &["Mon 2026-06-01 00:00:00"]),
        ("0 is Sunday", "0 0 * * 0", &["Sun 2026-01-04 00:00:00"]),
        ("and so is 7", "0 0 * * 7", &["Sun 2026-01-04 00:00:00"]),
        ("a range may end with Sunday", "0 0 * * SAT-SUN", &["Sat 2026-01-03 00:00:00", "Sun 2026-01-04 00:00:00"]),
        ("Sunday to Sunday is one day", "0 0 * * SUN-SUN", &["Sun 2026-01-04 00:00:00", "Sun 2026-01-11 00:00:00"]),
        ("a range may begin with Sunday", "0 0 * * SUN-MON", &["Sun 2026-01-04 00:00:00", "Mon 2026-01-05 00:00:00"]),
        ("steps of weekdays begin with Sunday", "0 0 * * */3", &["Sat 2026-01-03 00:00:00", "Sun 2026-01-04 00:00:00"]),
        ("leading zeros are no octal", "08 09 * * *", &["Thu 2026-01-01 09:08:00"]),
        (
            "either day matches where both are given",
            "0 0 13 * FRI",
            &["Fri 2026-01-02 00:00:00", "Fri 2026-01-09 00:00:00", "Tue 2026-01-13 00:00:00"],
        ),
        (
            "either, though one begins with a star",
            "0 0 */30 * FRI",
            &["Fri 2026-01-02 00:00:00", "Fri 2026-01-09 00:00:00"],
        ),
        ("a star in a list is the whole range", "0 0 *,5 2 *", &["Sun 2026-02-01 00:00:00", "Mon 2026-02-02 00:00:00"]),
        ("L is the month's last day", "0 0 L * *", &["Sat 2026-01-31 00:00:00", "Sat 2026-02-28 00:00:00"]),
        ("LW is its last working day", "0 0 LW * *", &["Fri 2026-01-30 00:00:00", "Fri 2026-02-27 00:00:00"]),
        (
            "15W is the working day nearest to the 15th",
            "0 0 15W 2,3,8 *",
            &["Mon 2026-02-16 00:00:00", "Mon 2026-03-16 00:00:00", "Fri 2026-08-14 00:00:00"],
        ),
        ("1W stays in its month", "0 0 1W 2,8 *", &["Mon 2026-02-02 00:00:00", "Mon 2026-08-03 00:00:00"]),
        ("FRIL is the month's last Friday", "0 0 * * FRIL", &["Fri 2026-01-30 00:00:00", "Fri 2026-02-27 00:00:00"]),
        ("5L too", "0 0 * * 5L", &["Fri 2026-01-30 00:00:00"]),
        ("7L is the last Sunday", "0 0 * * 7L", &["Sun 2026-01-25 00:00:00"]),
        (
            "MON#1 is the month's first Monday",
            "0 0 * * MON#1,FRI#5",
            &[
                "Mon 2026-01-05 00:00:00",
                "Fri 2026-01-30 00:00:00",
                "Mon 2026-02-02 00:00:00",
                "Mon 2026-03-02 00:00:00",
            ],
        ),
        ("a leap day waits for its year", "0 0 29 2 *", &["Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00"]),
        (
            "a fifth Monday in February waits for decades",
            "0 0 * 2 MON#5",
            &["Mon 2044-02-29 00:00:00", "Mon 2072-02-29 00:00:00", "Mon 2112-02-29 00:00:00"],
        ),
        ("an empty item is left out", "0 1,,2 * * *", &["Thu 2026-01-01 01:00:00", "Thu 2026-01-01 02:00:00"]),
        (
            "a step too large leaves the first value",
            "*/90 * * * *",
            &["Thu 2026-01-01 01:00:00", "Thu 2026-01-01 02:00:00"],
        ),
        ("even a vast one", "0 0 */4294967295 * *", &["Sun 2026-02-01 00:00:00"]),
        ("@hourly", "@hourly", &["Thu 2026-01-01 01:00:00"]),
        ("@daily", "@daily", &["Fri 2026-01-02 00:00:00"]),
        ("@midnight", "@MIDNIGHT", &["Fri 2026-01-02 00:00:00"]),
        ("@weekly is Sunday", "@weekly", &["Sun 2026-01-04 00:00:00"]),
        ("@monthly", "@monthly", &["Sun 2026-02-01 00:00:00"]),
        ("@yearly", "@yearly", &["Fri 2027-01-01 00:00:00"]),
        ("@annually", "@annually", &["Fri 2027-01-01 00:00:00"]),
        (
            "@every counts from the epoch, not from now",
            "@every 5h",
            &["Thu 2026-01-01 04:00:00", "Thu 2026-01-01 09:00:00"],
        ),
        ("@every takes a sum", "@Every  1h 30m", &["Thu 2026-01-01 01:30:00", "Thu 2026-01-01 03:00:00"]),
        ("and fractions that make whole seconds", "@every 0.5h", &["Thu 2026-01-01 00:30:00"]),
    ] {
        assert_eq!(next(text, from, expected.len()), expected, "{sentence}: {text}");
    }
}

#[test]
fn fires_come_strictly_after_the_instant_asked() {
    for (sentence, text, from, expected) in [
        ("at a fire", "0 12 * * *", "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z"),
        ("a moment before it", "0 12 * * *", "2026-01-01T11:59:59.999Z", "2026-01-01T12:00:00Z"),
        ("a moment after it", "0 12 * * *", "2026-01-01T12:00:00.001Z", "2026-01-02T12:00:00Z"),
        (
            "before the epoch, the first fire is the epoch's",
            "* * * * *",
            "1901-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
        ),
        ("so for @every", "@every 5h", "1901-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(schedule(text, "UTC").next_after(at(from)), Some(at(expected)), "{sentence}");
    }
}

#[test]
fn nothing_fires_beyond_the_calendar() {
    for text in ["* * * * *", "0 0 29 2 *", "@every 1s", "@every 9999years", "@every 18446744073709551615s"] {
        let schedule = schedule(text, "America/New_York");
        for from in ["4999-12-31T23:59:59Z", "9999-01-01T00:00:00Z"] {
            assert_eq!(schedule.next_after(at(from)), None, "{text} after {from}");
        }
        assert_eq!(schedule.next_after(DateTime::<Utc>::MAX_UTC), None, "{text}");
    }
}

#[test]
fn what_never_fires_is_found_at_once() {
    for text in ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "* * 31W 4 *"] {
        let schedule = schedule(text, "Europe/Paris");
        assert_eq!(schedule.lints(), [Lint::never_fires()], "{text}");
        assert_eq!(schedule.next_after(at("2026-01-01T00:00:00Z")), None, "{text}");
    }
}

#[test]
fn a_wildcard_time_that_every_year_skips_is_given_up_after_a_century() {
    let schedule = schedule("*/30 2 * 3 SUN#2", "America/New_York");
    assert_eq!(schedule.next_after(at("2026-01-01T00:00:00Z")), None);
}

#[test]
fn the_last_rules_of_a_zone_go_on() {
    let summer = schedule("0 12 1 7 *", "America/New_York");
    assert_eq!(summer.next_after(at("2099-01-01T00:00:00Z")), Some(at("2099-07-01T12:00:00-04:00")));
    assert_eq!(summer.next_after(at("2100-01-01T00:00:00Z")), Some(at("2100-07-01T12:00:00-04:00")));
}

#[test]
fn equality_is_of_text_and_zone() {
    assert_eq!(schedule("@daily", "UTC"), schedule(" @daily ", "UTC"));
    assert_ne!(schedule("@daily", "UTC"), schedule("@daily", "Europe/Paris"));
    assert_ne!(schedule("@daily", "UTC"), schedule("@weekly", "UTC"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused_with_a_span_inside_it(
        text in prop_oneof![".*", "[-0-9*/,#LWA-Z@ ]{0,24}", "@every [0-9a-z. ]{0,24}"],
        seconds in any::<i64>(),
    ) {
        match Schedule::parse(&text, zone("America/New_York")) {
            Ok(schedule) => {
                let lints = schedule.lints();
                for span in lints.iter().filter_map(|lint| lint.span.clone()) {
                    prop_assert!(text.get(span.clone()).is_some(), "{span:?}");
                }
                let after = DateTime::from_timestamp(seconds % 100_000_000_000, 0).unwrap();
                let next = schedule.next_after(after);
                prop_assert!(next.is_none_or(|next| next > after));
                if lints.contains(&Lint::never_fires()) {
                    prop_assert_eq!(next, None);
                }
            }
            Err(error) => {
                prop_assert!(error.span.clone().is_none_or(|span| text.get(span).is_some()), "{:?}", error.span);
                prop_assert!(!error.to_string().chars().any(char::is_control));
            }
        }
        if let Err(error) = Window::parse(&text, zone("America/New_York")) {
            prop_assert!(error.span.clone().is_none_or(|span| text.get(span).is_some()), "{:?}", error.span);
        }
    }

    #[test]
    fn merged_fires_strictly_increase_and_lose_none(
        texts in proptest::collection::vec(
            prop::sample::select(vec!["*/7 * * * *", "0 * * * *", "30 1,2 * * *", "@every 50m", "@daily", "0 0 30 2 *"]),
            0..4,
        ),
        start in 1_793_000_000i64..1_794_000_000,
    ) {
        let schedules: Vec<_> = texts.iter().map(|text| schedule(text, "America/New_York")).collect();
        let from = DateTime::from_timestamp(start, 0).unwrap();
        let end = from + chrono::TimeDelta::days(1);
        let merged: Vec<_> = fires(&schedules, from).take_while(|at| *at <= end).collect();
        prop_assert!(merged.windows(2).all(|pair| pair[0] < pair[1]));
        let mut each: Vec<_> = schedules
            .iter()
            .flat_map(|one| fires(std::slice::from_ref(one), from).take_while(|at| *at <= end).collect::<Vec<_>>())
            .collect();
        each.sort();
        each.dedup();
        prop_assert_eq!(merged, each);
    }
}
