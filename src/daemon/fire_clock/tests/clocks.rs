//! Clock changes, watched as the daemon watches them: look after look through the change.

use super::*;

/// Fires in the UTC minutes of one day, `03:00 04:30`.
struct Change {
    sentence: &'static str,
    zone: &'static str,
    text: &'static str,
    from: &'static str,
    hours: u32,
    dues: &'static str,
}

const fn change(
    sentence: &'static str,
    zone: &'static str,
    text: &'static str,
    (from, hours): (&'static str, u32),
    dues: &'static str,
) -> Change {
    Change { sentence, zone, text, from, hours, dues }
}

const NEW_YORK_FORWARD: (&str, u32) = ("2026-03-08T05:00:00Z", 4); // 00:00 EST; 02:00 becomes 03:00 at 07:00Z
const NEW_YORK_BACK: (&str, u32) = ("2026-11-01T04:30:00Z", 4); // 00:30 EDT; 02:00 becomes 01:00 at 06:00Z
const LORD_HOWE_FORWARD: (&str, u32) = ("2026-10-03T14:00:00Z", 3); // 00:30; 02:00 becomes 02:30 at 15:30Z
const LORD_HOWE_BACK: (&str, u32) = ("2026-04-04T13:15:00Z", 3); // 00:15; 02:00 becomes 01:30 at 15:00Z
const DUBLIN_FORWARD: (&str, u32) = ("2026-03-28T23:30:00Z", 3); // 01:00 becomes 02:00 at 01:00Z
const DUBLIN_BACK: (&str, u32) = ("2026-10-24T23:30:00Z", 3); // 00:30; 02:00 becomes 01:00 at 01:00Z

const CHANGES: [Change; 17] = [
    change("a fixed time in the gap", "America/New_York", "30 2 * * *", NEW_YORK_FORWARD, "07:00"),
    change("two of them are one fire", "America/New_York", "0,30 2 * * *", NEW_YORK_FORWARD, "07:00"),
    change("with seconds too", "America/New_York", "15 30 2 * * *", NEW_YORK_FORWARD, "07:00"),
    change("one with the time after the gap", "America/New_York", "0 2,3 * * *", NEW_YORK_FORWARD, "07:00"),
    change("wildcards fire in no gap", "America/New_York", "*/30 2 * * *", NEW_YORK_FORWARD, ""),
    change("each hour goes on", "America/New_York", "0 * * * *", NEW_YORK_FORWARD, "06:00 07:00 08:00 09:00"),
    change("a fixed time in the repeated hour", "America/New_York", "30 1 * * *", NEW_YORK_BACK, "05:30"),
    change(
        "wildcards fire in both passes",
        "America/New_York",
        "*/30 1 * * *",
        NEW_YORK_BACK,
        "05:00 05:30 06:00 06:30",
    ),
    change("elapsed time knows no change", "America/New_York", "@every 1h", NEW_YORK_BACK, "05:00 06:00 07:00 08:00"),
    change("a gap of 30 minutes", "Australia/Lord_Howe", "10 2 * * *", LORD_HOWE_FORWARD, "15:30"),
    change("hours in it", "Australia/Lord_Howe", "15 * * * *", LORD_HOWE_FORWARD, "14:45 16:15"),
    change("a repeated half hour", "Australia/Lord_Howe", "45 1 * * *", LORD_HOWE_BACK, "14:45"),
    change("hours in both passes", "Australia/Lord_Howe", "45 * * * *", LORD_HOWE_BACK, "13:45 14:45 15:15 16:15"),
    change("summer time is the standard one", "Europe/Dublin", "15 1 * * *", DUBLIN_FORWARD, "01:00"),
    change("quarters of a lost hour", "Europe/Dublin", "*/15 1 * * *", DUBLIN_FORWARD, ""),
    change("winter time is the exception", "Europe/Dublin", "15 1 * * *", DUBLIN_BACK, "00:15"),
    change("halves of both passes", "Europe/Dublin", "*/30 1 * * *", DUBLIN_BACK, "00:00 00:30 01:00 01:30"),
];

#[test]
fn looks_each_second_through_a_change_of_clocks() {
    for change in &CHANGES {
        let Change { sentence, zone, text, from, hours, dues } = change;
        let mut fire_clock = new(timetable(&[text], zone), from);
        let found = looks(&mut fire_clock, at(from), at(from) + 60 * MINUTE * *hours, Duration::from_secs(1));
        for (now, tick) in &found {
            assert_eq!(*tick, Tick::Fire(Fire { due: *now, missed: 0, late: false }), "{sentence}: {text} in {zone}");
        }
        let found: Vec<String> = found.iter().map(|(now, _)| now.format("%H:%M").to_string()).collect();
        assert_eq!(found.join(" "), *dues, "{sentence}: {text} in {zone}");
    }
}

#[test]
fn looks_each_minute_find_each_fire_of_a_year_once() {
    for zone in ["America/New_York", "Australia/Lord_Howe", "Europe/Dublin"] {
        for text in ["30 2 * * *", "0,30 1 * * *", "*/20 1-2 * * *", "@every 45m"] {
            let (from, to) = (at("2026-01-01T00:00:10Z"), at("2027-01-01T00:00:10Z"));
            let mut fire_clock = FireClock::new(timetable(&[text], zone), None, from);
            let found = looks(&mut fire_clock, from, to, MINUTE);
            let expected: Vec<_> = model::schedule::fires(&schedules(&[text], zone), from)
                .take_while(|due| *due < to)
                .map(|due| Tick::Fire(Fire { due, missed: 0, late: false }))
                .collect();
            assert_eq!(found.into_iter().map(|(_, tick)| tick).collect::<Vec<_>>(), expected, "{text} in {zone}");
        }
    }
}

#[test]
fn windows_decide_which_fires_there_are() {
    let mut fire_clock = new(within("Mon-Fri 01:00-02:00", &["*/30 * * * *"]), "2026-03-06T00:00:00Z"); // a Friday
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-06T01:00:00Z")));
    let found = looks(&mut fire_clock, at("2026-03-06T00:00:00Z"), at("2026-03-09T03:00:00Z"), MINUTE);
    let dues = ["2026-03-06T01:00:00Z", "2026-03-06T01:30:00Z", "2026-03-09T01:00:00Z", "2026-03-09T01:30:00Z"];
    assert_eq!(found, dues.map(|due| (at(due), on_time(due))));
}

#[test]
fn fires_outside_the_window_are_not_missed() {
    let mut fire_clock = new(within("01:00-02:00", &["*/30 * * * *"]), "2026-03-06T01:10:00Z");
    assert_eq!(
        fire_clock.tick(at("2026-03-08T01:30:10Z")),
        Tick::Fire(Fire {
            due: at("2026-03-08T01:30:00Z"),
            missed: 4, // the second of the first day, both of the next, the first of the last
            late: false,
        })
    );
}

#[test]
fn a_fire_found_when_its_window_is_shut_is_late() {
    let mut fire_clock = new(within("01:00-02:00", &["59 1 * * *"]), "2026-03-06T00:00:00Z");
    assert_eq!(fire_clock.tick(at("2026-03-06T02:00:00Z")), late("2026-03-06T01:59:00Z", 0));
    let mut fire_clock = new(within("01:00-02:00", &["59 1 * * *"]).skipping(), "2026-03-06T00:00:00Z");
    let fire = Fire { due: at("2026-03-06T01:59:00Z"), missed: 0, late: true };
    assert_eq!(fire_clock.tick(at("2026-03-06T02:00:00Z")), Tick::Skipped(fire));
}

#[test]
fn a_window_that_is_always_shut_costs_nothing_in_each_look() {
    let mut fire_clock = new(within("01:00-02:00", &["0 12 * * *"]), "2026-03-06T00:00:00Z");
    assert_eq!(fire_clock.next_due(), None);
    let Next::NotBefore(searched) = fire_clock.next else { panic!("{:?}", fire_clock.next) };
    assert!(searched > at("2031-01-01T00:00:00Z"), "{searched}");
    assert_eq!(fire_clock.tick(at("2026-03-07T00:00:00Z")), Tick::Nothing);
    assert_eq!(fire_clock.next, Next::NotBefore(searched), "nothing was searched again");
    assert_eq!(fire_clock.tick(searched), Tick::Nothing);
    let Next::NotBefore(further) = fire_clock.next else { panic!("{:?}", fire_clock.next) };
    assert!(further > searched);
}
