//! The error of one request. Its class decides what happens next.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::causes::{NO_KEYS, cause_of, describe, has_cause, reason};
use super::probe::{Head, Loss, Seen};
use super::xml::{Broken, Reader};
use model::object::Escaped;

/// What an error means for the request: `class` in the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// 404.
    NotFound,
    /// 416: the object has no first byte.
    Truncated,
    /// 401, 403, or no keys to sign with.
    Denied,
    /// 403 by a server whose clock is far from the one that was signed by: what is sent next is signed by the server's.
    ClockSkew,
    /// 429, 503.
    Throttled,
    /// Any other 5xx, and 408.
    ServerError,
    /// Any other 3xx or 4xx: wrong region, wrong addressing, a request the server will not have.
    Rejected,
    /// No connection: nothing was sent.
    Unreachable,
    /// Sent, and no answer within the deadline.
    TimedOut,
    /// Sent, and the connection ended before the answer, or in the middle of it.
    Lost,
    /// A pooled connection had been closed by the server before it answered with a single byte.
    IdleReset,
    /// An answer that is no S3 answer.
    Malformed,
}

impl Class {
    /// The name in the JSON contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Truncated => "truncated",
            Self::Denied => "denied",
            Self::ClockSkew => "clock_skew",
            Self::Throttled => "throttled",
            Self::ServerError => "server_error",
            Self::Rejected => "rejected",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
            Self::IdleReset => "idle_reset",
            Self::Malformed => "malformed",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('_', " "))
    }
}

/// One failed request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{class}: {message}")]
pub struct RequestError {
    pub class: Class,
    pub message: String,
    /// How long the server asked to be left alone.
    pub retry_after: Option<Duration>,
    /// The region that the server says the bucket is in.
    pub region: Option<String>,
}

impl RequestError {
    pub(super) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None, region: None }
    }

    /// No answer within `deadline`.
    pub fn timed_out(deadline: Duration) -> Self {
        Self::new(Class::TimedOut, format!("no answer within {}", humantime::format_duration(round(deadline))))
    }

    /// A request without a whole answer.
    pub(super) fn unanswered(loss: Loss, why: impl Into<String>) -> Self {
        let class = match loss {
            Loss::NotSent => Class::Unreachable,
            Loss::IdleReset => Class::IdleReset,
            Loss::Sent => Class::Lost,
        };
        Self::new(class, why)
    }

    /// 404, with what is known of why.
    pub fn not_found(message: String) -> Self {
        Self::new(Class::NotFound, message)
    }

    /// An answer that another server has to confirm, and did not; worth another try.
    pub fn unconfirmed(message: String) -> Self {
        Self::new(Class::ServerError, message)
    }

    /// An answer that is no S3 answer.
    pub fn malformed(message: &str) -> Self {
        Self::new(Class::Malformed, message)
    }

    /// What keeps an answer from coming, as a sentence begins.
    pub fn why_unanswered(&self) -> String {
        match self.class {
            Class::Unreachable => format!("cannot reach {}", self.message),
            _ => self.to_string(),
        }
    }

    /// Whether there were no keys to sign with.
    pub fn lacks_keys(&self) -> bool {
        self.class == Class::Denied && self.message.starts_with(NO_KEYS)
    }

    /// Whether keys that are over may be the cause: 400 to a HEAD has no body that would tell.
    pub fn may_be_of_the_keys(&self) -> bool {
        let bare = self.class == Class::Rejected && self.message == "400" && self.region.is_none();
        self.class == Class::Denied || bare
    }

    /// Whether the server answered at all.
    pub fn answered(&self) -> bool {
        !matches!(self.class, Class::Unreachable | Class::TimedOut | Class::Lost | Class::IdleReset)
    }

    /// Whether the same request may succeed later.
    pub fn transient(&self) -> bool {
        matches!(self.class, Class::Throttled | Class::ServerError | Class::ClockSkew) || !self.answered()
    }

    pub(super) fn read<E>(error: &SdkError<E, HttpResponse>, seen: &Seen) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Some(head) = &seen.answer else {
            return Self::without_answer(error, seen.loss);
        };
        let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
        let class = match class_of(head) {
            Class::Malformed if has_cause::<hyper::Error>(error) => Class::Lost,
            Class::Rejected if code.is_some_and(is_of_the_keys) => Class::Denied,
            class => class,
        };
        let detail = meta.and_then(|meta| match (meta.code(), meta.message()) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (code, message) => code.or(message).map(str::to_owned),
        });
        let message = match (class, detail) {
            (Class::Malformed | Class::Lost, _) => format!("{}: {}", head.status, describe(error)),
            (_, Some(detail)) => format!("{} {}", head.status, Escaped(&detail)),
            (_, None) => head.status.to_string(),
        };
        let body = error.raw_response().and_then(|raw| raw.body().bytes()).unwrap_or_default();
        let region = head.region.clone().or_else(|| region_element(body));
        Self { class, message, retry_after: head.retry_after, region }
    }

    fn without_answer<E: std::error::Error + 'static>(error: &SdkError<E, HttpResponse>, loss: Option<Loss>) -> Self {
        if let Some(keys) = cause_of::<CredentialsError>(error).filter(|_| loss.is_none()) {
            return without_keys(keys);
        }
        // The SDK's own two layers say only that a request could not be dispatched.
        let cause = std::error::Error::source(error).and_then(std::error::Error::source);
        let why = cause.map_or_else(|| describe(error), reason);
        match loss {
            Some(loss) => Self::unanswered(loss, why),
            // It never came to a connection: an unusable address.
            None => Self::new(Class::Rejected, why),
        }
    }
}

/// What a request without keys to sign with failed for. A source that did not answer may do so soon.
pub(super) fn without_keys(error: &CredentialsError) -> RequestError {
    match is_away(error) {
        true => RequestError::new(Class::Unreachable, format!("the source of the keys: {}", reason(error))),
        false => RequestError::new(Class::Denied, describe(error)),
    }
}

/// Whether the source did not answer, or could not. What it answers otherwise it will answer again.
fn is_away(error: &CredentialsError) -> bool {
    match error {
        CredentialsError::ProviderTimedOut(_) => true,
        CredentialsError::Unhandled(_) => has_cause::<ConnectorError>(error),
        CredentialsError::ProviderError(_) => {
            let said = describe(error);
            ["StatusCode(5", "StatusCode(429", "StatusCode(408"].iter().any(|status| said.contains(status))
        }
        _ => false,
    }
}

/// The error that a head alone tells of.
pub(super) fn of_head(head: &Head) -> RequestError {
    let Head { status, retry_after, ref region, .. } = *head;
    RequestError { class: class_of(head), message: status.to_string(), retry_after, region: region.clone() }
}

/// The error that an answer with a body tells of.
pub(super) fn of_answer(head: &Head, body: &[u8]) -> RequestError {
    let mut error = of_head(head);
    let text = std::str::from_utf8(body).unwrap_or_default();
    // A body that is none of S3's says nothing that could be relied on: the status does.
    if let Ok(Some(said)) = said(text) {
        let code = said.split(':').next().unwrap_or_default();
        if error.class == Class::Rejected && is_of_the_keys(code) {
            error.class = Class::Denied;
        }
        error.message = format!("{} {}", head.status, Escaped(&said));
    }
    error.region = error.region.or_else(|| region_element(body));
    error
}

/// What servers answer with 400, and would with 403, to temporary keys that are over.
fn is_of_the_keys(code: &str) -> bool {
    matches!(code, "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired")
}

/// `CODE: MESSAGE` of an `<Error>`, or what of them there is.
fn said(text: &str) -> Result<Option<String>, Broken> {
    let mut xml = Reader::new(text);
    if xml.child()? != Some("Error") {
        return Ok(None);
    }
    let (mut code, mut message) = (None, None);
    while let Some(name) = xml.child()? {
        match name {
            "Code" => code = Some(xml.content()?),
            "Message" => message = Some(xml.content()?),
            _ => xml.skip()?,
        }
    }
    Ok(match (code, message) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message).map(Cow::into_owned),
    })
}

fn class_of(head: &Head) -> Class {
    if head.skewed { Class::ClockSkew } else { of_status(head.status) }
}

pub(super) fn of_status(status: u16) -> Class {
    match status {
        200..=299 => Class::Malformed,
        401 | 403 => Class::Denied,
        404 => Class::NotFound,
        416 => Class::Truncated,
        429 | 503 => Class::Throttled,
        408 | 500..=599 => Class::ServerError,
        _ => Class::Rejected,
    }
}

/// `<Region>` of an error such as `AuthorizationHeaderMalformed`, which no field of the SDK carries.
fn region_element(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once("<Region>")?;
    let (region, _) = rest.split_once("</Region>")?;
    let plain = region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain && (1..=64).contains(&region.len())).then(|| region.to_owned())
}

/// Whole milliseconds: nobody reads more.
fn round(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_decides_what_happens_next() {
        for (status, class) in [
            (301, Class::Rejected),
            (400, Class::Rejected),
            (401, Class::Denied),
            (403, Class::Denied),
            (404, Class::NotFound),
            (408, Class::ServerError),
            (416, Class::Truncated),
            (429, Class::Throttled),
            (500, Class::ServerError),
            (503, Class::Throttled),
        ] {
            assert_eq!(of_status(status), class, "{status}");
        }
    }

    #[test]
    fn keys_that_are_over_are_denied_whatever_the_status() {
        for (status, code, class) in [
            (400, "ExpiredToken", Class::Denied),
            (400, "InvalidToken", Class::Denied),
            (403, "ExpiredToken", Class::Denied),
            (400, "InvalidRequest", Class::Rejected),
            (503, "ExpiredToken", Class::Throttled),
        ] {
            let body = format!("<Error><Code>{code}</Code><Message>The token has expired.</Message></Error>");
            let head = Head::read(status, &http::HeaderMap::new());
            assert_eq!(of_answer(&head, body.as_bytes()).class, class, "{status} {code}");
        }
    }

    #[test]
    fn the_region_is_read_from_an_error_body() {
        let body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>EU-NORTH-05A</Region></Error>";
        assert_eq!(region_element(body).as_deref(), Some("EU-NORTH-05A"));
        assert_eq!(region_element(b"<Error><Region>\x1b[31m</Region></Error>"), None);
        assert_eq!(region_element(b""), None);
    }
}
