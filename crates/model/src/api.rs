//! Every JSON shape, once: the server and the command line write it, the command line and the journal read it.
//!
//! Field names are stable, and so is their order. Instants are RFC 3339 in UTC to the millisecond, lengths of time seconds
//! (`_s`), sizes bytes, ETags unquoted. A reader passes over fields that it does not know, and names one that it misses.

mod outcome;
mod ratio;
mod run_info;
pub mod time;
mod trigger;

pub use outcome::Outcome;
pub use ratio::{Ratio, percent};
pub use run_info::RunInfo;
pub use trigger::Trigger;
