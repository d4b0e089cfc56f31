//! Runs that are interrupted and go on, and fires that are dealt with once.

use chrono::TimeDelta;

use super::*;

fn scheduled(n: u128, profile: &str, due: i64) -> NewRun {
    let mut new = NewRun { rewarm: true, ..new_run(n, profile) };
    new.line.info = RunInfo { trigger: Trigger::Schedule, due: Some(at(due)), missed: 2, ..new.line.info };
    new
}

fn started(journal: &Journal, new: &NewRun) -> OpenRun {
    match journal.begin(new).unwrap() {
        Begun::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

fn interrupted(seconds: i64, resumable: bool) -> Ending {
    Ending { outcome: Outcome::Interrupted, resumable, ..end(seconds) }
}

fn warm(journal: &Journal, run: &OpenRun, keys: &[&str]) {
    let batch: Vec<_> = keys.iter().map(|key| ledger::tests::warmed(key, "e", 7, at(50))).collect();
    ledger::tests::append(journal, "u", &run.id, &batch);
}

fn to_go_on(journal: &Journal) -> Vec<u128> {
    journal.interrupted(None).unwrap().iter().map(|run| run.info.id.0).collect()
}

#[test]
fn a_due_is_begun_or_skipped_once() {
    let dir = folder();
    let [journal, other] = [(); 2].map(|()| Journal::open(dir.path()).unwrap());
    let run = started(&journal, &scheduled(1, "p", 10));
    let again = |n, due| other.begin(&scheduled(n, "p", due)).unwrap();
    let one = Ulid(1).to_string();
    assert!(matches!(again(2, 10), Begun::AlreadyDone { id } if id == one), "while it runs");
    assert!(matches!(again(2, 20), Begun::AlreadyRunning { id, .. } if id == one), "another due of the same claim");
    finish(&journal, &run, &end(60));
    drop(run);
    assert!(matches!(again(2, 10), Begun::AlreadyDone { id } if id == one), "after its end");
    assert!(!journal.skip(&skipped(scheduled(2, "p", 10), "late")).unwrap());
    assert!(journal.skip(&skipped(scheduled(3, "p", 20), "the window was closed")).unwrap());
    assert!(matches!(again(4, 20), Begun::AlreadyDone { id } if id == Ulid(3).to_string()), "after it was skipped");
    started(&journal, &scheduled(5, "q", 10));
    let mut again = scheduled(6, "p", 10);
    again.line.info.resumes = 1;
    started(&journal, &again);
    assert_eq!(journal.profiles().unwrap()["p"].last_due, Some(at(20)), "never goes back");
}

#[test]
fn a_run_by_a_clock_that_was_ahead_does_not_hide_those_that_came_after_it() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let now = clock::now();
    let run = |n, started| {
        let mut new = scheduled(n, "p", i64::try_from(n).unwrap());
        new.line.info.started = started;
        new
    };
    let complete = Ending { outcome: Outcome::Complete, ..end(60) };
    finish(&journal, &started(&journal, &run(9, now + TimeDelta::days(365))), &complete);
    assert_eq!(journal.last_ended().unwrap()[0].info.id, Ulid(9), "there is no other");
    assert_eq!(to_go_on(&journal), [0; 0]);
    finish(&journal, &started(&journal, &run(1, now)), &interrupted(70, true));
    assert_eq!(to_go_on(&journal), [1]);
    assert_eq!(journal.last_ended().unwrap()[0].info.id, Ulid(1));
    finish(&journal, &started(&journal, &run(2, now)), &complete);
    assert_eq!(journal.last_complete().unwrap()[0].info.id, Ulid(2));
    assert_eq!(to_go_on(&journal), [0; 0]);
}

#[test]
fn a_skipped_fire_is_a_run_with_a_reason() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let watermark = Watermark { at: at(11), timetable: "t".to_owned() };
    assert!(
        journal
            .skip(&skipped(NewRun { watermark: Some(watermark), ..scheduled(1, "p", 10) }, "it was paused"))
            .unwrap()
    );
    let run = journal.run(Ulid(1)).unwrap().unwrap();
    assert_eq!((run.outcome, run.reason.as_deref()), (Outcome::Skipped, Some("it was paused")));
    assert_eq!((run.ended, run.info), (Some(at(1)), scheduled(1, "p", 10).line.info));
    let state = &journal.profiles().unwrap()["p"];
    assert_eq!((state.last_due, state.watermark), (Some(at(10)), Some(at(11))));
    assert_eq!(state.applied_fingerprint, None, "nothing was begun under it");
    assert!(journal.last_ended().unwrap().is_empty());
}

#[test]
fn a_due_that_was_dealt_with_still_moves_the_watermark() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    drop(started(&journal, &scheduled(1, "p", 10)));
    let watermark = Watermark { at: at(12), timetable: "t".to_owned() };
    let again = NewRun { watermark: Some(watermark), ..scheduled(2, "p", 10) };
    assert!(matches!(journal.begin(&again).unwrap(), Begun::AlreadyDone { .. }));
    assert_eq!(journal.profiles().unwrap()["p"].watermark, Some(at(12)));
}

#[test]
fn a_run_goes_on_under_its_id_and_counts_on() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = started(&journal, &scheduled(1, "p", 10));
    warm(&journal, &run, &["a", "b"]);
    finish(&journal, &run, &interrupted(60, true));
    drop(run);
    let left = journal.interrupted(Some("p")).unwrap();
    let [left] = &left[..] else { panic!("{left:?}") };
    assert_eq!((left.info.id, left.info.due, left.info.missed, left.info.resumes), (Ulid(1), Some(at(10)), 2, 0));
    assert_eq!((left.info.trigger, left.info.started, left.ended), (Trigger::Schedule, at(1), at(60)));
    assert_eq!((left.warmed, left.rewarm), (Count { objects: 2, bytes: 14 }, true));

    let Begun::Run(run) = journal.resume(left.info.id, at(100)).unwrap() else { panic!() };
    assert!(to_go_on(&journal).is_empty(), "it is going on");
    let other = Journal::open(dir.path()).unwrap();
    let again = other.resume(Ulid(1), at(101)).unwrap();
    assert!(matches!(again, Begun::AlreadyRunning { id, .. } if id == Ulid(1).to_string()));
    warm(&journal, &run, &["c"]);
    let now = journal.run(Ulid(1)).unwrap().unwrap();
    assert_eq!((now.outcome, now.info.resumes, now.info.started, now.ended), (Outcome::Running, 1, at(1), None));
    assert_eq!(now.warmed, Count { objects: 3, bytes: 21 });
    finish(&journal, &run, &Ending { outcome: Outcome::Complete, ..end(200) });
    assert_eq!(journal.failures(Ulid(1)).unwrap().len(), 1, "those of its end");
    assert_eq!(journal.profiles().unwrap()["p"].last_complete_due, Some(at(10)));
    drop(run);
    assert!(matches!(journal.resume(Ulid(1), at(300)).unwrap(), Begun::AlreadyDone { .. }));
    assert!(matches!(journal.resume(Ulid(9), at(300)).unwrap(), Begun::AlreadyDone { .. }), "nobody knows it");
}

#[test]
fn what_may_go_on_is_the_latest_run_of_a_profile_that_something_passing_stopped() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let ended = |n, profile: &str, end: &Ending| {
        let run = started(&journal, &scheduled(n, profile, i64::try_from(n).unwrap()));
        finish(&journal, &run, end);
    };
    ended(1, "stopped", &interrupted(60, true));
    assert!(journal.skip(&skipped(scheduled(2, "stopped", 2), "late")).unwrap());
    ended(3, "cancelled", &interrupted(60, false));
    ended(4, "superseded", &interrupted(60, true));
    ended(5, "superseded", &end(70));
    ended(6, "partial", &Ending { resumable: true, ..end(70) });
    drop(started(&journal, &scheduled(7, "vanished", 7)));
    drop(begun(&journal, 8, "by hand"));
    let _alive = started(&journal, &scheduled(9, "alive", 9));
    assert_eq!(to_go_on(&journal), [1, 7]);
    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(to_go_on(&journal), [1, 7], "after a restart, too");
    assert!(matches!(journal.resume(Ulid(8), at(100)).unwrap(), Begun::AlreadyDone { .. }));
    assert_eq!(journal.interrupted(Some("cancelled")).unwrap(), []);
}

#[test]
fn a_process_that_dies_again_is_taken_up_again() {
    let dir = folder();
    drop(started(&Journal::open(dir.path()).unwrap(), &scheduled(1, "p", 10)));
    for resumes in 0..3 {
        let journal = Journal::open(dir.path()).unwrap();
        let left = journal.interrupted(None).unwrap();
        assert_eq!(left.iter().map(|run| run.info.resumes).collect::<Vec<_>>(), [resumes]);
        let Begun::Run(run) = journal.resume(Ulid(1), at(100)).unwrap() else { panic!() };
        warm(&journal, &run, &["a"]);
    }
    let warmed = Journal::open(dir.path()).unwrap().run(Ulid(1)).unwrap().unwrap().warmed;
    assert_eq!(warmed, Count { objects: 3, bytes: 21 });
}
