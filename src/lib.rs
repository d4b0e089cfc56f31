//! hotset keeps the right objects hot in an S3 read cache.

#![cfg_attr(test, expect(clippy::too_many_lines, reason = "tables of cases may be long"))]

pub mod cli;
pub mod config;
pub mod object;
pub mod pattern;
pub mod schedule;
pub mod select;
#[cfg(feature = "sim")]
pub mod sim;
