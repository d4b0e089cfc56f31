//! Everything that is tested from outside, in one binary: each file is about one promise.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixture has failed")]

mod broken_configurations;
#[cfg(feature = "sim")]
mod cli;
#[cfg(feature = "sim")]
mod pass;
#[cfg(feature = "sim")]
mod patience;
mod rooms;
