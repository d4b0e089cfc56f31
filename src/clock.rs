//! The wall clock and the rules of its zones, read in one place. Everything below takes them as parameters.

use chrono::{DateTime, Utc};
use model::config::Zones;

/// The wall clock's time.
#[expect(clippy::disallowed_methods, reason = "this room is where the clock is read")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The zone rules that the environment and the system offer now.
pub fn zones() -> Zones {
    Zones::of_system(std::env::var_os("TZDIR").map(Into::into))
}
