//! What is fresh and what is not.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::journal::ledger::tests::{GIB, URL, is_fresh, now, object, record, rules, warmed};

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
    let all: ObjectIndex = ["a", "b", "c", "d", "e"].into_iter().map(|key| object(key, Some("etag"), 1)).collect();
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

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
