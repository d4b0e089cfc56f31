//! An S3 server with a cache in front of it, both made up: for tests, for `hotset demo` and for `hotset sim`.
//!
//! Two listeners. The *list* endpoint is plain S3, path style and virtual hosts. The *cache* endpoint behaves as LOTA
//! does: virtual hosts only, and a `HEAD` with a `Range` fills the whole object and is answered when the fill ends.
//! Objects may be made up too, by the million ([`Series`]); nothing is held for them.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use hotset_sim::{Bucket, Entry, Fault, Kind, Lota, Rule, Series, Sim};
//!
//! let shards = Series::new("datasets/shard-", 1_000_000, ".tar").size(500 << 20);
//! let sim = Sim::builder()
//!     .bucket("training", Bucket::new().series(shards).object("latest", Entry::bytes("iter_0000100")))
//!     .cache(Lota { bandwidth: Some(10 << 30), ..Lota::default() })
//!     .start()
//!     .await?;
//! sim.faults().push(Rule::new(Fault::status(503, "SlowDown")).on(Kind::RangedHead).times(3));
//! // ... point a client at sim.list_url() and sim.cache_url() ...
//! assert!(sim.is_warm("training", "datasets/shard-000042.tar"));
//! assert_eq!(sim.counters().cache.count(Kind::RangedHead), 1);
//! sim.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Time is tokio's. Under a paused clock the arithmetic of fills is exact (see the tests of the fills); over sockets a
//! paused clock may run ahead while bytes are on their way, so tests over the wire use small real delays.
//! Keys are UTF-8, as S3 has them. A signature is checked once there are credentials; before, everybody is believed.
//! The protocol crate logs every refused request as an error under the target `s3s`.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests wait for the tasks that they spawn"))]

mod bandwidth;
mod cache;
mod clock;
mod counters;
mod faults;
mod fill;
mod front;
mod lean;
mod listing;
mod lota;
mod read;
mod s3;
mod series;
mod server;
mod spec;
mod store;
#[cfg(test)]
mod tests;
mod throttle;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use counters::{Counters, KeyCounters, Kind, Logged, Side, SideCounters};
pub use faults::{Fault, Faults, Rule, RuleId};
pub use fill::FillCounters;
pub use lota::{EmptyHead, HeadForm, Lota, NoBucket};
pub use read::Reading;
pub use series::{Series, Sizes};
pub use spec::{BucketSpec, SpecError};
pub use store::{Bucket, Entry};
pub use throttle::Throttle;
pub use world::{Credentials, Listing, UrlEncoding};

use counters::{Keep, Ledger};
use fill::Filler;
use front::{Front, Gate};
use server::{Port, Server};
use world::World;

/// An endpoint that is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outage {
    #[default]
    None,
    /// Accepts connections and requests, and answers none of them, ever.
    Silent,
    /// Drops all connections and refuses new ones.
    Refused,
}

/// What a simulator is made of. See [`Sim::builder`].
#[derive(Clone)]
pub struct Builder {
    buckets: BTreeMap<String, Bucket>,
    lota: Lota,
    listing: Listing,
    credentials: Vec<Credentials>,
    base_domain: String,
    ip: IpAddr,
    list_port: u16,
    cache_port: u16,
    keep: Keep,
}

impl Builder {
    #[must_use]
    pub fn bucket(mut self, name: &str, bucket: Bucket) -> Self {
        self.buckets.insert(name.to_owned(), bucket);
        self
    }

    /// Requests must be signed with one of the pairs given.
    #[must_use]
    pub fn credentials(mut self, access_key: &str, secret_key: &str) -> Self {
        self.credentials.push(Credentials {
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            session_token: None,
        });
        self
    }

    #[must_use]
    pub fn cache(mut self, lota: Lota) -> Self {
        self.lota = lota;
        self
    }

    #[must_use]
    pub fn listing(mut self, listing: Listing) -> Self {
        self.listing = listing;
        self
    }

    /// Buckets are hosts below this name; `localhost` by default.
    #[must_use]
    pub fn base_domain(mut self, domain: &str) -> Self {
        self.base_domain = domain.to_owned();
        self
    }

    /// Where to listen; 0 is any free port. 127.0.0.1 and free ports by default.
    #[must_use]
    pub fn listen(mut self, ip: IpAddr, list_port: u16, cache_port: u16) -> Self {
        (self.ip, self.list_port, self.cache_port) = (ip, list_port, cache_port);
        self
    }

    /// Keeps the last `requests` that have ended, for [`Sim::log`].
    #[must_use]
    pub fn log(mut self, requests: usize) -> Self {
        self.keep.log = requests;
        self
    }

    /// Does not count by key: what is counted then needs no memory.
    #[must_use]
    pub fn without_keys(mut self) -> Self {
        self.keep.keys = false;
        self
    }

    /// Starts listening, on the current runtime.
    ///
    /// # Errors
    ///
    /// A port that cannot be had.
    #[expect(clippy::unused_async, reason = "it needs a runtime, which only an async caller has")]
    pub async fn start(self) -> io::Result<Sim> {
        let world = Arc::new(World {
            buckets: RwLock::new(self.buckets),
            filler: Filler::new(self.lota),
            faults: Faults::default(),
            ledger: Arc::new(Ledger::new(self.keep)),
            listing: RwLock::new(Arc::new(self.listing)),
            credentials: RwLock::new(self.credentials),
            base_domain: self.base_domain,
        });
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let endpoint = |side, port| {
            let port = Port::bind(SocketAddr::new(self.ip, port))?;
            let listener = port.listen()?;
            let (outage, watched) = watch::channel(Outage::None);
            let s3 = s3::service(&world);
            let front = Front { world: world.clone(), side, s3, outage: watched.clone(), gate: Gate::default() };
            let addr = port.addr;
            let (shutdown, connections) = (shutdown.clone(), tasks.clone());
            let server = Server { port, front: Arc::new(front), outage: watched, shutdown, connections };
            tasks.spawn(server.run(listener));
            io::Result::Ok(Endpoint { addr, outage })
        };
        let list = endpoint(Side::List, self.list_port)?;
        let cache = endpoint(Side::Cache, self.cache_port)?;
        let (filling, until) = (world.clone(), shutdown.clone());
        tasks.spawn(async move { until.run_until_cancelled(filling.filler.run()).await });
        Ok(Sim { world, list, cache, shutdown, tasks })
    }
}

struct Endpoint {
    addr: SocketAddr,
    outage: watch::Sender<Outage>,
}

/// A running simulator. Dropping it stops it.
pub struct Sim {
    world: Arc<World>,
    list: Endpoint,
    cache: Endpoint,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Sim {
    pub fn builder() -> Builder {
        Builder {
            buckets: BTreeMap::new(),
            lota: Lota::default(),
            listing: Listing::default(),
            credentials: Vec::new(),
            base_domain: "localhost".to_owned(),
            ip: Ipv4Addr::LOCALHOST.into(),
            list_port: 0,
            cache_port: 0,
            keep: Keep { keys: true, log: 0 },
        }
    }

    /// `http://localhost:PORT`; buckets below it by path or by host.
    pub fn list_url(&self) -> String {
        format!("http://{}:{}", self.world.base_domain, self.list.addr.port())
    }

    /// `http://localhost:PORT`; buckets by host only: `http://BUCKET.localhost:PORT`.
    pub fn cache_url(&self) -> String {
        format!("http://{}:{}", self.world.base_domain, self.cache.addr.port())
    }

    pub fn list_addr(&self) -> SocketAddr {
        self.list.addr
    }

    pub fn cache_addr(&self) -> SocketAddr {
        self.cache.addr
    }

    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    pub fn counters(&self) -> Counters {
        self.world.ledger.snapshot(self.world.filler.counters())
    }

    /// What was asked about one key.
    pub fn key_counters(&self, bucket: &str, key: impl AsRef<[u8]>) -> KeyCounters {
        self.world.ledger.key(bucket, key.as_ref())
    }

    /// The same for every key that was asked about, by bucket and key.
    pub fn keys(&self) -> BTreeMap<(String, Vec<u8>), KeyCounters> {
        self.world.ledger.keys()
    }

    /// The last requests that have ended, in the order of their ends. Empty unless asked for by [`Builder::log`].
    pub fn log(&self) -> Vec<Logged> {
        self.world.ledger.log()
    }

    /// Starts counting anew, except fills and what is open.
    pub fn reset_counters(&self) {
        self.world.ledger.reset();
    }

    /// Whether every byte of the object, as it is now, is in the cache. False where there is no such object.
    pub fn is_warm(&self, bucket: &str, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref();
        let entry = self.world.get(bucket, key);
        entry.is_some_and(|entry| self.world.filler.is_warm(&world::wanted(bucket, key, &entry)))
    }

    /// Puts an object into the cache, at once and uncounted. False where there is no such object.
    pub fn preload(&self, bucket: &str, key: impl AsRef<[u8]>) -> bool {
        self.in_cache(bucket, key.as_ref(), Filler::preload)
    }

    /// Takes an object out of the cache, uncounted. False where there is no such object.
    pub fn evict(&self, bucket: &str, key: impl AsRef<[u8]>) -> bool {
        self.in_cache(bucket, key.as_ref(), Filler::forget)
    }

    fn in_cache(&self, bucket: &str, key: &[u8], act: impl FnOnce(&Filler, &fill::Wanted)) -> bool {
        let entry = self.world.get(bucket, key);
        entry.map(|entry| act(&self.world.filler, &world::wanted(bucket, key, &entry))).is_some()
    }

    pub fn get(&self, bucket: &str, key: impl AsRef<[u8]>) -> Option<Entry> {
        self.world.get(bucket, key.as_ref())
    }

    /// Stores an object. As over the wire it leaves the cache. False where there is no such bucket.
    pub fn put(&self, bucket: &str, key: impl AsRef<[u8]>, entry: Entry) -> bool {
        self.world.put(bucket, key.as_ref(), entry)
    }

    /// False where there was no such object.
    pub fn delete(&self, bucket: &str, key: impl AsRef<[u8]>) -> bool {
        self.world.delete(bucket, key.as_ref())
    }

    /// Gives an object another ETag, as if the same size had been written again. False where there is no such object.
    pub fn overwrite(&self, bucket: &str, key: impl AsRef<[u8]>) -> bool {
        self.world.overwrite(bucket, key.as_ref())
    }

    /// Adds or replaces a bucket.
    pub fn put_bucket(&self, name: &str, bucket: Bucket) {
        write(&self.world.buckets).insert(name.to_owned(), bucket);
    }

    /// Changes how the cache endpoint behaves; fills going on take the new speeds.
    pub fn set_cache(&self, change: impl FnOnce(&mut Lota)) {
        self.world.filler.set(change);
    }

    /// Changes how the list endpoint behaves.
    pub fn set_listing(&self, change: impl FnOnce(&mut Listing)) {
        let mut listing = write(&self.world.listing);
        change(Arc::make_mut(&mut listing));
    }

    /// Replaces the pairs that are accepted. A simulator that started with none goes on believing everybody.
    pub fn set_credentials(&self, credentials: Vec<Credentials>) {
        let mut known = write(&self.world.credentials);
        if !known.is_empty() && !credentials.is_empty() {
            *known = credentials;
        }
    }

    /// Takes an endpoint away, or brings it back.
    pub fn set_outage(&self, side: Side, outage: Outage) {
        let endpoint = match side {
            Side::List => &self.list,
            Side::Cache => &self.cache,
        };
        endpoint.outage.send_replace(outage);
    }

    /// Drops all connections and waits until everything has ended.
    pub async fn shutdown(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A panic elsewhere does not make counters unreadable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(value: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    value.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(value: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    value.write().unwrap_or_else(PoisonError::into_inner)
}
