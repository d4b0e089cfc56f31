//! Opening, sharing, losing and pruning a journal.

mod memory;
mod profiles;
mod recording;
mod resuming;
mod sharing;

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use chrono::DateTime;
use rusqlite::Connection;
use tempfile::TempDir;
use ulid::Ulid;

use super::*;
use crate::report::{Failure, Outcome, RunInfo, Trigger};
use model::api::{ObjectName, RunLine};
use model::object::{Bucket, Count, Key};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn at(seconds: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn new_run(n: u128, profile: &str) -> NewRun {
    let info = RunInfo { id: Ulid(n), ..RunInfo::new(Trigger::Cli, at(i64::try_from(n).unwrap())) };
    let count = |objects| Count { objects, bytes: 10 * objects };
    let line = RunLine { wanted: count(4), fresh: count(1), ..RunLine::begun(profile, "lota", "f", info) };
    NewRun { line, claim: profile.to_owned(), rewarm: false, watermark: None }
}

/// A fire that passed without a run.
fn skipped(mut new: NewRun, reason: &str) -> NewRun {
    new.line.outcome = Outcome::Skipped;
    (new.line.reason, new.line.ended) = (Some(reason.to_owned()), Some(new.line.info.started));
    new
}

fn begun(journal: &Journal, n: u128, profile: &str) -> OpenRun {
    match journal.begin(&new_run(n, profile)).unwrap() {
        Begun::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

/// What a run comes to, whichever it is.
struct Ending {
    ended: DateTime<chrono::Utc>,
    outcome: Outcome,
    resumable: bool,
    failures: Vec<Failure>,
}

fn end(seconds: i64) -> Ending {
    let object = ObjectName::new(&Bucket::new("b"), &Key::from_bytes(b"odd\xff".to_vec()));
    let failures = vec![Failure::new("denied", object, "no")];
    Ending { ended: at(seconds), outcome: Outcome::Partial, resumable: false, failures }
}

fn finish(journal: &Journal, run: &OpenRun, ending: &Ending) {
    let line = journal.run(Ulid::from_string(&run.id).unwrap()).unwrap().unwrap();
    let (ended, reason) = (Some(ending.ended), Some("1 failed".to_owned()));
    let line = RunLine { ended, outcome: ending.outcome, reason, ..line };
    let end = End { line, resumable: ending.resumable, failures: ending.failures.clone() };
    journal.finish(run, &end).unwrap();
}

fn outcomes(journal: &Journal) -> Vec<(u128, Outcome)> {
    journal.runs(&Filter::default()).unwrap().iter().map(|run| (run.info.id.0, run.outcome)).collect()
}

#[test]
fn nobody_else_may_read_it() {
    let dir = folder();
    let state = dir.path().join("a/state");
    let journal = Journal::open(&state).unwrap();
    let _run = begun(&journal, 1, "p");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for name in [FILE, "journal.db-wal", "journal.lock", &format!("runs/{}.lock", Ulid(1))] {
        assert_eq!(mode(&state.join(name)), 0o600, "{name}");
    }
    assert_eq!((mode(&state), mode(&state.join("runs"))), (0o700, 0o700));
}

#[test]
fn a_run_is_kept_with_its_end_and_its_failures() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    assert_eq!(journal.run(Ulid(1)).unwrap().unwrap().outcome, Outcome::Running);
    finish(&journal, &run, &end(60));
    let journal = Journal::open(dir.path()).unwrap();
    let kept = journal.run(Ulid(1)).unwrap().unwrap();
    assert_eq!((kept.outcome, kept.ended), (Outcome::Partial, Some(at(60))));
    assert_eq!(journal.failures(Ulid(1)).unwrap(), end(60).failures);
    assert_eq!(journal.run(Ulid(2)).unwrap(), None);
    assert!(journal.locks().present().is_empty(), "no lock is left behind");
}

#[test]
fn runs_are_found_by_profile_and_time_the_latest_first() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    for (n, profile) in [(1, "a"), (2, "b"), (3, "a")] {
        let run = begun(&journal, n, profile);
        finish(&journal, &run, &end(100));
    }
    let found = |profile: Option<&str>, since: Option<i64>| -> Vec<u128> {
        let filter = Filter { profile: profile.map(str::to_owned), since: since.map(at) };
        journal.runs(&filter).unwrap().iter().map(|run| run.info.id.0).collect()
    };
    assert_eq!(found(None, None), [3, 2, 1]);
    assert_eq!(found(Some("a"), None), [3, 1]);
    assert_eq!(found(Some("a"), Some(2)), [3]);
    assert_eq!(found(Some("c"), None), [0; 0]);
}

#[test]
fn the_latest_runs_are_found_without_reading_all_of_them() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    for n in 1..=6 {
        let run = begun(&journal, n, if n % 2 == 0 { "even" } else { "odd" });
        finish(&journal, &run, &end(100));
    }
    // Whoever reads the first two fails.
    journal.lock().execute("UPDATE run SET line = 'no line' WHERE started <= ?1", [at(2).timestamp_millis()]).unwrap();
    assert!(journal.runs(&Filter::default()).is_err());
    let found = |profile: Option<&str>, since: Option<i64>, most| -> Vec<u128> {
        let filter = Filter { profile: profile.map(str::to_owned), since: since.map(at) };
        journal.latest_runs(&filter, most).unwrap().iter().map(|run| run.info.id.0).collect()
    };
    assert_eq!(found(None, None, 3), [6, 5, 4]);
    assert_eq!(found(Some("even"), None, 2), [6, 4]);
    assert_eq!(found(None, Some(3), 100), [6, 5, 4, 3]);
    assert_eq!(found(Some("odd"), Some(4), 100), [5]);
}

#[test]
fn a_claim_is_held_by_one_live_run() {
    let dir = folder();
    let [one, other] = [(); 2].map(|()| Journal::open(dir.path()).unwrap());
    let run = begun(&one, 1, "p");
    let refused = other.begin(&new_run(2, "p")).unwrap();
    assert!(matches!(refused, Begun::AlreadyRunning { id, since } if id == Ulid(1).to_string() && since == at(1)));
    begun(&other, 3, "q");
    drop(run);
    begun(&other, 4, "p");
}

#[test]
fn whoever_only_looks_at_a_lock_holds_none() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    drop(begun(&journal, 1, "p"));
    let id = Ulid(1).to_string();
    let looking = fs::File::open(locks::folder(dir.path()).join(format!("{id}.lock"))).unwrap();
    looking.try_lock_shared().unwrap();
    assert!(!journal.locks().is_held(&id));
    assert_eq!(outcomes(&journal), [(1, Outcome::Interrupted)]);
    begun(&journal, 2, "p");
}

#[test]
fn nobody_waits_for_ever_for_a_process_that_hangs() {
    let dir = folder();
    let gate = dir.path().join("journal.lock");
    let hangs = locks::take(&gate, Duration::ZERO).unwrap();
    let late = locks::take(&gate, Duration::from_millis(20)).unwrap_err();
    assert_eq!(late.kind(), io::ErrorKind::WouldBlock);
    drop(hangs);
    locks::take(&gate, Duration::ZERO).unwrap();
}

#[test]
fn an_end_is_kept_where_the_ledger_has_no_room() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    let done: Vec<_> = (0..5_000).map(|n| ledger::tests::warmed(&n.to_string(), "e", 7, at(5))).collect();
    ledger::tests::append(&journal, "u", &run.id, &done);
    journal.lock().pragma_update_and_check(None, "max_page_count", 1, |_| Ok(())).unwrap();
    finish(&journal, &run, &Ending { failures: Vec::new(), ..end(60) });
    assert_eq!(outcomes(&journal), [(1, Outcome::Partial)]);
    assert_eq!(journal.waiting().unwrap(), 5_000, "merged when there is room");
    journal.lock().pragma_update_and_check(None, "max_page_count", 1 << 30, |_| Ok(())).unwrap();
    journal.tidy();
    assert_eq!(journal.waiting().unwrap(), 0);
}

#[test]
fn the_lock_of_a_run_is_never_removed_from_under_its_holder() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    let again = journal.begin(&new_run(1, "q")).unwrap_err();
    assert!(again.to_string().contains("take the run's lock"), "{again}");
    assert!(journal.locks().is_held(&run.id), "one that could not begin under the same id takes nothing away");
    journal.locks().clear(&run.id);
    assert!(journal.locks().is_held(&run.id));
    let path = locks::folder(dir.path()).join(format!("{}.lock", run.id));
    let early = fs::File::open(&path).unwrap();
    finish(&journal, &run, &end(60));
    drop(run);
    early.try_lock().unwrap();
    let taken = journal.locks().take(&Ulid(1).to_string()).unwrap();
    assert!(journal.locks().is_held(&Ulid(1).to_string()), "the lock of a file that is gone does not count");
    drop((early, taken));
}

#[test]
fn a_run_whose_process_is_gone_is_interrupted() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let alive = begun(&journal, 1, "alive");
    drop(begun(&journal, 2, "dead"));
    assert_eq!(outcomes(&journal), [(2, Outcome::Interrupted), (1, Outcome::Running)], "even before it is marked");
    fs::write(locks::folder(dir.path()).join("01ARZ3NDEKTSV4RRFFQ69G5FAV.lock"), "").unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(outcomes(&journal), [(2, Outcome::Interrupted), (1, Outcome::Running)]);
    assert_eq!(journal.locks().present(), [Ulid(1).to_string()], "files of nobody are removed");
    let dead = journal.run(Ulid(2)).unwrap().unwrap();
    assert_eq!(
        (dead.outcome, dead.warm_ratio.objects),
        (Outcome::Interrupted, 0.25),
        "what was fresh is warm: {dead:?}"
    );
    drop(alive);
}

/// The files in a folder whose names begin so.
fn files(dir: &TempDir, prefix: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix)).collect()
}

#[test]
fn a_file_that_is_no_journal_of_this_version_is_moved_aside_and_not_lost() {
    let version = |n| move |db: &Connection| db.pragma_update(None, "user_version", n);
    let changed = |sql: &'static str| move |db: &Connection| db.execute_batch(sql);
    type Change = Box<dyn Fn(&Connection) -> rusqlite::Result<()>>;
    let changes: [(&str, Change); 5] = [
        ("an older version", Box::new(version(0))),
        ("a newer version", Box::new(version(99))),
        ("a table with one column more", Box::new(changed("ALTER TABLE run ADD COLUMN more TEXT"))),
        ("a table less", Box::new(changed("DROP TABLE audit"))),
        (
            "a column of another type",
            Box::new(changed("DROP TABLE source; CREATE TABLE source (n INTEGER PRIMARY KEY)")),
        ),
    ];
    for (what, change) in changes {
        let dir = folder();
        drop(begun(&Journal::open(dir.path()).unwrap(), 1, "p"));
        change(&Connection::open(dir.path().join(FILE)).unwrap()).unwrap();
        is_moved_aside(&dir, what, "SELECT count(*) FROM run");
    }
    let dir = folder();
    let db = Connection::open(dir.path().join(FILE)).unwrap();
    db.execute_batch("CREATE TABLE music (song TEXT); INSERT INTO music VALUES ('la')").unwrap();
    drop(db);
    is_moved_aside(&dir, "a foreign database", "SELECT count(*) FROM music");
}

/// `count` gives 1 for the file as it was.
fn is_moved_aside(dir: &TempDir, what: &str, count: &str) {
    let before = fs::read(dir.path().join(FILE)).unwrap();
    let error = Journal::read(dir.path()).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Foreign, "{what}");
    assert!(error.to_string().contains("is not of this version of hotset; the next `hotset warm`"), "{what}: {error}");
    assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before, "reading changes nothing: {what}");
    let journal = Journal::open(dir.path()).unwrap();
    assert!(journal.runs(&Filter::default()).unwrap().is_empty(), "{what}");
    let aside = files(dir, "journal.db.other-");
    assert_eq!((aside.len(), fs::read(&aside[0]).unwrap()), (1, before), "{what}");
    let found: i64 = Connection::open(&aside[0]).unwrap().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(found, 1, "{what}");
    drop(begun(&journal, 2, "p"));
    drop(journal);
    assert_eq!(outcomes(&Journal::open(dir.path()).unwrap()), [(2, Outcome::Interrupted)], "the new one stays: {what}");
}

#[test]
fn a_broken_file_is_moved_aside_and_not_lost() {
    let header = |text: &[u8]| [text, &[0x5a; 8000]].concat();
    for broken in [header(b"this is no database"), header(b"SQLite format 3\0\x10\x00\x02\x02\x00\x40\x20\x20")] {
        let dir = folder();
        fs::write(dir.path().join(FILE), &broken).unwrap();
        assert_eq!(Journal::read(dir.path()).unwrap_err().trouble(), Trouble::Damaged, "reading moves nothing");
        let journal = Journal::open(dir.path()).unwrap();
        assert!(journal.runs(&Filter::default()).unwrap().is_empty());
        let aside = files(&dir, "journal.db.corrupt-");
        assert_eq!(aside.len(), 1, "{aside:?}");
        assert_eq!(fs::read(&aside[0]).unwrap(), broken);
    }
}

#[test]
fn where_there_is_none_reading_makes_none() {
    let dir = folder();
    assert!(Journal::read(&dir.path().join("no/such")).unwrap().is_none());
    assert!(Journal::read(dir.path()).unwrap().is_none());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_made_is_named_with_its_cause() {
    let dir = folder();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Journal::open(&file.join("state")).unwrap_err();
    let path = file.join("state");
    assert_eq!(error.to_string(), format!("cannot make the folder {}: Not a directory (os error 20)", path.display()));
}

#[test]
fn what_is_past_its_retention_is_forgotten_and_a_live_run_never() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    for (n, ended) in [(1, 10), (2, 1_000)] {
        let run = begun(&journal, n, "p");
        finish(&journal, &run, &end(ended));
    }
    let _alive = begun(&journal, 3, "p");
    journal.prune(at(1_010), Duration::from_secs(100)).unwrap();
    assert_eq!(outcomes(&journal), [(3, Outcome::Running), (2, Outcome::Partial)]);
    assert!(journal.failures(Ulid(1)).unwrap().is_empty());
    assert_eq!(journal.failures(Ulid(2)).unwrap().len(), 1);
    journal.prune(at(1_010), Duration::MAX).unwrap();
    assert_eq!(outcomes(&journal).len(), 2, "no retention is too long");
}

#[test]
fn a_run_says_what_was_recorded_so_far() {
    let dir = folder();
    let journal = Journal::open(dir.path()).unwrap();
    let run = begun(&journal, 1, "p");
    ledger::tests::append(&journal, "u", &run.id, &[ledger::tests::warmed("k", "e", 7, at(5))]);
    assert_eq!(journal.run(Ulid(1)).unwrap().unwrap().warmed, Count { objects: 1, bytes: 7 });
    drop(run);
    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.run(Ulid(1)).unwrap().unwrap().ended, Some(at(5)), "when it was last heard of");
    let known = journal.last_warmed("u", &Bucket::new("b"), &Key::from("k")).unwrap();
    assert_eq!(known.unwrap().sent, at(5), "what it recorded counts");
}
