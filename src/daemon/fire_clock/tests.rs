use super::*;
use model::schedule::{Schedule, Window, Zone};

mod clocks;
mod jumps;
mod properties;
mod reloads;

const MINUTE: Duration = Duration::from_secs(60);

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_utc()
}

fn schedules(texts: &[&str], zone: &str) -> Vec<Schedule> {
    let zone = Zone::built_in(zone).unwrap();
    texts
        .iter()
        .map(|text| Schedule::parse(text, zone.clone()).unwrap_or_else(|error| panic!("{text}: {error}")))
        .collect()
}

/// Without window or jitter.
fn timetable(texts: &[&str], zone: &str) -> Timetable {
    Timetable::new("nightly", schedules(texts, zone), None, Duration::ZERO)
}

fn within(window: &str, texts: &[&str]) -> Timetable {
    let window = Window::parse(window, Zone::utc()).unwrap();
    Timetable::new("nightly", schedules(texts, "UTC"), Some(window), Duration::ZERO)
}

fn spread(name: &str, jitter: Duration, texts: &[&str]) -> Timetable {
    Timetable::new(name, schedules(texts, "UTC"), None, jitter)
}

/// Seen for the first time at `now`.
fn new(timetable: Timetable, now: &str) -> FireClock {
    FireClock::new(timetable, None, at(now))
}

fn on_time(due: &str) -> Tick {
    Tick::Fire(Fire { due: at(due), missed: 0, late: false })
}

fn late(due: &str, missed: u64) -> Tick {
    Tick::Fire(Fire { due: at(due), missed, late: true })
}

/// Looks every `step` after `from` until `to`; what was found, and when.
fn looks(
    fire_clock: &mut FireClock,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    step: Duration,
) -> Vec<(DateTime<Utc>, Tick)> {
    let times = std::iter::successors(Some(from + step), |now| Some(*now + step)).take_while(|now| *now <= to);
    times.map(|now| (now, fire_clock.tick(now))).filter(|(_, tick)| *tick != Tick::Nothing).collect()
}

#[test]
fn fires_once_when_it_is_due() {
    let mut fire_clock = new(timetable(&["30 1 * * *"], "UTC"), "2026-03-01T00:00:00Z");
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-01T01:30:00Z")));
    assert_eq!(fire_clock.tick(at("2026-03-01T01:29:59.999Z")), Tick::Nothing);
    assert_eq!(fire_clock.tick(at("2026-03-01T01:30:00Z")), on_time("2026-03-01T01:30:00Z"));
    assert_eq!(fire_clock.tick(at("2026-03-01T01:30:00Z")), Tick::Nothing);
    assert_eq!(fire_clock.tick(at("2026-03-01T01:30:01Z")), Tick::Nothing);
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-02T01:30:00Z")));
    assert_eq!(fire_clock.watermark(), at("2026-03-01T01:30:01Z"));
}

#[test]
fn a_fire_at_the_moment_a_profile_is_first_seen_does_not_count() {
    let mut fire_clock = new(timetable(&["30 1 * * *"], "UTC"), "2026-03-01T01:30:00Z");
    assert_eq!(fire_clock.tick(at("2026-03-01T01:30:01Z")), Tick::Nothing);
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-02T01:30:00Z")));
}

#[test]
fn several_schedules_that_fire_at_one_instant_fire_once() {
    let texts = ["0 0 * * *", "@daily", "0 */6 * * *", "@every 1h"];
    let mut fire_clock = new(timetable(&texts, "UTC"), "2026-02-28T23:59:00Z");
    assert_eq!(fire_clock.tick(at("2026-03-01T00:00:00Z")), on_time("2026-03-01T00:00:00Z"));
    assert_eq!(fire_clock.tick(at("2026-03-01T00:59:59Z")), Tick::Nothing);
    assert_eq!(fire_clock.tick(at("2026-03-01T01:00:00Z")), on_time("2026-03-01T01:00:00Z"));
}

#[test]
fn without_schedules_nothing_ever_fires() {
    let mut fire_clock = new(timetable(&[], "UTC"), "2026-03-01T00:00:00Z");
    assert_eq!(fire_clock.tick(at("2036-03-01T00:00:00Z")), Tick::Nothing);
    assert_eq!((fire_clock.next_due(), fire_clock.next_wake()), (None, None));
}

#[test]
fn a_fire_late_by_more_than_a_minute_is_told_apart() {
    for (now, late) in
        [("2026-03-01T01:30:59Z", false), ("2026-03-01T01:31:00Z", false), ("2026-03-01T01:31:00.001Z", true)]
    {
        let due = at("2026-03-01T01:30:00Z");
        let mut fire_clock = new(timetable(&["30 1 * * *"], "UTC"), "2026-03-01T00:00:00Z");
        assert_eq!(fire_clock.tick(at(now)), Tick::Fire(Fire { due, missed: 0, late }), "{now}");
        let mut fire_clock = new(timetable(&["30 1 * * *"], "UTC").skipping(), "2026-03-01T00:00:00Z");
        let fire = Fire { due, missed: 0, late };
        assert_eq!(fire_clock.tick(at(now)), if late { Tick::Skipped(fire) } else { Tick::Fire(fire) }, "{now}");
    }
}

#[test]
fn jitter_moves_the_wake_and_never_the_due() {
    let mut fire_clock =
        FireClock::new(spread("nightly", 10 * MINUTE, &["0 * * * *"]), None, at("2026-03-01T00:30:00Z"));
    let due = at("2026-03-01T01:00:00Z");
    let wake = fire_clock.next_wake().unwrap();
    assert_eq!(fire_clock.next_due(), Some(due));
    assert!(due < wake && wake < due + 10 * MINUTE, "{wake}");
    assert_eq!(fire_clock.tick(wake - Duration::from_millis(1)), Tick::Nothing);
    assert_eq!(fire_clock.tick(wake), on_time("2026-03-01T01:00:00Z"));
    assert_eq!(fire_clock.next_due(), Some(at("2026-03-01T02:00:00Z")));
    let found = fire_clock.tick(wake + Duration::from_secs(3_600 + 60));
    assert_eq!(found, on_time("2026-03-01T02:00:00Z"), "a minute past the wake is in time, however large the jitter");
}

#[test]
fn jitter_is_stable_per_profile_and_spreads_profiles() {
    let wakes = |name: &str, jitter| {
        FireClock::new(spread(name, jitter, &["0 * * * *"]), None, at("2026-03-01T00:30:00Z")).next_wake().unwrap()
    };
    assert_eq!(wakes("nightly", 10 * MINUTE), at("2026-03-01T01:01:47.926Z"), "the same in every version");
    assert_eq!(wakes("nightly", Duration::ZERO), at("2026-03-01T01:00:00Z"));
    assert_eq!(wakes("nightly", Duration::from_millis(1)), at("2026-03-01T01:00:00Z"), "less than `jitter`");
    let names: Vec<String> = (0..300).map(|n| format!("profile-{n}")).collect();
    let minutes = |minute: i64| {
        let in_minute =
            |name: &&String| (wakes(name, 10 * MINUTE) - at("2026-03-01T01:00:00Z")).num_minutes() == minute;
        names.iter().filter(in_minute).count()
    };
    let spread: Vec<usize> = (0..10).map(minutes).collect();
    assert!(spread.iter().all(|count| (15..=45).contains(count)), "{spread:?}");
}
