//! Counters of requests and answers, for tests to read.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::fill::FillCounters;
use super::lock;

/// Which of the two listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    List,
    Cache,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    ListBuckets,
    List,
    /// A HEAD of an object with a Range.
    RangedHead,
    /// A HEAD of an object without one.
    PlainHead,
    Get,
    Put,
    Delete,
    /// HEAD of a bucket, its location, and what the simulator does not know.
    Other,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::ListBuckets,
        Self::List,
        Self::RangedHead,
        Self::PlainHead,
        Self::Get,
        Self::Put,
        Self::Delete,
        Self::Other,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ListBuckets => "ListBuckets",
            Self::List => "LIST",
            Self::RangedHead => "ranged HEAD",
            Self::PlainHead => "plain HEAD",
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Other => "other",
        })
    }
}

/// A snapshot of everything counted except keys.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub list: SideCounters,
    pub cache: SideCounters,
    pub fills: FillCounters,
}

impl Counters {
    pub fn side(&self, side: Side) -> &SideCounters {
        match side {
            Side::List => &self.list,
            Side::Cache => &self.cache,
        }
    }
}

/// What one listener saw.
#[derive(Clone, Debug, Default)]
pub struct SideCounters {
    pub requests: BTreeMap<Kind, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests by Host header, and by Range header.
    pub hosts: BTreeMap<String, u64>,
    pub ranges: BTreeMap<String, u64>,
    /// Requests that ended without an answer: reset, stalled until the client left, or left early.
    pub unanswered: u64,
    /// Answers 503 of the throttle, without those of faults.
    pub throttled: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Requests open now, and the most there ever were at once.
    pub open: u64,
    pub most_open: u64,
    /// The most that were ever open at once for one and the same key.
    pub most_open_one_key: u64,
    /// When the first request came, and when the last one that has ended did.
    pub first_arrival: Option<Instant>,
    pub last_end: Option<Instant>,
}

impl SideCounters {
    pub fn count(&self, kind: Kind) -> u64 {
        self.requests.get(&kind).copied().unwrap_or(0)
    }

    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    pub fn status(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }
}

/// What was asked about one key, on both listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyCounters {
    pub ranged_heads: u64,
    pub plain_heads: u64,
    pub gets: u64,
    pub puts: u64,
    pub deletes: u64,
    /// On the cache endpoint, now and at most.
    pub open: u64,
    pub most_open: u64,
    /// Answers 2xx of the cache endpoint.
    pub granted: u64,
    /// Status of the request at the cache endpoint that ended last; `None` where it had no answer.
    pub last_status: Option<u16>,
}

/// One request that has ended, as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub side: Side,
    pub kind: Kind,
    pub method: String,
    pub host: String,
    /// Path and query, not decoded.
    pub target: String,
    pub range: Option<String>,
    /// `None` where no answer was sent.
    pub status: Option<u16>,
}

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Requests by key: costs memory for each key seen.
    pub keys: bool,
    /// The last so many ended requests; 0 is none.
    pub log: usize,
}

/// A request as it arrives.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub side: Side,
    pub kind: Kind,
    pub method: http::Method,
    pub host: String,
    pub target: String,
    pub range: Option<String>,
    pub bucket: Option<String>,
    pub key: Option<Vec<u8>>,
}

type KeyName = (Arc<str>, Vec<u8>);

#[derive(Debug)]
pub struct Ledger {
    keep: Keep,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sides: [SideState; 2],
    keys: HashMap<KeyName, KeyCounters>,
    buckets: HashMap<String, Arc<str>>,
    log: VecDeque<Logged>,
}

#[derive(Debug, Default)]
struct SideState {
    kinds: [u64; Kind::ALL.len()],
    counters: SideCounters,
}

/// Hosts and ranges come from outside: no more than this many different ones are told apart.
const MOST_NAMES: usize = 1024;

impl Ledger {
    pub fn new(keep: Keep) -> Self {
        Self { keep, state: Mutex::default() }
    }

    pub fn connected(&self, side: Side) {
        lock(&self.state).sides[side as usize].counters.connections += 1;
    }

    pub fn throttled(&self, side: Side) {
        lock(&self.state).sides[side as usize].counters.throttled += 1;
    }

    /// Counts a request as open until what is returned is dropped.
    pub fn arrived(self: &Arc<Self>, arrival: Arrival) -> Open {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let side = &mut state.sides[arrival.side as usize];
        side.kinds[arrival.kind as usize] += 1;
        let counters = &mut side.counters;
        tally(&mut counters.hosts, &arrival.host);
        if let Some(range) = &arrival.range {
            tally(&mut counters.ranges, range);
        }
        counters.open += 1;
        counters.most_open = counters.most_open.max(counters.open);
        counters.first_arrival.get_or_insert_with(Instant::now);
        let name = self.key_name(state, &arrival);
        if let Some(name) = &name {
            let key = state.keys.entry(name.clone()).or_default();
            key.count(arrival.kind);
            if arrival.side == Side::Cache {
                key.open += 1;
                key.most_open = key.most_open.max(key.open);
                let most = &mut state.sides[arrival.side as usize].counters.most_open_one_key;
                *most = key.most_open.max(*most);
            }
        }
        drop(guard);
        Open { ledger: self.clone(), arrival, name, status: None }
    }

    fn key_name(&self, state: &mut State, arrival: &Arrival) -> Option<KeyName> {
        if !self.keep.keys {
            return None;
        }
        let (bucket, key) = (arrival.bucket.as_ref()?, arrival.key.as_ref()?);
        let bucket = match state.buckets.get(bucket) {
            Some(bucket) => bucket.clone(),
            None => state.buckets.entry(bucket.clone()).or_insert(bucket.as_str().into()).clone(),
        };
        Some((bucket, key.clone()))
    }

    pub fn snapshot(&self, fills: FillCounters) -> Counters {
        let state = lock(&self.state);
        let side = |side: Side| {
            let SideState { kinds, counters } = &state.sides[side as usize];
            let requests = Kind::ALL.into_iter().zip(kinds.iter().copied()).filter(|(_, n)| *n > 0).collect();
            SideCounters { requests, ..counters.clone() }
        };
        Counters { list: side(Side::List), cache: side(Side::Cache), fills }
    }

    pub fn key(&self, bucket: &str, key: &[u8]) -> KeyCounters {
        lock(&self.state).keys.get(&(bucket.into(), key.to_vec())).copied().unwrap_or_default()
    }

    pub fn keys(&self) -> BTreeMap<(String, Vec<u8>), KeyCounters> {
        let state = lock(&self.state);
        state.keys.iter().map(|((bucket, key), counters)| ((bucket.to_string(), key.clone()), *counters)).collect()
    }

    pub fn log(&self) -> Vec<Logged> {
        lock(&self.state).log.iter().cloned().collect()
    }

    /// Forgets everything but what is open.
    pub fn reset(&self) {
        let mut state = lock(&self.state);
        for side in &mut state.sides {
            let open = side.counters.open;
            *side = SideState::default();
            side.counters.open = open;
            side.counters.most_open = open;
        }
        state.keys.retain(|_, key| {
            *key = KeyCounters { open: key.open, most_open: key.open, ..KeyCounters::default() };
            key.open > 0
        });
        state.log.clear();
    }
}

fn tally(names: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(count) = names.get_mut(name) {
        *count += 1;
    } else if names.len() < MOST_NAMES {
        names.insert(name.to_owned(), 1);
    }
}

impl KeyCounters {
    fn count(&mut self, kind: Kind) {
        let count = match kind {
            Kind::RangedHead => &mut self.ranged_heads,
            Kind::PlainHead => &mut self.plain_heads,
            Kind::Get => &mut self.gets,
            Kind::Put => &mut self.puts,
            Kind::Delete => &mut self.deletes,
            Kind::ListBuckets | Kind::List | Kind::Other => return,
        };
        *count += 1;
    }
}

/// A request that has not ended.
#[derive(Debug)]
pub struct Open {
    ledger: Arc<Ledger>,
    arrival: Arrival,
    name: Option<KeyName>,
    status: Option<u16>,
}

impl Open {
    pub fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    pub fn answered(&mut self, status: http::StatusCode) {
        self.status = Some(status.as_u16());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut guard = lock(&self.ledger.state);
        let state = &mut *guard;
        let counters = &mut state.sides[self.arrival.side as usize].counters;
        counters.open = counters.open.saturating_sub(1);
        counters.last_end = Some(Instant::now());
        match self.status {
            Some(status) => *counters.statuses.entry(status).or_default() += 1,
            None => counters.unanswered += 1,
        }
        if self.arrival.side == Side::Cache
            && let Some(key) = self.name.as_ref().and_then(|name| state.keys.get_mut(name))
        {
            key.open = key.open.saturating_sub(1);
            key.granted += u64::from(self.status.is_some_and(|status| (200..300).contains(&status)));
            key.last_status = self.status;
        }
        if self.ledger.keep.log > 0 {
            if state.log.len() == self.ledger.keep.log {
                state.log.pop_front();
            }
            state.log.push_back(Logged {
                side: self.arrival.side,
                kind: self.arrival.kind,
                method: self.arrival.method.to_string(),
                host: std::mem::take(&mut self.arrival.host),
                target: std::mem::take(&mut self.arrival.target),
                range: self.arrival.range.take(),
                status: self.status,
            });
        }
    }
}
