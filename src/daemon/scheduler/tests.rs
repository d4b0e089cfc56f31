//! What runs when, on a clock of the test's own.

mod claims;
mod overlap;
mod pauses;
mod stage;
mod time;
mod triggers;
