//! Fires, windows, and clocks that jump.

use chrono::{DateTime, TimeDelta, Utc};

use super::stage::{Stage, at, config, known, noon};
use crate::report::Outcome;

#[test]
fn a_machine_that_slept_for_three_hours_runs_the_fire_it_slept_through() {
    let mut stage = Stage::idle(&config("schedule = \"0 14 * * *\""));
    stage.tick(noon() + TimeDelta::seconds(1));
    stage.tick(noon() + TimeDelta::hours(3));
    assert_eq!(stage.wants(), ["begin by missed due 02T14:00"]);
}

#[test]
fn fires_that_passed_without_the_daemon_are_one_run_that_counts_them() {
    let hourly = config("schedule = \"0 * * * *\"");
    let mut stage = Stage::start(&hourly, known(&hourly, noon() - TimeDelta::hours(10)), noon());
    assert_eq!(stage.wants(), ["begin by schedule due 02T12:00 missed 9"]);
    let skipping = config("schedule = \"0 * * * *\"\non_missed = \"skip\"");
    let late = noon() + TimeDelta::minutes(30);
    let mut stage = Stage::start(&skipping, known(&skipping, noon() - TimeDelta::hours(10)), late);
    let wants = stage.wants();
    assert!(wants[0].starts_with("skip 02T12:00 missed 9: it passed"), "{wants:?}");
    stage.tick(noon() + TimeDelta::hours(1));
    assert_eq!(stage.wants(), ["begin by schedule due 02T13:00"]);
}

#[test]
fn a_clock_that_is_set_by_three_days_runs_nothing_twice() {
    let mut stage = Stage::idle(&config("schedule = \"30 1 * * *\""));
    stage.tick(noon() + TimeDelta::days(3));
    assert_eq!(stage.wants(), ["begin by missed due 05T01:30 missed 2"], "forward");
    stage.end(Outcome::Complete);
    let mut dues = Vec::new();
    let mut now = noon();
    while now < noon() + TimeDelta::days(5) {
        now += TimeDelta::minutes(1);
        stage.tick(now);
        dues.extend(stage.wants());
        if stage.state().run().is_some() {
            stage.end(Outcome::Complete);
        }
    }
    let times = |day: &str| dues.iter().filter(|due| due.contains(&format!("due {day}T01:30"))).count();
    assert_eq!(times("05"), 0, "it has run: {dues:?}");
    assert_eq!(
        ["03", "04", "06", "07"].map(times),
        [1; 4],
        "those that were missed in the jump come after all: {dues:?}"
    );
}

fn nights() -> &'static str {
    "schedule = \"30 1 * * *\"\nwindow = \"01:00-06:00\""
}

#[test]
fn a_run_that_is_still_going_when_its_window_closes_is_stopped() {
    let mut stage = Stage::idle(&config(nights()));
    stage.tick(at("2026-03-03T01:30:00Z"));
    assert_eq!(stage.wants(), ["begin by schedule due 03T01:30"]);
    stage.tick(at("2026-03-03T05:59:59Z"));
    assert!(stage.wants().is_empty());
    stage.tick(at("2026-03-03T06:00:00Z"));
    assert_eq!(stage.wants(), ["stop: its window closed"]);
    stage.end(Outcome::Partial);
    assert!(stage.wants().is_empty());
}

#[test]
fn what_may_not_begin_now_begins_when_the_window_opens() {
    let (before, after) = (config(nights()), config(&format!("{}\nmax_objects = 5", nights())));
    let mut stage = Stage::idle(&before);
    stage.reload(&after, model::api::ReloadedBy::Sighup);
    assert!(stage.wants().is_empty(), "nothing starts by itself outside it");
    let why = stage.state().waiting(noon()).unwrap().why;
    assert_eq!(why, "its window opens at 2026-03-03 01:00 UTC");
    stage.tick(at("2026-03-03T01:00:00Z"));
    assert_eq!(stage.wants(), ["begin by reload"]);
    // A fire of the night that the daemon finds in the morning waits for the next one.
    let mut stage = Stage::start(&before, known(&before, noon() - TimeDelta::days(1)), noon());
    assert!(stage.wants().is_empty());
    stage.tick(at("2026-03-03T01:00:00Z"));
    assert_eq!(stage.wants(), ["begin by missed due 02T01:30"]);
}

#[test]
fn what_is_asked_for_by_hand_does_not_ask_the_window() {
    let mut stage = Stage::idle(&config(nights()));
    assert_eq!(stage.by_hand(), Ok(false));
    stage.tick(noon() + TimeDelta::hours(1));
    assert_eq!(stage.wants(), ["begin by api"], "and is not stopped by it");
}

#[test]
fn a_new_schedule_has_missed_nothing() {
    let nightly = config("schedule = \"30 1 * * *\"");
    let often = config("schedule = \"*/5 * * * *\"");
    let mut stage = Stage::start(&often, known(&nightly, noon() - TimeDelta::days(9)), noon());
    assert!(stage.wants().is_empty());
    stage.tick(noon() + TimeDelta::minutes(5));
    assert_eq!(stage.wants(), ["begin by schedule due 02T12:05"]);
}

#[test]
fn a_month_of_nights_is_a_run_a_night_over_the_change_of_the_clocks() {
    let mut stage = Stage::idle(&config("schedule = \"30 2 * * *\"\ntime_zone = \"America/New_York\""));
    let (mut now, mut dues) = (noon(), Vec::<DateTime<Utc>>::new());
    while now < noon() + TimeDelta::days(31) {
        now += TimeDelta::seconds(30);
        stage.tick(now);
        for action in std::mem::take(&mut stage.wanted) {
            if let crate::daemon::scheduler::Action::Claim(run) = action {
                dues.extend(run.info.due);
            }
        }
        if stage.state().run().is_some() {
            stage.end(Outcome::Complete);
        }
    }
    assert_eq!(dues.len(), 31);
    assert!(dues.contains(&at("2026-03-08T07:00:00Z")), "02:30 does not exist: the first instant after the gap");
}
