//! LISTs, plain HEADs, small reads and the names of buckets: what finds objects and never warms them.

use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, IdentityCache, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::http::HttpError;
use chrono::{DateTime, Utc};
use percent_encoding::{percent_decode, percent_encode};

use super::address::{Regions, Resolver};
use super::beginning;
use super::credentials::Keys;
use super::error::{Class, RequestError};
use super::probe::Probe;
use super::transport::Transport;
use super::wire::{KEY, Wire};
use crate::config::endpoint::ListSite;
use crate::object::{Bucket, ETag, Escaped, Key, Object};

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    pub bucket: &'a Bucket,
    pub prefix: &'a Key,
    /// The server's token, echoed.
    pub continuation: Option<&'a str>,
    /// Only up to the next `/`: what lies behind one comes as a folder.
    pub delimiter: bool,
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub objects: Vec<Object>,
    /// What the keys behind a delimiter begin with, the delimiter included. Each is below the prefix that was asked for.
    pub folders: Vec<Key>,
    /// `None` on the last page.
    pub next: Option<String>,
    /// The server's clock.
    pub date: Option<DateTime<Utc>>,
}

/// A bucket as ListBuckets names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketName {
    pub bucket: Bucket,
    pub region: Option<String>,
}

/// Lists, probes and reads; nothing it sends fills a cache. Clones share connections.
#[derive(Clone, Debug)]
pub struct ListClient {
    client: Client,
    wire: Wire,
}

impl ListClient {
    pub fn new(site: &ListSite, keys: &Keys, regions: &Regions, transport: &Transport) -> Self {
        let resolver = Resolver { site: site.0.clone(), regions: regions.clone() };
        let wire = Wire::new(&site.0, keys, regions, transport);
        Self { client: sdk_client(resolver, keys, transport), wire }
    }

    /// One page of ListObjectsV2.
    pub async fn page(&self, request: PageRequest<'_>) -> Result<Page, RequestError> {
        let PageRequest { bucket, prefix, continuation, delimiter } = request;
        let Some(text) = prefix.as_str() else {
            return Err(RequestError::new(Class::Rejected, format!("the prefix `{prefix}` is not UTF-8")));
        };
        let probe = Probe::default();
        let carried = probe.clone();
        let sent = self
            .client
            .list_objects_v2()
            .bucket(bucket.as_str())
            .set_prefix((!text.is_empty()).then(|| text.to_owned()))
            .set_delimiter(delimiter.then(|| "/".to_owned()))
            .encoding_type(EncodingType::Url)
            .set_continuation_token(continuation.map(str::to_owned))
            .customize()
            .mutate_request(move |request| request.add_extension(carried.clone()))
            .send()
            .await;
        let seen = probe.seen();
        match sent {
            Ok(page) => read_page(&request, page, seen.answer.and_then(|head| head.date)),
            Err(error) => Err(RequestError::read(&error, &seen)),
        }
    }

    /// A plain HEAD: tells whether an object exists, and fills nothing. `None` is a 404.
    pub async fn exists(&self, bucket: &Bucket, key: &Key) -> Result<Option<u64>, RequestError> {
        self.wire.exists(bucket, key).await
    }

    /// The first `most` bytes of an object, or all of them where it has fewer. `None` is a 404 of the key, not of the bucket.
    pub async fn read(&self, bucket: &Bucket, key: &Key, most: usize) -> Result<Option<Vec<u8>>, RequestError> {
        beginning::read(&self.client, bucket, key, most).await
    }

    /// All buckets that the keys may see.
    pub async fn buckets(&self) -> Result<Vec<BucketName>, RequestError> {
        let mut buckets = Vec::new();
        let mut token = None;
        loop {
            let probe = Probe::default();
            let carried = probe.clone();
            let sent = self
                .client
                .list_buckets()
                .set_continuation_token(token.clone())
                .customize()
                .mutate_request(move |request| request.add_extension(carried.clone()))
                .send()
                .await;
            let answer = sent.map_err(|error| RequestError::read(&error, &probe.seen()))?;
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

/// The SDK takes text, and refuses a key of nothing but white space: every key is put into the request in place of this,
/// before it is signed.
pub(super) const PLACEHOLDER: &str = "placeholder";

pub(super) fn set_raw_key(request: &mut HttpRequest, key: &Key) -> Result<(), HttpError> {
    let uri = request.uri();
    let start = uri.rfind(PLACEHOLDER).unwrap_or(uri.len());
    let replaced = format!("{}{}", &uri[..start], percent_encode(key.as_bytes(), KEY));
    request.set_uri(replaced)
}

fn read_page(
    request: &PageRequest<'_>,
    page: ListObjectsV2Output,
    date: Option<DateTime<Utc>>,
) -> Result<Page, RequestError> {
    let bucket = request.bucket;
    let malformed = |what: &str| RequestError::new(Class::Malformed, format!("a page of `{bucket}` {what}"));
    let encoded = page.encoding_type == Some(EncodingType::Url);
    let read_key = |text: &str| if encoded { decode(text) } else { Key::from(text) };
    let next = page.next_continuation_token.filter(|token| !token.is_empty());
    if page.is_truncated == Some(true) && next.is_none() {
        return Err(malformed("says that more follows and not how to ask for it"));
    }
    let mut folders = Vec::with_capacity(page.common_prefixes.as_ref().map_or(0, Vec::len));
    for folder in page.common_prefixes.unwrap_or_default() {
        let folder = folder.prefix.filter(|text| !text.is_empty());
        let folder = read_key(&folder.ok_or_else(|| malformed("has a folder without a name"))?);
        // Whoever goes down into it would list something else, or the same for ever.
        if !folder.as_bytes().strip_prefix(request.prefix.as_bytes()).is_some_and(|name| name.ends_with(b"/")) {
            return Err(malformed(&format!("has the folder `{folder}`, which is none below `{}`", request.prefix)));
        }
        folders.push(folder);
    }
    let mut classes = Classes::default();
    let mut objects = Vec::with_capacity(page.contents.as_ref().map_or(0, Vec::len));
    for item in page.contents.unwrap_or_default() {
        // The HEAD of an empty key would be one of the bucket.
        let key = item.key.as_deref().filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| malformed("has an object without a key"))?;
        let size = item.size.and_then(|size| u64::try_from(size).ok());
        let modified = item.last_modified.and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos()));
        objects.push(Object {
            bucket: bucket.clone(),
            key: read_key(key),
            size: size.ok_or_else(|| malformed(&format!("has no size for `{}`", Escaped(key))))?,
            etag: item.e_tag.as_deref().map(ETag::new),
            last_modified: modified.ok_or_else(|| malformed(&format!("has no time for `{}`", Escaped(key))))?,
            storage_class: item.storage_class.map(|class| classes.share(class.as_str())),
        });
    }
    // A token from a server that does not say whether more follows is worth another page: less would pass for all.
    Ok(Page { objects, folders, next: next.filter(|_| page.is_truncated != Some(false)), date })
}

/// The few class names of a page, each held once.
#[derive(Default)]
struct Classes(Vec<Arc<str>>);

impl Classes {
    fn share(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| &***known == name) {
            return known.clone();
        }
        self.0.push(name.into());
        name.into()
    }
}

/// Under `encoding-type=url` a space is `+` on some servers and `%20` on others, a plus always `%2B`.
fn decode(key: &str) -> Key {
    let spaced: Vec<u8> = key.bytes().map(|b| if b == b'+' { b' ' } else { b }).collect();
    Key::from_bytes(percent_decode(&spaced).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{CommonPrefix, Object as Listed};
    use aws_smithy_types::DateTime as Stamp;

    fn listed(key: &str) -> Listed {
        Listed::builder().key(key).size(3).last_modified(Stamp::from_secs(0)).build()
    }

    fn read(page: ListObjectsV2Output) -> Result<Page, RequestError> {
        let (bucket, prefix) = (Bucket::new("b"), Key::from(""));
        read_page(&PageRequest { bucket: &bucket, prefix: &prefix, continuation: None, delimiter: true }, page, None)
    }

    #[test]
    fn keys_are_decoded_only_when_the_server_says_they_are_encoded() {
        let plain = ListObjectsV2Output::builder().contents(listed("a+b%20c")).build();
        let encoded = ListObjectsV2Output::builder()
            .encoding_type(EncodingType::Url)
            .contents(listed("a+b%20c%2Bd%2Fe/f%0A%FF"))
            .build();
        assert_eq!(read(plain).unwrap().objects[0].key, Key::from("a+b%20c"));
        let key = &read(encoded).unwrap().objects[0].key;
        assert_eq!(key, &Key::from_bytes(&b"a b c+d/e/f\n\xff"[..]));
    }

    #[test]
    fn a_page_that_does_not_say_how_to_go_on_is_an_error_and_not_the_end() {
        let page = ListObjectsV2Output::builder().is_truncated(true).build();
        let error = read(page).unwrap_err();
        assert_eq!(error.class, Class::Malformed);
    }

    #[test]
    fn an_empty_page_with_a_token_is_not_the_end() {
        let page = ListObjectsV2Output::builder().is_truncated(true).next_continuation_token("t").build();
        assert_eq!(read(page).unwrap().next.as_deref(), Some("t"));
    }

    #[test]
    fn a_token_is_followed_unless_the_server_says_that_nothing_follows() {
        for (truncated, followed) in [(Some(true), true), (Some(false), false), (None, true)] {
            let page = ListObjectsV2Output::builder().set_is_truncated(truncated).next_continuation_token("t").build();
            assert_eq!(read(page).unwrap().next.is_some(), followed, "{truncated:?}");
        }
    }

    #[test]
    fn an_object_that_no_request_can_name_is_an_error() {
        let page = ListObjectsV2Output::builder().contents(listed("")).build();
        let error = read(page).unwrap_err();
        assert_eq!(error.to_string(), "malformed: a page of `b` has an object without a key");
    }

    #[test]
    fn a_key_in_an_error_does_not_disturb_a_terminal() {
        let red = Listed::builder().key("\u{1b}[31mred").last_modified(Stamp::from_secs(0)).build();
        let error = read(ListObjectsV2Output::builder().contents(red).build());
        assert_eq!(error.unwrap_err().message, "a page of `b` has no size for `\\u{1b}[31mred`");
    }

    fn folder(name: Option<&str>) -> ListObjectsV2Output {
        let folder = CommonPrefix::builder().set_prefix(name.map(str::to_owned)).build();
        ListObjectsV2Output::builder().encoding_type(EncodingType::Url).common_prefixes(folder).build()
    }

    #[test]
    fn folders_are_decoded_as_keys_are() {
        let page = read(folder(Some("a+b%2B%25%0A%FF%2F/"))).unwrap();
        assert_eq!(page.folders, [Key::from_bytes(&b"a b+%\n\xff//"[..])]);
        assert_eq!(page.objects, []);
    }

    #[test]
    fn a_folder_that_cannot_be_gone_down_into_is_an_error_and_not_dropped() {
        for (name, why) in [
            (None, "has a folder without a name"),
            (Some(""), "has a folder without a name"),
            (Some("a"), "has the folder `a`, which is none below ``"),
        ] {
            assert_eq!(read(folder(name)).unwrap_err().message, format!("a page of `b` {why}"));
        }
        let (bucket, prefix) = (Bucket::new("b"), Key::from("a/"));
        let below = PageRequest { bucket: &bucket, prefix: &prefix, continuation: None, delimiter: true };
        for (name, there) in [("a/b/", true), ("a//", true), ("a/", false), ("b/c/", false)] {
            assert_eq!(read_page(&below, folder(Some(name)), None).is_ok(), there, "{name}");
        }
    }
}
