//! The requests of which there are millions, written and signed here: the same bytes as the SDK's, at a fraction of its cost.

mod host;
mod lane;
mod sign;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use http::HeaderValue;
use http::response::Parts;
use httparse::Header;

use super::address::{Regions, base_url};
use super::credentials::{Keys, Secret, without_keys};
use super::error::{Class, RequestError, of_answer, of_head};
use super::probe::Head;
use super::proof::doubt;
use super::stat::Stat;
use super::transport::Transport;
use host::{Host, Signing, Target};
use lane::Unanswered;
pub use lane::Via;
pub(super) use lane::{IDLE, Lanes};
use model::config::endpoint::Site;
use model::object::{Bucket, Key, Object};
use sign::{SigningKey, Stamp};
use target::path_of;
pub(super) use target::{KEY, NAME};

/// Bytes of an answer. A page of a thousand keys, each as long as keys can be and escaped, has some four million.
const LONGEST: usize = 64 << 20;

/// One HEAD.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub bucket: &'a Bucket,
    pub key: &'a Key,
    pub range: Option<&'static str>,
    pub via: Via,
}

impl<'a> Ask<'a> {
    fn plain(bucket: &'a Bucket, key: &'a Key) -> Self {
        Self { bucket, key, range: None, via: Via::Pool }
    }
}

/// Sends to one side of an endpoint. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Wire(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    site: Site,
    keys: Keys,
    regions: Regions,
    transport: Transport,
    /// There are as many as buckets that were asked for.
    hosts: RwLock<HashMap<Bucket, Arc<Host>>>,
}

impl Wire {
    pub fn new(site: &Site, keys: &Keys, regions: &Regions, transport: &Transport) -> Self {
        Self(Arc::new(Inner {
            site: site.clone(),
            keys: keys.clone(),
            regions: regions.clone(),
            transport: transport.clone(),
            hosts: RwLock::default(),
        }))
    }

    /// One HEAD, sent once, awaited for as long as the caller waits; given up, its connection is closed. What is answered with
    /// 200 or 206 is about the object as it was `listed`.
    pub async fn prove(&self, ask: Ask<'_>, listed: &Object) -> Result<Head, RequestError> {
        let read = |status, headers: &[Header<'_>]| match status {
            // Whoever accepts a request is content with its time.
            200 | 206 => {
                let head = Head::undated(status, headers);
                let doubt = doubt(&head, headers, listed);
                (head, doubt)
            }
            200..=299 => {
                (Head::undated(status, headers), Some(format!("{status} does not say that the cache holds it")))
            }
            _ => (Head::read(status, headers), None),
        };
        let (head, doubt) = self.send_head(ask, read).await?;
        let head = self.judged(head);
        match doubt {
            Some(why) => Err(RequestError::malformed(&why)),
            None if (200..=299).contains(&head.status) => Ok(head),
            None => Err(of_head(&head)),
        }
    }

    async fn send_head<T>(
        &self,
        Ask { bucket, key, range, via }: Ask<'_>,
        read: impl Fn(u16, &[Header<'_>]) -> T,
    ) -> Result<T, RequestError> {
        let host = self.host(bucket)?;
        let signing = self.signing(bucket, &host).await?;
        let path = path_of(&host.path, key);
        let request = host.head(Target { path: &path, query: "", range }, &signing)?;
        drop((path, signing));
        host.lane.head(&request, via, read).await.map_err(Unanswered::into_error)
    }

    /// One GET of a bucket, sent once; `query` is escaped, its names in order. Gives what was answered with 200.
    pub async fn get(&self, bucket: &Bucket, query: &str) -> Result<(Head, Bytes), RequestError> {
        let host = self.host(bucket)?;
        let signing = self.signing(bucket, &host).await?;
        let request = host.get(Target { path: &host.path, query, range: None }, &signing)?;
        let (answer, body) = host.lane.get(request, LONGEST).await.map_err(Unanswered::into_error)?;
        let Parts { status, headers, .. } = answer;
        let head = self.judged(Head::read(status.as_u16(), &headers));
        if head.status != 200 {
            return Err(of_answer(&head, &body.unwrap_or_default()));
        }
        Ok((head, body.map_err(Unanswered::into_error)?))
    }

    fn judged(&self, mut head: Head) -> Head {
        head.skewed = self.0.transport.clock.learn(head.status, head.date);
        head
    }

    async fn signing(&self, bucket: &Bucket, host: &Host) -> Result<Signing, RequestError> {
        let secret = match self.0.keys.held() {
            Some(secret) => Ok(secret),
            None => Box::pin(self.0.keys.get()).await,
        };
        let secret = secret.map_err(|error| without_keys(&error))?;
        let stamp = Stamp::of(self.0.transport.clock.now());
        Ok(Signing { key: self.signing_key(bucket, host, (&secret, &stamp)), secret, stamp })
    }

    /// The size of an object, by a plain HEAD, which fills nothing and moves no tier. `None` is a 404.
    pub async fn exists(&self, bucket: &Bucket, key: &Key) -> Result<Option<u64>, RequestError> {
        let head = self
            .send_head(Ask::plain(bucket, key), |status, headers: &[Header<'_>]| Head::read(status, headers))
            .await?;
        let head = self.judged(head);
        match head.status {
            200..=299 => Ok(Some(head.size().unwrap_or_default())),
            404 => Ok(None),
            _ => Err(of_head(&head)),
        }
    }

    /// What a plain HEAD tells of an object. `None` is a 404.
    pub async fn stat(&self, bucket: &Bucket, key: &Key) -> Result<Option<Stat>, RequestError> {
        let read = |status, headers: &[Header<'_>]| {
            let head = Head::read(status, headers);
            let stat = Stat::read(&head, headers);
            (head, stat)
        };
        let (head, stat) = self.send_head(Ask::plain(bucket, key), read).await?;
        let head = self.judged(head);
        match head.status {
            200 => stat.map(Some),
            404 => Ok(None),
            _ => Err(of_head(&head)),
        }
    }

    fn host(&self, bucket: &Bucket) -> Result<Arc<Host>, RequestError> {
        if let Some(known) = self.0.hosts.read().unwrap_or_else(PoisonError::into_inner).get(bucket) {
            return Ok(known.clone());
        }
        let host = Arc::new(self.open(bucket)?);
        let mut hosts = self.0.hosts.write().unwrap_or_else(PoisonError::into_inner);
        Ok(hosts.entry(bucket.clone()).or_insert(host).clone())
    }

    fn open(&self, bucket: &Bucket) -> Result<Host, RequestError> {
        let rejected = |why: String| RequestError::new(Class::Rejected, why);
        let url = base_url(&self.0.site, Some(bucket.as_str())).map_err(|error| rejected(error.to_string()))?;
        let (origin, path) = target::split(&url);
        let (_, authority) = origin.split_once("://").unwrap_or_default();
        Ok(Host {
            name: HeaderValue::from_str(authority).map_err(|error| rejected(error.to_string()))?,
            lane: self.0.transport.lanes.lane(origin).map_err(|error| rejected(error.to_string()))?,
            path,
            signing: Mutex::default(),
        })
    }

    /// Derived once a day, region and secret.
    fn signing_key(&self, bucket: &Bucket, host: &Host, (secret, stamp): (&Arc<Secret>, &Stamp)) -> Arc<SigningKey> {
        let version = self.0.regions.version();
        let derive = || {
            let region = self.0.regions.of(bucket.as_str()).unwrap_or_else(|| self.0.site.region.clone());
            SigningKey::derive(secret, &region, version, stamp)
        };
        host.signing_key(|key| key.serves(secret, version, stamp), derive)
    }
}

#[cfg(test)]
mod tests;
