//! What is served, as the scripts that start this write it down.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use sim::{Bucket, Entry, Fault, Kind, Lota, Rule, Series, Sim, Sizes, Throttle};

/// Buckets with what is in them, the cache, and what goes wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    #[serde(default)]
    series: Vec<SeriesSpec>,
    #[serde(default)]
    objects: Vec<ObjectSpec>,
    cache: CacheSpec,
    #[serde(default)]
    faults: FaultSpec,
    /// Whether requests are counted by key.
    #[serde(default)]
    pub keys: bool,
    /// What changes midway.
    pub then: Option<Then>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeriesSpec {
    bucket: String,
    prefix: String,
    count: u64,
    #[serde(default)]
    suffix: String,
    size: Size,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectSpec {
    bucket: String,
    key: String,
    size: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(u64),
    LogNormal { median: u64, sigma: f64, most: u64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheSpec {
    floor_ms: u64,
    bandwidth: Option<u64>,
    fill_rate: Option<u64>,
    max_in_flight: Option<usize>,
}

/// Shares of all ranged HEADs, from 0 to 1, that suffer one fault each.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultSpec {
    throttled: f64,
    reset: f64,
    stalled: f64,
    seed: u64,
}

/// Another bandwidth, so long after the first request.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Then {
    pub after_s: f64,
    pub bandwidth: u64,
}

/// What there is to warm.
#[derive(Clone, Copy, Default)]
pub struct Sum {
    pub objects: u64,
    pub bytes: u128,
    pub largest: u64,
}

impl Stage {
    pub async fn start(&self) -> std::io::Result<Sim> {
        let mut buckets: BTreeMap<&str, Bucket> = BTreeMap::new();
        for spec in &self.series {
            let bucket = buckets.entry(&spec.bucket).or_default();
            *bucket = std::mem::take(bucket).series(spec.series());
        }
        for ObjectSpec { bucket, key, size } in &self.objects {
            let bucket = buckets.entry(bucket).or_default();
            *bucket = std::mem::take(bucket).object(key.as_str(), Entry::sized(*size));
        }
        let builder = Sim::builder().cache(self.cache.lota());
        let builder = buckets.into_iter().fold(builder, |builder, (name, bucket)| builder.bucket(name, bucket));
        let builder = if self.keys { builder } else { builder.without_keys() };
        let sim = builder.start().await?;
        self.faults.rules().into_iter().for_each(|rule| _ = sim.faults().push(rule));
        Ok(sim)
    }

    /// Every object's bucket and key, as they were written down.
    pub fn keys(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        let series = self.series.iter().flat_map(|spec| {
            let series = spec.series();
            (0..spec.count).map(move |n| (spec.bucket.as_str(), series.key(n)))
        });
        series.chain(self.objects.iter().map(|spec| (spec.bucket.as_str(), spec.key.clone().into_bytes())))
    }

    pub fn sum(&self, sim: &Sim) -> Sum {
        self.keys().filter_map(|(bucket, key)| sim.get(bucket, key)).fold(Sum::default(), |sum, Entry { size, .. }| {
            Sum { objects: sum.objects + 1, bytes: sum.bytes + u128::from(size), largest: sum.largest.max(size) }
        })
    }
}

impl SeriesSpec {
    fn series(&self) -> Series {
        let sizes = match self.size {
            Size::Bytes(bytes) => Sizes::All(bytes),
            Size::LogNormal { median, sigma, most } => Sizes::LogNormal { median, sigma, most },
        };
        Series::new(self.prefix.as_str(), self.count, self.suffix.as_str()).sizes(sizes)
    }
}

impl CacheSpec {
    fn lota(&self) -> Lota {
        Lota {
            floor: Duration::from_millis(self.floor_ms),
            bandwidth: self.bandwidth,
            fill_rate: self.fill_rate,
            throttle: Throttle { in_flight: self.max_in_flight, ..Throttle::default() },
            // One part an object: parts are of no interest here, and cost the server its time.
            part_size: u64::MAX,
            ..Lota::default()
        }
    }
}

impl FaultSpec {
    /// A rule sees only what those before it spared.
    fn rules(&self) -> Vec<Rule> {
        let faults = [
            (self.throttled, Fault::status(503, "SlowDown")),
            (self.reset, Fault::Reset),
            (self.stalled, Fault::Stall),
        ];
        let mut spared = 1.0;
        let mut rules = Vec::new();
        for (seed, (share, fault)) in (self.seed..).zip(faults) {
            rules.push(Rule::new(fault).on(Kind::RangedHead).chance(share / spared, seed));
            spared -= share;
        }
        rules
    }
}
