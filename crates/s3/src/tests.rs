//! What is on the wire, and what is made of the answers: against the simulator, and against a listener that only listens.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::{CacheClient, Keys, ListClient, PageRequest, Regions, RequestError, Transport, Via, Warmed};
use model::config::endpoint::{Addressing, CacheSite, CredentialSource, Credentials, ListSite, Site};
use model::object::{Bucket, ETag, Key, Object, Row};
use sim::{self, Sim};

mod answers;
mod connections;
mod heads;
mod keys;
mod reads;
mod signing;

/// For what has to come. Only a failing test takes as long.
const TEST_TIMEOUT: Duration = Duration::from_mins(10);

/// Both clients of one endpoint, with keys from files.
struct Clients {
    cache: CacheClient,
    list: ListClient,
    keys: Keys,
    regions: Regions,
    dir: TempDir,
}

/// Where and as whom.
struct To<'a> {
    cache: &'a str,
    list: &'a str,
    list_addressing: Addressing,
    secret: &'a str,
    token: Option<&'a str>,
}

impl<'a> To<'a> {
    fn new(cache: &'a str, list: &'a str) -> Self {
        Self { cache, list, list_addressing: Addressing::Path, secret: "SK", token: None }
    }

    async fn connect(self) -> Clients {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("id"), "AK\n").unwrap();
        std::fs::write(path("secret"), self.secret).unwrap();
        let session_token = self.token.map(|token| {
            std::fs::write(path("token"), token).unwrap();
            path("token")
        });
        let source =
            CredentialSource::Files { access_key_id: path("id"), secret_access_key: path("secret"), session_token };
        let transport = Transport::new(TEST_TIMEOUT, 10);
        let keys = Keys::new(&source, "us-east-1", &transport).await;
        let credentials = Arc::new(Credentials { name: None, source, buckets: None });
        let site = |url: &str, addressing| Site {
            url: url.parse().unwrap(),
            addressing,
            region: "us-east-1".to_owned(),
            credentials: credentials.clone(),
        };
        let regions = Regions::default();
        let cache = CacheSite(site(self.cache, Addressing::Virtual));
        let list = ListSite(site(self.list, self.list_addressing));
        Clients {
            cache: CacheClient::new(&cache, &keys, &regions, &transport),
            list: ListClient::new(&list, &keys, &regions, &transport),
            keys,
            regions,
            dir,
        }
    }
}

impl Clients {
    /// Of an object that was listed with nine bytes, under an ETag that no answer names: one that names any tells a change.
    async fn warm(&self, key: &str) -> Result<Warmed, RequestError> {
        self.cache.warm(&listed(Key::from(key), 9), Via::Pool).await
    }
}

fn listed(key: Key, size: u64) -> Object {
    let etag = Some(ETag::new("before"));
    Object { bucket: training(), key, size, etag, last_modified: chrono::DateTime::UNIX_EPOCH, storage_class: None }
}

/// A simulator that checks signatures, with `bucket` under the name `training`.
async fn sim(bucket: sim::Bucket) -> Sim {
    Sim::builder().credentials("AK", "SK").bucket("training", bucket).log(100_000).start().await.unwrap()
}

async fn clients(sim: &Sim) -> Clients {
    To::new(&sim.cache_url(), &sim.list_url()).connect().await
}

fn training() -> Bucket {
    Bucket::new("training")
}

/// All objects below `prefix`, page by page.
async fn list_all(client: &ListClient, prefix: &str) -> Vec<Object> {
    let (bucket, prefix) = (training(), Key::from(prefix));
    let (mut objects, mut token) = (Vec::new(), None::<String>);
    loop {
        let request = PageRequest {
            bucket: &bucket,
            prefix: &prefix,
            after: None,
            continuation: token.as_deref(),
            delimiter: false,
        };
        let page = client.page(request).await.unwrap();
        objects.extend(page.objects.iter().map(Row::to_object));
        match page.next {
            Some(next) => token = Some(next),
            None => return objects,
        }
    }
}
