//! hotset keeps the right objects hot in an S3 read cache.

pub mod object;
pub mod pattern;
pub mod select;
