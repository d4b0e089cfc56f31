//! Pauses by hand.

use chrono::TimeDelta;

use super::stage::{Stage, config, known, noon};
use crate::daemon::scheduler::Action;
use crate::journal::Pause;
use crate::report::Outcome;

const OFTEN: &str = "schedule = \"*/5 * * * *\"";

#[test]
fn a_paused_profile_misses_nothing_and_its_run_goes_on_afterwards() {
    let mut stage = Stage::idle(&config(OFTEN));
    stage.tick(noon() + TimeDelta::minutes(5));
    stage.pause(None);
    stage.end(Outcome::Interrupted);
    assert_eq!(stage.wants(), ["begin by schedule due 02T12:05", "stop: the profile was paused"]);
    stage.tick(noon() + TimeDelta::hours(2));
    assert!(stage.wants().is_empty());
    stage.resume();
    assert_eq!(stage.wants(), ["begin by resume due 02T12:05 resumes 1"]);
    stage.end(Outcome::Complete);
    assert!(stage.wants().is_empty(), "fires while paused are not missed");
    stage.tick(noon() + TimeDelta::minutes(125));
    assert_eq!(stage.wants(), ["begin by schedule due 02T14:05"]);
}

#[test]
fn a_pause_with_an_end_ends() {
    let mut stage = Stage::idle(&config(OFTEN));
    stage.pause(Some(noon() + TimeDelta::minutes(12)));
    stage.tick(noon() + TimeDelta::minutes(10));
    assert!(stage.wants().is_empty());
    stage.tick(noon() + TimeDelta::minutes(15));
    assert_eq!(stage.wants(), ["unpause", "begin by schedule due 02T12:15"]);
}

#[test]
fn a_pause_outlives_the_daemon() {
    let often = config(OFTEN);
    let with = |until| {
        let mut remembered = known(&often, noon() - TimeDelta::hours(3));
        let pause = Pause { since: noon() - TimeDelta::hours(3), until };
        remembered.profiles.get_mut("p").unwrap().pause = Some(pause);
        remembered
    };
    let mut stage = Stage::start(&often, with(None), noon());
    assert!(stage.wants().is_empty());
    assert!(stage.state().paused().is_some());
    let mut stage = Stage::start(&often, with(Some(noon() - TimeDelta::minutes(12))), noon());
    assert_eq!(stage.wants(), ["unpause", "begin by schedule due 02T12:00 missed 2"], "11:50, 11:55, 12:00");
}

#[test]
fn a_fire_that_waits_when_the_profile_is_paused_is_said_to_pass() {
    let mut stage = Stage::idle(&config(&format!("{OFTEN}\non_overlap = \"queue\"")));
    stage.by_hand().unwrap();
    stage.tick(noon() + TimeDelta::minutes(5));
    stage.wants();
    stage.pause(None);
    assert_eq!(
        stage.wants(),
        ["stop: the profile was paused", "skip 02T12:05 missed 0: the profile was paused before it could begin"]
    );
}

#[test]
fn only_the_configuration_ends_what_the_configuration_paused() {
    let mut stage = Stage::idle(&config(&format!("{OFTEN}\npaused = true")));
    let error = stage.scheduler.resume("p", noon()).unwrap_err();
    assert!(error.to_string().contains("paused in the configuration"));
}

#[test]
fn a_pause_is_over_in_the_journal_only_after_what_passed_in_it_counts_as_dealt_with() {
    let config = config(OFTEN);
    let until = noon() - TimeDelta::minutes(12);
    let mut remembered = known(&config, noon() - TimeDelta::minutes(33));
    let state = remembered.profiles.get_mut("p").unwrap();
    state.pause = Some(Pause { since: noon() - TimeDelta::minutes(33), until: Some(until) });
    let over_at_start = Stage::start(&config, remembered, noon());
    let mut over_meanwhile = Stage::idle(&config);
    over_meanwhile.pause(Some(noon() + TimeDelta::minutes(7)));
    over_meanwhile.wants();
    over_meanwhile.tick(noon() + TimeDelta::minutes(8));
    for (stage, when) in [(over_at_start, "at a start"), (over_meanwhile, "meanwhile")] {
        let place = |is: fn(&Action) -> bool| stage.wanted.iter().position(is);
        let marked = place(|action| matches!(action, Action::SetWatermark { .. }));
        let lifted = place(|action| matches!(action, Action::Unpause { .. }));
        assert!(marked.is_some() && marked < lifted, "{when}: a crash in between must not have them missed");
    }
}
