//! Part of an object, by a GET with a range: what is too large for one request is read so, and all of it from one version.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::http::HttpError;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::beginning::{BodyOnly, is_of_the_key};
use super::credentials::describe;
use super::error::{Class, RequestError, of_status};
use super::listing::{PLACEHOLDER, set_raw_key};
use super::probe::{Head, Probe};
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

pub(super) async fn read(
    client: &Client,
    bucket: &Bucket,
    key: &Key,
    wanted: Wanted<'_>,
) -> Result<Parted, RequestError> {
    let Wanted { from, most, version } = wanted;
    let probe = Probe::default();
    let (carried, raw) = (probe.clone(), key.clone());
    let sent = client
        .get_object()
        .bucket(bucket.as_str())
        .key(PLACEHOLDER)
        .range(format!("bytes={from}-{}", from.saturating_add(most.max(1)) - 1))
        .set_if_match(version.map(|etag| format!("\"{}\"", etag.as_str())))
        .customize()
        .map_request(move |mut request| {
            request.add_extension(carried.clone());
            set_raw_key(&mut request, &raw)?;
            Ok::<_, HttpError>(request)
        })
        .interceptor(BodyOnly)
        .send()
        .await;
    let seen = probe.seen();
    match (&seen.answer, sent) {
        (Some(head), Ok(answer)) => body(head, answer.body, wanted).await,
        (None, Ok(_)) => Err(RequestError::malformed("an answer without a head")),
        (Some(head), Err(_)) if head.status == 412 => Ok(Parted::Changed),
        // Of nothing there is no first byte.
        (Some(head), Err(_)) if head.status == 416 && from == 0 => Ok(Parted::Part(part(head, Vec::new(), 0))),
        (Some(head), Err(error)) if head.status == 404 && is_of_the_key(error.code()) => {
            Ok(if version.is_some() { Parted::Changed } else { Parted::Absent })
        }
        (_, Err(error)) => Err(RequestError::read(&error, &seen)),
    }
}

async fn body(head: &Head, body: ByteStream, wanted: Wanted<'_>) -> Result<Parted, RequestError> {
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
    let bytes = collect(body, expected).await?;
    if bytes.len() as u64 != expected {
        let message = format!("{} bytes in the place of {expected}", bytes.len());
        return Err(RequestError::new(Class::Malformed, message));
    }
    Ok(Parted::Part(part(head, bytes, total)))
}

/// At most one byte more than `expected`.
async fn collect(mut body: ByteStream, expected: u64) -> Result<Vec<u8>, RequestError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk: Bytes = chunk.map_err(|error| {
            RequestError::new(
                Class::Lost,
                format!("the body broke off after {} bytes: {}", bytes.len(), describe(&error)),
            )
        })?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > expected {
            break;
        }
    }
    Ok(bytes)
}

fn part(head: &Head, bytes: Vec<u8>, total: u64) -> Part {
    Part { bytes, total, version: head.etag.clone(), date: head.date }
}
