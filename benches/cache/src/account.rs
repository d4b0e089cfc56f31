//! What the simulator saw of the one who warmed: the measure of every run, whatever it says of itself.

use std::collections::BTreeMap;

use serde::Serialize;
use sim::{Counters, Sim};
use tokio::time::Instant;

/// From this many seconds on a client should have found out what the cache bears.
const SETTLED: f64 = 5.0;

/// Where things stood at an instant.
#[derive(Clone, Copy, Serialize)]
pub struct Sample {
    /// Seconds since the first request.
    at: f64,
    open: u64,
    requests: u64,
    throttled: u64,
    fill_bytes: u64,
}

#[derive(Serialize)]
pub struct Account {
    /// Seconds from the first request to the end of the last one.
    makespan: f64,
    requests: u64,
    statuses: BTreeMap<u16, u64>,
    unanswered: u64,
    throttled: u64,
    /// Of the requests that came later than five seconds after the first one.
    late_requests: u64,
    late_throttled: u64,
    most_open: u64,
    most_open_one_key: u64,
    connections: u64,
    fills: u64,
    fill_bytes: u64,
    hits: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tally: Option<Tally>,
    samples: Vec<Sample>,
}

/// By keys, where these are counted.
#[derive(Default, Serialize)]
pub struct Tally {
    keys: u64,
    sends: u64,
    /// Of one key.
    most_sends: u64,
    /// Keys that were answered 2xx, at all and more than once.
    granted: u64,
    granted_twice: u64,
    still_open: u64,
    /// Keys by the status of the request that ended last; `none` where that had no answer.
    ended: BTreeMap<String, u64>,
}

impl Sample {
    pub fn of(counters: &Counters, now: Instant) -> Option<Self> {
        let cache = &counters.cache;
        Some(Self {
            at: now.duration_since(cache.first_arrival?).as_secs_f64(),
            open: cache.open,
            requests: cache.total(),
            throttled: cache.throttled,
            fill_bytes: counters.fills.fill_bytes,
        })
    }
}

impl Account {
    pub fn of(sim: &Sim, keys: bool, samples: Vec<Sample>) -> Self {
        let Counters { cache, fills, .. } = sim.counters();
        let span = cache.first_arrival.zip(cache.last_end).map(|(first, last)| last.duration_since(first));
        let early = samples.iter().rev().find(|sample| sample.at <= SETTLED);
        let (early_requests, early_throttled) = early.map_or((0, 0), |sample| (sample.requests, sample.throttled));
        Self {
            makespan: span.unwrap_or_default().as_secs_f64(),
            requests: cache.total(),
            unanswered: cache.unanswered,
            throttled: cache.throttled,
            late_requests: cache.total() - early_requests,
            late_throttled: cache.throttled - early_throttled,
            most_open: cache.most_open,
            most_open_one_key: cache.most_open_one_key,
            connections: cache.connections,
            statuses: cache.statuses,
            fills: fills.fills,
            fill_bytes: fills.fill_bytes,
            hits: fills.hits,
            tally: keys.then(|| Tally::of(sim)),
            samples,
        }
    }
}

impl Tally {
    fn of(sim: &Sim) -> Self {
        let mut tally = Self::default();
        for key in sim.keys().into_values().filter(|key| key.ranged_heads > 0) {
            tally.keys += 1;
            tally.sends += key.ranged_heads;
            tally.most_sends = tally.most_sends.max(key.ranged_heads);
            tally.granted += u64::from(key.granted > 0);
            tally.granted_twice += u64::from(key.granted > 1);
            tally.still_open += key.open;
            let ended = key.last_status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            *tally.ended.entry(ended).or_default() += 1;
        }
        tally
    }
}
