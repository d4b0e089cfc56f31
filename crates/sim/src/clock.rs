//! The wall clock: a server has its own.

use chrono::{DateTime, Utc};

/// The wall clock's time.
#[expect(clippy::disallowed_methods, reason = "the simulator dates what it stores by itself")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
