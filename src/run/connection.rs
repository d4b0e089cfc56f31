//! The clients, limits and semaphores of every endpoint: opened once, shared by its profiles, and renewed after a reload.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::spill::{MAX_IN_MEMORY, Spills};
use crate::limit::Limit;
use crate::list::{FairSemaphore, ListSide, Lister, RetryPolicy};
use crate::report::Progress;
use crate::sync;
use crate::warm::{SingleFlight, Wire};
use model::config::endpoint::{Credentials, Endpoint};
use model::config::profile::Profile;
use model::config::team::Team;
use s3::{CacheClient, Keys, ListClient, Regions, Transport};

/// Everything that one profile's pass sends through.
#[derive(Clone, Debug)]
pub struct Connection {
    pub endpoint: Arc<Endpoint>,
    pub list_credentials: Arc<Credentials>,
    pub cache_credentials: Arc<Credentials>,
    /// Whose buckets the profile keeps to; `None` where a trusted file defines it.
    pub team: Option<Arc<Team>>,
    pub lists: Arc<ListSide>,
    pub wire: Arc<Wire>,
    /// The cache's, whatever the credentials.
    pub limit: Limit,
    /// What any run of the cache has open.
    pub single_flight: SingleFlight,
    /// Where plans put what does not stay in memory.
    pub(super) spills: Option<Spills>,
    /// Of the list endpoint, for all that any run asks of it at a time.
    semaphore: FairSemaphore,
    /// How long an endpoint that has answered nothing yet is waited for, if not for its `outage_wait`.
    pub(super) first_wait: Duration,
}

impl Connection {
    /// Asks the list endpoint for one run.
    pub fn lister(&self, progress: &Arc<Progress>) -> Arc<Lister> {
        Lister::new(self.lists.clone(), self.retry_policy(), progress.clone())
    }

    pub(super) fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy::new(&self.endpoint.limits, &self.semaphore, self.first_wait)
    }

    /// Why what a plan has put on disk cannot be read any more: then nothing that was made of the plan counts.
    pub fn lost(&self) -> Option<&str> {
        self.spills.as_ref()?.lost()
    }
}

type Endpoints = BTreeMap<Arc<str>, Arc<Endpoint>>;

/// Opened connections. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    /// Never held while a connection is opened: looks and reloads wait for no disk.
    opened: Arc<Mutex<Opened>>,
    /// Held while one is opened, so that what runs share is opened once.
    opening: Arc<tokio::sync::Mutex<()>>,
    spills: Option<Spills>,
    first_wait: Option<Duration>,
}

/// What is open, by endpoint and by the credentials that a profile names.
#[derive(Debug, Default)]
struct Opened {
    /// The endpoints of the latest reload. `None`: there was none yet.
    configured: Option<Endpoints>,
    /// By the address of the cache: an endpoint that is renamed, or gone for a while, drives the same cache.
    caches: HashMap<String, Cache>,
    /// By the address of the list endpoint.
    semaphores: HashMap<String, FairSemaphore>,
    endpoints: HashMap<Arc<str>, Shared>,
    connections: HashMap<(Arc<str>, Option<Arc<str>>), Connection>,
}

/// What all the runs of a cache share.
#[derive(Clone, Debug)]
struct Cache {
    limit: Limit,
    single_flight: SingleFlight,
}

/// What all the credentials of an endpoint share.
#[derive(Clone, Debug)]
struct Shared {
    endpoint: Arc<Endpoint>,
    transport: Transport,
    regions: Regions,
}

impl Connections {
    /// With a folder for what large plans do not keep in memory.
    pub fn spilling_into(folder: PathBuf) -> Self {
        Self::spilling_beyond(MAX_IN_MEMORY, folder)
    }

    /// With a folder for what plans do not keep in so many bytes of memory.
    pub fn spilling_beyond(bytes: usize, folder: PathBuf) -> Self {
        Self { spills: Some(Spills::new(folder, bytes)), ..Self::default() }
    }

    /// For whoever looks on: an endpoint that has answered nothing yet is given up after this time.
    #[must_use]
    pub fn waiting_at_first(self, first_wait: Duration) -> Self {
        Self { first_wait: Some(first_wait), ..self }
    }

    /// The connection for `profile`; nothing is sent yet, and no credentials are read. The machine's certificates are, for a
    /// new endpoint, for a few seconds at the most.
    pub async fn open(&self, profile: &Profile) -> Connection {
        // One that is open does not wait for another endpoint's certificates.
        if let Some(open) = self.find(profile) {
            return open;
        }
        let _one = self.opening.lock().await;
        if let Some(open) = self.find(profile) {
            return open;
        }
        let endpoint = &profile.endpoint;
        let (shares, before) = {
            let mut opened = self.opened();
            (opened.shares(endpoint), opened.endpoints.get(&endpoint.name).cloned())
        };
        let shared = Shared::renewed(before, endpoint).await;
        let connection = self.connect(profile, &shared, shares).await;
        let mut opened = self.opened();
        // A reload may have come meanwhile: then this connection is the run's alone.
        let in_force = |all: &Endpoints| all.get(&endpoint.name).is_some_and(|now| wired_alike(now, endpoint));
        if opened.configured.as_ref().is_none_or(in_force) {
            opened.endpoints.insert(endpoint.name.clone(), shared);
            opened.connections.insert(name_of(profile), connection.clone());
        }
        connection
    }

    /// The open connection that fits `profile`, for one more run.
    fn find(&self, profile: &Profile) -> Option<Connection> {
        let (endpoint, own) = (&profile.endpoint, profile.credentials.as_ref());
        let open = self.opened().connections.get(&name_of(profile)).cloned()?;
        let fits = wired_alike(&open.endpoint, endpoint) && own.is_none_or(|own| *own == open.cache_credentials);
        let spills = self.spills.as_ref().map(Spills::of_a_run);
        fits.then(|| Connection { endpoint: endpoint.clone(), team: profile.team.clone(), spills, ..open })
    }

    async fn connect(
        &self,
        profile: &Profile,
        shared: &Shared,
        (cache, semaphore): (Cache, FairSemaphore),
    ) -> Connection {
        let Shared { transport, regions, .. } = shared;
        let (endpoint, own) = (&profile.endpoint, profile.credentials.as_ref());
        let (heads, lists) = (&endpoint.cache.0, &endpoint.list.0);
        let cache_credentials = own.unwrap_or(&heads.credentials).clone();
        let list_credentials = own.unwrap_or(&lists.credentials).clone();
        let cache_keys = Keys::new(&cache_credentials.source, &heads.region, transport).await;
        let list_keys = if list_credentials == cache_credentials {
            cache_keys.clone()
        } else {
            Keys::new(&list_credentials.source, &lists.region, transport).await
        };
        let client = ListClient::new(&endpoint.list, &list_keys, regions, transport);
        Connection {
            endpoint: endpoint.clone(),
            lists: Arc::new(ListSide { client: client.clone(), keys: list_keys.clone(), regions: regions.clone() }),
            wire: Arc::new(Wire {
                cache: CacheClient::new(&endpoint.cache, &cache_keys, regions, transport),
                list: client,
                cache_keys,
                list_keys,
            }),
            limit: cache.limit,
            single_flight: cache.single_flight,
            semaphore,
            spills: self.spills.as_ref().map(Spills::of_a_run),
            first_wait: self.first_wait.unwrap_or(Duration::MAX),
            team: profile.team.clone(),
            list_credentials,
            cache_credentials,
        }
    }

    /// Takes the endpoints of a new configuration. New limits hold at once, for live runs too; what else is new holds for
    /// connections that are opened from now on. A cache that is gone is forgotten when no run uses it any more. Reads nothing.
    pub fn renew(&self, endpoints: &Endpoints) {
        self.opened().renew(endpoints);
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        sync::lock(&self.opened)
    }

    /// The limit of an endpoint. `None` while nothing of it was opened.
    pub fn limit(&self, endpoint: &str) -> Option<Limit> {
        let opened = self.opened();
        let shared = opened.endpoints.get(endpoint)?;
        Some(opened.caches.get(&cache_of(&shared.endpoint))?.limit.clone())
    }

    /// When the first of an endpoint's credentials expires, of those that requests were last signed with. `None`: they do not
    /// expire, or none were asked for yet.
    pub fn credentials_expiry(&self, endpoint: &str) -> Option<DateTime<Utc>> {
        let opened = self.opened();
        let open = opened.connections.iter().filter(|((name, _), _)| &**name == endpoint);
        open.flat_map(|(_, open)| [&open.wire.cache_keys, &open.wire.list_keys]).filter_map(Keys::expiry).min()
    }
}

/// By which a connection is found again: its endpoint and the credentials that the profile names.
fn name_of(profile: &Profile) -> (Arc<str>, Option<Arc<str>>) {
    (profile.endpoint.name.clone(), profile.credentials.as_ref().and_then(|own| own.name.clone()))
}

impl Opened {
    /// What all runs of a cache and of a store share, with the limits in force: a run may be of a configuration before.
    fn shares(&mut self, endpoint: &Endpoint) -> (Cache, FairSemaphore) {
        let now = self.configured.as_ref().and_then(|all| all.get(&endpoint.name));
        let now = now.filter(|now| cache_of(now) == cache_of(endpoint));
        let limits = now.map_or(endpoint, |now| &**now).limits.clone();
        let cache = self.caches.entry(cache_of(endpoint));
        let cache =
            cache.or_insert_with(|| Cache { limit: Limit::new(&limits), single_flight: SingleFlight::default() });
        let semaphore = self.semaphores.entry(store_of(endpoint));
        let semaphore = semaphore.or_insert_with(|| FairSemaphore::new(limits.list_in_flight as usize));
        (cache.clone(), semaphore.clone())
    }

    fn renew(&mut self, endpoints: &Endpoints) {
        let same_cache = |name: &Arc<str>, shared: &Shared| {
            endpoints.get(name).is_some_and(|now| cache_of(now) == cache_of(&shared.endpoint))
        };
        self.endpoints.retain(|name, shared| same_cache(name, shared));
        self.connections
            .retain(|(name, _), open| endpoints.get(name).is_some_and(|now| wired_alike(&open.endpoint, now)));
        let (mut configured, mut stores) = (HashSet::new(), HashSet::new());
        for endpoint in endpoints.values() {
            let store = store_of(endpoint);
            // Where two endpoints name one store, the first one's limit holds.
            if let Some(semaphore) = self.semaphores.get(&store).filter(|_| !stores.contains(&store)) {
                semaphore.set_most(endpoint.limits.list_in_flight as usize);
            }
            stores.insert(store);
            let cache = cache_of(endpoint);
            if let Some(cache) = self.caches.get(&cache) {
                cache.limit.set(&endpoint.limits);
            }
            configured.insert(cache);
        }
        self.caches.retain(|address, cache| configured.contains(address) || cache.single_flight.in_use());
        self.semaphores.retain(|address, semaphore| stores.contains(address) || semaphore.in_use());
        self.configured = Some(endpoints.clone());
    }
}

impl Shared {
    /// Keeps of `before` what is as it was.
    async fn renewed(before: Option<Self>, endpoint: &Arc<Endpoint>) -> Self {
        let same_pool = |before: &Self| pool(&before.endpoint) == pool(endpoint);
        let same_regions = |before: &Self| {
            let sites = |of: &Endpoint| (of.cache.0.url.clone(), of.list.0.url.clone());
            before.endpoint.bucket_regions == endpoint.bucket_regions && sites(&before.endpoint) == sites(endpoint)
        };
        let transport = before.as_ref().filter(|before| same_pool(before)).map(|before| before.transport.clone());
        let regions = before.as_ref().filter(|before| same_regions(before)).map(|before| before.regions.clone());
        let (connect_timeout, max_idle) = pool(endpoint);
        Self {
            endpoint: endpoint.clone(),
            transport: match transport {
                Some(transport) => transport,
                None => Transport::open(connect_timeout, max_idle as usize).await,
            },
            regions: regions.unwrap_or_else(|| Regions::new(&endpoint.bucket_regions)),
        }
    }
}

/// What names the cache in the ledger, too.
fn cache_of(endpoint: &Endpoint) -> String {
    endpoint.cache.0.address()
}

/// What is listed, whoever is listed for.
fn store_of(endpoint: &Endpoint) -> String {
    endpoint.list.0.address()
}

/// What a pool of connections is made for.
fn pool(endpoint: &Endpoint) -> (Duration, u32) {
    (endpoint.limits.connect_timeout, endpoint.limits.max_in_flight)
}

/// Whether the clients of one serve the other: all but limits that are read as they are needed.
fn wired_alike(a: &Endpoint, b: &Endpoint) -> bool {
    a.cache == b.cache && a.list == b.list && a.bucket_regions == b.bucket_regions && pool(a) == pool(b)
}

#[cfg(test)]
mod tests;
