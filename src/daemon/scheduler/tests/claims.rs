//! What happens to a profile while the journal is asked for its run.

use chrono::TimeDelta;

use super::stage::{Stage, config, known, left, noon, profiles};
use crate::daemon::scheduler::Action;
use crate::report::{Outcome, Trigger};
use model::api::ReloadedBy::{Sighup, Watch};

fn often(overlap: &str) -> String {
    format!("schedule = \"*/5 * * * *\"\non_overlap = \"{overlap}\"")
}

/// A profile whose fire of 12:05 is claimed.
fn claiming(overlap: &str) -> Stage {
    let config = config(&often(overlap));
    let mut stage = Stage::holding(&config, known(&config, noon()), noon());
    stage.tick(noon() + TimeDelta::minutes(5));
    assert_eq!(stage.wants(), ["begin by schedule due 02T12:05"]);
    stage
}

/// The end of the wait for another process.
fn retry(stage: &mut Stage) {
    stage.tick(stage.now + TimeDelta::seconds(10));
}

#[test]
fn a_profile_has_one_claim_at_a_time_and_shows_its_run() {
    let mut stage = claiming("queue");
    stage.tick(noon() + TimeDelta::minutes(6));
    assert!(stage.wants().is_empty(), "the journal has not answered");
    assert!(stage.state().run().is_some() && stage.state().waiting(stage.now).is_none());
    stage.grant();
    stage.tick(noon() + TimeDelta::minutes(7));
    stage.end(Outcome::Complete);
    assert!(stage.wants().is_empty(), "its fire is used up");
}

#[test]
fn a_changed_profile_stays_changed_until_its_run_is_granted() {
    let (before, after) = (config(&often("skip")), config(&format!("{}\nmax_objects = 5", often("skip"))));
    let mut stage = Stage::holding(&before, known(&before, noon()), noon());
    stage.reload(&after, Sighup);
    assert_eq!(stage.wants(), ["begin by reload"]);
    stage.deny();
    retry(&mut stage);
    assert_eq!(stage.wants(), ["begin by reload"], "another process runs it: the change is not forgotten");
    stage.grant();
    stage.end(Outcome::Complete);
    assert!(stage.wants().is_empty());
}

#[test]
fn a_fire_during_a_claim_is_dealt_with_as_one_during_the_run() {
    for (overlap, meanwhile, after_its_end, after_a_denial) in [
        ("skip", &["skip 02T12:10 missed 0: still running"][..], &[][..], &[][..]),
        ("queue", &[], &["begin by schedule due 02T12:10"], &["begin by schedule due 02T12:10 missed 1"]),
        (
            "replace",
            &["stop: the next fire replaced it"],
            &["begin by schedule due 02T12:10"],
            &["begin by schedule due 02T12:10 missed 1"],
        ),
    ] {
        for is_granted in [true, false] {
            let mut stage = claiming(overlap);
            stage.tick(noon() + TimeDelta::minutes(10));
            assert_eq!(stage.wants(), meanwhile, "{overlap}");
            if is_granted {
                stage.grant();
                stage.end(Outcome::Interrupted);
                assert_eq!(stage.wants(), after_its_end, "{overlap}: a run of its own");
            } else {
                stage.deny();
                let skipped = stage.wants();
                assert_eq!(skipped.len(), usize::from(overlap == "skip"), "{overlap}: {skipped:?}");
                retry(&mut stage);
                assert_eq!(stage.wants(), after_a_denial, "{overlap}: one run for both");
            }
        }
    }
}

#[test]
fn a_start_by_hand_joins_a_claim_and_takes_no_fire_from_one_that_is_denied() {
    let mut stage = claiming("queue");
    assert_eq!(stage.by_hand(), Ok(true), "the run that is claimed");
    stage.deny();
    assert_eq!(stage.by_hand(), Ok(false), "while it waits for the other process");
    assert_eq!(stage.wants(), ["begin by api due 02T12:05"]);
    stage.deny();
    assert_eq!(stage.wants(), ["begin by schedule due 02T12:05"], "it is pending as it was");
    stage.deny();
    stage.by_hand().unwrap();
    stage.grant();
    stage.end(Outcome::Complete);
    assert_eq!(stage.wants(), ["begin by api due 02T12:05"], "one by hand stands for it, too");
}

#[test]
fn a_reload_during_a_claim_replaces_a_run_of_what_the_profile_was() {
    let changed = config(&format!("{}\nmax_objects = 5", often("queue")));
    let mut stage = claiming("queue");
    stage.reload(&changed, Watch);
    assert_eq!(stage.wants(), ["stop: the profile was changed"]);
    stage.grant();
    stage.end(Outcome::Interrupted);
    assert_eq!(
        stage.wants(),
        ["begin by reload due 02T12:05"],
        "granted: it stops at once, and the next stands for its fire"
    );
    let mut stage = claiming("queue");
    stage.reload(&changed, Watch);
    stage.wants();
    stage.deny();
    retry(&mut stage);
    assert_eq!(stage.wants(), ["begin by reload due 02T12:05"], "denied");
}

#[test]
fn a_reload_that_always_runs_a_profile_needs_no_second_run_beside_a_claim() {
    let always = config("on_reload = \"always\"");
    let mut stage = Stage::holding(&always, known(&always, noon()), noon());
    stage.reload(&always, Sighup);
    stage.reload(&always, Sighup);
    assert_eq!(stage.wants(), ["begin by reload"]);
    stage.deny();
    retry(&mut stage);
    assert_eq!(stage.wants(), ["begin by reload"], "the first one is still wanted");
    stage.grant();
    stage.end(Outcome::Complete);
    assert!(stage.wants().is_empty());
}

#[test]
fn a_profile_that_is_removed_during_a_claim_is_forgotten_after_it() {
    let (config, none) = (config(&often("queue")), profiles(""));
    for is_granted in [true, false] {
        let mut stage = claiming("queue");
        stage.reload(&none, Sighup);
        assert_eq!(stage.wants(), ["stop: the profile was removed"]);
        if is_granted {
            stage.grant();
            assert!(stage.wants().is_empty(), "its run stops first");
            stage.end(Outcome::Interrupted);
        } else {
            stage.deny();
        }
        assert_eq!(stage.wants(), ["forget"]);
        let mut stage = claiming("queue");
        stage.reload(&none, Sighup);
        stage.reload(&config, Sighup);
        stage.wants();
        if is_granted {
            stage.grant();
            stage.end(Outcome::Interrupted);
        } else {
            stage.deny();
        }
        assert_eq!(stage.wants(), ["begin by reload"], "one that comes back is new");
    }
}

#[test]
fn a_pause_during_a_claim_interrupts_the_run_or_drops_its_fire() {
    let mut stage = claiming("queue");
    stage.pause(None);
    assert_eq!(stage.wants(), ["stop: the profile was paused"]);
    stage.grant();
    stage.end(Outcome::Interrupted);
    stage.resume();
    assert_eq!(stage.wants(), ["begin by resume due 02T12:05 resumes 1"], "granted");
    let mut stage = claiming("queue");
    stage.pause(None);
    stage.wants();
    stage.deny();
    assert_eq!(stage.wants(), ["skip 02T12:05 missed 0: the profile was paused before it could begin"], "denied");
    stage.resume();
    retry(&mut stage);
    assert!(stage.wants().is_empty());
}

#[test]
fn a_cancellation_or_the_end_of_the_daemon_stops_a_run_that_is_granted_later() {
    let mut stage = claiming("queue");
    stage.cancel();
    assert_eq!(stage.wants(), ["stop: cancelled by hand"]);
    assert!(stage.by_hand().unwrap_err().contains("is being stopped"));
    stage.grant();
    stage.end(Outcome::Interrupted);
    assert!(stage.wants().is_empty(), "it is not resumed");
    for is_granted in [true, false] {
        let mut stage = claiming("queue");
        stage.stop();
        assert_eq!(stage.wants(), ["stop: the daemon was stopped"]);
        if is_granted {
            stage.grant();
            stage.end(Outcome::Interrupted);
        } else {
            stage.deny();
        }
        retry(&mut stage);
        assert!(stage.wants().is_empty(), "nothing begins any more");
    }
}

#[test]
fn a_run_that_cannot_be_resumed_any_more_gives_way_to_what_is_pending() {
    let config = config(&often("skip"));
    let mut remembered = known(&config, noon() - TimeDelta::minutes(5));
    remembered.interrupted.push(left(&config, noon()));
    let mut stage = Stage::holding(&config, remembered, noon());
    assert_eq!(stage.wants(), ["begin by resume due 02T11:00 missed 3 resumes 2"]);
    stage.done();
    assert_eq!(
        stage.wants(),
        ["begin by schedule due 02T12:00"],
        "the fire was not skipped for a run that never began"
    );
}

#[test]
fn a_fault_during_a_claim_is_not_repeated_at_every_tick() {
    let mut stage = claiming("queue");
    stage.end(Outcome::Failed);
    retry(&mut stage);
    assert!(stage.wants().is_empty());
}

#[test]
fn a_claim_carries_the_watermark_and_a_denial_writes_none() {
    let mut stage = claiming("queue");
    let run = stage.run.clone().unwrap();
    assert_eq!((run.info.trigger, run.watermark.at), (Trigger::Schedule, stage.now));
    stage.deny();
    retry(&mut stage);
    let written = |action: &Action| matches!(action, Action::SetWatermark { .. } | Action::Skip { .. });
    assert!(!stage.wanted.iter().any(written), "after a crash the fire is found again");
    let again = stage.run.clone().unwrap();
    assert_eq!((again.info.due, again.watermark.at), (run.info.due, stage.now));
}
