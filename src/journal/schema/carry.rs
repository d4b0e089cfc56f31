//! How the ledger of an older schema becomes one of the next.

use rusqlite::Connection;

use crate::clock;
use crate::journal::error::Fault;
use crate::journal::ledger::{Batch, Entry, Leaves, ObjectHash};

/// Entries of schema 3 that are carried over at a time.
const AT_ONCE: i64 = 10_000;
/// How many of them become a row of schema 4.
const ROW: usize = 100;
/// Rows of schema 6 that are carried over at a time.
const ROWS: i64 = 100;
/// Bytes of an entry of the schemas 3 to 6: 8 each for identity, value, sent and filled, the highest first.
const WIDE: usize = 4 * size_of::<i64>();

/// An entry of schema 3, unless a later one is there. One that was sent after `?5`, which is now, is the earliest of all.
const UPSERT: &str = "INSERT INTO ledger VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (identity) DO UPDATE SET value = excluded.value, sent = excluded.sent, filled = excluded.filled
    WHERE excluded.sent >= ledger.sent AND excluded.sent <= ?5 OR ledger.sent > ?5";

/// To schema 3: of an identity, the first 64 bits are kept.
pub(super) fn shorten(db: &Connection) -> Result<(), Fault> {
    let mut upsert = db.prepare(UPSERT)?;
    let now = clock::now().timestamp();
    for old in ["old_ledger ORDER BY identity", "old_arrived ORDER BY identity, n"] {
        let mut select = db.prepare(&format!("SELECT identity, value, sent, filled FROM {old}"))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let identity: [u8; 16] = row.get(0)?;
            let [value, sent, filled] = [1, 2, 3].map(|column| row.get::<_, i64>(column));
            let first = i64::from_be_bytes(std::array::from_fn(|n| identity[n]));
            upsert.execute(rusqlite::params![first, value?, sent?, filled?, now])?;
        }
    }
    Ok(db.execute_batch("DROP TABLE old_ledger; DROP TABLE old_arrived")?)
}

/// To schema 4: rows become entries of larger ones, which take the room of those that are gone.
pub(super) fn gather(db: &Connection) -> Result<(), Fault> {
    let mut select =
        db.prepare("SELECT identity, value, sent, filled FROM ledger_of_rows ORDER BY identity LIMIT ?1")?;
    let mut insert = db.prepare("INSERT INTO ledger VALUES (?1, ?2)")?;
    loop {
        let rows = select.query_map([AT_ONCE], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
        let some = rows.collect::<rusqlite::Result<Vec<[i64; 4]>>>()?;
        let Some([last, ..]) = some.last() else { break };
        for row in some.chunks(ROW) {
            let entries: Vec<u8> = row.as_flattened().iter().flat_map(|field| field.to_be_bytes()).collect();
            insert.execute((row.last().map(|[identity, ..]| identity), entries))?;
        }
        db.prepare_cached("DELETE FROM ledger_of_rows WHERE identity <= ?1")?.execute([last])?;
    }
    drop(select);
    Ok(db.execute_batch("DROP TABLE ledger_of_rows")?)
}

/// To schema 7: entries take less room, and what was theirs.
pub(super) fn pack(db: &Connection) -> Result<(), Fault> {
    let now = clock::now().timestamp();
    let mut select = db.prepare("SELECT last, entries FROM wide_ledger ORDER BY last LIMIT ?1")?;
    loop {
        let rows = select.query_map([ROWS], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let some = rows.collect::<rusqlite::Result<Vec<(ObjectHash, Vec<u8>)>>>()?;
        let Some((last, _)) = some.last() else { break };
        let entries: Vec<_> = some.iter().flat_map(|(_, entries)| wide(entries)).collect();
        Leaves::of(db).merge(&entries, now)?;
        db.prepare_cached("DELETE FROM wide_ledger WHERE last <= ?1")?.execute([last])?;
    }
    drop(select);
    let mut select = db.prepare("SELECT url, entries FROM wide_batch ORDER BY n")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let entries = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        Batch { url: row.get(0)?, entries: wide(entries).collect() }.store(db)?;
    }
    drop(rows);
    drop(select);
    Ok(db.execute_batch("DROP TABLE wide_ledger; DROP TABLE wide_batch")?)
}

fn wide(bytes: &[u8]) -> impl Iterator<Item = (ObjectHash, Entry)> + '_ {
    bytes.as_chunks::<WIDE>().0.iter().map(|entry| {
        let fields = entry.as_chunks::<{ size_of::<i64>() }>().0;
        let [identity, value, sent, filled] = std::array::from_fn(|n| i64::from_be_bytes(fields[n]));
        (identity, Entry { content_hash: value, sent, filled })
    })
}
