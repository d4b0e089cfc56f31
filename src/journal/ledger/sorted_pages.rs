//! The sorted level of the ledger: entries in the order of their hash, up to 126 a row, so that a row fills a page of SQLite's.
//!
//! A row holds what is up to its number and above that of the row before. So does SQLite tell the pages of a table: to look one
//! object up is to read one page.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::entry::{Entry, WIDTH, decode, encode, latest};
use super::hash::ObjectHash;
use crate::journal::error::Fault;

/// Entries of a row, at the most: with the head of its row and page, this many fill the 4,096 bytes of a page.
const MAX_ENTRIES: usize = 4_056 / WIDTH;
/// Entries of a new row, where there are many: the rest of its page is for those that are merged later.
const NEW_ENTRIES: usize = 100;

/// The row that holds what is known of a hash, and those behind it.
pub(super) const FROM: &str = "SELECT last, entries FROM sorted_page WHERE last >= ?1 ORDER BY last";

/// Writes rows.
pub(super) struct SortedPages<'a> {
    db: &'a Connection,
    max_entries: usize,
    new_entries: usize,
}

/// A row.
struct Page {
    last: ObjectHash,
    entries: Vec<(ObjectHash, Entry)>,
}

impl<'a> SortedPages<'a> {
    pub fn of(db: &'a Connection) -> Self {
        Self { db, max_entries: MAX_ENTRIES, new_entries: NEW_ENTRIES }
    }

    /// Puts entries in, sorted and each object once. One that is there stays where it has a higher rank.
    pub fn merge(&self, mut entries: &[(ObjectHash, Entry)], now: i64) -> Result<(), Fault> {
        while let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) {
            let mut select = self.db.prepare_cached(FROM)?;
            let old = select.query_row([first], page).optional()?;
            let old = old.unwrap_or_else(|| Page { last: *last, entries: Vec::new() });
            let (own, rest) = entries.split_at(entries.partition_point(|(hash, _)| *hash <= old.last));
            // What is there comes first: of two that were sent at once, the later to arrive counts.
            let all = old.entries.into_iter().chain(own.iter().copied()).collect();
            self.write(old.last, &latest(all, now))?;
            entries = rest;
        }
        Ok(())
    }

    /// Forgets what was sent before, in the rows of these numbers, and joins neighbours that have become small: SQLite gives
    /// the room of a row back, and not that of its end.
    pub fn sweep(&self, rows: RangeInclusive<ObjectHash>, before: i64) -> Result<(), Fault> {
        let mut select = self
            .db
            .prepare_cached("SELECT last, entries FROM sorted_page WHERE last BETWEEN ?1 AND ?2 ORDER BY last")?;
        let pages = select.query_map([rows.start(), rows.end()], page)?.collect::<rusqlite::Result<Vec<_>>>()?;
        // The row before, and whether it is another one than is written.
        let mut behind: Option<(Page, bool)> = None;
        for Page { last, mut entries } in pages {
            let had = entries.len();
            entries.retain(|(_, entry)| entry.sent >= before);
            let mut is_other = entries.len() < had;
            match behind.take() {
                Some((Page { last, entries: mut both }, _)) if both.len() + entries.len() <= self.new_entries => {
                    self.write(last, &[])?;
                    both.append(&mut entries);
                    (entries, is_other) = (both, true);
                }
                Some((page, true)) => self.write(page.last, &page.entries)?,
                _ => {}
            }
            behind = Some((Page { last, entries }, is_other));
        }
        if let Some((page, true)) = behind {
            self.write(page.last, &page.entries)?;
        }
        Ok(())
    }

    /// Writes a row anew, as several where the entries are too many for one.
    fn write(&self, last: ObjectHash, entries: &[(ObjectHash, Entry)]) -> Result<(), Fault> {
        if entries.is_empty() {
            self.db.prepare_cached("DELETE FROM sorted_page WHERE last = ?1")?.execute([last])?;
            return Ok(());
        }
        let rows = if entries.len() <= self.max_entries { 1 } else { entries.len().div_ceil(self.new_entries) };
        let mut insert = self.db.prepare_cached("INSERT OR REPLACE INTO sorted_page VALUES (?1, ?2)")?;
        let mut parts = entries.chunks(entries.len().div_ceil(rows)).peekable();
        while let Some(part) = parts.next() {
            // The last one keeps its number: what is above its entries belongs to it, too.
            let own = part.last().filter(|_| parts.peek().is_some()).map_or(last, |(hash, _)| *hash);
            insert.execute(params![own, encode(part)])?;
        }
        Ok(())
    }
}

fn page(row: &Row<'_>) -> rusqlite::Result<Page> {
    Ok(Page { last: row.get(0)?, entries: decode(row.get_ref(1)?.as_blob()?).collect() })
}

/// Nothing has been merged into it yet.
pub(super) fn is_empty(db: &Connection) -> Result<bool, Fault> {
    Ok(!db.prepare_cached("SELECT 1 FROM sorted_page LIMIT 1")?.exists([])?)
}

#[cfg(test)]
mod tests;
