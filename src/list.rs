//! patterns → pages of objects. Several prefixes are listed at once, and several parts of each; what has to come in order is
//! walked page by page. A page that cannot be had ends the listing with an error, never with fewer objects.
//!
//! `parts` decides which parts, by the keys that `letters` has seen and the `cut`s they suggest; `spread` asks for them, as
//! many at the same time as `places` lets it, which all listings of an endpoint share.

mod cut;
mod letters;
mod once;
mod part;
mod parts;
mod places;
mod spread;
mod walk;

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

use places::Claim;
pub use places::{Places, Share};
use spread::spread;
use walk::walk;

/// The first pause before a retry; it doubles, jittered, up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// The whole key space, in what [`Progress::listed_share`] counts.
const WHOLE: u64 = 1_000_000;

/// What is listed: keys of `bucket` that begin with `prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub bucket: Bucket,
    pub prefix: Key,
    pub depth: Depth,
}

impl Range {
    fn error(&self, source: RequestError) -> ListError {
        ListError { what: format!("list s3://{}/{}", self.bucket, self.prefix), source }
    }
}

/// How much of a range is listed.
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

/// How patiently a listing asks.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Of the endpoint's places.
    pub share: Arc<Share>,
    pub page_timeout: Duration,
    /// Requests after the first, per page or read.
    pub retries: u32,
    /// How long the endpoint may answer nothing.
    pub outage_wait: Duration,
    /// The same where it has answered nothing yet.
    pub first_wait: Duration,
}

impl Patience {
    pub fn new(limits: &Limits, places: &Places, first_wait: Duration) -> Self {
        let Limits { base_timeout: page_timeout, retries, outage_wait, .. } = *limits;
        Self { share: Arc::new(places.share()), page_timeout, retries, outage_wait, first_wait }
    }
}

/// The pages of `ranges`, in no order: several parts of one range are listed at the same time. After an error the stream is of
/// no more use.
pub fn pages<L: Lists>(
    lists: Arc<L>,
    ranges: Vec<Range>,
    patience: Patience,
    progress: Arc<Progress>,
) -> impl Stream<Item = Result<Page, ListError>> + Send {
    let in_flight = patience.share.most();
    let share = WHOLE / ranges.len().max(1) as u64;
    let asking = Arc::new(Asking::new(lists, patience, progress));
    stream::iter(ranges)
        .map(move |range| match range.depth {
            Depth::Keys => spread(asking.clone(), range, share).boxed(),
            Depth::Folders | Depth::FirstKeys { .. } => walk(asking.clone(), range).boxed(),
        })
        .flatten_unordered(in_flight)
}

/// The pages of `ranges`, each with the number of its range in `ranges`. The pages of one range come in order.
pub fn pages_of<L: Lists>(
    lists: Arc<L>,
    ranges: Vec<Range>,
    patience: Patience,
    progress: Arc<Progress>,
) -> impl Stream<Item = Result<(usize, Page), ListError>> + Send {
    let in_flight = patience.share.most();
    let asking = Arc::new(Asking::new(lists, patience, progress));
    stream::iter(ranges.into_iter().enumerate())
        .map(move |(number, range)| Box::pin(walk(asking.clone(), range).map_ok(move |page| (number, page))))
        .flatten_unordered(in_flight)
}

/// The first `most` bytes of an object, as patiently as a page; `None` where there is no such key.
#[expect(
    clippy::too_many_arguments,
    reason = "what is read, and the three that every function here begins and ends with"
)]
pub async fn read<L: Lists>(
    lists: Arc<L>,
    bucket: &Bucket,
    key: &Key,
    most: usize,
    patience: Patience,
    progress: Arc<Progress>,
) -> Result<Option<Vec<u8>>, ListError> {
    let asking = Asking::new(lists, patience, progress);
    asking
        .patiently(Some(bucket), asking.claim(), || asking.lists.read(bucket, key, most))
        .await
        .map_err(|source| ListError { what: format!("read s3://{bucket}/{key}"), source })
}

/// All buckets that the keys may see.
pub async fn buckets<L: Lists>(
    lists: Arc<L>,
    patience: Patience,
    progress: Arc<Progress>,
) -> Result<Vec<BucketName>, ListError> {
    let asking = Asking::new(lists, patience, progress);
    asking
        .patiently(None, asking.claim(), || asking.counted().buckets())
        .await
        .map_err(|source| ListError { what: "list the buckets".to_owned(), source })
}

struct Asking<L> {
    lists: Arc<L>,
    patience: Patience,
    progress: Arc<Progress>,
    /// How often; several walks that are denied together read them once.
    keys_read: AtomicU32,
    /// While they are.
    reading_keys: Mutex<()>,
    /// The endpoint cannot be asked for parts.
    is_undivided: AtomicBool,
}

impl<L: Lists> Asking<L> {
    fn new(lists: Arc<L>, patience: Patience, progress: Arc<Progress>) -> Self {
        let (keys_read, reading_keys) = Default::default();
        Self { lists, patience, progress, keys_read, reading_keys, is_undivided: AtomicBool::default() }
    }

    /// One page, as patiently as it takes.
    async fn page(&self, request: PageRequest<'_>, claim: Claim) -> Result<Page, RequestError> {
        self.patiently(Some(request.bucket), claim, || self.counted().page(request)).await
    }

    fn claim(&self) -> Claim {
        self.patience.share.claim()
    }

    /// From now on ranges are listed one page after the other. Said once, for all of them.
    fn undivided(&self, range: &Range, why: &str) {
        if !self.is_undivided.swap(true, Ordering::Relaxed) {
            let Range { bucket, prefix, .. } = range;
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
    async fn patiently<T, F>(
        &self,
        bucket: Option<&Bucket>,
        claim: Claim,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, RequestError>
    where
        F: Future<Output = Result<T, RequestError>>,
    {
        let page_timeout = self.patience.page_timeout;
        let mut claim = Some(claim);
        let (mut reread, mut moved) = (false, false);
        let mut failures = Failures::default();
        loop {
            // A retry waits for a place like all others.
            let place = claim.take().unwrap_or_else(|| self.claim()).place().await;
            let asked = Instant::now();
            let keys_read = self.keys_read.load(Ordering::Relaxed);
            let answer = timeout(page_timeout, ask()).await;
            let error = match answer.unwrap_or_else(|_| Err(RequestError::timed_out(page_timeout))) {
                Ok(answer) => {
                    place.went_well();
                    self.progress.answered(Asked::List);
                    return Ok(answer);
                }
                Err(error) if error.transient() && error.class != Class::ClockSkew => {
                    place.went_badly();
                    error
                }
                Err(error) => {
                    // Others need not wait for what this one waits for.
                    drop(place);
                    error
                }
            };
            // Once: another walk may have learned the region since this was sent, and a server may never be content.
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
        let Patience { retries, outage_wait, first_wait, .. } = self.patience;
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
