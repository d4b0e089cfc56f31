//! The command line: one file a verb.

pub mod check;
pub mod config;
pub mod schedule;
pub mod schema;
