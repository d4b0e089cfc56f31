//! That nothing gets lost between the append log and the sorted pages, and what it takes.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::hash::content_hash;
use super::*;
use crate::journal::FILE;
use crate::journal::schema::Durability;
use model::object::{Bucket, Key, ObjectIndex};

pub const URL: &str = "http://cache.test/";
pub const GIB: u64 = 1 << 30;

pub fn object(key: &str, etag: Option<&str>, size: u64) -> Object {
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
    journal.append(url, run, &arrivals, (seen, Durability::Deferred)).unwrap()
}

/// Before the clock of whoever runs this: what is merged from its future has no rank.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

pub fn rules() -> Freshness {
    Freshness { cache_url: URL.to_owned(), rewarm_after: Duration::from_secs(3600), capacity: None, now: now() }
}

/// Entries of the ledger.
pub fn merged(db: &Connection) -> Result<i64, Fault> {
    let mut select = db.prepare("SELECT entries FROM sorted_page")?;
    let rows = select.query_map([], |row| Ok(entry::decode(row.get_ref(0)?.as_blob()?).count()))?;
    Ok(i64::try_from(rows.sum::<rusqlite::Result<usize>>()?).unwrap())
}

pub fn record(journal: &Journal, url: &str, batch: &[Warmed]) -> Option<i64> {
    append(journal, url, "no run", batch)
}

pub fn is_fresh(journal: &Journal, object: Object, rules: &Freshness) -> bool {
    journal.fresh(&vec![object].into(), rules, &Written::default()).unwrap() == [true]
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
    let all: ObjectIndex =
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
    assert!(reader.append(URL, "", &[], (now(), Durability::AtCommit)).is_err(), "a reader writes nothing");
}

#[test]
fn old_entries_are_swept_once_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let entries = || journal.with("read", merged);
    let old = |n: i64| warmed(&n.to_string(), "e", 1, now() - TimeDelta::days(n));
    record(&journal, URL, &(0..400).map(old).collect::<Vec<_>>());
    journal.sweep(now() - TimeDelta::days(90), now()).unwrap();
    assert_eq!(entries().unwrap(), 91);
    journal.sweep(now() - TimeDelta::days(10), now() + TimeDelta::hours(23)).unwrap();
    assert_eq!(entries().unwrap(), 91, "not again on the same day");
    journal.sweep(now() - TimeDelta::days(10), now() + TimeDelta::hours(25)).unwrap();
    assert_eq!(entries().unwrap(), 11);
}

#[test]
fn ten_million_objects_fit_into_650_mb() {
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
    let all: ObjectIndex = (0..N).map(|n| object(&format!("d/{n}"), Some("e"), 64 * MIB)).collect();
    assert_eq!(
        journal.fresh(&all, &rules(), &Written::default()).unwrap(),
        vec![true; all.len()],
        "merged part by part, and whole"
    );
    journal.with("read", |db| Ok(db.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?)).unwrap();
    let size = std::fs::metadata(dir.path().join(FILE)).unwrap().len();
    assert!(size <= 65 * N, "{} bytes an object", size / N);
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
                    let last = "SELECT coalesce(max(n), 0) FROM append_log";
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
                let known = known.map(|known| (known.content_hash, known.sent));
                let modelled = model.get(&key).map(|(etag, age)| {
                    let content_hash = content_hash(&ETag::new(&etag.to_string()), 1);
                    (content_hash.cast_unsigned(), now() - TimeDelta::seconds(i64::from(*age)))
                });
                prop_assert_eq!(known, modelled, "key {}", key);
            }
        }
    }
}
