//! hotset keeps the right objects hot in an S3 read cache.

pub mod cli;
pub mod object;
#[cfg(feature = "sim")]
pub mod sim;
