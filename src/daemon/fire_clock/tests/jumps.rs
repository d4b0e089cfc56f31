//! Suspended machines, clocks that are set, daemons that were not there.

use super::*;

#[test]
fn a_suspend_of_three_hours_across_a_fire_runs_it_late() {
    let mut fire_clock = new(timetable(&["0 3 * * *"], "UTC"), "2026-03-01T00:00:00Z");
    assert_eq!(fire_clock.tick(at("2026-03-01T01:00:00Z")), Tick::Nothing);
    assert_eq!(fire_clock.tick(at("2026-03-01T04:00:00Z")), late("2026-03-01T03:00:00Z", 0));
    assert_eq!(fire_clock.tick(at("2026-03-01T04:00:01Z")), Tick::Nothing);
}

#[test]
fn an_hour_of_suspend_is_one_fire_with_59_missed() {
    let mut fire_clock = new(timetable(&["* * * * *"], "UTC"), "2026-03-01T00:00:00Z");
    let fire = Fire { due: at("2026-03-01T01:00:00Z"), missed: 59, late: false };
    assert_eq!(fire_clock.tick(at("2026-03-01T01:00:30Z")), Tick::Fire(fire));
    assert_eq!(fire_clock.tick(at("2026-03-01T01:01:00Z")), on_time("2026-03-01T01:01:00Z"));
}

#[test]
fn missed_fires_are_skipped_or_run_once() {
    let watermark = Some(at("2026-03-01T00:00:00Z"));
    for (sentence, text, now, due, missed, late) in [
        ("all are late", "0 * * * *", "2026-03-01T05:30:00Z", "2026-03-01T05:00:00Z", 4, true),
        ("the last is in time", "0 * * * *", "2026-03-01T05:00:10Z", "2026-03-01T05:00:00Z", 4, false),
    ] {
        let fire = Fire { due: at(due), missed, late };
        let hourly = timetable(&[text], "UTC");
        let mut fire_clock = FireClock::new(hourly.clone(), watermark, at(now));
        assert_eq!(fire_clock.tick(at(now)), Tick::Fire(fire), "{sentence}");
        let mut fire_clock = FireClock::new(hourly.skipping(), watermark, at(now));
        let expected = if late { Tick::Skipped(fire) } else { Tick::Fire(fire) };
        assert_eq!(fire_clock.tick(at(now)), expected, "{sentence}");
        assert_eq!(fire_clock.tick(at(now)), Tick::Nothing, "{sentence}");
    }
}

#[test]
fn a_clock_set_forward_by_three_days_fires_once_with_the_count() {
    let mut fire_clock = new(timetable(&["30 1 * * *"], "UTC"), "2026-03-01T00:00:00Z");
    assert_eq!(fire_clock.tick(at("2026-03-04T00:00:00Z")), late("2026-03-03T01:30:00Z", 2));
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-04T01:30:00Z")));
}

#[test]
fn a_clock_set_back_by_three_days_repeats_nothing() {
    let mut fire_clock = new(timetable(&["0 * * * *"], "UTC"), "2026-03-04T00:00:00Z");
    assert_eq!(fire_clock.tick(at("2026-03-04T01:00:00Z")), on_time("2026-03-04T01:00:00Z"));
    assert_eq!(fire_clock.behind(at("2026-03-04T01:00:00Z")), None);
    let back = at("2026-03-01T01:00:00Z");
    assert_eq!(fire_clock.tick(back), Tick::Nothing);
    assert_eq!(fire_clock.behind(back), Some(Duration::from_secs(3 * 86_400)));
    assert_eq!(looks(&mut fire_clock, back, at("2026-03-04T01:59:00Z"), MINUTE), []);
    assert_eq!(fire_clock.behind(at("2026-03-04T01:59:00Z")), None);
    assert_eq!(fire_clock.tick(at("2026-03-04T02:00:00Z")), on_time("2026-03-04T02:00:00Z"));
}

#[test]
fn a_clock_set_forward_and_back_again_repeats_nothing() {
    let mut fire_clock = new(timetable(&["0 * * * *"], "UTC"), "2026-03-01T00:30:00Z");
    assert_eq!(fire_clock.tick(at("2026-03-02T00:30:00Z")), late("2026-03-02T00:00:00Z", 23));
    let found = looks(&mut fire_clock, at("2026-03-01T00:31:00Z"), at("2026-03-02T01:00:00Z"), MINUTE);
    assert_eq!(found, [(at("2026-03-02T01:00:00Z"), on_time("2026-03-02T01:00:00Z"))]);
}

#[test]
fn a_watermark_of_the_future_in_the_journal_holds_after_a_restart() {
    let watermark = at("2026-03-04T00:00:00Z");
    let mut fire_clock = FireClock::new(timetable(&["0 * * * *"], "UTC"), Some(watermark), at("2026-03-01T00:00:00Z"));
    assert_eq!(fire_clock.behind(at("2026-03-01T00:00:00Z")), Some(Duration::from_secs(3 * 86_400)));
    assert_eq!(fire_clock.tick(at("2026-03-01T01:00:00Z")), Tick::Nothing);
    assert_eq!(fire_clock.watermark(), watermark);
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-04T01:00:00Z")));
}

#[test]
fn years_of_each_second_are_counted_up_to_a_bound_and_end_at_the_last() {
    let mut fire_clock = new(timetable(&["* * * * * *"], "UTC"), "2026-03-01T00:00:00Z");
    assert_eq!(
        fire_clock.tick(at("2027-03-01T00:00:00Z")),
        Tick::Fire(Fire { due: at("2027-03-01T00:00:00Z"), missed: 100_000, late: false })
    );
    let christmas = timetable(&["* * * 25 12 *", "0 12 24 12 *"], "Europe/Dublin");
    let mut fire_clock = FireClock::new(christmas, Some(at("2020-01-01T00:00:00Z")), at("2026-03-01T00:00:00Z"));
    assert_eq!(fire_clock.tick(at("2026-12-24T12:30:00Z")), late("2026-12-24T12:00:00Z", 100_000));
    let mut within = FireClock::new(
        within("Sun 02:00-03:00", &["*/2 * * * * *"]),
        Some(at("2020-01-01T00:00:00Z")),
        at("2026-03-01T00:00:00Z"),
    );
    assert_eq!(within.tick(at("2026-03-07T00:00:00Z")), late("2026-03-01T02:59:58Z", 100_000));
}

#[test]
fn the_ends_of_the_calendar_are_no_place_to_fall_from() {
    let yearly = || Timetable::new("nightly", schedules(&["@yearly"], "America/New_York"), None, 10 * MINUTE);
    let (min, max) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let times = [min, at("1969-12-31T23:59:59.5Z"), at("4999-12-31T23:30:00Z"), at("9999-12-31T23:59:59Z"), max];
    for watermark in times {
        for now in times {
            let mut fire_clock = FireClock::new(yearly(), Some(watermark), now);
            if let Tick::Fire(fire) = fire_clock.tick(now) {
                assert!(watermark < fire.due && fire.due <= now, "{fire:?} of {watermark} at {now}");
                assert!(fire.due < at("5000-01-01T00:00:00Z") && fire.due >= DateTime::UNIX_EPOCH, "{fire:?}");
            }
            fire_clock.behind(now);
            fire_clock.next_wake();
            fire_clock.pass_over(max);
            assert_eq!((fire_clock.tick(max), fire_clock.next_due()), (Tick::Nothing, None));
        }
    }
    let mut fire_clock = FireClock::new(spread("nightly", 10 * MINUTE, &["0 * * * *"]), Some(min), min);
    assert_eq!(fire_clock.next_due(), Some(DateTime::UNIX_EPOCH));
    let last = Fire { due: at("4999-12-31T23:00:00Z"), missed: 100_000, late: true };
    assert_eq!(fire_clock.tick(max), Tick::Fire(last));
    let endless = Timetable::new("nightly", schedules(&["0 * * * *"], "UTC"), None, Duration::MAX);
    assert_eq!(FireClock::new(endless, Some(min), max).tick(max), Tick::Nothing);
}
