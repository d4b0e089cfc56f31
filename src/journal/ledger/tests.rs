//! What is fresh, what is not, and that nothing gets lost between the arrivals and the ledger.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::hash::{Earlier, Hashes as _};
use super::*;
use crate::clock;
use crate::journal::FILE;
use crate::journal::schema::{MIGRATIONS, ToDisk};
use crate::object::{Bucket, Key, Roll};

const URL: &str = "http://cache.test/";
const GIB: u64 = 1 << 30;

fn object(key: &str, etag: Option<&str>, size: u64) -> Object {
    Object {
        bucket: Bucket::new("b"),
        key: Key::from(key),
        size,
        etag: etag.map(ETag::new),
        last_modified: DateTime::UNIX_EPOCH,
        storage_class: None,
    }
}

/// An object that was warmed.
#[derive(Clone, Debug)]
pub struct Warmed {
    pub object: Object,
    pub sent: DateTime<Utc>,
}

impl Warmed {
    pub fn completion(&self) -> Completion<'_> {
        let Self { object, sent } = self;
        Completion { object, etag: object.etag.as_ref(), size: object.size, sent: *sent }
    }
}

pub fn warmed(key: &str, etag: &str, size: u64, sent: DateTime<Utc>) -> Warmed {
    Warmed { object: object(key, Some(etag), size), sent }
}

/// Appends them, as of when the last one was sent.
pub fn append(journal: &Journal, url: &str, run: &str, batch: &[Warmed]) -> Option<i64> {
    let mut hasher = Hasher::new(url);
    let arrivals: Vec<_> = batch.iter().map(|warmed| Arrival::of(&warmed.completion(), &mut hasher)).collect();
    let seen = batch.iter().map(|warmed| warmed.sent).max().unwrap_or_default();
    journal.append(url, run, &arrivals, (seen, ToDisk::Later)).unwrap()
}

/// Before the clock of whoever runs this: what is merged from its future has no rank.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn rules() -> Freshness {
    Freshness { cache_url: URL.to_owned(), rewarm_after: Duration::from_secs(3600), capacity: None, now: now() }
}

/// Entries of the ledger.
pub fn merged(db: &Connection) -> Result<i64, Fault> {
    let mut select = db.prepare("SELECT entries FROM leaf")?;
    let rows = select.query_map([], |row| Ok(packed::decode(row.get_ref(0)?.as_blob()?).count()))?;
    Ok(i64::try_from(rows.sum::<rusqlite::Result<usize>>()?).unwrap())
}

fn record(journal: &Journal, url: &str, batch: &[Warmed]) -> Option<i64> {
    append(journal, url, "no run", batch)
}

fn is_fresh(journal: &Journal, object: Object, rules: &Freshness) -> bool {
    journal.fresh(&vec![object].into(), rules, &Written::default()).unwrap() == [true]
}

#[test]
fn an_object_is_fresh_while_nothing_speaks_against_it() {
    let ago = |seconds| now() - TimeDelta::seconds(seconds);
    let warmed_at = |sent| warmed("k", "etag", GIB, sent);
    let later = |bytes| warmed("other", "etag", bytes, ago(1));
    let listed = || object("k", Some("etag"), GIB);
    let capacity = |capacity| Freshness { capacity: Some(capacity), ..rules() };
    for (recorded, object, rules, fresh, why) in [
        (vec![warmed_at(ago(60))], listed(), rules(), true, "warmed a minute ago"),
        (vec![], listed(), rules(), false, "never warmed"),
        (vec![warmed_at(ago(3599))], listed(), rules(), true, "just within rewarm_after"),
        (vec![warmed_at(ago(3600))], listed(), rules(), false, "rewarm_after is over"),
        (vec![warmed_at(ago(-60))], listed(), rules(), false, "warmed in the future: a clock was wrong"),
        (vec![warmed_at(ago(60))], object("k", Some("other"), GIB), rules(), false, "overwritten"),
        (vec![warmed_at(ago(60))], object("k", Some("etag"), 5), rules(), false, "of another size"),
        (vec![warmed_at(ago(60))], object("k", None, GIB), rules(), false, "listed without an ETag"),
        (vec![warmed_at(ago(60))], object("K", Some("etag"), GIB), rules(), false, "another key"),
        (vec![warmed_at(ago(60)), later(2 * GIB)], listed(), rules(), true, "no capacity is known"),
        (
            vec![warmed_at(ago(60)), later(2 * GIB)],
            listed(),
            capacity(2 * GIB),
            true,
            "as much as fits was filled since",
        ),
        (vec![warmed_at(ago(60)), later(3 * GIB)], listed(), capacity(2 * GIB), false, "more was filled than fits"),
        (vec![warmed_at(ago(60))], listed(), capacity(1), true, "its own bytes do not count against it"),
        (vec![later(9 * GIB), warmed_at(ago(60))], listed(), capacity(GIB), true, "nor does what came before"),
        (vec![warmed_at(ago(7200)), warmed_at(ago(60))], listed(), rules(), true, "the last time counts"),
        (vec![warmed_at(ago(60)), warmed_at(ago(7200))], listed(), rules(), true, "whichever was recorded last"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        record(&journal, URL, &recorded);
        assert_eq!(is_fresh(&journal, object.clone(), &rules), fresh, "{why}");
        journal.merge().unwrap();
        assert_eq!(is_fresh(&journal, object, &rules), fresh, "{why}, merged");
    }
}

#[test]
fn a_run_looks_at_what_others_have_written_and_not_at_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let (own, sent) = (Written::default(), now() - TimeDelta::seconds(60));
    for key in ["a", "b", "c", "d"] {
        let batch = record(&journal, URL, &[warmed(key, "etag", 1, sent)]).unwrap();
        if matches!(key, "b" | "c") {
            own.add(batch);
        }
    }
    let all: Roll = ["a", "b", "c", "d", "e"].into_iter().map(|key| object(key, Some("etag"), 1)).collect();
    assert_eq!(journal.fresh(&all, &rules(), &own).unwrap(), [true, false, false, true, false]);
    journal.merge().unwrap();
    assert_eq!(journal.fresh(&all, &rules(), &own).unwrap(), [true, true, true, true, false], "merged");
}

#[test]
fn an_entry_from_the_future_gives_way_to_what_is_warmed_once_the_clock_is_right() {
    let year = TimeDelta::days(365);
    let right = clock::now();
    let at = |now| Freshness { now, ..rules() };
    for merged in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let tidy = || {
            if merged {
                journal.merge().unwrap();
            }
        };
        let listed = || object("k", Some("etag"), GIB);
        record(&journal, URL, &[warmed("k", "etag", GIB, right + year)]);
        tidy();
        assert!(!is_fresh(&journal, listed(), &at(right)), "nobody knows when it was warmed");
        record(&journal, URL, &[warmed("k", "etag", GIB, right - TimeDelta::seconds(60))]);
        tidy();
        assert!(is_fresh(&journal, listed(), &at(right)), "it was warmed a minute ago, merged: {merged}");
        let known = journal.last_warmed(URL, &listed().bucket, &listed().key).unwrap();
        assert!(known.unwrap().sent < right);
        // Where the two are in the same place the one of the future is not kept until its time comes.
        if merged {
            assert!(!is_fresh(&journal, listed(), &at(right + year)), "it was not warmed since");
        }
        record(&journal, URL, &[warmed("k", "other", GIB, right + year)]);
        tidy();
        assert!(is_fresh(&journal, listed(), &at(right)), "nor does one from the future cover it, merged: {merged}");
    }
}

#[test]
fn each_cache_has_its_own_ledger_and_its_own_count() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    record(&journal, URL, &[warmed("k", "e", 1, now())]);
    record(&journal, "http://other.test/", &[warmed("x", "e", 9 * GIB, now())]);
    let elsewhere = Freshness { cache_url: "http://other.test/".to_owned(), ..rules() };
    let full = Freshness { capacity: Some(GIB), ..rules() };
    assert!(!is_fresh(&journal, object("k", Some("e"), 1), &elsewhere));
    assert!(is_fresh(&journal, object("k", Some("e"), 1), &full), "the other cache's bytes do not count");
}

#[test]
fn what_is_without_an_etag_counts_its_bytes_only() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let untagged = Warmed { object: object("k", None, 3 * GIB), sent: now() };
    record(&journal, URL, &[warmed("k2", "e", 1, now()), untagged]);
    let known = |key: &str| journal.last_warmed(URL, &Bucket::new("b"), &Key::from(key)).unwrap();
    assert_eq!(known("k"), None);
    assert_eq!(known("k2").unwrap().sent, now());
    assert!((3 * GIB..3 * GIB + 2 * MIB).contains(&known("k2").unwrap().filled_since));
}

#[test]
fn two_processes_share_it() {
    let dir = tempfile::tempdir().unwrap();
    let journals = [(); 2].map(|()| Journal::open(dir.path()).unwrap());
    std::thread::scope(|scope| {
        for (who, journal) in journals.iter().enumerate() {
            scope.spawn(move || {
                for n in 0..40 {
                    record(journal, URL, &[warmed(&format!("{who}/{n}"), "e", MIB, now())]);
                    if n % 10 == 0 {
                        journal.merge().unwrap();
                    }
                }
            });
        }
    });
    let all: Roll =
        (0..2).flat_map(|who| (0..40).map(move |n| object(&format!("{who}/{n}"), Some("e"), MIB))).collect();
    for journal in &journals {
        assert_eq!(journal.fresh(&all, &rules(), &Written::default()).unwrap(), vec![true; all.len()]);
        assert_eq!(journal.with("read", |db| filled(db, URL)).unwrap(), 80 * MIB);
    }
}

#[test]
fn a_reader_sees_what_a_writer_commits() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Journal::open(dir.path()).unwrap();
    let reader = Journal::read(dir.path()).unwrap().unwrap();
    assert!(!is_fresh(&reader, object("k", Some("e"), 1), &rules()));
    record(&writer, URL, &[warmed("k", "e", 1, now())]);
    assert!(is_fresh(&reader, object("k", Some("e"), 1), &rules()));
    assert!(reader.append(URL, "", &[], (now(), ToDisk::AtCommit)).is_err(), "a reader writes nothing");
}

#[test]
fn old_entries_are_swept_once_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let entries = || journal.with("read", merged);
    let old = |n: i64| warmed(&n.to_string(), "e", 1, now() - TimeDelta::days(n));
    record(&journal, URL, &(0..400).map(old).collect::<Vec<_>>());
    journal.merge().unwrap();
    journal.sweep(now() - TimeDelta::days(90), now()).unwrap();
    assert_eq!(entries().unwrap(), 91);
    journal.sweep(now() - TimeDelta::days(10), now() + TimeDelta::hours(23)).unwrap();
    assert_eq!(entries().unwrap(), 91, "not again on the same day");
    journal.sweep(now() - TimeDelta::days(10), now() + TimeDelta::hours(25)).unwrap();
    assert_eq!(entries().unwrap(), 11);
}

#[test]
fn filters_are_asked_before_the_ledger_and_forget_what_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let old: Vec<_> =
        (0..100).map(|n: i64| warmed(&n.to_string(), "e", 1, now() - TimeDelta::days(n % 2 * 9))).collect();
    record(&journal, URL, &old);
    journal.merge().unwrap();
    let passing = || {
        let mut hasher = Hasher::new(URL);
        let object = |warmed: &Warmed| hasher.identity(&warmed.object.bucket, warmed.object.key.as_bytes());
        let mut asked: Vec<_> = old.iter().map(object).map(|identity| (identity, ())).collect();
        asked.sort_unstable();
        filter::passing(&journal.lock(), &asked).unwrap().len()
    };
    assert_eq!(passing(), 100);
    journal.sweep(now() - TimeDelta::days(5), now()).unwrap();
    assert_eq!(passing(), 50, "one of thousands would pass by chance");
    let is_known = |n: &str| journal.last_warmed(URL, &Bucket::new("b"), &Key::from(n)).unwrap().is_some();
    assert!(is_known("0"));
    journal.lock().execute("UPDATE filter SET bits = zeroblob(length(bits))", []).unwrap();
    assert!(!is_known("0"), "what a filter denies is not looked up");
}

/// By which a version before the schema `6_hashes` knew it.
pub fn earlier_identity(url: &str, object: &Object) -> Identity {
    Earlier::new(url).identity(&object.bucket, object.key.as_bytes())
}

pub fn identity(url: &str, object: &Object) -> Identity {
    Hasher::new(url).identity(&object.bucket, object.key.as_bytes())
}

/// Records them as a version before the schema `6_hashes` did, in a journal that is then brought up to date.
fn recorded_before(batch: &[Warmed]) -> (tempfile::TempDir, Journal) {
    let dir = tempfile::tempdir().unwrap();
    let db = Connection::open(dir.path().join(FILE)).unwrap();
    MIGRATIONS[..5].iter().for_each(|migration| db.execute_batch(migration).unwrap());
    db.pragma_update(None, "user_version", 5).unwrap();
    let mut earlier = Earlier::new(URL);
    let entry = |Warmed { object, sent }: &Warmed| {
        let identity = earlier.identity(&object.bucket, object.key.as_bytes());
        let value = earlier.value(object.etag.as_ref().unwrap(), object.size);
        [identity, value, sent.timestamp(), 0].map(i64::to_be_bytes).concat()
    };
    let entries: Vec<u8> = batch.iter().flat_map(entry).collect();
    if !entries.is_empty() {
        db.execute("INSERT INTO batch (url, entries) VALUES (?1, ?2)", params![URL, entries]).unwrap();
    }
    drop(db);
    let journal = Journal::open(dir.path()).unwrap();
    (dir, journal)
}

#[test]
fn what_was_recorded_by_earlier_hashes_counts_until_it_is_swept() {
    let ago = |seconds| clock::now() - TimeDelta::seconds(seconds);
    let rules = || Freshness { now: clock::now(), ..rules() };
    let (_dir, journal) = recorded_before(&[warmed("a", "e", 1, ago(60)), warmed("b", "e", 1, ago(60))]);
    let all: Roll = [("a", Some("e")), ("b", Some("other")), ("c", Some("e")), ("a", None), ("a", Some("e"))]
        .into_iter()
        .map(|(key, etag)| object(key, etag, 1))
        .collect();
    let fresh = |portions| journal.fresh_by(&all, &rules(), &Written::default(), portions).unwrap();
    let known = |key: &str| journal.last_warmed(URL, &Bucket::new("b"), &Key::from(key)).unwrap();
    for is_merged in [false, true] {
        for portions in [(1, 1), (3, 2), (100, 100)] {
            assert_eq!(fresh(portions), [true, false, false, false, true], "{portions:?}, merged: {is_merged}");
        }
        assert_eq!((known("a").is_some(), known("c")), (true, None));
        journal.merge().unwrap();
    }
    // What is recorded since is later.
    let since = ago(30);
    record(&journal, URL, &[warmed("a", "other", 1, since)]);
    assert_eq!(fresh((100, 100)), [false; 5]);
    assert_eq!(known("a").unwrap().sent.timestamp(), since.timestamp());

    let marks = || -> i64 {
        journal.lock().query_row("SELECT count(*) FROM mark WHERE name = 'sha-256'", [], |row| row.get(0)).unwrap()
    };
    journal.sweep(ago(45), ago(0)).unwrap();
    assert_eq!((known("b"), marks()), (None, 1), "others could still have been recorded when the schema changed");
    journal.sweep(ago(-2), ago(0) + TimeDelta::days(2)).unwrap();
    assert_eq!(marks(), 0);
}

#[test]
fn a_new_journal_asks_for_no_earlier_hashes() {
    let (_dir, journal) = recorded_before(&[]);
    let marks: i64 = journal.lock().query_row("SELECT count(*) FROM mark", [], |row| row.get(0)).unwrap();
    assert_eq!(marks, 0);
}

#[test]
fn ten_million_objects_fit_into_450_mb() {
    const N: u64 = 100_000;
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    // In portions, so that pages are split as they are in the life of a journal; the count is that of a well used cache.
    record(&journal, URL, &[warmed("before", "e", 1 << 52, now())]);
    let key = |n| warmed(&format!("d/{n}"), "e", 64 * MIB, now());
    for (from, to) in [(0, 10_000), (10_000, 20_000), (20_000, 80_000), (80_000, N)] {
        record(&journal, URL, &(from..to).map(key).collect::<Vec<_>>());
        journal.merge_by(25_000).unwrap();
    }
    let all: Roll = (0..N).map(|n| object(&format!("d/{n}"), Some("e"), 64 * MIB)).collect();
    assert_eq!(
        journal.fresh(&all, &rules(), &Written::default()).unwrap(),
        vec![true; all.len()],
        "merged part by part, and whole"
    );
    journal.with("read", |db| Ok(db.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?)).unwrap();
    let size = std::fs::metadata(dir.path().join(FILE)).unwrap().len();
    assert!(size <= 45 * N, "{} bytes an object", size / N);
    // A handful is not worth rewriting the ledger for; it counts all the same.
    record(&journal, URL, &(N..N + 1_000).map(key).collect::<Vec<_>>());
    journal.tidy();
    assert_eq!(journal.waiting().unwrap(), 1_000);
    assert!(is_fresh(&journal, object(&format!("d/{N}"), Some("e"), 64 * MIB), &rules()));
    record(&journal, URL, &(N + 1_000..2 * N).map(key).collect::<Vec<_>>());
    journal.tidy();
    assert_eq!(journal.waiting().unwrap(), 0);
    assert!(is_fresh(&journal, object(&format!("d/{N}"), Some("e"), 64 * MIB), &rules()));
}

#[derive(Clone, Debug)]
enum Act {
    Append(Vec<(u8, u8, u32)>),
    Merge,
    /// The process ends after so many parts of a merge.
    MergeUpTo(u64),
    /// The process ends and another opens the journal.
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => prop::collection::vec((0..40_u8, 0..3_u8, 0..1000_u32), 0..30).prop_map(Act::Append),
        1 => Just(Act::Merge),
        1 => (0..=8_u64).prop_map(Act::MergeUpTo),
        1 => Just(Act::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_is_what_arrived_whatever_ended_in_between(acts in prop::collection::vec(act(), 1..12)) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        let mut model: HashMap<u8, (u8, u32)> = HashMap::new();
        for act in acts {
            match act {
                Act::Append(arrivals) => {
                    let sent = |age| now() - TimeDelta::seconds(i64::from(age));
                    let batch: Vec<_> =
                        arrivals.iter().map(|(k, e, age)| warmed(&k.to_string(), &e.to_string(), 1, sent(*age))).collect();
                    record(&journal, URL, &batch);
                    for (key, etag, age) in arrivals {
                        let known = model.entry(key).or_insert((etag, age));
                        if age <= known.1 {
                            *known = (etag, age);
                        }
                    }
                }
                Act::Merge => journal.merge().unwrap(),
                Act::MergeUpTo(high) => {
                    let last = "SELECT coalesce(max(n), 0) FROM arrived";
                    let last: i64 = journal.lock().query_row(last, [], |row| row.get(0)).unwrap();
                    for part in 0..high {
                        journal.merge_part(last, part, 3).unwrap();
                    }
                    journal = Journal::open(dir.path()).unwrap();
                }
                Act::Reopen => journal = Journal::open(dir.path()).unwrap(),
            }
            for key in 0..40_u8 {
                let known = journal.last_warmed(URL, &Bucket::new("b"), &Key::from(&*key.to_string())).unwrap();
                let known = known.map(|known| (known.value, known.sent));
                let modelled = model.get(&key).map(|(etag, age)| {
                    let value = Hasher::new(URL).value(&ETag::new(&etag.to_string()), 1);
                    (value.cast_unsigned(), now() - TimeDelta::seconds(i64::from(*age)))
                });
                prop_assert_eq!(known, modelled, "key {}", key);
            }
        }
    }

    #[test]
    fn each_object_is_looked_up_whatever_the_portions(
        known in prop::collection::vec(any::<bool>(), 0..60),
        merged in 0_usize..60,
        sorted in 1_usize..20,
        look_up in 1_usize..20,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let key = |n: usize| format!("k{n}");
        let recorded: Vec<_> = known.iter().enumerate().filter(|(_, known)| **known).map(|(n, _)| n).collect();
        let (first, then) = recorded.split_at(merged.min(recorded.len()));
        for (portion, is_merged) in [(first, true), (then, false)] {
            let portion: Vec<_> = portion.iter().map(|&n| warmed(&key(n), "e", 1, now() - TimeDelta::seconds(9))).collect();
            record(&journal, URL, &portion);
            if is_merged {
                journal.merge().unwrap();
            }
        }
        let listed: Vec<_> = (0..known.len()).map(|n| object(&key(n), Some("e"), 1)).collect();
        prop_assert_eq!(journal.fresh_by(&listed.into(), &rules(), &Written::default(), (sorted, look_up)).unwrap(), known);
    }
}
