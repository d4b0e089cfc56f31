//! hotset keeps the right objects hot in an S3 read cache.

pub mod cli;
pub mod clock;
pub mod config;
pub mod exit;
pub mod limit;
pub mod list;
pub mod object;
pub mod pattern;
pub mod report;
pub mod run;
pub mod s3;
pub mod schedule;
pub mod select;
pub mod signals;
#[cfg(feature = "sim")]
pub mod sim;
pub mod warm;
