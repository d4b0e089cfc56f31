use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::leaves::Leaves;
use super::*;

const NOW: i64 = 100;

fn ledger() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE leaf (last INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT").unwrap();
    db.execute_batch(include_str!("../../schema/5_filter.sql")).unwrap();
    Filters::of(&db).remake(ObjectHash::MIN..=ObjectHash::MAX).unwrap();
    db
}

fn sent_at(sent: i64) -> Entry {
    Entry { content_hash: 1, sent, filled: 1 }
}

/// As hashes are: far apart, and always the same.
fn hashes(seed: u64) -> impl Iterator<Item = ObjectHash> {
    (seed << 40..).map(|n| {
        let mixed = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).cast_signed()
    })
}

/// Into the ledger, and what it says of them.
fn add(db: &Connection, filters: &Filters<'_>, hashes: impl IntoIterator<Item = ObjectHash>) {
    add_to(&Leaves::of(db), filters, hashes, 50);
}

fn add_to(leaves: &Leaves<'_>, filters: &Filters<'_>, hashes: impl IntoIterator<Item = ObjectHash>, sent: i64) {
    let sorted: BTreeSet<ObjectHash> = hashes.into_iter().collect();
    let entries: Vec<_> = sorted.into_iter().map(|hash| (hash, sent_at(sent))).collect();
    leaves.merge(&entries, NOW).unwrap();
    filters.add(&entries).unwrap();
}

fn passing(db: &Connection, hashes: impl Iterator<Item = ObjectHash>) -> usize {
    let sorted: BTreeSet<ObjectHash> = hashes.collect();
    super::passing(db, &sorted.into_iter().map(|hash| (hash, ())).collect::<Vec<_>>()).unwrap().len()
}

fn number(db: &Connection, of: &str) -> usize {
    db.query_row(of, [], |row| row.get(0)).map(|number: i64| usize::try_from(number).unwrap()).unwrap()
}

#[test]
fn a_filter_fills_a_page_and_no_second_one() {
    let db = ledger();
    let pages = number(&db, "SELECT count(*) FROM dbstat WHERE name = 'filter'");
    assert_eq!((number(&db, "SELECT count(*) FROM filter"), pages), (1, 1));
}

#[test]
fn what_is_known_passes_and_few_others_do_however_it_came() {
    const KNOWN: usize = 60_000;
    for portion in [KNOWN, 1_000] {
        let db = ledger();
        let known: Vec<_> = hashes(1).take(KNOWN).collect();
        for portion in known.chunks(portion) {
            add(&db, &Filters::of(&db), portion.iter().copied());
        }
        assert_eq!(passing(&db, known.iter().copied()), KNOWN);
        let others = passing(&db, hashes(2).take(10_000));
        assert!(others < 200, "{others} of 10,000 others pass, by {portion}");
        let filters = number(&db, "SELECT count(*) FROM filter");
        assert!(filters < KNOWN / 1_500, "{filters} filters, by {portion}");
    }
}

#[test]
fn what_is_swept_passes_no_longer_and_its_filters_are_joined() {
    let db = ledger();
    let filters = Filters::of(&db);
    add(&db, &filters, hashes(1).take(30_000));
    let before = number(&db, "SELECT count(*) FROM filter");
    let all = ObjectHash::MIN..=ObjectHash::MAX;
    assert!(!Leaves::of(&db).sweep(all.clone(), 50).unwrap(), "nothing is that old");
    assert!(Leaves::of(&db).sweep(all.clone(), 51).unwrap());
    filters.remake(all).unwrap();
    assert_eq!((before > 5, number(&db, "SELECT count(*) FROM filter")), (true, 1));
    assert_eq!(passing(&db, hashes(1).take(30_000)), 0);
}

#[test]
fn without_a_filter_the_ledger_may_hold_anything() {
    let db = ledger();
    add(&db, &Filters::of(&db), hashes(1).take(100));
    db.execute("DELETE FROM filter", []).unwrap();
    assert_eq!(passing(&db, hashes(2).take(100)), 100);
    add(&db, &Filters::of(&db), hashes(3).take(1));
    assert_eq!(passing(&db, hashes(1).take(100)), 100, "made anew of all there is");
    assert!(passing(&db, hashes(2).take(100)) < 5);
}

#[derive(Clone, Debug)]
enum Act {
    Add(Vec<ObjectHash>),
    /// Forgets all but what was added in the last so many acts, in the rows of a slice.
    Sweep(i64, RangeInclusive<ObjectHash>),
}

fn act() -> impl Strategy<Value = Act> {
    let hash =
        prop_oneof![4 => -40_i64..40, 1 => Just(ObjectHash::MIN), 1 => Just(ObjectHash::MAX), 2 => any::<ObjectHash>()];
    let slice = prop_oneof![Just(ObjectHash::MIN..=-1), Just(-9..=9), Just(0..=20), Just(21..=ObjectHash::MAX)];
    prop_oneof![
        3 => prop::collection::vec(hash, 0..40).prop_map(Act::Add),
        1 => (0_i64..4, slice).prop_map(|(acts, slice)| Act::Sweep(acts, slice)),
    ]
}

fn held(db: &Connection) -> BTreeSet<ObjectHash> {
    let mut select = db.prepare("SELECT entries FROM leaf").unwrap();
    let rows: Vec<Vec<u8>> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    rows.iter().flat_map(|entries| decode(entries)).map(|(hash, _)| hash).collect()
}

proptest! {
    #[test]
    fn a_filter_never_denies_what_the_ledger_holds(
        acts in prop::collection::vec(act(), 1..12),
        most in 40_usize..100,
        bytes in 1_usize..12,
        at_first in 1_usize..6,
    ) {
        let db = ledger();
        let leaves = Leaves::small(&db, most);
        let filters = Filters { db: &db, bytes, at_first };
        filters.remake(ObjectHash::MIN..=ObjectHash::MAX).unwrap();
        for (act, now) in acts.into_iter().zip(1..) {
            match act {
                Act::Add(hashes) => add_to(&leaves, &filters, hashes, now),
                Act::Sweep(acts, slice) => {
                    if leaves.sweep(slice.clone(), now - acts).unwrap() {
                        filters.remake(slice).unwrap();
                    }
                }
            }
            let held = held(&db);
            prop_assert_eq!(passing(&db, held.iter().copied()), held.len());
            let few: Vec<_> = held.iter().copied().step_by(3).collect();
            prop_assert_eq!(passing(&db, few.iter().copied()), few.len());
            let last: ObjectHash = db.query_row("SELECT max(last) FROM filter", [], |row| row.get(0)).unwrap();
            prop_assert_eq!(last, ObjectHash::MAX);
        }
    }
}
