//! What a trusted file grants the profiles of a team.

use std::path::PathBuf;
use std::sync::Arc;

use super::endpoint::Credentials;
use crate::object::Bucket;
use crate::pattern::BucketGlob;

/// `[team.NAME]`, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    pub name: Arc<str>,
    /// Files and folders, as they were typed.
    pub profiles: Vec<PathBuf>,
    /// Names of endpoints.
    pub endpoints: Vec<Arc<str>>,
    /// The first is the default of its profiles. Empty: they may name none, and use those of the endpoint.
    pub credentials: Vec<Arc<Credentials>>,
    pub buckets: Vec<BucketGlob>,
    /// Bytes: what its unpaused profiles may ask for together.
    pub budget: u64,
    pub max_priority: i64,
    /// Holds a bearer token that may only start runs of its profiles.
    pub run_token_file: Option<PathBuf>,
}

impl Team {
    /// Whether its profiles may speak of `bucket`.
    pub fn allows(&self, bucket: &Bucket) -> bool {
        self.buckets.iter().any(|glob| glob.matches(bucket.as_str()))
    }

    /// Whether each bucket that `glob` may match is one of its own. True is certain.
    pub fn covers(&self, glob: &BucketGlob) -> bool {
        BucketGlob::cover(&self.buckets, glob)
    }
}
