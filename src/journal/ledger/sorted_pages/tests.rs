use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::page_scan::scan;
use super::*;

const NOW: i64 = 100;

fn ledger() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE sorted_page (last INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT").unwrap();
    db
}

fn entry(content_hash: i64, sent: i64) -> Entry {
    Entry { content_hash, sent, filled: 7 }
}

/// Each row's number, and what is in it.
fn rows(db: &Connection) -> Vec<(ObjectHash, Vec<(ObjectHash, Entry)>)> {
    let mut select = db.prepare("SELECT last, entries FROM sorted_page ORDER BY last").unwrap();
    let rows = select.query_map([], page).unwrap();
    rows.map(|page| page.unwrap()).map(|page| (page.last, page.entries)).collect()
}

#[test]
fn a_full_row_fills_a_page_and_no_second_one() {
    let db = ledger();
    let mut entries: Vec<_> = (i64::MIN..).take(MAX_ENTRIES).map(|n| (n, entry(n, 1))).collect();
    SortedPages::of(&db).merge(&entries, NOW).unwrap();
    let pages = |db: &Connection| db.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((rows(&db).len(), pages(&db)), (1, 2), "the schema, and the row");
    entries.push((i64::MIN + 1_000, entry(0, 1)));
    SortedPages::of(&db).merge(&entries, NOW).unwrap();
    assert_eq!(rows(&db).len(), 2);
    let written: Vec<_> = rows(&db).into_iter().flat_map(|(_, held)| held).collect();
    assert_eq!(written, entries);
}

#[test]
fn the_smallest_and_the_largest_identity_are_found() {
    let db = ledger();
    let all = [i64::MIN, -1, 0, i64::MAX].map(|hash| (hash, entry(hash, 1)));
    SortedPages { db: &db, max_entries: 1, new_entries: 1 }.merge(&all, NOW).unwrap();
    let asked = [i64::MIN, -2, -1, 0, 1, i64::MAX].map(|hash| (hash, hash));
    assert_eq!(scan(&db, &asked).unwrap(), all);
}

#[test]
fn the_room_of_what_is_swept_is_given_back() {
    let db = ledger();
    let number = |db: &Connection, of| db.pragma_query_value(None, of, |row| row.get::<_, i64>(0)).unwrap();
    let all: Vec<_> = (0..10_000).map(|n| (n, entry(n, if n % 10 == 0 { 90 } else { 10 }))).collect();
    SortedPages::of(&db).merge(&all, NOW).unwrap();
    let pages = number(&db, "page_count");
    SortedPages::of(&db).sweep(0..=ObjectHash::MAX, 50).unwrap();
    assert_eq!(rows(&db).len(), 10, "a hundred a row");
    assert!(number(&db, "freelist_count") * 10 > pages * 8, "of {pages} pages");
}

#[derive(Clone, Debug)]
enum Act {
    Merge(Vec<(ObjectHash, i64, i64)>),
    Sweep(i64),
}

fn act() -> impl Strategy<Value = Act> {
    // Some were sent after now.
    let entry = (-40_i64..40, 0_i64..9, 0_i64..110);
    prop_oneof![
        4 => prop::collection::vec(entry, 0..30).prop_map(Act::Merge),
        1 => (0_i64..110).prop_map(Act::Sweep),
    ]
}

proptest! {
    #[test]
    fn rows_hold_what_was_merged_and_not_swept(
        acts in prop::collection::vec(act(), 1..8),
        most in 1_usize..6,
        slack in 0_usize..3,
        looks in prop::collection::vec(-45_i64..45, 0..40),
    ) {
        let db = ledger();
        let pages = SortedPages { db: &db, max_entries: most, new_entries: most.saturating_sub(slack).max(1) };
        let mut model: BTreeMap<ObjectHash, Entry> = BTreeMap::new();
        for act in acts {
            match act {
                Act::Merge(entries) => {
                    let entries: Vec<_> = entries.into_iter().map(|(n, content_hash, sent)| (n, entry(content_hash, sent))).collect();
                    for &(hash, new) in &entries {
                        let known = model.entry(hash).or_insert(new);
                        if new.rank(NOW) >= known.rank(NOW) {
                            *known = new;
                        }
                    }
                    pages.merge(&latest(entries, NOW), NOW).unwrap();
                }
                Act::Sweep(before) => {
                    pages.sweep(ObjectHash::MIN..=-1, before).unwrap();
                    pages.sweep(0..=ObjectHash::MAX, before).unwrap();
                    model.retain(|_, entry| entry.sent >= before);
                    let rows = rows(&db);
                    let is_small = |pair: &[(ObjectHash, Vec<(ObjectHash, Entry)>)]| {
                        let [(one, a), (other, b)] = pair else { return false };
                        one.signum() == other.signum() && *one < 0 && a.len() + b.len() <= pages.new_entries
                    };
                    prop_assert!(!rows.windows(2).any(is_small), "{:?}", rows);
                }
            }
            let rows = rows(&db);
            prop_assert!(rows.iter().all(|(_, held)| !held.is_empty() && held.len() <= most), "{:?}", rows);
            let all: BTreeMap<_, _> = rows.iter().flat_map(|(_, held)| held).copied().collect();
            prop_assert_eq!(&all, &model);
            let mut above = ObjectHash::MIN;
            for (last, held) in &rows {
                prop_assert!(held.iter().all(|(hash, _)| above < *hash && hash <= last), "{:?}", rows);
                above = *last;
            }
        }
        let mut looks = looks;
        looks.sort_unstable();
        for looks in [looks, (-45..45).collect()] {
            let asked: Vec<_> = looks.iter().copied().zip(0..).collect();
            let known: Vec<_> = asked.iter().filter_map(|(hash, n)| Some((*n, *model.get(hash)?))).collect();
            prop_assert_eq!(scan(&db, &asked).unwrap(), known);
        }
    }
}
