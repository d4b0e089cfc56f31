//! Every row of {fresh, known, changed, removed, paused, interrupted} × {start, SIGHUP, watch, API}.

use chrono::TimeDelta;

use super::stage::{Stage, config, known, left, noon, profiles};
use crate::daemon::scheduler::Remembered;
use crate::report::Outcome;
use model::api::ReloadedBy::{Api, Sighup, Watch};

const NIGHTLY: &str = "schedule = \"30 1 * * *\"";

#[test]
fn a_fresh_journal_waits_for_the_next_fire_and_a_profile_that_a_reload_brings_runs_at_once() {
    let nightly = config(NIGHTLY);
    let mut stage = Stage::start(&nightly, Remembered::default(), noon());
    assert_eq!(stage.wants(), ["apply"], "start: everything waits for its next fire");
    for (by, name) in [(Sighup, "SIGHUP"), (Watch, "watch"), (Api, "API")] {
        let mut stage = Stage::start(&profiles(""), Remembered::default(), noon());
        stage.reload(&nightly, by);
        assert_eq!(stage.wants(), ["begin by reload"], "{name}: a new fingerprint runs at once");
    }
}

#[test]
fn a_known_profile_that_is_as_it_was_waits_for_its_next_fire() {
    let nightly = config(NIGHTLY);
    let mut stage = Stage::idle(&nightly);
    assert!(stage.wants().is_empty(), "start");
    let respelled = config("schedule = \"30  1 * * *\" # respelled\npriority = 7");
    for (by, name) in [(Sighup, "SIGHUP"), (Watch, "watch"), (Api, "API")] {
        stage.reload(&nightly, by);
        stage.reload(&respelled, by);
        assert!(stage.wants().is_empty(), "{name}: schedule and priority are no part of the fingerprint");
    }
}

#[test]
fn a_changed_profile_runs_at_once_and_once() {
    let (before, after) = (config(NIGHTLY), config(&format!("{NIGHTLY}\nmax_objects = 5")));
    let mut stage = Stage::start(&after, known(&before, noon()), noon());
    assert_eq!(stage.wants(), ["begin by start"], "start: a reload against the fingerprints in the journal");
    for (by, name) in [(Sighup, "SIGHUP"), (Watch, "watch"), (Api, "API")] {
        let mut stage = Stage::idle(&before);
        stage.reload(&after, by);
        assert_eq!(stage.wants(), ["begin by reload"], "{name}");
        stage.end(Outcome::Complete);
        stage.reload(&after, by);
        assert!(stage.wants().is_empty(), "{name}: it is known now");
    }
}

#[test]
fn a_profile_that_changes_while_it_runs_is_drained_and_replaced() {
    let (before, after) = (config(NIGHTLY), config(&format!("{NIGHTLY}\nmax_objects = 5")));
    for by in [Sighup, Watch, Api] {
        let mut stage = Stage::idle(&before);
        stage.tick(noon() + TimeDelta::hours(14));
        assert_eq!(stage.wants(), ["begin by missed due 03T01:30"]);
        stage.reload(&after, by);
        assert_eq!(stage.wants(), ["stop: the profile was changed"]);
        stage.end(Outcome::Interrupted);
        assert_eq!(stage.wants(), ["begin by reload due 03T01:30"], "it stands for the same fire");
    }
}

#[test]
fn a_change_that_is_taken_back_while_the_run_drains_starts_it_again() {
    let (before, after) = (config(NIGHTLY), config(&format!("{NIGHTLY}\nmax_objects = 5")));
    let mut stage = Stage::idle(&before);
    stage.by_hand().unwrap();
    stage.reload(&after, Sighup);
    stage.reload(&before, Sighup);
    stage.wants();
    stage.end(Outcome::Interrupted);
    assert_eq!(stage.wants(), ["begin by reload"]);
}

#[test]
fn a_removed_profile_is_stopped_and_forgotten() {
    let (nightly, none) = (config(NIGHTLY), profiles(""));
    let mut stage = Stage::start(&none, known(&nightly, noon()), noon());
    assert_eq!(stage.wants(), ["forget"], "start: it was removed while nobody looked");
    for (by, name) in [(Sighup, "SIGHUP"), (Watch, "watch"), (Api, "API")] {
        let mut stage = Stage::idle(&nightly);
        stage.reload(&none, by);
        assert_eq!(stage.wants(), ["forget"], "{name}: nothing was going on");
        let mut stage = Stage::idle(&nightly);
        stage.by_hand().unwrap();
        stage.wants();
        stage.reload(&none, by);
        assert_eq!(stage.wants(), ["stop: the profile was removed"], "{name}: in the middle of a run");
        assert!(stage.by_hand().unwrap_err().contains("no profile is named `p`"));
        stage.end(Outcome::Interrupted);
        assert_eq!(stage.wants(), ["forget"], "{name}: and its run ended");
        stage.reload(&nightly, by);
        assert_eq!(stage.wants(), ["begin by reload"], "{name}: one that comes back is new");
    }
}

#[test]
fn a_profile_that_comes_back_while_its_run_drains_is_new() {
    let (nightly, none) = (config(NIGHTLY), profiles(""));
    let mut stage = Stage::idle(&nightly);
    stage.by_hand().unwrap();
    stage.reload(&none, Sighup);
    stage.reload(&nightly, Sighup);
    stage.wants();
    stage.end(Outcome::Interrupted);
    assert_eq!(stage.wants(), ["begin by reload"]);
}

#[test]
fn a_paused_profile_starts_nothing_and_goes_on_where_it_was_when_it_is_resumed() {
    let (nightly, paused) = (config(NIGHTLY), config(&format!("{NIGHTLY}\npaused = true")));
    let changed = config(&format!("{NIGHTLY}\nmax_objects = 5"));
    let mut stage = Stage::start(&paused, known(&nightly, noon() - TimeDelta::days(2)), noon());
    assert!(stage.wants().is_empty(), "start: nothing is missed either");
    for (by, name) in [(Sighup, "SIGHUP"), (Watch, "watch"), (Api, "API")] {
        let mut stage = Stage::idle(&nightly);
        stage.by_hand().unwrap();
        stage.wants();
        stage.reload(&paused, by);
        assert_eq!(stage.wants(), ["stop: the profile was paused"], "{name}");
        stage.end(Outcome::Interrupted);
        assert!(stage.wants().is_empty(), "{name}");
        assert_eq!(stage.by_hand().unwrap_err(), "the profile `p` is paused");
        stage.reload(&nightly, by);
        assert_eq!(stage.wants(), ["begin by resume resumes 1"], "{name}");
        let mut stage = Stage::idle(&paused);
        stage.reload(&changed, by);
        assert_eq!(stage.wants(), ["begin by reload"], "{name}: it changed while it was paused");
    }
}

#[test]
fn an_interrupted_run_is_taken_up_again_unless_it_is_of_no_use_any_more() {
    let nightly = config(NIGHTLY);
    let changed = config(&format!("{NIGHTLY}\nmax_objects = 5"));
    let short = config(&format!("{NIGHTLY}\ndeadline = \"30m\""));
    let windowed = config(&format!("{NIGHTLY}\nwindow = \"01:00-06:00\""));
    let paused = config(&format!("{NIGHTLY}\npaused = true"));
    let never = config(&format!("{NIGHTLY}\non_start = \"never\""));
    for (now, why, wanted) in [
        (&nightly, "as it was", &["begin by resume due 02T11:00 missed 3 resumes 2"][..]),
        (&changed, "changed meanwhile: resume is of what is gone", &["begin by start"]),
        (&short, "its deadline is over", &[]),
        (&windowed, "its window is over", &[]),
        (&paused, "paused", &[]),
        (&never, "no start of its own: it was running", &["begin by resume due 02T11:00 missed 3 resumes 2"]),
    ] {
        let mut remembered = known(&nightly, noon());
        remembered.interrupted.push(left(&nightly, noon()));
        let mut stage = Stage::start(now, remembered, noon());
        let wants: Vec<_> = stage.wants().into_iter().filter(|want| want != "apply").collect();
        assert_eq!(wants, wanted, "{why}");
    }
    // While the daemon goes on, reloads find it running.
    for by in [Sighup, Watch, Api] {
        let mut remembered = known(&nightly, noon());
        remembered.interrupted.push(left(&nightly, noon()));
        let mut stage = Stage::start(&nightly, remembered, noon());
        stage.wants();
        stage.reload(&nightly, by);
        assert!(stage.wants().is_empty());
        stage.reload(&changed, by);
        assert_eq!(stage.wants(), ["stop: the profile was changed"]);
    }
}

#[test]
fn resume_wins_over_changed_wins_over_missed() {
    let nightly = config(NIGHTLY);
    let changed = config(&format!("{NIGHTLY}\nmax_objects = 5"));
    let yesterday = noon() - TimeDelta::days(1);
    let mut remembered = known(&nightly, yesterday);
    remembered.interrupted.push(left(&nightly, noon()));
    let mut stage = Stage::start(&nightly, remembered, noon());
    let skipped = "skip 02T01:30 missed 0: still running";
    assert_eq!(stage.wants(), ["begin by resume due 02T11:00 missed 3 resumes 2", skipped]);
    let mut stage = Stage::start(&changed, known(&nightly, yesterday), noon());
    assert_eq!(stage.wants(), ["begin by start due 02T01:30"], "one run for both");
}

#[test]
fn the_rules_of_a_profile_decide_whether_a_swap_or_a_start_runs_it() {
    let with = |line: &str, more: &str| config(&format!("{NIGHTLY}\n{line}\n{more}"));
    let change = "max_objects = 5";
    for (line, more, by, wanted) in [
        ("on_reload = \"never\"", change, Sighup, &["apply"][..]),
        ("on_reload = \"never\"", change, Watch, &["apply"]),
        ("on_reload = \"always\"", "", Sighup, &["begin by reload"]),
        ("on_reload = \"always\"", "", Api, &["begin by reload"]),
        ("on_reload = \"always\"", "", Watch, &[]),
        ("on_reload = \"always\"", change, Watch, &["begin by reload"]),
    ] {
        let mut stage = Stage::idle(&with(line, ""));
        stage.reload(&with(line, more), by);
        assert_eq!(stage.wants(), wanted, "{line} {more} {by:?}");
    }
    for (line, more, wanted) in [
        ("on_start = \"always\"", "", &["begin by start"][..]),
        ("on_start = \"never\"", change, &["apply"]),
        ("on_reload = \"never\"", change, &["apply"]),
        ("on_reload = \"always\"", "", &[]),
    ] {
        let mut stage = Stage::start(&with(line, more), known(&with(line, ""), noon()), noon());
        assert_eq!(stage.wants(), wanted, "{line} {more}");
    }
}

#[test]
fn a_profile_that_runs_is_not_started_again_by_a_reload_that_always_starts_it() {
    let always = config(&format!("{NIGHTLY}\non_reload = \"always\""));
    let mut stage = Stage::idle(&always);
    stage.reload(&always, Sighup);
    stage.wants();
    (0..100).for_each(|_| stage.reload(&always, Sighup));
    assert!(stage.wants().is_empty());
    stage.end(Outcome::Complete);
    assert!(stage.wants().is_empty());
}
