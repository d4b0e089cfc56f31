//! What a daemon that starts learns from the one before.

use super::*;
use crate::report::Failure;
use model::config::{Source, load_sources};

fn run(n: u128, profile: &str, fingerprint: &str) -> NewRun {
    let mut new = new_run(n, profile);
    let started = new.line.info.started;
    new.line.info = RunInfo { trigger: Trigger::Schedule, due: Some(started), ..new.line.info };
    fingerprint.clone_into(&mut new.line.fingerprint);
    NewRun { watermark: Some(Watermark { at: started, timetable: "0 1 * * *".to_owned() }), ..new }
}

fn ran(journal: &Journal, new: &NewRun, outcome: Outcome) {
    let Begun::Run(run) = journal.begin(new).unwrap() else { panic!() };
    finish(journal, &run, &Ending { outcome, ..end(500) });
}

#[test]
fn a_run_sets_what_is_known_of_its_profile() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    ran(&journal, &run(10, "p", "f1"), Outcome::Complete);
    ran(&journal, &run(20, "p", "f2"), Outcome::Partial);
    drop(journal);
    let journal = Journal::open(dir.path()).unwrap();
    let expected = ProfileRecord {
        watermark: Some(at(20)),
        timetable: Some("0 1 * * *".to_owned()),
        applied_fingerprint: Some("f2".to_owned()),
        pause: None,
        last_due: Some(at(20)),
        last_complete_due: Some(at(10)),
    };
    assert_eq!(journal.profiles().unwrap().into_iter().collect::<Vec<_>>(), [("p".to_owned(), expected.clone())]);
    begun(&journal, 30, "p");
    begun(&journal, 31, "other");
    let after = journal.profiles().unwrap();
    assert_eq!(after.into_iter().collect::<Vec<_>>(), [("p".to_owned(), expected)], "a run by hand says nothing");
}

#[test]
fn what_is_set_without_a_run_is_kept_until_it_is_forgotten() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let pause = Pause { since: at(1), until: Some(at(100)) };
    journal.set_pause("p", Some(pause)).unwrap();
    journal.apply_fingerprint("p", "f").unwrap();
    journal.set_watermark("p", at(50), "@daily").unwrap();
    journal.set_watermark("p", at(40), "@hourly").unwrap();
    let state = |journal: &Journal| journal.profiles().unwrap().remove("p");
    let known = state(&Journal::open(dir.path()).unwrap()).unwrap();
    assert_eq!((known.pause, known.applied_fingerprint.as_deref()), (Some(pause), Some("f")));
    assert_eq!((known.watermark, known.timetable.as_deref()), (Some(at(40)), Some("@hourly")));
    journal.set_pause("p", Some(Pause { until: None, ..pause })).unwrap();
    assert_eq!(state(&journal).unwrap().pause, Some(Pause { until: None, ..pause }));
    journal.set_pause("p", None).unwrap();
    assert_eq!(state(&journal).unwrap().pause, None);

    let Begun::Run(open) = journal.begin(&run(1, "p", "f")).unwrap() else { panic!() };
    journal.forget("p").unwrap();
    finish(&journal, &open, &Ending { outcome: Outcome::Complete, ..end(60) });
    assert_eq!(state(&journal), None, "a run that ends late does not bring it back");
    assert_eq!(journal.runs(&Filter::default()).unwrap().len(), 1, "its runs stay");
}

#[test]
fn the_last_runs_are_those_that_ended_last_and_completed_last() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    ran(&journal, &run(1, "p", "f"), Outcome::Complete);
    ran(&journal, &run(2, "p", "f"), Outcome::Complete);
    ran(&journal, &run(3, "p", "f"), Outcome::Failed);
    assert!(journal.skip(&skipped(run(4, "p", "f"), "late")).unwrap());
    let _alive = journal.begin(&run(5, "p", "f")).unwrap();
    ran(&journal, &run(6, "changed", "old"), Outcome::Complete);
    journal.apply_fingerprint("changed", "new").unwrap();
    let ids = |runs: Vec<RunLine>| runs.into_iter().map(|run| run.info.id.0).collect::<Vec<_>>();
    assert_eq!(ids(journal.last_ended().unwrap()), [6, 3]);
    assert_eq!(ids(journal.last_complete().unwrap()), [2]);
}

#[test]
fn failures_of_all_runs_are_listed_the_latest_first() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let failure = |key: &str| Failure::new("denied", ObjectName::new(&Bucket::new("b"), &Key::from(key)), "no");
    for (n, profile, keys) in [(1, "p", ["a", "b"]), (2, "q", ["c", "d"])] {
        let run = begun(&journal, n, profile);
        let failures = keys.map(failure).to_vec();
        finish(&journal, &run, &Ending { failures, ..end(60 + i64::try_from(n).unwrap()) });
    }
    let recent = journal.recent_failures(3).unwrap();
    let expected = [(2, "q", 62, "d"), (2, "q", 62, "c"), (1, "p", 61, "b")].map(|(n, profile, ended, key)| Failure {
        run: Some(Ulid(n)),
        profile: Some(profile.to_owned()),
        at: Some(at(ended)),
        ..failure(key)
    });
    assert_eq!(recent, expected);
    assert!(journal.recent_failures(0).unwrap().is_empty());
}

#[test]
fn the_last_good_configuration_comes_back_as_it_was() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    assert!(journal.last_good().unwrap().is_none());
    let text = |profile: &str| {
        format!(
            "[endpoint.e]\ncache_url = \"http://127.0.0.1:1\"\naddressing = \"path\"\nregion = \"r\"\n\
             [profile.{profile}]\nobjects = [\"s3://b/**\"]\nmax_bytes = \"1 GiB\"\n"
        )
    };
    let over = "[override.profile.new]\nmax_bytes = \"2 GiB\"\n".to_owned();
    let source = |name: &str, text, layer| Source::trusted(name, text, layer);
    journal.set_last_good(&[source("old.toml", text("old"), 0)], at(1)).unwrap();
    let grant = "[team.t]\nprofiles = [\"t.toml\"]\nendpoints = [\"e\"]\nbuckets = [\"b\"]\nbudget = \"1 GiB\"\n";
    let granted = "[profile.granted]\nobjects = [\"s3://b/**\"]\nmax_bytes = \"1 GiB\"\n".to_owned();
    let granted = Source { team: Some("t".to_owned()), ..source("t.toml", granted, 0) };
    let trusted = source("a.toml", format!("{}{grant}", text("new")), 0);
    let taken = load_sources(vec![trusted, source("b.toml", over, 1), granted]).unwrap();
    journal.set_last_good(&taken.sources, at(2)).unwrap();
    let LastGood { sources, at: when } = Journal::open(dir.path()).unwrap().last_good().unwrap().unwrap();
    assert_eq!((&sources, when), (&taken.sources, at(2)));
    let back = load_sources(sources).unwrap();
    let print = |config: &model::config::Config| config.fingerprint(&config.profiles["new"]);
    assert_eq!(print(&back), print(&taken));
    assert_eq!(back.profiles.len(), 2, "nothing of the one before");
    assert!(back.profiles["granted"].team.is_some(), "a team's file stays the team's");
}
