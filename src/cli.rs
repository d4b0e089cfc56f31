//! The command line: one file a verb.

pub mod plan;
pub mod progress;
pub mod schedule;
pub mod text;
