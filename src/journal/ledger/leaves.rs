//! The ledger on disk: entries in the order of their hash, one to two hundred a row.
//!
//! A row holds what is up to its number and above that of the row before. So does SQLite tell the pages of a table: to look one
//! object up is to read one page.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::by_row::{Asked, by_row};
use super::entry::{Entry, latest};
use super::hash::ObjectHash;
use super::packed::{decode, encode, find, fitting, size};
use crate::journal::error::Fault;

/// Bytes of a row's entries, at the most: with so many it fills a page of 4 KiB.
const MOST: usize = 4_056;
/// Bytes of a new row's entries, where there are many: the others have room for more.
const AT_FIRST: usize = 3_200;

/// Writes rows.
pub(in crate::journal) struct Leaves<'a> {
    db: &'a Connection,
    most: usize,
    at_first: usize,
}

struct Leaf {
    last: ObjectHash,
    entries: Vec<(ObjectHash, Entry)>,
}

impl<'a> Leaves<'a> {
    pub fn of(db: &'a Connection) -> Self {
        Self { db, most: MOST, at_first: AT_FIRST }
    }

    /// With rows of so few bytes.
    #[cfg(test)]
    pub fn small(db: &'a Connection, most: usize) -> Self {
        Self { db, most, at_first: most }
    }

    /// Puts entries in, sorted and each object once. One that is there stays where it has a higher rank.
    pub fn merge(&self, mut entries: &[(ObjectHash, Entry)], now: i64) -> Result<(), Fault> {
        while let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) {
            let mut select = self.db.prepare_cached(FROM)?;
            let old = select.query_row([first], leaf).optional()?;
            let old = old.unwrap_or_else(|| Leaf { last: *last, entries: Vec::new() });
            let (own, rest) = entries.split_at(entries.partition_point(|(hash, _)| *hash <= old.last));
            // What is there comes first: of two that were sent at once, the later to arrive counts.
            let all = old.entries.into_iter().chain(own.iter().copied()).collect();
            self.write(old.last, &latest(all, now))?;
            entries = rest;
        }
        Ok(())
    }

    /// Forgets what was sent before, in the rows of these numbers, and joins neighbours that have become small: SQLite gives
    /// the room of a row back, and not that of its end. Tells whether it forgot anything.
    pub fn sweep(&self, rows: RangeInclusive<ObjectHash>, before: i64) -> Result<bool, Fault> {
        let mut select =
            self.db.prepare_cached("SELECT last, entries FROM leaf WHERE last BETWEEN ?1 AND ?2 ORDER BY last")?;
        let leaves = select.query_map([rows.start(), rows.end()], leaf)?.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut has_swept = false;
        // The row before, and whether it is another one than is written.
        let mut behind: Option<(Leaf, bool)> = None;
        for Leaf { last, mut entries } in leaves {
            let had = entries.len();
            entries.retain(|(_, entry)| entry.sent >= before);
            let mut is_other = entries.len() < had;
            has_swept |= is_other;
            match behind.take() {
                Some((Leaf { last, entries: mut both }, _)) if self.fit(&both, &entries) => {
                    self.write(last, &[])?;
                    both.append(&mut entries);
                    (entries, is_other) = (both, true);
                }
                Some((leaf, true)) => self.write(leaf.last, &leaf.entries)?,
                _ => {}
            }
            behind = Some((Leaf { last, entries }, is_other));
        }
        if let Some((leaf, true)) = behind {
            self.write(leaf.last, &leaf.entries)?;
        }
        Ok(has_swept)
    }

    /// Whether two rows may become one.
    fn fit(&self, one: &[(ObjectHash, Entry)], other: &[(ObjectHash, Entry)]) -> bool {
        size(&[one, other].concat()) <= self.at_first
    }

    /// Writes a row anew, as several where the entries are too much for one.
    fn write(&self, last: ObjectHash, entries: &[(ObjectHash, Entry)]) -> Result<(), Fault> {
        if entries.is_empty() {
            self.db.prepare_cached("DELETE FROM leaf WHERE last = ?1")?.execute([last])?;
            return Ok(());
        }
        let rows = if size(entries) <= self.most { 1 } else { entries.len().div_ceil(fitting(entries, self.at_first)) };
        let mut insert = self.db.prepare_cached("INSERT OR REPLACE INTO leaf VALUES (?1, ?2)")?;
        let mut parts = entries.chunks(entries.len().div_ceil(rows)).peekable();
        while let Some(part) = parts.next() {
            // The last one keeps its number: what is above its entries belongs to it, too.
            let own = part.last().filter(|_| parts.peek().is_some()).map_or(last, |(hash, _)| *hash);
            insert.execute(params![own, encode(part)])?;
        }
        Ok(())
    }
}

/// The row that holds what is known of a hash, and those behind it.
const FROM: &str = "SELECT last, entries FROM leaf WHERE last >= ?1 ORDER BY last";

fn leaf(row: &Row<'_>) -> rusqlite::Result<Leaf> {
    Ok(Leaf { last: row.get(0)?, entries: decode(row.get_ref(1)?.as_blob()?).collect() })
}

/// What it holds of `asked`, which are sorted.
pub(super) fn held<T: Copy>(db: &Connection, asked: &[Asked<T>]) -> Result<Vec<(T, Entry)>, Fault> {
    let mut held = Vec::new();
    by_row(db, FROM, asked, |entries, asked| {
        held.extend(asked.iter().filter_map(|(hash, with)| Some((*with, find(entries, *hash)?))));
    })?;
    Ok(held)
}

/// Nothing has been merged into it yet.
pub(super) fn is_empty(db: &Connection) -> Result<bool, Fault> {
    Ok(!db.prepare_cached("SELECT 1 FROM leaf LIMIT 1")?.exists([])?)
}

#[cfg(test)]
mod tests;
