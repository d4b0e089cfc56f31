//! The process that is left alone for months: one loop that owns schedules, runs and reloads.

pub mod handle;
mod planner;
pub mod view;
