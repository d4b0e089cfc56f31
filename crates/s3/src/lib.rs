//! The S3 client: the only crate that uses the AWS SDK.
//!
//! It has two types of clients. [`CacheClient`] sends HEADs to a cache and nothing else; [`ListClient`] lists, probes and reads,
//! and never warms. Each is built from its own side of an endpoint, so neither can be mistaken for the other. No call retries,
//! and none has a deadline beyond connecting: both belong to the caller.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests wait for the tasks that they spawn"))]

mod address;
mod cache;
mod causes;
mod clock;
mod clock_skew;
mod credentials;
mod error;
mod fast_client;
mod get_object;
mod listing;
mod page;
mod probe;
mod proof;
mod stat;
mod transport;
mod xml;

pub use address::Regions;
pub use cache::{CacheClient, Warmed};
pub use credentials::{Keys, in_home};
pub use error::{Class, RequestError};
pub use get_object::{Part, Parted, Wanted};
pub use listing::{BucketName, ListClient};
pub use page::{Page, PageRequest};
pub use stat::{Existing, Stat};
pub use transport::{Transport, Via};

#[cfg(test)]
mod tests;
