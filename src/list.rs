//! Lists scopes as pages of objects. A page that cannot be had ends the listing with an error, never with fewer objects.
//!
//! A [`Lister`] sends the requests of one run, with retries. It lists a scope `sequential`ly, page by page, where order counts,
//! and otherwise in `parallel`, as several key ranges: the `splitter` cuts a `range` in two at a `split_point`, which it finds
//! by the `key_stats` of the keys seen so far. The [`FairSemaphore`] of the endpoint bounds the requests of all its listings.

mod fair_semaphore;
mod key_stats;
mod lister;
mod once;
mod parallel;
mod range;
mod sequential;
mod split_point;
mod splitter;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use model::config::endpoint::Limits;
use model::object::{Bucket, Key};
use s3::{BucketName, Keys, ListClient, Page, PageRequest, Regions, RequestError};

pub use fair_semaphore::{FairSemaphore, Share};
pub use lister::Lister;

/// What is listed: keys of `bucket` that begin with `prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub bucket: Bucket,
    pub prefix: Key,
    pub depth: Depth,
}

impl Scope {
    fn error(&self, source: RequestError) -> ListError {
        ListError { what: format!("list s3://{}/{}", self.bucket, self.prefix), source }
    }
}

/// How much of a scope is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// All keys.
    #[default]
    Keys,
    /// Up to the next `/`: objects, and folders in the place of what lies behind it.
    Folders,
    /// The first pages of all keys. The last of them says by its `next` whether more follow.
    FirstKeys { pages: u32 },
}

/// A listing that could not be finished.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct ListError {
    /// The operation and what it was about.
    pub what: String,
    #[source]
    pub source: RequestError,
}

/// The requests that listing sends.
pub trait Lists: Send + Sync + 'static {
    fn page(&self, request: PageRequest<'_>) -> impl Future<Output = Result<Page, RequestError>> + Send;
    fn buckets(&self) -> impl Future<Output = Result<Vec<BucketName>, RequestError>> + Send;
    /// The first `most` bytes of an object; `None` where there is no such key.
    fn read(
        &self,
        bucket: &Bucket,
        key: &Key,
        most: usize,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, RequestError>> + Send;
    fn reread_keys(&self) -> impl Future<Output = Result<(), String>> + Send;
    /// Remembers the region of a bucket. `false` where it was known.
    fn learn(&self, bucket: &Bucket, region: &str) -> bool;
}

/// The list side of one endpoint.
#[derive(Clone, Debug)]
pub struct ListSide {
    pub client: ListClient,
    pub keys: Keys,
    pub regions: Regions,
}

impl Lists for ListSide {
    async fn page(&self, request: PageRequest<'_>) -> Result<Page, RequestError> {
        self.client.page(request).await
    }

    async fn buckets(&self) -> Result<Vec<BucketName>, RequestError> {
        self.client.buckets().await
    }

    async fn read(&self, bucket: &Bucket, key: &Key, most: usize) -> Result<Option<Vec<u8>>, RequestError> {
        self.client.read(bucket, key, most).await
    }

    async fn reread_keys(&self) -> Result<(), String> {
        self.keys.reread().await
    }

    fn learn(&self, bucket: &Bucket, region: &str) -> bool {
        self.regions.learn(bucket, region)
    }
}

/// How often and how long a request is retried.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// Of the permits of the endpoint.
    pub share: Arc<Share>,
    pub page_timeout: Duration,
    /// Retries of one page or read.
    pub retries: u32,
    /// How long an outage is waited out.
    pub outage_wait: Duration,
    /// The same for an endpoint that has answered nothing yet.
    pub first_wait: Duration,
}

impl RetryPolicy {
    pub fn new(limits: &Limits, semaphore: &FairSemaphore, first_wait: Duration) -> Self {
        let Limits { base_timeout: page_timeout, retries, outage_wait, .. } = *limits;
        Self { share: Arc::new(semaphore.share()), page_timeout, retries, outage_wait, first_wait }
    }
}

#[cfg(test)]
mod tests;
