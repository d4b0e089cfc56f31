//! Looks many objects up in the sorted pages, in the order of their hashes: a page is read once for all that it may hold.

use rusqlite::Connection;

use super::entry::{Entry, find};
use super::hash::ObjectHash;
use super::sorted_pages::FROM;
use crate::journal::error::Fault;

/// A hash that is looked for, with what it is asked for.
pub(super) type Asked<T> = (ObjectHash, T);

/// What the pages hold of `asked`, which is sorted.
pub(super) fn scan<T: Copy>(db: &Connection, mut asked: &[Asked<T>]) -> Result<Vec<(T, Entry)>, Fault> {
    let mut found = Vec::new();
    let Some((first, _)) = asked.first() else { return Ok(found) };
    let mut select = db.prepare_cached(FROM)?;
    let mut rows = select.query([first])?;
    while let Some(row) = rows.next()? {
        let last: ObjectHash = row.get(0)?;
        let (own, rest) = asked.split_at(asked.partition_point(|(hash, _)| *hash <= last));
        let page = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        found.extend(own.iter().filter_map(|(hash, with)| Some((*with, find(page, *hash)?))));
        let Some((next, _)) = rest.first() else { break };
        // Where a page has several of them, the next page has some, too. Where not, the next one is found from the root.
        if own.len() < 2 {
            drop(rows);
            rows = select.query([next])?;
        }
        asked = rest;
    }
    Ok(found)
}
