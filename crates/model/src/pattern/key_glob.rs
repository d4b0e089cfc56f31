//! A glob of keys without a bucket.

use std::fmt;
use std::sync::Arc;

use super::TextError;
use super::glob::Glob;
use super::parse::{self, Dialect};

/// The key part of a pattern alone, for names inside a group. Cheap to clone; equal when written alike.
#[derive(Clone)]
pub struct KeyGlob(Arc<Parsed>);

struct Parsed {
    text: String,
    glob: Glob,
}

impl KeyGlob {
    /// Reads a glob in the dialect of keys.
    ///
    /// # Errors
    ///
    /// Names the bytes of `text` at fault, and the fix where there is an obvious one.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let glob = Glob::new(parse::glob(text, 0..text.len(), Dialect::Key)?);
        Ok(Self(Arc::new(Parsed { text: text.to_owned(), glob })))
    }

    /// What it comes to with ranges and alternatives written out.
    pub fn nodes(&self) -> usize {
        self.0.glob.nodes()
    }

    pub fn matches(&self, name: &[u8]) -> bool {
        self.0.glob.matches(name)
    }
}

super::as_written!(KeyGlob);
