//! The clients of an endpoint, opened once and shared by all of its profiles.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::endpoint::{Credentials, Endpoint};
use crate::config::profile::Profile;
use crate::limit::Limit;
use crate::list::ListSide;
use crate::s3::{CacheClient, Keys, ListClient, Regions, Transport};
use crate::warm::{Flights, Wire};

/// Everything that one profile's pass sends through.
#[derive(Clone, Debug)]
pub struct Connection {
    pub endpoint: Arc<Endpoint>,
    pub list_credentials: Arc<Credentials>,
    pub cache_credentials: Arc<Credentials>,
    pub lists: Arc<ListSide>,
    pub wire: Arc<Wire>,
    /// The endpoint's, whatever the credentials.
    pub limit: Limit,
    /// What any run of the cache has open.
    pub flights: Flights,
}

/// Opened connections, by endpoint and by the credentials that a profile names.
#[derive(Debug, Default)]
pub struct Connections {
    endpoints: HashMap<Arc<str>, Shared>,
    opened: HashMap<(Arc<str>, Option<Arc<str>>), Connection>,
}

/// What all the credentials of an endpoint share.
#[derive(Clone, Debug)]
struct Shared {
    transport: Transport,
    limit: Limit,
    flights: Flights,
    regions: Regions,
}

impl Connections {
    /// The connection for `profile`; nothing is sent yet.
    pub async fn open(&mut self, profile: &Profile) -> Connection {
        let endpoint = &profile.endpoint;
        let own = profile.credentials.as_ref();
        let name = (endpoint.name.clone(), own.and_then(|own| own.name.clone()));
        if let Some(open) = self.opened.get(&name) {
            return open.clone();
        }
        let shared = self.endpoints.entry(endpoint.name.clone()).or_insert_with(|| Shared {
            transport: Transport::new(endpoint.limits.connect_timeout, endpoint.limits.max_in_flight as usize),
            limit: Limit::new(&endpoint.limits),
            flights: Flights::default(),
            regions: Regions::new(&endpoint.bucket_regions),
        });
        let connection = connect(endpoint, own, shared).await;
        self.opened.insert(name, connection.clone());
        connection
    }
}

async fn connect(endpoint: &Arc<Endpoint>, own: Option<&Arc<Credentials>>, shared: &Shared) -> Connection {
    let Shared { transport, limit, flights, regions } = shared;
    let (cache, list) = (&endpoint.cache.0, &endpoint.list.0);
    let cache_credentials = own.unwrap_or(&cache.credentials).clone();
    let list_credentials = own.unwrap_or(&list.credentials).clone();
    let cache_keys = Keys::new(&cache_credentials.source, &cache.region, transport).await;
    let list_keys = if list_credentials == cache_credentials {
        cache_keys.clone()
    } else {
        Keys::new(&list_credentials.source, &list.region, transport).await
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
        limit: limit.clone(),
        flights: flights.clone(),
        list_credentials,
        cache_credentials,
    }
}
