//! The S3 operations, from typed requests to typed answers. The protocol crate does parsing, signatures and XML.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{self, StreamingBlob, Timestamp};
use s3s::host::{S3Host, VirtualHost};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::fill::Wanted;
use super::listing::{self, Position, Query};
use super::lota::{EmptyHead, HeadForm};
use super::read;
use super::store::{Bucket, Entry};
use super::world::{UrlEncoding, World, wanted};
use crate::clock;

/// The bucket a Host header names, below the base domain. `None` is path style.
pub fn bucket_of<'a>(host: &'a str, base_domain: &str) -> Option<&'a str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix(base_domain)?.strip_suffix('.').filter(|bucket| !bucket.is_empty())
}

/// Left in a request: the most keys this page may hold.
#[derive(Clone, Copy)]
pub struct PageLimit(pub usize);

pub fn service(world: &Arc<World>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Bridge(world.clone()));
    builder.set_host(Host(world.base_domain.clone()));
    if !read(&world.credentials).is_empty() {
        builder.set_auth(Keys(world.clone()));
    }
    builder.build()
}

struct Host(String);

impl S3Host for Host {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let plain = VirtualHost::new(self.0.as_str());
        Ok(match bucket_of(host, &self.0) {
            Some(bucket) => plain.with_bucket(bucket),
            None => plain,
        })
    }
}

struct Keys(Arc<World>);

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        read(&self.0.credentials)
            .iter()
            .find(|known| known.access_key == access_key)
            .map(|known| known.secret_key.clone().into())
            .ok_or_else(|| S3Error::with_message(S3ErrorCode::InvalidAccessKeyId, "no such access key"))
    }
}

struct Bridge(Arc<World>);

impl Bridge {
    fn with_bucket<T>(&self, bucket: &str, then: impl FnOnce(&Bucket) -> S3Result<T>) -> S3Result<T> {
        let buckets = read(&self.0.buckets);
        then(buckets.get(bucket).ok_or_else(|| s3_error!(NoSuchBucket, "no bucket of this name"))?)
    }

    fn entry(&self, bucket: &str, key: &str) -> S3Result<Entry> {
        let entry = self.with_bucket(bucket, |bucket| Ok(bucket.get(key.as_bytes())))?;
        entry.ok_or_else(|| s3_error!(NoSuchKey, "no object of this key"))
    }

    fn page(&self, req: &S3Request<dto::ListObjectsV2Input>) -> S3Result<(listing::Page, usize)> {
        let input = &req.input;
        let from = match (&input.continuation_token, &input.start_after) {
            (Some(token), _) => Position::from_token(token)
                .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token provided is incorrect"))?,
            (None, Some(key)) => Position::after(key.as_bytes()),
            (None, None) => Position::default(),
        };
        let asked = usize::try_from(input.max_keys.unwrap_or(1000))
            .map_err(|_| s3_error!(InvalidArgument, "max-keys must not be negative"))?;
        let limit = req.extensions.get::<PageLimit>().map_or(usize::MAX, |limit| limit.0);
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default().as_bytes(),
            delimiter: input.delimiter.as_deref().unwrap_or_default().as_bytes(),
            from,
            max_keys: asked.min(self.0.listing().max_page).min(limit),
        };
        self.with_bucket(&input.bucket, |bucket| Ok((listing::page(bucket, &query), asked)))
    }
}

/// An answer about an object, with what the cache has to hold before it is sent.
fn about<T>(output: T, wanted: Wanted) -> S3Response<T> {
    let mut response = S3Response::new(output);
    response.extensions.insert(wanted);
    response
}

fn timestamp(at: chrono::DateTime<chrono::Utc>) -> Timestamp {
    SystemTime::from(at).into()
}

/// What of an object a Range asks for, and its `Content-Range`. `Err` is 416.
fn span(range: Option<dto::Range>, size: u64) -> S3Result<(std::ops::Range<u64>, Option<String>)> {
    let Some(range) = range else { return Ok((0..size, None)) };
    let span = range.check(size).map_err(|_| s3_error!(InvalidRange, "the requested range is not satisfiable"))?;
    let content_range = format!("bytes {}-{}/{size}", span.start, span.end - 1);
    Ok((span, Some(content_range)))
}

/// What AWS leaves as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*');
const KEPT_WITH_SLASH: &AsciiSet = &KEPT.remove(b'/');

/// Keys as a page of a LIST writes them.
fn writer(asked: bool, how: UrlEncoding) -> impl Fn(&[u8]) -> String {
    move |key| match how {
        UrlEncoding::Plus if asked => percent_encode(key, KEPT_WITH_SLASH).to_string().replace("%20", "+"),
        UrlEncoding::Percent if asked => percent_encode(key, KEPT).to_string(),
        _ => String::from_utf8_lossy(key).into_owned(),
    }
}

fn listed(key: String, entry: Entry) -> dto::Object {
    dto::Object {
        key: Some(key),
        size: i64::try_from(entry.size).ok(),
        e_tag: Some(dto::ETag::Strong(entry.etag.to_string())),
        last_modified: Some(timestamp(entry.last_modified)),
        storage_class: entry.storage_class.map(|class| class.to_string().into()),
        ..dto::Object::default()
    }
}

#[async_trait]
impl S3 for Bridge {
    async fn list_buckets(&self, _: S3Request<dto::ListBucketsInput>) -> S3Result<S3Response<dto::ListBucketsOutput>> {
        let buckets = read(&self.0.buckets);
        let buckets = buckets.iter().map(|(name, bucket)| dto::Bucket {
            name: Some(name.clone()),
            bucket_region: bucket.region.clone(),
            creation_date: Some(timestamp(super::store::default_time())),
        });
        let buckets = Some(buckets.collect());
        Ok(S3Response::new(dto::ListBucketsOutput { buckets, ..dto::ListBucketsOutput::default() }))
    }

    async fn head_bucket(&self, req: S3Request<dto::HeadBucketInput>) -> S3Result<S3Response<dto::HeadBucketOutput>> {
        let bucket_region = self.with_bucket(&req.input.bucket, |bucket| Ok(bucket.region.clone()))?;
        Ok(S3Response::new(dto::HeadBucketOutput { bucket_region, ..dto::HeadBucketOutput::default() }))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<dto::GetBucketLocationInput>,
    ) -> S3Result<S3Response<dto::GetBucketLocationOutput>> {
        let region = self.with_bucket(&req.input.bucket, |bucket| Ok(bucket.region.clone()))?;
        let location_constraint = region.map(dto::BucketLocationConstraint::from);
        Ok(S3Response::new(dto::GetBucketLocationOutput { location_constraint }))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        let (page, max_keys) = self.page(&req)?;
        let input = req.input;
        let write = writer(input.encoding_type.is_some(), self.0.listing().url_encoding);
        let count = page.objects.len() + page.common_prefixes.len();
        let common = page.common_prefixes.iter().map(|prefix| dto::CommonPrefix { prefix: Some(write(prefix)) });
        let echo = |text: Option<String>| text.map(|text| write(text.as_bytes()));
        Ok(S3Response::new(dto::ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(echo(input.prefix).unwrap_or_default()),
            delimiter: echo(input.delimiter),
            start_after: echo(input.start_after),
            encoding_type: input.encoding_type,
            max_keys: i32::try_from(max_keys).ok(),
            key_count: i32::try_from(count).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.map(|position| position.to_token()),
            common_prefixes: Some(common.collect()),
            contents: Some(page.objects.into_iter().map(|(key, entry)| listed(write(&key), entry)).collect()),
            request_charged: None,
        }))
    }

    async fn head_object(&self, req: S3Request<dto::HeadObjectInput>) -> S3Result<S3Response<dto::HeadObjectOutput>> {
        let input = req.input;
        let entry = self.entry(&input.bucket, &input.key)?;
        let lota = self.0.filler.lota();
        let range = input.range.filter(|_| entry.size > 0 || lota.empty_head == EmptyHead::RangeNotSatisfiable);
        let (span, content_range) = span(range, entry.size)?;
        let partial = lota.ranged_head == HeadForm::Partial;
        let length = if partial { span.end - span.start } else { entry.size };
        let wanted = wanted(&input.bucket, input.key.as_bytes(), &entry);
        let output = dto::HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(length).ok(),
            content_range: content_range.filter(|_| partial),
            content_type: Some("binary/octet-stream".to_owned()),
            e_tag: Some(dto::ETag::Strong(entry.etag.to_string())),
            last_modified: Some(timestamp(entry.last_modified)),
            storage_class: entry.storage_class.map(|class| class.to_string().into()),
            ..dto::HeadObjectOutput::default()
        };
        Ok(about(output, wanted))
    }

    async fn get_object(&self, req: S3Request<dto::GetObjectInput>) -> S3Result<S3Response<dto::GetObjectOutput>> {
        let input = req.input;
        let entry = self.entry(&input.bucket, &input.key)?;
        if let Some(dto::IfMatch::ETag(etag)) = &input.if_match
            && etag.value() != &*entry.etag
        {
            return Err(s3_error!(PreconditionFailed, "the object has another ETag"));
        }
        let (span, content_range) = span(input.range, entry.size)?;
        let wanted = Wanted { span: span.clone(), ..wanted(&input.bucket, input.key.as_bytes(), &entry) };
        let length = span.end - span.start;
        let body = match entry.bytes {
            Some(bytes) => bytes.slice(narrow(span.start)..narrow(span.end)).into(),
            None => made_up(span),
        };
        let output = dto::GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::from(body)),
            content_length: i64::try_from(length).ok(),
            content_range,
            content_type: Some("binary/octet-stream".to_owned()),
            e_tag: Some(dto::ETag::Strong(entry.etag.to_string())),
            last_modified: Some(timestamp(entry.last_modified)),
            storage_class: entry.storage_class.map(|class| class.to_string().into()),
            ..dto::GetObjectOutput::default()
        };
        Ok(about(output, wanted))
    }

    async fn put_object(&self, req: S3Request<dto::PutObjectInput>) -> S3Result<S3Response<dto::PutObjectOutput>> {
        let input = req.input;
        let body = match input.body {
            Some(body) => collect(body).await?,
            None => Bytes::new(),
        };
        let entry = Entry::bytes(body).modified(clock::now());
        let etag = entry.etag.to_string();
        if !self.0.put(&input.bucket, input.key.as_bytes(), entry) {
            return Err(s3_error!(NoSuchBucket, "no bucket of this name"));
        }
        let e_tag = Some(dto::ETag::Strong(etag));
        Ok(S3Response::new(dto::PutObjectOutput { e_tag, ..dto::PutObjectOutput::default() }))
    }

    async fn delete_object(
        &self,
        req: S3Request<dto::DeleteObjectInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
        self.with_bucket(&req.input.bucket, |_| Ok(()))?;
        self.0.delete(&req.input.bucket, req.input.key.as_bytes());
        Ok(S3Response::new(dto::DeleteObjectOutput::default()))
    }
}

fn narrow(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

async fn collect(mut body: StreamingBlob) -> S3Result<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.try_next().await.map_err(|e| S3Error::with_source(S3ErrorCode::IncompleteBody, e))? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// The bytes of a synthetic object: byte `n` is `n` modulo 251, whichever range is read.
fn made_up(span: std::ops::Range<u64>) -> s3s::Body {
    const PERIOD: u64 = 251;
    const CHUNK: u64 = PERIOD * 256;
    let pattern: Bytes = (0..CHUNK + PERIOD).map(|n| u8::try_from(n % PERIOD).unwrap_or_default()).collect();
    let chunks = futures::stream::unfold(span, move |span| {
        let pattern = pattern.clone();
        async move {
            let length = CHUNK.min(span.end - span.start);
            let from = narrow(span.start % PERIOD);
            let chunk = pattern.slice(from..from + narrow(length));
            (length > 0).then(|| (Ok::<_, std::io::Error>(chunk), span.start + length..span.end))
        }
    });
    StreamingBlob::wrap(chunks).into()
}
