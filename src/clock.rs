//! The wall clock, read in one place. Everything below takes `now` as a parameter.

use chrono::{DateTime, Utc};

/// The wall clock's time.
#[expect(clippy::disallowed_methods, reason = "this room is where the clock is read")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
