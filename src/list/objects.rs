//! Requests for single objects, retried as pages are.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Asking, ListError, ListSide, RetryPolicy};
use crate::report::Progress;
use model::object::{Bucket, Key};
use s3::{Parted, Stat, Wanted};

/// Asks for single objects; what it learns of keys and regions serves all of them.
pub struct Objects(Asking<ListSide>);

impl Objects {
    pub fn new(lists: Arc<ListSide>, retry_policy: RetryPolicy, progress: Arc<Progress>) -> Self {
        Self(Asking::new(lists, retry_policy, progress))
    }

    /// Part of an object. Counts as a request of the listing, each time it is sent.
    ///
    /// # Errors
    /// As for a page.
    pub async fn part(&self, bucket: &Bucket, key: &Key, wanted: Wanted<'_>) -> Result<Parted, ListError> {
        let ask = || {
            self.0.progress.list_requests.fetch_add(1, Ordering::Relaxed);
            self.0.lists.client.part(bucket, key, wanted)
        };
        let answer = self.0.with_retries(Some(bucket), self.0.ticket(), ask).await;
        answer.map_err(|source| ListError { what: format!("read s3://{bucket}/{key}"), source })
    }

    /// What a plain HEAD tells of an object; `None` where it is not there.
    ///
    /// # Errors
    /// As for a page.
    pub async fn stat(&self, bucket: &Bucket, key: &Key) -> Result<Option<Stat>, ListError> {
        let answer = self.0.with_retries(Some(bucket), self.0.ticket(), || self.0.lists.client.stat(bucket, key)).await;
        answer.map_err(|source| ListError { what: format!("look up s3://{bucket}/{key}"), source })
    }
}
