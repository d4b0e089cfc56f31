//! A list of objects in place of a listing: JSON Lines, as `plan --objects` writes them, plain or gzip.
//!
//! Bytes go in and entries come out, in memory that neither the length of the list nor how well it is compressed decides.
//! Nothing here does I/O.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::path::PathBuf;

use flate2::write::MultiGzDecoder;

use crate::object::{Bucket, Escaped, Key};

mod account;
mod entry;
mod lines;

pub use account::Account;
pub use entry::Entry;
use lines::Lines;

/// What a gzip file begins with, whatever it is called.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// So many bytes are taken at once: of gzip they may become a thousand times as many, all of them entries.
const SLICE: usize = 4096;

/// Where a manifest is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    File {
        path: PathBuf,
        /// The folder that it must not lead out of, also through links.
        within: Option<PathBuf>,
    },
    Object {
        bucket: Bucket,
        key: Key,
    },
}

/// As the configuration writes it, and safe to print.
impl Place {
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => write!(f, "{}", Escaped(&path.to_string_lossy())),
            Self::Object { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

/// What makes a text no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ManifestError {
    /// From 1.
    pub line: u64,
    pub what: String,
}

/// Takes the bytes of a manifest in order, and gives its entries.
pub struct Decoder(Packing);

enum Packing {
    /// Too few bytes to tell.
    Unknown(Vec<u8>),
    Plain(Lines),
    Gzip(Box<MultiGzDecoder<Lines>>),
}

impl Default for Decoder {
    fn default() -> Self {
        Self(Packing::Unknown(Vec::new()))
    }
}

impl Decoder {
    /// `bytes` in portions that [`Self::push`] may be given one after the other.
    pub fn portions(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        bytes.chunks(SLICE)
    }

    /// The entries that are whole with these bytes, in order.
    ///
    /// # Errors
    /// What is no entry, or no gzip; the manifest is of no use then, whatever came before.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Entry>, ManifestError> {
        if let Packing::Unknown(first) = &mut self.0 {
            first.extend_from_slice(bytes);
            if first.len() < GZIP.len() {
                return Ok(Vec::new());
            }
            let first = std::mem::take(first);
            self.open(&first);
            return self.unpack(&first);
        }
        self.unpack(bytes)
    }

    /// The entries that the end makes whole.
    ///
    /// # Errors
    /// As [`Self::push`]; also a gzip that ends too early.
    pub fn finish(mut self) -> Result<Vec<Entry>, ManifestError> {
        if let Packing::Unknown(first) = &mut self.0 {
            let first = std::mem::take(first);
            self.open(&[]);
            self.unpack(&first)?;
        }
        let mut lines = match self.0 {
            Packing::Gzip(mut gzip) => {
                if let Err(error) = gzip.try_finish() {
                    return Err(broken(gzip.get_mut(), &error));
                }
                std::mem::take(gzip.get_mut())
            }
            Packing::Plain(lines) => lines,
            Packing::Unknown(_) => Lines::default(),
        };
        lines.finish()
    }

    fn open(&mut self, first: &[u8]) {
        self.0 = match first.starts_with(&GZIP) {
            true => Packing::Gzip(Box::new(MultiGzDecoder::new(Lines::default()))),
            false => Packing::Plain(Lines::default()),
        };
    }

    fn unpack(&mut self, bytes: &[u8]) -> Result<Vec<Entry>, ManifestError> {
        match &mut self.0 {
            Packing::Unknown(_) => Ok(Vec::new()),
            Packing::Plain(lines) => {
                lines.take(bytes)?;
                Ok(lines.entries())
            }
            Packing::Gzip(gzip) => match gzip.write_all(bytes) {
                Ok(()) => Ok(gzip.get_mut().entries()),
                Err(error) => Err(broken(gzip.get_mut(), &error)),
            },
        }
    }
}

/// Why a gzip stopped: for a line of it, or for itself.
fn broken(lines: &mut Lines, error: &std::io::Error) -> ManifestError {
    lines.fault().unwrap_or_else(|| {
        let what = format!("the gzip that it is part of is broken or cut off: {}", Escaped(&error.to_string()));
        ManifestError { line: lines.line(), what }
    })
}

/// Tells entries that name an object again: ten to twenty-one bytes an entry. Of a hundred million objects one is taken for
/// another in one manifest of 3,700, and left out.
pub struct Named {
    state: RandomState,
    /// By remainders: a set that grows is there twice for a while.
    hashes: [HashSet<u64>; SETS],
}

const SETS: usize = 64;

impl Default for Named {
    fn default() -> Self {
        Self { state: RandomState::new(), hashes: std::array::from_fn(|_| HashSet::new()) }
    }
}

impl Named {
    /// Whether the object was named before.
    pub fn again(&mut self, entry: &Entry) -> bool {
        let hash = self.state.hash_one((&entry.bucket, &entry.key));
        !self.hashes[usize::try_from(hash % SETS as u64).unwrap_or_default()].insert(hash)
    }
}

#[cfg(test)]
mod tests;
