//! The wall clock, for signatures and the expiry of credentials.

use chrono::{DateTime, Utc};

/// The wall clock's time.
#[expect(
    clippy::disallowed_methods,
    reason = "this room is where the clock is read: when a request leaves is no business of its caller"
)]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
