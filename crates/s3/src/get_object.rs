//! Reads objects through the SDK: the first bytes of one (a pointer file is small, and what stands in its place may not be),
//! or one part of a large one, all parts from one version.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::body::SdkBody;
use chrono::{DateTime, Utc};
use percent_encoding::percent_encode;

use super::causes::describe;
use super::error::{Class, RequestError, of_status};
use super::fast_client::KEY;
use super::probe::{Head, Probe, Seen};
use model::object::{Bucket, ETag, Key};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The first byte, from 0.
    pub from: u64,
    pub most: u64,
    /// Of the version that the parts before it were of.
    pub version: Option<&'a ETag>,
}

/// Some bytes of an object.
#[derive(Clone, Debug)]
pub struct Part {
    pub bytes: Vec<u8>,
    /// Bytes of the whole object.
    pub total: u64,
    pub version: Option<ETag>,
    /// The server's clock.
    pub date: Option<DateTime<Utc>>,
}

/// What came of asking for a part.
#[derive(Clone, Debug)]
pub enum Parted {
    Part(Part),
    /// There is no such key.
    Absent,
    /// It is another version by now.
    Changed,
}

/// The first `most` bytes; the rest is not waited for. `None` is a 404 of the key.
pub(super) async fn read(
    client: &Client,
    bucket: &Bucket,
    key: &Key,
    most: usize,
) -> Result<Option<Vec<u8>>, RequestError> {
    let (seen, sent) = send(client.get_object().bucket(bucket.as_str()), key).await;
    match (&seen.answer, sent) {
        (Some(head), Ok(_)) if head.status != 200 => {
            let class = of_status(head.status);
            Err(RequestError::new(class, format!("{} to a request for a whole object", head.status)))
        }
        (_, Ok(answer)) => beginning(answer.body, most).await.map(Some),
        (Some(head), Err(error)) if head.status == 404 && is_of_the_key(error.code()) => Ok(None),
        (_, Err(error)) => Err(RequestError::read(&error, &seen)),
    }
}

pub(super) async fn part(
    client: &Client,
    bucket: &Bucket,
    key: &Key,
    wanted: Wanted<'_>,
) -> Result<Parted, RequestError> {
    let Wanted { from, most, version } = wanted;
    let request = client
        .get_object()
        .bucket(bucket.as_str())
        .range(format!("bytes={from}-{}", from.saturating_add(most.max(1)) - 1))
        .set_if_match(version.map(|etag| format!("\"{}\"", etag.as_str())));
    let (seen, sent) = send(request, key).await;
    match (&seen.answer, sent) {
        (Some(head), Ok(answer)) => read_part(head, answer.body, wanted).await,
        (None, Ok(_)) => Err(RequestError::malformed("an answer without a head")),
        (Some(head), Err(_)) if head.status == 412 => Ok(Parted::Changed),
        // Of nothing there is no first byte.
        (Some(head), Err(_)) if head.status == 416 && from == 0 => Ok(Parted::Part(Part::new(head, Vec::new(), 0))),
        (Some(head), Err(error)) if head.status == 404 && is_of_the_key(error.code()) => {
            Ok(if version.is_some() { Parted::Changed } else { Parted::Absent })
        }
        (_, Err(error)) => Err(RequestError::read(&error, &seen)),
    }
}

async fn send(
    request: GetObjectFluentBuilder,
    key: &Key,
) -> (Seen, Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>>) {
    let probe = Probe::default();
    let (carried, raw) = (probe.clone(), key.clone());
    let sent = request
        .key(PLACEHOLDER)
        .customize()
        .map_request(move |mut request| {
            request.add_extension(carried.clone());
            set_raw_key(&mut request, &raw)?;
            Ok::<_, HttpError>(request)
        })
        .interceptor(BodyOnly)
        .send()
        .await;
    (probe.seen(), sent)
}

/// The SDK takes text, and refuses a key of nothing but white space: every key is put into the request in place of this,
/// before it is signed.
const PLACEHOLDER: &str = "placeholder";

fn set_raw_key(request: &mut HttpRequest, key: &Key) -> Result<(), HttpError> {
    let uri = request.uri();
    let start = uri.rfind(PLACEHOLDER).unwrap_or(uri.len());
    let replaced = format!("{}{}", &uri[..start], percent_encode(key.as_bytes(), KEY));
    request.set_uri(replaced)
}

/// A missing bucket is a 404 too, and so is whatever stands at the address and is no S3 server. `NotFound` is what the SDK
/// calls a 404 without a body.
fn is_of_the_key(code: Option<&str>) -> bool {
    matches!(code, Some("NoSuchKey" | "NotFound"))
}

async fn read_part(head: &Head, body: ByteStream, wanted: Wanted<'_>) -> Result<Parted, RequestError> {
    let Wanted { from, most, version } = wanted;
    let total = match (head.status, head.range_total, head.content_length) {
        (206, Some(total), _) => total,
        // The whole of it, where that is what was asked for.
        (200, _, Some(total)) if from == 0 && total <= most => total,
        (200, ..) => return Err(RequestError::malformed("200 to a request for a part: the server ignores Range")),
        (status, ..) => {
            return Err(RequestError::new(of_status(status), format!("{status} to a request for a part")));
        }
    };
    if version.is_some() && head.etag.as_ref() != version {
        return Ok(Parted::Changed);
    }
    let expected = total.saturating_sub(from).min(most);
    // One byte more shows a body that is too long.
    let bytes = beginning(body, usize::try_from(expected).unwrap_or(usize::MAX).saturating_add(1)).await?;
    if bytes.len() as u64 != expected {
        let message = format!("{} bytes in the place of {expected}", bytes.len());
        return Err(RequestError::new(Class::Malformed, message));
    }
    Ok(Parted::Part(Part::new(head, bytes, total)))
}

/// The first `most` bytes of a body, or all of it.
async fn beginning(mut body: ByteStream, most: usize) -> Result<Vec<u8>, RequestError> {
    let mut read = Vec::new();
    while read.len() < most {
        match body.next().await {
            Some(Ok(chunk)) => read.extend_from_slice(&chunk[..chunk.len().min(most - read.len())]),
            Some(Err(error)) => {
                let message = format!("the body broke off after {} bytes: {}", read.len(), describe(&error));
                return Err(RequestError::new(Class::Lost, message));
            }
            None => break,
        }
    }
    Ok(read)
}

impl Part {
    fn new(head: &Head, bytes: Vec<u8>, total: u64) -> Self {
        Self { bytes, total, version: head.etag.clone(), date: head.date }
    }
}

/// Hides the headers of an answer from the SDK, which could fail over one that nobody needs. They were seen already.
#[derive(Debug)]
struct BodyOnly;

impl Intercept for BodyOnly {
    fn name(&self) -> &'static str {
        "BodyOnly"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response_mut();
        let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
        *answer = aws_smithy_runtime_api::http::Response::new(answer.status(), body);
        Ok(())
    }
}
