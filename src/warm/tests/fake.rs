//! A cache that answers by script, and a warm run against it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::journal::RecordBuffer;
use crate::limit::Limit;
use crate::report::{Progress, Totals};
use crate::warm::{Ended, SingleFlight, StopSignal, Warming, WarmingOrder, Wires, warm};
use model::config::endpoint::Limits;
use model::object::{Bucket, ETag, Key, Object};
use s3::{Class, Existing, RequestError, Via, Warmed};

/// One request, as the script sees it.
#[derive(Clone, Debug)]
pub struct Call {
    pub bucket: String,
    pub key: String,
    /// Counts the requests for this object, from 1.
    pub nth: u32,
    pub via: Via,
    /// How often the keys had been read again.
    pub rereads: u32,
    /// Since the start of the run.
    pub at: Duration,
}

/// What the cache does with a request.
#[derive(Clone, Debug)]
pub struct Answer {
    after: Duration,
    what: Option<Result<Warmed, RequestError>>,
    reads_keys: bool,
}

impl From<Option<Result<Warmed, RequestError>>> for Answer {
    fn from(what: Option<Result<Warmed, RequestError>>) -> Self {
        Self { after: Duration::ZERO, what, reads_keys: false }
    }
}

pub fn warmed() -> Answer {
    warmed_as("listed")
}

pub fn warmed_as(etag: &str) -> Answer {
    let changed = (etag != "listed").then(|| "206 from a fake".to_owned());
    Some(Ok(Warmed { size: None, etag: Some(ETag::new(etag)), changed })).into()
}

/// An object of the list endpoint.
pub fn existing(etag: &str) -> Existing {
    Existing { etag: Some(ETag::new(etag)) }
}

pub fn error(class: Class) -> RequestError {
    RequestError { class, message: format!("{class}, by script"), retry_after: None, region: None }
}

pub fn fails(class: Class) -> Answer {
    Some(Err(error(class))).into()
}

pub fn rejected(message: &str) -> Answer {
    Some(Err(RequestError { message: message.to_owned(), ..error(Class::Rejected) })).into()
}

pub fn throttled(retry_after: Duration) -> Answer {
    Some(Err(RequestError { retry_after: Some(retry_after), ..error(Class::Throttled) })).into()
}

pub fn silence() -> Answer {
    None.into()
}

impl Answer {
    pub fn after(mut self, wait: Duration) -> Self {
        self.after = wait;
        self
    }

    /// Its request reads the keys for as long as it takes, and others that want to wait for it.
    pub fn reading_keys(mut self) -> Self {
        self.reads_keys = true;
        self
    }

    /// Whether the request leaves the machine at all.
    fn is_sent(&self) -> bool {
        !matches!(&self.what, Some(Err(error)) if error.class == Class::Unreachable)
    }
}

type Script = Box<dyn Fn(&Call) -> Answer + Send + Sync>;
type Exists = Box<dyn Fn(&str) -> Result<Option<Existing>, RequestError> + Send + Sync>;

/// Answers by script, notes every request, and fails the test when two are open for one object.
pub struct Fake {
    script: Script,
    exists: Exists,
    reread_takes: Duration,
    /// One reads the keys at a time.
    reading: tokio::sync::Mutex<()>,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    counts: HashMap<(String, String), u32>,
    open: HashSet<(String, String)>,
    most_open: usize,
    sent: u64,
    asked: u32,
    rereads: u32,
}

impl Fake {
    pub fn new(script: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            script: Box::new(script),
            exists: Box::new(|_| Ok(None)),
            reread_takes: Duration::ZERO,
            reading: tokio::sync::Mutex::default(),
            began: Instant::now(),
            state: Mutex::default(),
        }
    }

    /// What the list endpoint says of a key that the cache does not know.
    pub fn listing(
        mut self,
        exists: impl Fn(&str) -> Result<Option<Existing>, RequestError> + Send + Sync + 'static,
    ) -> Self {
        self.exists = Box::new(exists);
        self
    }

    pub fn reread_takes(mut self, wait: Duration) -> Self {
        self.reread_takes = wait;
        self
    }

    /// All requests to the cache so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    /// The requests for one key, by when they came.
    pub fn times(&self, key: &str) -> Vec<Duration> {
        self.calls().iter().filter(|call| call.key == key).map(|call| call.at).collect()
    }

    pub fn sends(&self, key: &str) -> usize {
        self.times(key).len()
    }

    pub fn rereads(&self) -> u32 {
        self.state.lock().unwrap().rereads
    }

    /// Plain HEADs at the list endpoint.
    pub fn asked(&self) -> u32 {
        self.state.lock().unwrap().asked
    }

    pub fn most_open(&self) -> usize {
        self.state.lock().unwrap().most_open
    }

    fn arrive(&self, bucket: &Bucket, key: &Key, via: Via) -> (Answer, Open<'_>) {
        let name = (bucket.to_string(), key.to_string());
        let mut state = self.state.lock().unwrap();
        assert!(state.open.insert(name.clone()), "two open requests for {name:?}");
        state.most_open = state.most_open.max(state.open.len());
        let nth = state.counts.entry(name.clone()).or_default();
        *nth += 1;
        let (bucket, key) = name.clone();
        let call = Call { bucket, key, nth: *nth, via, rereads: state.rereads, at: self.began.elapsed() };
        let answer = (self.script)(&call);
        state.calls.push(call);
        state.sent += 1;
        (answer, Open { fake: self, name })
    }
}

/// Open until the answer is given or nobody waits for it any more.
struct Open<'a> {
    fake: &'a Fake,
    name: (String, String),
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.fake.state.lock() {
            state.open.remove(&self.name);
        }
    }
}

impl Wires for Fake {
    async fn warm(&self, listed: &Object, via: Via) -> Result<Warmed, RequestError> {
        let (answer, _open) = self.arrive(&listed.bucket, &listed.key, via);
        let reading = if answer.reads_keys { Some(self.reading.lock().await) } else { None };
        sleep(answer.after).await;
        drop(reading);
        if !answer.is_sent() {
            self.state.lock().unwrap().sent -= 1;
        }
        match answer.what {
            Some(what) => what,
            None => std::future::pending().await,
        }
    }

    async fn exists(&self, _bucket: &Bucket, key: &Key) -> Result<Option<Existing>, RequestError> {
        self.state.lock().unwrap().asked += 1;
        (self.exists)(&key.to_string())
    }

    async fn reread_keys(&self) -> Result<(), String> {
        let _reading = self.reading.lock().await;
        sleep(self.reread_takes).await;
        self.state.lock().unwrap().rereads += 1;
        Ok(())
    }
}

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);

/// A warm that is about to begin.
pub struct Scene {
    pub limits: Limits,
    /// From the start.
    pub deadline: Duration,
    /// Of an endpoint that has answered nothing yet.
    pub first_wait: Duration,
    pub stop: StopSignal,
    pub progress: Arc<Progress>,
    pub notes: Option<RecordBuffer>,
    /// What comes behind what it begins with.
    pub more: Option<mpsc::Receiver<WarmingOrder>>,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            limits: Limits {
                start_in_flight: 4,
                max_in_flight: 8,
                max_in_flight_bytes: 1_000_000,
                list_in_flight: 4,
                max_requests_per_second: None,
                connect_timeout: 10 * SECOND,
                base_timeout: MINUTE,
                min_fill_rate: 10,
                retries: 4,
                outage_wait: 5 * MINUTE,
            },
            deadline: 24 * 60 * MINUTE,
            first_wait: Duration::MAX,
            stop: StopSignal::default(),
            progress: Arc::default(),
            notes: None,
            more: None,
        }
    }
}

/// How it went.
#[derive(Debug)]
pub struct Gone {
    pub totals: Totals,
    pub ended: Ended,
    pub took: Duration,
}

impl Gone {
    /// Objects warmed, gone, failed, unknown.
    pub fn ends(&self) -> [u64; 4] {
        let totals = &self.totals;
        [totals.warmed, totals.gone, totals.failed, totals.unknown].map(|count| count.objects)
    }

    /// The error classes with their counts.
    pub fn classes(&self) -> Vec<(&'static str, u64)> {
        self.totals.errors.iter().map(|(class, errors)| (*class, errors.count)).collect()
    }
}

impl Scene {
    /// With so many requests in flight from the start, and no more.
    pub fn of(in_flight: u32) -> Self {
        let mut scene = Self::default();
        (scene.limits.start_in_flight, scene.limits.max_in_flight) = (in_flight, in_flight);
        scene
    }

    /// Runs to the end and checks what holds of every end.
    pub async fn run(self, fake: &Arc<Fake>, objects: Vec<Object>) -> Gone {
        let start = Instant::now();
        let (planned, feeds) = (objects.len() as u64, self.more.is_some());
        let warming = Warming {
            wire: fake.clone(),
            limit: Limit::new(&self.limits),
            single_flight: SingleFlight::default(),
            first_wait: self.first_wait,
            priority: 0,
            deadline: start + self.deadline,
            stop: self.stop,
            progress: self.progress.clone(),
            notes: self.notes,
            more: self.more,
        };
        let limit = warming.limit.clone();
        let (totals, ended) = warm(objects.into(), warming).await;
        let took = start.elapsed();
        tokio::task::yield_now().await;

        assert!(totals.planned.objects == planned || feeds, "{totals:?}");
        assert!(totals.ended().objects <= totals.planned.objects, "{totals:?}");
        assert!(totals.ended().bytes <= totals.planned.bytes, "{totals:?}");
        if ended == Ended::Done {
            assert_eq!(totals.ended(), totals.planned, "every object has one end");
        }
        let state = fake.state.lock().unwrap();
        assert_eq!(totals.sends, state.sent, "sends are what left the machine");
        assert!(state.open.is_empty(), "nothing stays open: {:?}", state.open);
        drop(state);
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(load(&self.progress.ended_objects), totals.ended().objects, "the bar says what the totals say");
        assert_eq!(load(&self.progress.in_flight), 0);
        assert_eq!((limit.snapshot().in_flight, limit.snapshot().bytes_in_flight), (0, 0), "all room is given back");
        Gone { totals, ended, took }
    }
}

/// One object of 100 bytes.
pub fn object(key: &str) -> Object {
    sized(key, 100)
}

pub fn sized(key: &str, size: u64) -> Object {
    let (bucket, key) = key.split_once('/').unwrap_or(("bucket", key));
    Object {
        bucket: Bucket::new(bucket),
        key: Key::from(key),
        size,
        etag: Some(ETag::new("listed")),
        last_modified: chrono::DateTime::UNIX_EPOCH,
        storage_class: None,
    }
}

/// Objects of 100 bytes, `BUCKET/KEY` or `KEY`, the first to be sent first.
pub fn objects(keys: &[&str]) -> Vec<Object> {
    keys.iter().rev().map(|key| object(key)).collect()
}

/// `n` objects, `k000` to be sent first.
pub fn many(n: usize) -> Vec<Object> {
    (0..n).rev().map(|n| object(&format!("k{n:03}"))).collect()
}
