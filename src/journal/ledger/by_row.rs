//! Tables of which a row stands for what is up to its number and above that of the row before.

use rusqlite::Connection;

use super::hash::ObjectHash;
use crate::journal::error::Fault;

/// A hash that is looked for, with what is to be known of it.
pub(super) type Asked<T> = (ObjectHash, T);

/// Shows the rows that stand for what is asked, which is sorted: the bytes of each, and those that it stands for. Nothing
/// stands for those above the last row. `select` is a query for the numbers and the bytes of all rows at `?1` or above.
pub(super) fn by_row<'a, T>(
    db: &Connection,
    select: &str,
    mut asked: &'a [Asked<T>],
    mut see: impl FnMut(&[u8], &'a [Asked<T>]),
) -> Result<(), Fault> {
    let Some((first, _)) = asked.first() else { return Ok(()) };
    let mut select = db.prepare_cached(select)?;
    let mut rows = select.query([first])?;
    while !asked.is_empty() {
        let Some(row) = rows.next()? else {
            see(&[], asked);
            break;
        };
        let last: ObjectHash = row.get(0)?;
        let (own, rest) = asked.split_at(asked.partition_point(|(hash, _)| *hash <= last));
        if !own.is_empty() {
            see(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?, own);
        }
        asked = rest;
        // Where several have a row in common the next one stands for others. Where it does not, it is found from the root.
        if let [(next, _), ..] = rest
            && own.len() < 2
        {
            drop(rows);
            rows = select.query([next])?;
        }
    }
    Ok(())
}
