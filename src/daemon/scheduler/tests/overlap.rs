//! A fire while the profile runs.

use chrono::TimeDelta;

use super::stage::{Stage, config, known, left, noon};
use crate::report::Outcome;

fn running(overlap: &str) -> Stage {
    let mut stage = Stage::idle(&config(&format!("schedule = \"*/5 * * * *\"\non_overlap = \"{overlap}\"")));
    stage.tick(noon() + TimeDelta::minutes(5));
    assert_eq!(stage.wants(), ["begin by schedule due 02T12:05"]);
    stage.tick(noon() + TimeDelta::minutes(10));
    stage
}

#[test]
fn skip_says_what_is_still_running() {
    let mut stage = running("skip");
    assert_eq!(stage.wants(), ["skip 02T12:10 missed 0: still running"]);
    stage.end(Outcome::Complete);
    assert!(stage.wants().is_empty());
}

#[test]
fn queue_runs_once_more_whatever_fired_meanwhile() {
    let mut stage = running("queue");
    stage.tick(noon() + TimeDelta::minutes(15));
    stage.tick(noon() + TimeDelta::minutes(20));
    assert!(stage.wants().is_empty());
    stage.end(Outcome::Complete);
    assert_eq!(stage.wants(), ["begin by schedule due 02T12:20 missed 2"]);
}

#[test]
fn replace_stops_the_run_and_begins_the_next_when_it_has_ended() {
    let mut stage = running("replace");
    assert_eq!(stage.wants(), ["stop: the next fire replaced it"]);
    stage.tick(noon() + TimeDelta::minutes(15));
    stage.end(Outcome::Interrupted);
    assert_eq!(stage.wants(), ["begin by schedule due 02T12:15 missed 1"]);
}

#[test]
fn a_run_by_hand_joins_the_one_in_progress_and_waits_for_none_that_is_being_stopped() {
    let mut stage = running("skip");
    stage.wants();
    assert_eq!(stage.by_hand(), Ok(true));
    stage.cancel();
    assert_eq!(stage.wants(), ["stop: cancelled by hand"]);
    assert!(stage.by_hand().unwrap_err().contains("is being stopped"));
    stage.end(Outcome::Interrupted);
    assert!(stage.wants().is_empty(), "cancelled by hand: it is not taken up again");
    assert_eq!(stage.by_hand(), Ok(false));
}

#[test]
fn a_profile_that_another_process_warms_is_skipped_or_waits() {
    let often = config("schedule = \"*/5 * * * *\"");
    let mut stage = Stage::holding(&often, known(&often, noon()), noon());
    stage.tick(noon() + TimeDelta::minutes(5));
    stage.wants();
    stage.deny();
    assert_eq!(stage.wants(), ["skip 02T12:05 missed 0: already running"]);
    let often = config("schedule = \"*/5 * * * *\"\non_overlap = \"queue\"");
    let mut stage = Stage::holding(&often, known(&often, noon()), noon());
    stage.tick(noon() + TimeDelta::minutes(5));
    stage.wants();
    stage.deny();
    assert!(stage.wants().is_empty());
    stage.tick(noon() + TimeDelta::minutes(5) + TimeDelta::seconds(11));
    assert_eq!(stage.wants(), ["begin by schedule due 02T12:05"]);
}

#[test]
fn a_daemon_that_stops_begins_nothing() {
    let mut stage = running("queue");
    stage.wants();
    stage.stop();
    assert_eq!(stage.wants(), ["stop: the daemon was stopped"]);
    stage.tick(noon() + TimeDelta::minutes(15));
    stage.end(Outcome::Interrupted);
    assert!(stage.wants().is_empty());
    assert_eq!(stage.by_hand().unwrap_err(), "the daemon is stopping");
}

#[test]
fn an_interrupted_run_waits_for_a_process_that_warms_its_profile() {
    for lines in ["on_overlap = \"skip\"", "on_overlap = \"queue\""] {
        let config = config(&format!("schedule = \"0 3 * * *\"\n{lines}"));
        let mut remembered = known(&config, noon());
        remembered.interrupted.push(left(&config, noon()));
        let mut stage = Stage::holding(&config, remembered, noon());
        let resumes = ["begin by resume due 02T11:00 missed 3 resumes 2"];
        assert_eq!(stage.wants(), resumes);
        stage.deny();
        assert!(stage.wants().is_empty(), "{lines}: neither lost nor skipped");
        stage.tick(noon() + TimeDelta::seconds(11));
        assert_eq!(stage.wants(), resumes, "{lines}: under its info");
        stage.deny();
        assert_eq!(stage.by_hand(), Ok(false));
        stage.wants();
        stage.deny();
        stage.tick(noon() + TimeDelta::seconds(22));
        assert_eq!(stage.wants(), resumes, "{lines}: one by hand that did not begin does not take its place");
    }
}

#[test]
fn a_run_that_is_being_paused_or_shut_down_can_be_cancelled() {
    let mut stage = running("skip");
    stage.wants();
    stage.pause(None);
    stage.cancel();
    assert_eq!(stage.wants(), ["stop: the profile was paused", "stop: cancelled by hand"]);
    stage.end(Outcome::Interrupted);
    stage.resume();
    assert!(stage.wants().is_empty(), "it is not taken up again");
}
