//! LISTs, plain HEADs, small reads and the names of buckets: what finds objects and never warms them.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, IdentityCache, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};

use super::address::{Regions, Resolver};
use super::credentials::Keys;
use super::error::{Class, RequestError};
use super::fast_client::FastClient;
use super::get_object::{self, Parted, Wanted};
use super::page::{Page, PageRequest};
use super::probe::Probe;
use super::stat::{Existing, Stat};
use super::transport::Transport;
use model::config::endpoint::ListSite;
use model::object::{Bucket, Key};

/// A bucket as ListBuckets names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketName {
    pub bucket: Bucket,
    pub region: Option<String>,
}

/// Lists, probes and reads; nothing it sends fills a cache. Clones share connections.
#[derive(Clone, Debug)]
pub struct ListClient {
    sdk: Client,
    fast: FastClient,
    keys: Keys,
}

impl ListClient {
    pub fn new(site: &ListSite, keys: &Keys, regions: &Regions, transport: &Transport) -> Self {
        let resolver = Resolver { site: site.0.clone(), regions: regions.clone() };
        let fast = FastClient::new(&site.0, keys, regions, transport);
        Self { sdk: sdk_client(resolver, keys, transport), fast, keys: keys.clone() }
    }

    /// One page of ListObjectsV2.
    pub async fn page(&self, request: PageRequest<'_>) -> Result<Page, RequestError> {
        let answer = self.fast.get(request.bucket, &request.query()).await;
        let (head, body) = answer.map_err(|error| self.starred(error))?;
        request.read(&body, head.date)
    }

    /// The error without what is secret of the keys.
    fn starred(&self, error: RequestError) -> RequestError {
        RequestError { message: self.keys.starred(error.message), ..error }
    }

    /// A plain HEAD: tells whether an object exists, and fills nothing. `None`: it is not there.
    ///
    /// # Errors
    /// Also a 404 of what a listing still has: `Malformed`.
    pub async fn exists(&self, bucket: &Bucket, key: &Key) -> Result<Option<Existing>, RequestError> {
        let found = self.fast.exists(bucket, key).await;
        self.confirm_absence(found, (bucket, key)).await
    }

    /// A 404 without a sign of S3 proves nothing; a page of the listing has one.
    async fn confirm_absence<T>(
        &self,
        found: Result<Option<T>, RequestError>,
        (bucket, key): (&Bucket, &Key),
    ) -> Result<Option<T>, RequestError> {
        let unsigned = match found {
            Err(error) if error.class == Class::NotFound => error.message,
            found => return found,
        };
        let request = PageRequest { bucket, prefix: key, after: None, continuation: None, delimiter: false };
        let page = self.page(request).await?;
        if page.objects.iter().any(|object| object.key == key.as_bytes()) {
            return Err(RequestError::malformed(&format!("{unsigned}, of an object that is listed")));
        }
        Ok(None)
    }

    /// The first `most` bytes of an object, or all of them where it has fewer. `None` is a 404 of the key, not of the bucket.
    pub async fn read(&self, bucket: &Bucket, key: &Key, most: usize) -> Result<Option<Vec<u8>>, RequestError> {
        get_object::read(&self.sdk, bucket, key, most).await.map_err(|error| self.starred(error))
    }

    /// The bytes of an object from `wanted.from` on, at most `wanted.most`, as long as it is the version that was asked for.
    pub async fn part(&self, bucket: &Bucket, key: &Key, wanted: Wanted<'_>) -> Result<Parted, RequestError> {
        get_object::part(&self.sdk, bucket, key, wanted).await.map_err(|error| self.starred(error))
    }

    /// What a plain HEAD tells of an object, as by [`Self::exists`].
    pub async fn stat(&self, bucket: &Bucket, key: &Key) -> Result<Option<Stat>, RequestError> {
        let found = self.fast.stat(bucket, key).await;
        self.confirm_absence(found, (bucket, key)).await
    }

    /// All buckets that the keys may see.
    pub async fn buckets(&self) -> Result<Vec<BucketName>, RequestError> {
        let mut buckets = Vec::new();
        let mut token = None;
        loop {
            let probe = Probe::default();
            let carried = probe.clone();
            let sent = self
                .sdk
                .list_buckets()
                .set_continuation_token(token.clone())
                .customize()
                .mutate_request(move |request| request.add_extension(carried.clone()))
                .send()
                .await;
            let answer = sent.map_err(|error| self.starred(RequestError::read(&error, &probe.seen())))?;
            buckets.extend(answer.buckets().iter().filter_map(|found| {
                let region = found.bucket_region().map(str::to_owned);
                Some(BucketName { bucket: Bucket::new(found.name()?), region })
            }));
            let next = answer.continuation_token.filter(|next| !next.is_empty());
            if next.is_none() || next == token {
                return Ok(buckets);
            }
            token = next;
        }
    }
}

/// An S3 client that adds nothing of its own: no retries, no time-outs, no cached identity, no guessed endpoint.
fn sdk_client(resolver: Resolver, keys: &Keys, transport: &Transport) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new(resolver.site.region.clone()))
        .endpoint_resolver(resolver)
        .credentials_provider(keys.clone())
        .time_source(transport.clock.clone())
        .identity_cache(IdentityCache::no_cache())
        .http_client(transport.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    Client::from_conf(config)
}
