//! The warming request: a ranged HEAD that a cache answers once it holds the whole object.

use super::address::{Regions, base_url};
use super::credentials::Keys;
use super::error::RequestError;
use super::fast_client::{Ask, FastClient};
use super::stat::Existing;
use super::transport::{Transport, Via};
use model::config::endpoint::CacheSite;
use model::object::{Bucket, ETag, Key, Object};

/// What the cache says of an object; of a warming request, when it had filled itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warmed {
    /// Bytes, where the answer tells.
    pub size: Option<u64>,
    pub etag: Option<ETag>,
    /// What answered (status, type, server), where its ETag is not the listed one.
    pub changed: Option<String>,
}

/// Sends HEADs to one cache. Built from a cache site only. Clones share connections.
#[derive(Clone, Debug)]
pub struct CacheClient {
    client: FastClient,
    site: CacheSite,
}

impl CacheClient {
    pub fn new(site: &CacheSite, keys: &Keys, regions: &Regions, transport: &Transport) -> Self {
        Self { client: FastClient::new(&site.0, keys, regions, transport), site: site.clone() }
    }

    /// Why the cache's addressing cannot name `bucket`, if it cannot.
    pub fn can_name(&self, bucket: &Bucket) -> Result<(), String> {
        base_url(&self.site.0, Some(bucket.as_str())).map(drop).map_err(|error| error.to_string())
    }

    /// `HEAD` with `Range: bytes=0-0`: the cache fills itself with the whole object before it answers. Sent once, awaited
    /// for as long as the caller waits.
    ///
    /// # Errors
    /// Also a 2xx that is no answer about the object as it was `listed`: `Malformed`.
    pub async fn warm(&self, listed: &Object, via: Via) -> Result<Warmed, RequestError> {
        let Object { bucket, key, .. } = listed;
        let (head, changed) = self.client.prove(Ask { bucket, key, range: Some("bytes=0-0"), via }, listed).await?;
        Ok(Warmed { size: head.size(), etag: head.etag, changed })
    }

    /// The same by a plain HEAD, which fills nothing and moves no tier.
    pub async fn probe(&self, listed: &Object) -> Result<Warmed, RequestError> {
        let Object { bucket, key, .. } = listed;
        let (head, changed) = self.client.prove(Ask { bucket, key, range: None, via: Via::Pool }, listed).await?;
        Ok(Warmed { size: head.size(), etag: head.etag, changed })
    }

    /// A plain HEAD of what nobody listed. `None` is a 404 of S3; one that S3 may not have given is an error, `NotFound`.
    pub async fn exists(&self, bucket: &Bucket, key: &Key) -> Result<Option<Existing>, RequestError> {
        self.client.exists(bucket, key).await
    }
}
