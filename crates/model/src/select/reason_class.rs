//! The classes of reasons why a run is not complete.

use serde::{Deserialize, Serialize};

/// What kind of reason it is: what to do about it follows from it. Where several apply, the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonClass {
    /// Stopped by hand.
    Cancelled,
    /// Stopped because the profile's window closed.
    WindowClosed,
    /// Stopped because the next fire came, and `on_overlap` is `replace`.
    Replaced,
    /// There are no keys to sign with.
    NoKeys,
    ClockSkew,
    Denied,
    /// All that was listed is 404 at both addresses.
    TwoStores,
    /// What answers at `cache_url` is not this cache.
    OtherCache,
    /// An answer is no S3 answer.
    Malformed,
    /// Nothing answers.
    Unanswered,
    Throttled,
    /// The caps have no room for what is wanted.
    OverCap,
    NothingMatched,
    /// A checkpoint is not complete, or lost members.
    Checkpoint,
    Deadline,
    NotFound,
    Rejected,
}
