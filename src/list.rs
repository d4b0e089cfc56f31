//! patterns → pages of objects. Several prefixes are listed at once, and several key ranges of each; what has to come in order is
//! listed page by page. A page that cannot be had ends the listing with an error, never with fewer objects.
//!
//! `splitter` decides which key ranges are listed, by the keys that `key_stats` has seen and the `split_point`s they suggest.
//! `parallel` asks for them, as many at the same time as `fair_semaphore` admits, which all listings of an endpoint share.

mod fair_semaphore;
mod key_stats;
mod once;
mod parallel;
mod range;
mod sequential;
mod split_point;
mod splitter;

pub mod objects;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use rand::RngExt;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::report::{Asked, Progress};
use model::config::endpoint::Limits;
use model::object::{Bucket, Key};
use s3::{BucketName, Class, Keys, ListClient, Page, PageRequest, Regions, RequestError};

use fair_semaphore::Ticket;
pub use fair_semaphore::{FairSemaphore, Share};
use parallel::list_parallel;
use sequential::list_sequential;

/// The first pause before a retry; it doubles, jittered, up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// The whole key space, in what [`Progress::listed_share`] counts.
const WHOLE: u64 = 1_000_000;

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
    /// So many pages of all keys, from the first; the last of them tells by its `next` whether more follow.
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

/// What listing needs of the outside world.
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
    /// Remembers the region of a bucket; false where that was known.
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

/// How often and how long a listing tries.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// Of the permits of the endpoint.
    pub share: Arc<Share>,
    pub page_timeout: Duration,
    /// Requests after the first, per page or read.
    pub retries: u32,
    /// How long the endpoint may answer nothing.
    pub outage_wait: Duration,
    /// The same where it has answered nothing yet.
    pub first_wait: Duration,
}

impl RetryPolicy {
    pub fn new(limits: &Limits, semaphore: &FairSemaphore, first_wait: Duration) -> Self {
        let Limits { base_timeout: page_timeout, retries, outage_wait, .. } = *limits;
        Self { share: Arc::new(semaphore.share()), page_timeout, retries, outage_wait, first_wait }
    }
}

/// The pages of `scopes`, in no order: several key ranges of one scope are listed at the same time. After an error the stream is of
/// no more use.
pub fn pages<L: Lists>(
    lists: Arc<L>,
    scopes: Vec<Scope>,
    retry_policy: RetryPolicy,
    progress: Arc<Progress>,
) -> impl Stream<Item = Result<Page, ListError>> + Send {
    let in_flight = retry_policy.share.most();
    let share = WHOLE / scopes.len().max(1) as u64;
    let asking = Arc::new(Asking::new(lists, retry_policy, progress));
    stream::iter(scopes)
        .map(move |scope| match scope.depth {
            Depth::Keys => list_parallel(asking.clone(), scope, share).boxed(),
            Depth::Folders | Depth::FirstKeys { .. } => list_sequential(asking.clone(), scope).boxed(),
        })
        .flatten_unordered(in_flight)
}

/// The pages of `scopes`, each with the number of its scope in `scopes`. The pages of one scope come in order.
pub fn pages_of<L: Lists>(
    lists: Arc<L>,
    scopes: Vec<Scope>,
    retry_policy: RetryPolicy,
    progress: Arc<Progress>,
) -> impl Stream<Item = Result<(usize, Page), ListError>> + Send {
    let in_flight = retry_policy.share.most();
    let asking = Arc::new(Asking::new(lists, retry_policy, progress));
    stream::iter(scopes.into_iter().enumerate())
        .map(move |(number, scope)| Box::pin(list_sequential(asking.clone(), scope).map_ok(move |page| (number, page))))
        .flatten_unordered(in_flight)
}

/// The first `most` bytes of an object, retried as a page is; `None` where there is no such key.
#[expect(
    clippy::too_many_arguments,
    reason = "what is read, and the three that every function here begins and ends with"
)]
pub async fn read<L: Lists>(
    lists: Arc<L>,
    bucket: &Bucket,
    key: &Key,
    most: usize,
    retry_policy: RetryPolicy,
    progress: Arc<Progress>,
) -> Result<Option<Vec<u8>>, ListError> {
    let asking = Asking::new(lists, retry_policy, progress);
    asking
        .with_retries(Some(bucket), asking.ticket(), || asking.lists.read(bucket, key, most))
        .await
        .map_err(|source| ListError { what: format!("read s3://{bucket}/{key}"), source })
}

/// All buckets that the keys may see.
pub async fn buckets<L: Lists>(
    lists: Arc<L>,
    retry_policy: RetryPolicy,
    progress: Arc<Progress>,
) -> Result<Vec<BucketName>, ListError> {
    let asking = Asking::new(lists, retry_policy, progress);
    asking
        .with_retries(None, asking.ticket(), || asking.counted().buckets())
        .await
        .map_err(|source| ListError { what: "list the buckets".to_owned(), source })
}

struct Asking<L> {
    lists: Arc<L>,
    retry_policy: RetryPolicy,
    progress: Arc<Progress>,
    /// How often; several walks that are denied together read them once.
    keys_read: AtomicU32,
    /// While they are.
    reading_keys: Mutex<()>,
    /// The endpoint cannot be asked for parts.
    is_undivided: AtomicBool,
}

impl<L: Lists> Asking<L> {
    fn new(lists: Arc<L>, retry_policy: RetryPolicy, progress: Arc<Progress>) -> Self {
        let (keys_read, reading_keys) = Default::default();
        Self { lists, retry_policy, progress, keys_read, reading_keys, is_undivided: AtomicBool::default() }
    }

    /// One page, with retries.
    async fn page(&self, request: PageRequest<'_>, ticket: Ticket) -> Result<Page, RequestError> {
        self.with_retries(Some(request.bucket), ticket, || self.counted().page(request)).await
    }

    fn ticket(&self) -> Ticket {
        self.retry_policy.share.ticket()
    }

    /// From now on scopes are listed one page after the other. Said once, for all of them.
    fn undivided(&self, scope: &Scope, why: &str) {
        if !self.is_undivided.swap(true, Ordering::Relaxed) {
            let Scope { bucket, prefix, .. } = scope;
            tracing::warn!(%bucket, %prefix, why, "the list endpoint mishandles start-after; going on one page after the other");
        }
    }

    fn listed(&self, page: &Page) {
        self.progress.listed.fetch_add(page.objects.len() as u64, Ordering::Relaxed);
    }

    /// For one LIST.
    fn counted(&self) -> &L {
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
            // A retry waits for a place like all others.
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
        failures.tries += 1;
        let pause = back_off(failures.tries).max(error.retry_after.unwrap_or_default().min(outage_wait));
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

/// How one request has failed so far.
#[derive(Default)]
struct Failures {
    tries: u32,
    /// Answers among them.
    refusals: u32,
    silent_since: Option<Instant>,
}

fn back_off(tries: u32) -> Duration {
    let ceiling = BACK_OFF.0.saturating_mul(1 << tries.clamp(1, 16)).min(BACK_OFF.1);
    rand::rng().random_range(ceiling / 4..=ceiling)
}

#[cfg(test)]
mod tests;
