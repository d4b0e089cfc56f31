//! hotset keeps the right objects hot in an S3 read cache.

#![cfg_attr(test, expect(clippy::too_many_lines, reason = "tables of cases may be long"))]
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests wait for the tasks that they spawn"))]

pub mod cli;
pub mod clock;
pub mod daemon;
pub mod exit;
pub mod http;
pub mod journal;
pub mod limit;
pub mod list;
pub mod report;
pub mod run;
pub mod signals;
mod sync;
pub mod ticker;
pub mod warm;
