//! The first bytes of an object, by a plain GET: pointer files are small, and what stands in their place may not be.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::body::SdkBody;

use super::credentials::describe;
use super::error::{Class, RequestError, of_status};
use super::listing::{PLACEHOLDER, set_raw_key};
use super::probe::Probe;
use model::object::{Bucket, Key};

/// At most `most` bytes; the rest is not waited for. `None` is a 404 of the key.
pub(super) async fn read(
    client: &Client,
    bucket: &Bucket,
    key: &Key,
    most: usize,
) -> Result<Option<Vec<u8>>, RequestError> {
    let probe = Probe::default();
    let carried = probe.clone();
    let raw = key.clone();
    let sent = client
        .get_object()
        .bucket(bucket.as_str())
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
    let seen = probe.seen();
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

/// A missing bucket is a 404 too, and so is whatever stands at the address and is no S3 server. `NotFound` is what the SDK
/// calls a 404 without a body.
pub(super) fn is_of_the_key(code: Option<&str>) -> bool {
    matches!(code, Some("NoSuchKey" | "NotFound"))
}

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

/// Hides the headers of an answer from the SDK, which could fail over one that nobody needs. They were seen already.
#[derive(Debug)]
pub(super) struct BodyOnly;

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
