//! What is typed, and what is printed; one file a verb.

#[cfg(feature = "sim")]
pub mod sim;
