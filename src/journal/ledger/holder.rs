//! Tables of which a row stands for what is up to its number and above that of the row before.

use std::ops::RangeInclusive;

use rusqlite::{CachedStatement, Connection};

use super::hash::Identity;
use crate::journal::error::Fault;

/// Finds the row of one identity after another, fastest in their order.
pub(super) struct Holder<'a> {
    select: CachedStatement<'a>,
    /// What the row that was read last stands for.
    read: Option<RangeInclusive<Identity>>,
    held: Vec<u8>,
}

impl<'a> Holder<'a> {
    /// Of rows by a query for the number and the bytes of the first row at `?1` or above.
    pub fn of(db: &'a Connection, select: &str) -> Result<Self, Fault> {
        Ok(Self { select: db.prepare_cached(select)?, read: None, held: Vec::new() })
    }

    /// The bytes of the row that stands for an identity; none without such a row.
    pub fn row(&mut self, identity: Identity) -> Result<&[u8], Fault> {
        if !self.read.as_ref().is_some_and(|read| read.contains(&identity)) {
            // Nothing is known of what was read before, should this fail.
            self.read = None;
            self.held.clear();
            let mut last = Identity::MAX;
            let mut rows = self.select.query([identity])?;
            if let Some(row) = rows.next()? {
                last = row.get(0)?;
                self.held.extend_from_slice(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?);
            }
            self.read = Some(identity..=last);
        }
        Ok(&self.held)
    }
}
