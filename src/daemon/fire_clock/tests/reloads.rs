//! Paused profiles, and timetables that change under a living fire_clock.

use super::*;

#[test]
fn what_is_due_while_paused_is_neither_run_nor_missed() {
    let mut fire_clock = new(timetable(&["0 * * * *"], "UTC"), "2026-03-01T00:30:00Z");
    for now in ["2026-03-01T01:00:00Z", "2026-03-01T02:30:00Z", "2026-03-01T05:00:00Z"] {
        fire_clock.pass_over(at(now));
    }
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-01T06:00:00Z")));
    assert_eq!(fire_clock.tick(at("2026-03-01T05:59:59Z")), Tick::Nothing);
    assert_eq!(fire_clock.tick(at("2026-03-01T06:00:00Z")), on_time("2026-03-01T06:00:00Z"));
}

#[test]
fn a_pause_does_not_undo_what_has_been_dealt_with() {
    let mut fire_clock = new(timetable(&["0 * * * *"], "UTC"), "2026-03-04T00:30:00Z");
    fire_clock.pass_over(at("2026-03-01T00:30:00Z"));
    assert_eq!(fire_clock.watermark(), at("2026-03-04T00:30:00Z"));
    assert_eq!(fire_clock.tick(at("2026-03-01T01:00:00Z")), Tick::Nothing);
}

#[test]
fn a_pause_takes_fires_whose_jitter_has_not_run_out() {
    let mut fire_clock =
        FireClock::new(spread("nightly", 10 * MINUTE, &["0 * * * *"]), None, at("2026-03-01T00:30:00Z"));
    fire_clock.pass_over(at("2026-03-01T01:00:00Z"));
    assert_eq!(fire_clock.tick(at("2026-03-01T01:30:00Z")), Tick::Nothing);
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-01T02:00:00Z")));
}

#[test]
fn new_schedules_count_from_the_reload() {
    let mut fire_clock = new(timetable(&["0 0 * * *"], "UTC"), "2026-03-01T00:30:00Z");
    fire_clock.retime(timetable(&["0 * * * *"], "UTC"), at("2026-03-01T05:30:00Z"));
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-01T06:00:00Z")));
    assert_eq!(fire_clock.tick(at("2026-03-01T05:59:00Z")), Tick::Nothing);
    fire_clock.retime(timetable(&["0 * * * *"], "America/New_York"), at("2026-03-01T06:30:00Z"));
    assert_eq!(fire_clock.tick(at("2026-03-01T06:30:00Z")), Tick::Nothing, "another zone makes other schedules");
    fire_clock.retime(timetable(&[], "UTC"), at("2026-03-01T07:30:00Z"));
    assert_eq!((fire_clock.next_due(), fire_clock.tick(at("2026-03-01T08:30:00Z"))), (None, Tick::Nothing));
}

#[test]
fn new_schedules_repeat_nothing_while_the_clock_is_behind() {
    let mut fire_clock = new(timetable(&["0 0 * * *"], "UTC"), "2026-03-04T00:30:00Z");
    fire_clock.retime(timetable(&["0 * * * *"], "UTC"), at("2026-03-01T00:30:00Z"));
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-04T01:00:00Z")));
}

#[test]
fn unchanged_schedules_keep_what_is_pending() {
    let hourly = timetable(&["0 * * * *", "30 0 * * *"], "UTC");
    let pending = || new(hourly.clone(), "2026-03-01T00:45:00Z");
    let now = at("2026-03-01T01:00:10Z");
    for (sentence, timetable) in [
        ("the same", hourly.clone()),
        ("in another order, with other blanks", timetable(&["30  0 * * *", "0 *\t* * *"], "UTC")),
        ("another window", within("01:00-02:00", &["0 * * * *", "30 0 * * *"])),
        ("another on_missed", hourly.clone().skipping()),
    ] {
        let mut fire_clock = pending();
        fire_clock.retime(timetable, now);
        assert_eq!(fire_clock.tick(now), on_time("2026-03-01T01:00:00Z"), "{sentence}");
    }
    let mut fire_clock = pending();
    fire_clock.retime(within("02:00-03:00", &["0 * * * *", "30 0 * * *"]), now);
    assert_eq!(fire_clock.tick(now), Tick::Nothing, "a window that shuts it out");
    let mut fire_clock = pending();
    fire_clock.retime(spread("nightly", 10 * MINUTE, &["0 * * * *", "30 0 * * *"]), now);
    assert_eq!(fire_clock.tick(now), Tick::Nothing, "a jitter that has not run out");
    let wake = fire_clock.next_wake().unwrap();
    assert_eq!(fire_clock.tick(wake), on_time("2026-03-01T01:00:00Z"), "and then has");
}

#[test]
fn the_text_is_that_of_schedules_and_zones_alone() {
    let text = timetable(&["0 0 * * *", "@every 10m"], "Europe/Paris").text();
    assert_eq!(text, "0 0 * * * in Europe/Paris\n@every 10m in Europe/Paris");
    assert_eq!(timetable(&["@every 10m", " 0 0 * * * ", "0 0 * * *"], "Europe/Paris").text(), text);
    assert_ne!(timetable(&["0 0 * * *", "@every 10m"], "UTC").text(), text);
    assert_ne!(timetable(&["0 0 * * *"], "Europe/Paris").text(), text);
    assert_eq!(timetable(&[], "UTC").text(), "");
}

#[test]
fn a_timetable_is_what_its_profile_says() {
    let text = r#"
[endpoint.lota]
cache_url = "http://127.0.0.1:9"
addressing = "path"
region = "here"

[profile.nightly]
objects = ["s3://training/imagenet/*"]
max_bytes = "1 TiB"
schedule = ["0 * * * *", "@every 7h"]
time_zone = "America/New_York"
window = "01:00-06:00"
jitter = "10m"
on_missed = "skip"
"#;
    let source = model::config::Source::trusted("hotset.toml", text, 0);
    let config = model::config::load_sources(vec![source]).unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    let timetable = Timetable::of(config.profiles.values().next().unwrap());
    assert_eq!(timetable.text(), "0 * * * * in America/New_York\n@every 7h in America/New_York");
    let mut fire_clock = new(timetable, "2026-03-02T12:00:00Z");
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-03T06:00:00Z")), "01:00 in New York");
    let by_name = FireClock::new(spread("nightly", 10 * MINUTE, &["0 6 * * *"]), None, at("2026-03-02T12:00:00Z"));
    assert_eq!(fire_clock.next_wake(), by_name.next_wake());
    let fire = Fire { due: at("2026-03-03T06:00:00Z"), missed: 0, late: true };
    assert_eq!(fire_clock.tick(at("2026-03-03T06:30:00Z")), Tick::Skipped(fire));
}
