//! What is typed, and what is printed; one file a verb.

pub mod schedule;
#[cfg(feature = "sim")]
pub mod sim;
