//! What a user wrote, resolved: every value is valid, every default filled in. `raw` is what was typed, this is what is true.

pub mod endpoint;
pub mod profile;
