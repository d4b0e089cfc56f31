//! Sends the requests of one run to a list endpoint, with retries, and turns them into streams of pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::fair_semaphore::Ticket;
use super::parallel::list_parallel;
use super::sequential::list_sequential;
use super::{Depth, ListError, ListSide, Lists, RetryPolicy, Scope};
use crate::limit::Backoff;
use crate::report::{Asked, Progress};
use model::object::{Bucket, Key};
use s3::{Class, Page, PageRequest, Parted, RequestError, Stat, Wanted};

/// The whole key space, in the units of [`Progress::listed_share`].
pub(super) const WHOLE: u64 = 1_000_000;

/// What it learns of keys, regions and the server's habits serves all of its requests.
pub struct Lister<L = ListSide> {
    lists: Arc<L>,
    pub(super) retry_policy: RetryPolicy,
    pub(super) progress: Arc<Progress>,
    requests: AtomicU64,
    /// How often; several listings that are denied together read them once.
    keys_read: AtomicU32,
    /// While they are.
    reading_keys: Mutex<()>,
    /// The endpoint cannot be asked for several ranges of one scope.
    pub(super) is_undivided: AtomicBool,
}

impl<L: Lists> Lister<L> {
    pub fn new(lists: Arc<L>, retry_policy: RetryPolicy, progress: Arc<Progress>) -> Arc<Self> {
        let (requests, keys_read, reading_keys, is_undivided) = Default::default();
        Arc::new(Self { lists, retry_policy, progress, requests, keys_read, reading_keys, is_undivided })
    }

    /// Requests that it may have under way at a time.
    pub fn most(&self) -> usize {
        self.retry_policy.share.most()
    }

    /// LISTs and parts of objects that were asked for so far, each as often as it was sent.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The pages of `scopes`, in no order: several key ranges of one scope are listed at the same time. After an error the
    /// stream is of no more use.
    pub fn pages(self: &Arc<Self>, scopes: Vec<Scope>) -> impl Stream<Item = Result<Page, ListError>> + Send + use<L> {
        let (lister, most) = (self.clone(), self.most());
        let share = WHOLE / scopes.len().max(1) as u64;
        stream::iter(scopes)
            .map(move |scope| match scope.depth {
                Depth::Keys => list_parallel(lister.clone(), scope, share).boxed(),
                Depth::Folders | Depth::FirstKeys { .. } => list_sequential(lister.clone(), scope).boxed(),
            })
            .flatten_unordered(most)
    }

    /// The pages of `scopes`, each with the number of its scope in `scopes`. The pages of one scope come in order.
    pub fn pages_of(
        self: &Arc<Self>,
        scopes: Vec<Scope>,
    ) -> impl Stream<Item = Result<(usize, Page), ListError>> + Send + use<L> {
        let (lister, most) = (self.clone(), self.most());
        stream::iter(scopes.into_iter().enumerate())
            .map(move |(number, scope)| {
                Box::pin(list_sequential(lister.clone(), scope).map_ok(move |page| (number, page)))
            })
            .flatten_unordered(most)
    }

    /// All buckets that the keys may see. Learns their regions.
    pub async fn buckets(&self) -> Result<Vec<Bucket>, ListError> {
        let found = self.with_retries(None, self.ticket(), || self.counted().buckets()).await;
        let found = found.map_err(|source| ListError { what: "list the buckets".to_owned(), source })?;
        for found in &found {
            if let Some(region) = &found.region {
                self.lists.learn(&found.bucket, region);
            }
        }
        Ok(found.into_iter().map(|found| found.bucket).collect())
    }

    /// The first `most` bytes of an object; `None` where there is no such key.
    pub async fn read(&self, bucket: &Bucket, key: &Key, most: usize) -> Result<Option<Vec<u8>>, ListError> {
        let answer = self.with_retries(Some(bucket), self.ticket(), || self.lists.read(bucket, key, most)).await;
        answer.map_err(|source| ListError { what: format!("read s3://{bucket}/{key}"), source })
    }

    /// One page.
    pub(super) async fn page(&self, request: PageRequest<'_>, ticket: Ticket) -> Result<Page, RequestError> {
        self.with_retries(Some(request.bucket), ticket, || self.counted().page(request)).await
    }

    pub(super) fn ticket(&self) -> Ticket {
        self.retry_policy.share.ticket()
    }

    /// From now on scopes are listed one page after the other. Said once, for all of them.
    pub(super) fn undivided(&self, scope: &Scope, why: &str) {
        if !self.is_undivided.swap(true, Ordering::Relaxed) {
            let Scope { bucket, prefix, .. } = scope;
            tracing::warn!(%bucket, %prefix, why, "the list endpoint mishandles start-after; going on one page after the other");
        }
    }

    pub(super) fn listed(&self, page: &Page) {
        self.progress.listed.fetch_add(page.objects.len() as u64, Ordering::Relaxed);
    }

    /// For one LIST.
    fn counted(&self) -> &L {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.progress.list_requests.fetch_add(1, Ordering::Relaxed);
        &self.lists
    }

    /// Asks until there is an answer that more asking would not change.
    async fn with_retries<T, F>(
        &self,
        bucket: Option<&Bucket>,
        ticket: Ticket,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, RequestError>
    where
        F: Future<Output = Result<T, RequestError>>,
    {
        let page_timeout = self.retry_policy.page_timeout;
        let mut ticket = Some(ticket);
        let (mut reread, mut moved) = (false, false);
        let mut failures = Failures::default();
        loop {
            // A retry waits for a permit like all others.
            let permit = ticket.take().unwrap_or_else(|| self.ticket()).permit().await;
            let asked = Instant::now();
            let keys_read = self.keys_read.load(Ordering::Relaxed);
            let answer = timeout(page_timeout, ask()).await;
            let error = match answer.unwrap_or_else(|_| Err(RequestError::timed_out(page_timeout))) {
                Ok(answer) => {
                    permit.went_well();
                    self.progress.answered(Asked::List);
                    return Ok(answer);
                }
                Err(error) if error.transient() && error.class != Class::ClockSkew => {
                    permit.went_badly();
                    error
                }
                Err(error) => {
                    // Others need not wait for what this one waits for.
                    drop(permit);
                    error
                }
            };
            // Once: another listing may have learned the region since this was sent, and a server may never be content.
            if let (Some(bucket), Some(region), Class::Rejected) = (bucket, &error.region, error.class)
                && !std::mem::replace(&mut moved, true)
            {
                self.lists.learn(bucket, region);
                tracing::debug!(%bucket, region, "the server names another region");
                continue;
            }
            if error.class == Class::Denied && !std::mem::replace(&mut reread, true) {
                if !self.reread_keys(keys_read).await {
                    // Asking with none, or with the same, changes nothing.
                    return Err(error);
                }
                continue;
            }
            let Some(pause) = self.again(&mut failures, &error, asked) else { return Err(error) };
            tracing::debug!(%error, ?pause, "the list endpoint was asked in vain; trying again");
            sleep(pause).await;
        }
    }

    /// How long to wait for another try of a request; `None` where more asking would not change the answer, or lasts too long.
    fn again(&self, failures: &mut Failures, error: &RequestError, asked: Instant) -> Option<Duration> {
        let RetryPolicy { retries, outage_wait, first_wait, .. } = self.retry_policy;
        let pause = failures.backoff.failed().max(error.retry_after.unwrap_or_default().min(outage_wait));
        if error.answered() {
            self.progress.answered(Asked::List);
            failures.silent_since = None;
            failures.refusals += 1;
            return (error.transient() && failures.refusals <= retries).then_some(pause);
        }
        let wait = if self.progress.has_answered(Asked::List) { outage_wait } else { outage_wait.min(first_wait) };
        let silent = failures.silent_since.get_or_insert(asked).elapsed();
        let left = wait.checked_sub(silent).filter(|left| !left.is_zero())?;
        self.progress.unanswered(Asked::List, &error.why_unanswered(), wait);
        Some(pause.min(left))
    }

    /// Unless that was done since `before`. False where they could not be read.
    async fn reread_keys(&self, before: u32) -> bool {
        let _reading = self.reading_keys.lock().await;
        if self.keys_read.load(Ordering::Relaxed) != before {
            return true;
        }
        if let Err(why) = self.lists.reread_keys().await {
            tracing::info!(error = why, "could not read the credentials again");
            return false;
        }
        self.keys_read.fetch_add(1, Ordering::Relaxed);
        true
    }
}

impl Lister<ListSide> {
    /// Part of an object. Counts as a request of the listing, each time it is sent.
    pub async fn part(&self, bucket: &Bucket, key: &Key, wanted: Wanted<'_>) -> Result<Parted, ListError> {
        let ask = || self.counted().client.part(bucket, key, wanted);
        let answer = self.with_retries(Some(bucket), self.ticket(), ask).await;
        answer.map_err(|source| ListError { what: format!("read s3://{bucket}/{key}"), source })
    }

    /// What a plain HEAD tells of an object; `None` where it is not there.
    pub async fn stat(&self, bucket: &Bucket, key: &Key) -> Result<Option<Stat>, ListError> {
        let answer = self.with_retries(Some(bucket), self.ticket(), || self.lists.client.stat(bucket, key)).await;
        answer.map_err(|source| ListError { what: format!("look up s3://{bucket}/{key}"), source })
    }
}

/// How one request has failed so far.
#[derive(Default)]
struct Failures {
    backoff: Backoff,
    /// Answers among them.
    refusals: u32,
    silent_since: Option<Instant>,
}
