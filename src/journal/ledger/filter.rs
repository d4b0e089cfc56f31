//! Which objects the ledger may hold: a Bloom filter of a page for each few thousand neighbours.
//!
//! Most that a run asks for is not in a large ledger, where each is on a page of its own. Here thousands are on one: ten
//! million entries have a hundred thousand pages, and their filters three to five thousand, of which most stay in SQLite's
//! cache.
//!
//! A filter never denies what the ledger has, and lets a few pass that it has not: at most one of fifty where this version
//! has written it. What the ledger
//! has forgotten goes on to pass until the filter is made anew, from the ledger: when too many of its bits are set, and when
//! a sweep has forgotten something in rows of that part.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::by_row::{Asked, by_row};
use super::entry::Entry;
use super::hash::ObjectHash;
use super::packed::decode;
use crate::journal::error::Fault;

/// Of a filter: with its number it fills a page of 4 KiB.
const BYTES: usize = 4032;
/// Entries of a new filter. One of a hundred others passes it then; with a quarter more it is full.
const AT_FIRST: usize = 3_000;
/// Bits that a hash sets.
const EACH: usize = 4;
/// Spreads hashes that differ in their last bits only: those of a filter have the first in common.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The filter of a hash, and those behind it.
const FROM: &str = "SELECT last, bits FROM filter WHERE last >= ?1 ORDER BY last";

/// Writes filters.
pub(in crate::journal) struct Filters<'a> {
    db: &'a Connection,
    bytes: usize,
    at_first: usize,
}

impl<'a> Filters<'a> {
    pub fn of(db: &'a Connection) -> Self {
        Self { db, bytes: BYTES, at_first: AT_FIRST }
    }

    /// Lets entries pass, sorted, which are in the ledger.
    pub fn add(&self, mut entries: &[(ObjectHash, Entry)]) -> Result<(), Fault> {
        let mut select = self.db.prepare_cached(FROM)?;
        while let Some((first, _)) = entries.first() {
            let filter = select.query_row([first], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            // Without one, which cannot be, they count as full.
            let (last, mut bits): (ObjectHash, Vec<u8>) = filter.unwrap_or((ObjectHash::MAX, Vec::new()));
            let (own, rest) = entries.split_at(entries.partition_point(|(hash, _)| *hash <= last));
            own.iter().for_each(|(hash, _)| set(&mut bits, *hash));
            if is_full(&bits) {
                self.remake(last..=last)?;
            } else {
                self.write(last, &bits)?;
            }
            entries = rest;
        }
        Ok(())
    }

    /// Makes the filters of these hashes anew from the ledger. The last of all has the highest number there is.
    pub fn remake(&self, hashes: RangeInclusive<ObjectHash>) -> Result<(), Fault> {
        let (start, end) = (hashes.start(), hashes.end());
        let mut select = self.db.prepare_cached("SELECT max(last) FROM filter WHERE last < ?1")?;
        let before: Option<ObjectHash> = select.query_row([start], |row| row.get(0))?;
        let mut select = self.db.prepare_cached("SELECT min(last) FROM filter WHERE last >= ?1")?;
        let last: Option<ObjectHash> = select.query_row([end], |row| row.get(0))?;
        let last = last.unwrap_or(ObjectHash::MAX);
        self.db.prepare_cached("DELETE FROM filter WHERE last BETWEEN ?1 AND ?2")?.execute([start, &last])?;
        self.make(before.map_or(ObjectHash::MIN, |before| before + 1)..=last)
    }

    /// Writes filters of what the ledger holds in a range; the last of them has the range's end for its number.
    fn make(&self, range: RangeInclusive<ObjectHash>) -> Result<(), Fault> {
        let mut select = self.db.prepare_cached("SELECT last, entries FROM leaf WHERE last >= ?1 ORDER BY last")?;
        let mut rows = select.query([range.start()])?;
        let mut hashes: Vec<ObjectHash> = Vec::new();
        while let Some(row) = rows.next()? {
            let entries = decode(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?);
            hashes.extend(entries.map(|(hash, _)| hash).filter(|hash| range.contains(hash)));
            // What is left is two at the most, which share evenly.
            while hashes.len() > 2 * self.at_first {
                let rest = hashes.split_off(self.at_first);
                self.write_of(&std::mem::replace(&mut hashes, rest), None)?;
            }
            if row.get::<_, ObjectHash>(0)? >= *range.end() {
                break;
            }
        }
        if hashes.len() > self.at_first {
            let rest = hashes.split_off(hashes.len() / 2);
            self.write_of(&std::mem::replace(&mut hashes, rest), None)?;
        }
        self.write_of(&hashes, Some(*range.end()))
    }

    /// Writes a filter that lets these pass, up to the last of them or further.
    fn write_of(&self, hashes: &[ObjectHash], last: Option<ObjectHash>) -> Result<(), Fault> {
        let mut bits = vec![0; self.bytes];
        hashes.iter().for_each(|hash| set(&mut bits, *hash));
        last.or(hashes.last().copied()).map_or(Ok(()), |last| self.write(last, &bits))
    }

    fn write(&self, last: ObjectHash, bits: &[u8]) -> Result<(), Fault> {
        self.db.prepare_cached("INSERT OR REPLACE INTO filter VALUES (?1, ?2)")?.execute(params![last, bits])?;
        Ok(())
    }
}

/// Those of `asked`, which are sorted, that the ledger may hold. It may hold any for which there is no filter.
pub(super) fn passing<T: Copy>(db: &Connection, asked: &[Asked<T>]) -> Result<Vec<Asked<T>>, Fault> {
    let mut passing = Vec::new();
    by_row(db, FROM, asked, |bits, asked| {
        passing.extend(asked.iter().filter(|(hash, _)| passes(bits, *hash)));
    })?;
    Ok(passing)
}

fn passes(bits: &[u8], hash: ObjectHash) -> bool {
    places(bits, hash).iter().all(|place| bits.get(place / 8).is_none_or(|byte| byte >> (place % 8) & 1 == 1))
}

/// Which bits of a filter are a hash's.
fn places(bits: &[u8], hash: ObjectHash) -> [usize; EACH] {
    let spread = hash.cast_unsigned().wrapping_mul(SPREAD).to_be_bytes();
    let sixteen = |n: usize| usize::from(u16::from_be_bytes([spread[2 * n], spread[2 * n + 1]]));
    std::array::from_fn(|n| (sixteen(n) * 8 * bits.len()) >> u16::BITS)
}

fn set(bits: &mut [u8], hash: ObjectHash) {
    for place in places(bits, hash) {
        if let Some(byte) = bits.get_mut(place / 8) {
            *byte |= 1 << (place % 8);
        }
    }
}

/// Three eighths of them are set, or there are none.
fn is_full(bits: &[u8]) -> bool {
    bits.iter().map(|byte| byte.count_ones() as usize).sum::<usize>() >= 3 * bits.len()
}

#[cfg(test)]
mod tests;
