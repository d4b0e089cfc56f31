//! The client for HEADs and LISTs, of which a run sends millions. It writes and signs the same bytes as the SDK, at a
//! fraction of the cost.

mod bucket_endpoint;
mod sign;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use http::HeaderValue;
use http::response::Parts;
use httparse::Header;

use super::address::{Regions, base_url};
use super::credentials::{Keys, Secret};
use super::error::{RequestError, of_answer, of_head, without_keys};
use super::probe::Head;
use super::proof::{doubt_absence, prove};
use super::stat::{Existing, Stat};
use super::transport::{Transport, Via};
use bucket_endpoint::{BucketEndpoint, Signing, Target, rejected};
use model::config::endpoint::Site;
use model::object::{Bucket, Key, Object};
use sign::{AmzDate, SigningKey};
use target::path_of;
pub(super) use target::{KEY, NAME};

/// Bytes of an answer. A page of a thousand keys has at most about 4 MB, with keys of the greatest length, all escaped.
const MAX_BODY_BYTES: usize = 64 << 20;

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

/// Sends HEADs and LISTs to one side of an endpoint. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct FastClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    site: Site,
    keys: Keys,
    regions: Regions,
    transport: Transport,
    /// One for each bucket that was requested so far.
    endpoints: RwLock<HashMap<Bucket, Arc<BucketEndpoint>>>,
}

impl FastClient {
    pub fn new(site: &Site, keys: &Keys, regions: &Regions, transport: &Transport) -> Self {
        Self(Arc::new(Inner {
            site: site.clone(),
            keys: keys.clone(),
            regions: regions.clone(),
            transport: transport.clone(),
            endpoints: RwLock::default(),
        }))
    }

    /// Sends a HEAD once and awaits the answer for as long as the caller does; dropping the future closes the connection. Also says
    /// what answered, where the object has changed since it was `listed`.
    pub async fn prove(&self, ask: Ask<'_>, listed: &Object) -> Result<(Head, Option<String>), RequestError> {
        let read = |status, headers: &[Header<'_>]| match status {
            // A 2xx needs no check of clock skew.
            200 | 206 => {
                let head = Head::undated(status, headers);
                let proof = prove(&head, headers, listed);
                (head, proof)
            }
            200..=299 => {
                (Head::undated(status, headers), Err(format!("{status} does not say that the cache holds it")))
            }
            _ => (Head::read(status, headers), Ok(doubt_absence(status, headers))),
        };
        let (head, proof) = self.send_head(ask, read).await?;
        let head = self.judged(head);
        let said = proof.map_err(|why| RequestError::malformed(&why))?;
        match (head.status, said) {
            (200..=299, changed) => Ok((head, changed)),
            (404, Some(unsigned)) => Err(RequestError::not_found(unsigned)),
            _ => Err(of_head(&head)),
        }
    }

    async fn send_head<T>(
        &self,
        Ask { bucket, key, range, via }: Ask<'_>,
        read: impl Fn(u16, &[Header<'_>]) -> T,
    ) -> Result<T, RequestError> {
        let endpoint = self.endpoint(bucket)?;
        let signing = self.signing(bucket, &endpoint).await?;
        let path = path_of(&endpoint.path, key);
        let request = endpoint.head(Target { path: &path, query: "", range }, &signing)?;
        drop((path, signing));
        endpoint.pool.head(&request, via, read).await
    }

    /// Sends a GET of a bucket once. `query` is percent-encoded and sorted by name. Any answer but 200 is an error.
    pub async fn get(&self, bucket: &Bucket, query: &str) -> Result<(Head, Bytes), RequestError> {
        let endpoint = self.endpoint(bucket)?;
        let signing = self.signing(bucket, &endpoint).await?;
        let request = endpoint.get(Target { path: &endpoint.path, query, range: None }, &signing)?;
        let (answer, body) = self.0.transport.get(request, MAX_BODY_BYTES).await?;
        let Parts { status, headers, .. } = answer;
        let head = self.judged(Head::read(status.as_u16(), &headers));
        if head.status != 200 {
            return Err(of_answer(&head, &body.unwrap_or_default()));
        }
        Ok((head, body?))
    }

    fn judged(&self, mut head: Head) -> Head {
        head.skewed = self.0.transport.clock.learn(head.status, head.date);
        head
    }

    async fn signing(&self, bucket: &Bucket, endpoint: &BucketEndpoint) -> Result<Signing, RequestError> {
        let secret = match self.0.keys.held() {
            Some(secret) => Ok(secret),
            None => Box::pin(self.0.keys.get()).await,
        };
        let secret = secret.map_err(|error| without_keys(&error))?;
        let date = AmzDate::of(self.0.transport.clock.now());
        Ok(Signing { key: self.signing_key(bucket, endpoint, (&secret, &date)), secret, date })
    }

    /// An object's ETag, by a plain HEAD, which fills nothing and moves no tier. `None` is a 404 of S3; a 404 that
    /// something else may have given is the error `NotFound`.
    pub async fn exists(&self, bucket: &Bucket, key: &Key) -> Result<Option<Existing>, RequestError> {
        self.find((bucket, key), |head, _| Ok(Existing { etag: head.etag.clone() })).await
    }

    /// The metadata of an object, by a plain HEAD. A 404 is answered as by [`Self::exists`].
    pub async fn stat(&self, bucket: &Bucket, key: &Key) -> Result<Option<Stat>, RequestError> {
        self.find((bucket, key), |head, headers| Stat::read(head, headers)).await
    }

    async fn find<T>(
        &self,
        (bucket, key): (&Bucket, &Key),
        take: impl Fn(&Head, &[Header<'_>]) -> Result<T, RequestError>,
    ) -> Result<Option<T>, RequestError> {
        let read = |status, headers: &[Header<'_>]| {
            let head = Head::read(status, headers);
            let found = take(&head, headers);
            (head, found, doubt_absence(status, headers))
        };
        let (head, found, unsigned) = self.send_head(Ask::plain(bucket, key), read).await?;
        let head = self.judged(head);
        match (head.status, unsigned) {
            (200, _) => found.map(Some),
            (404, None) => Ok(None),
            (404, Some(unsigned)) => Err(RequestError::not_found(unsigned)),
            _ => Err(of_head(&head)),
        }
    }

    fn endpoint(&self, bucket: &Bucket) -> Result<Arc<BucketEndpoint>, RequestError> {
        if let Some(known) = self.0.endpoints.read().unwrap_or_else(PoisonError::into_inner).get(bucket) {
            return Ok(known.clone());
        }
        let endpoint = Arc::new(self.open(bucket)?);
        let mut endpoints = self.0.endpoints.write().unwrap_or_else(PoisonError::into_inner);
        Ok(endpoints.entry(bucket.clone()).or_insert(endpoint).clone())
    }

    fn open(&self, bucket: &Bucket) -> Result<BucketEndpoint, RequestError> {
        let url = base_url(&self.0.site, Some(bucket.as_str())).map_err(rejected)?;
        let (origin, path) = target::split(&url);
        let (_, authority) = origin.split_once("://").unwrap_or_default();
        Ok(BucketEndpoint {
            name: HeaderValue::from_str(authority).map_err(rejected)?,
            pool: self.0.transport.pools.pool(origin).map_err(rejected)?,
            path,
            signing: Mutex::default(),
        })
    }

    /// The signing key, derived once for each day, region and secret.
    fn signing_key(
        &self,
        bucket: &Bucket,
        endpoint: &BucketEndpoint,
        (secret, date): (&Arc<Secret>, &AmzDate),
    ) -> Arc<SigningKey> {
        let version = self.0.regions.version();
        let derive = || {
            let region = self.0.regions.of(bucket.as_str()).unwrap_or_else(|| self.0.site.region.clone());
            SigningKey::derive(secret, &region, version, date)
        };
        endpoint.signing_key(|key| key.serves(secret, version, date), derive)
    }
}

#[cfg(test)]
mod tests;
