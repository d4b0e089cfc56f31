//! hotset keeps the right objects hot in an S3 read cache.

pub mod cli;
pub mod config;
pub mod object;
pub mod pattern;
pub mod schedule;
pub mod select;
#[cfg(feature = "sim")]
pub mod sim;
