//! A journal in memory, and its return to disk.

use std::collections::BTreeMap;

use super::*;
use model::config::Source;

const MIB: u64 = 1 << 20;

fn warm(journal: &Journal, url: &str, run: &str, keys: impl Iterator<Item = u64>) {
    let batch: Vec<_> = keys.map(|key| ledger::tests::warmed(&key.to_string(), "e", MIB, at(50))).collect();
    ledger::tests::append(journal, url, run, &batch);
}

fn fresh(journal: &Journal, url: &str, capacity: u64, keys: std::ops::Range<u64>) -> usize {
    let rules = Freshness {
        cache_url: url.to_owned(),
        rewarm_after: Duration::from_secs(3600),
        capacity: Some(capacity),
        now: at(60),
    };
    let object = |key: u64| ledger::tests::warmed(&key.to_string(), "e", MIB, at(50)).object;
    journal
        .fresh(&keys.map(object).collect(), &rules, &Written::default())
        .unwrap()
        .into_iter()
        .filter(|fresh| *fresh)
        .count()
}

fn scheduled(n: u128, profile: &str) -> NewRun {
    let mut new = new_run(n, profile);
    let info = new.line.info;
    new.line.info = RunInfo { trigger: Trigger::Schedule, due: Some(info.started), ..info };
    new
}

fn started(journal: &Journal, n: u128, profile: &str) -> OpenRun {
    match journal.begin(&scheduled(n, profile)).unwrap() {
        Begun::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

#[test]
fn in_memory_it_does_the_same_without_a_file() {
    let memory = Journal::memory(10).unwrap();
    assert_eq!((memory.file(), memory.is_in_memory()), (None, true));
    memory.probe().unwrap();
    assert!(memory.bytes() > 0);
    let run = started(&memory, 1, "p");
    let other = memory.begin(&scheduled(2, "p")).unwrap();
    assert!(matches!(other, Begun::AlreadyRunning { id, .. } if id == Ulid(1).to_string()), "a claim is held");
    assert_eq!(outcomes(&memory), [(1, Outcome::Running)]);
    drop(run);
    assert_eq!(outcomes(&memory), [(1, Outcome::Interrupted)]);
    let Begun::Run(run) = memory.resume(Ulid(1), at(9)).unwrap() else { panic!() };
    finish(&memory, &run, &Ending { outcome: Outcome::Complete, ..end(60) });
    assert_eq!(memory.last_ended().unwrap()[0].info.id, Ulid(1));
    assert_eq!(memory.others("u").unwrap(), 0);
}

#[test]
fn it_has_room_for_so_many_objects_and_counts_the_others() {
    let memory = Journal::memory(10).unwrap();
    let run = started(&memory, 1, "p");
    assert_eq!(memory.room().unwrap(), Some(10));
    warm(&memory, "u", &run.id, 0..8);
    assert_eq!(memory.room().unwrap(), Some(2));
    warm(&memory, "u", &run.id, 8..20);
    assert_eq!(memory.room().unwrap(), Some(0));
    assert_eq!(memory.run(Ulid(1)).unwrap().unwrap().warmed, Count { objects: 20, bytes: 20 * MIB });
    assert_eq!(fresh(&memory, "u", 1 << 40, 0..20), 10);
    warm(&memory, "u", &run.id, 0..5);
    assert_eq!(Journal::open(folder().path()).unwrap().room().unwrap(), None);
}

#[test]
fn it_keeps_a_bounded_number_of_runs() {
    let memory = Journal::memory(10).unwrap();
    for n in 1..=1_010 {
        assert!(memory.skip(&skipped(scheduled(n, "p"), "beyond the room")).unwrap());
    }
    assert_eq!(memory.runs(&Filter::default()).unwrap().len(), 1_000);
    for n in 1_011..=1_032 {
        finish(&memory, &started(&memory, n, "p"), &end(60));
    }
    assert_eq!(memory.recent_failures(100).unwrap().len(), 20);
}

#[test]
fn the_journal_on_disk_takes_over_all_of_it() {
    let dir = folder();
    let disk = Journal::open(dir.path()).unwrap();
    finish(&disk, &started(&disk, 1, "p"), &Ending { outcome: Outcome::Complete, ..end(10) });
    disk.set_watermark("p", at(100), "@daily").unwrap();
    disk.set_watermark("q", at(100), "@daily").unwrap();
    disk.set_pause("p", Some(Pause { since: at(1), until: None })).unwrap();
    disk.set_pause("q", Some(Pause { since: at(1), until: None })).unwrap();
    disk.apply_fingerprint("gone", "f").unwrap();
    disk.set_last_good(&[Source::trusted("a", "a", 0)], at(1)).unwrap();
    warm(&disk, "u", "none", 0..100);

    let memory = Journal::memory(1_000).unwrap();
    let done = started(&memory, 2, "p");
    warm(&memory, "u", &done.id, 100..110);
    warm(&memory, "v", &done.id, 0..5);
    finish(&memory, &done, &Ending { outcome: Outcome::Complete, ..end(70) });
    drop(started(&memory, 3, "q"));
    let alive = started(&memory, 4, "alive");
    memory.set_watermark("p", at(90), "@hourly").unwrap();
    memory.set_watermark("q", at(110), "@hourly").unwrap();
    memory.set_pause("p", None).unwrap();
    memory.forget("gone").unwrap();
    let source = Source::trusted("b", "b", 1);
    memory.set_last_good(std::slice::from_ref(&source), at(2)).unwrap();
    disk.absorb(&memory).unwrap();

    assert_eq!(outcomes(&disk), [(3, Outcome::Interrupted), (2, Outcome::Complete), (1, Outcome::Complete)]);
    assert_eq!(disk.failures(Ulid(2)).unwrap().len(), 1);
    assert_eq!(disk.interrupted(None).unwrap()[0].info.id, Ulid(3), "what was cut off in memory may go on");
    assert_eq!(disk.last_good().unwrap(), Some(LastGood { sources: vec![source], at: at(2) }));
    let profiles: BTreeMap<_, _> = disk.profiles().unwrap();
    assert_eq!(profiles.keys().collect::<Vec<_>>(), ["alive", "p", "q"], "what was forgotten stays so");
    let (p, q) = (&profiles["p"], &profiles["q"]);
    assert_eq!((p.watermark, p.timetable.as_deref(), p.pause), (Some(at(100)), Some("@daily"), None));
    assert_eq!((p.last_due, p.last_complete_due), (Some(at(2)), Some(at(2))));
    assert_eq!((q.watermark, q.timetable.as_deref()), (Some(at(110)), Some("@hourly")));
    assert!(q.pause.is_some(), "nobody lifted it");
    assert_eq!((fresh(&disk, "u", 1 << 40, 0..200), fresh(&disk, "v", 1 << 40, 0..200)), (110, 5));
    assert_eq!(fresh(&disk, "u", 5 * MIB, 0..200), 6, "the count goes on from that of the disk");
    let filled = |url: &str| disk.with("read", |db| ledger::filled(db, url)).unwrap();
    assert_eq!((filled("u"), filled("v")), (110 * MIB, 5 * MIB));

    assert_eq!(memory.room().unwrap(), Some(1_000));
    assert_eq!(outcomes(&memory), [(4, Outcome::Running)], "it goes on in memory");
    disk.set_pause("p", Some(Pause { since: at(3), until: None })).unwrap();
    warm(&memory, "u", &alive.id, 200..201);
    finish(&memory, &alive, &Ending { outcome: Outcome::Complete, ..end(80) });
    disk.absorb(&memory).unwrap();
    assert_eq!(outcomes(&disk)[0], (4, Outcome::Complete));
    let profiles = disk.profiles().unwrap();
    assert_eq!(profiles["alive"].last_complete_due, Some(at(4)));
    assert!(profiles["p"].pause.is_some(), "what memory said once does not count twice");
    assert_eq!(filled("u"), 111 * MIB);
}

#[test]
fn nothing_is_lost_when_the_disk_cannot_take_it_yet() {
    let dir = folder();
    drop(Journal::open(dir.path()).unwrap());
    let reader = Journal::read(dir.path()).unwrap().unwrap();
    let memory = Journal::memory(10).unwrap();
    finish(&memory, &started(&memory, 1, "p"), &end(60));
    warm(&memory, "u", "none", 0..3);
    assert_eq!(reader.absorb(&memory).unwrap_err().trouble(), Trouble::Passing);
    assert_eq!((outcomes(&memory).len(), memory.room().unwrap()), (1, Some(7)));
    Journal::open(dir.path()).unwrap().absorb(&memory).unwrap();
    assert_eq!(outcomes(&reader).len(), 1);
}
