//! Records what one exchange showed on the wire, where it is seen: the SDK's answers leave most of it out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, RETRY_AFTER};
use httparse::Header;

use model::object::ETag;

/// Travels with a request as an extension and comes back filled in.
#[derive(Clone, Debug, Default)]
pub(super) struct Probe(Arc<Mutex<Seen>>);

#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// `None` until the head of an answer has been read.
    pub answer: Option<Head>,
    pub loss: Option<Loss>,
}

/// How an exchange ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The request was never sent.
    NotSent,
    /// A pooled connection was closed before any byte of the answer: the usual end of an idle connection.
    IdleReset,
    /// Anything else: the server may have acted on the request.
    Sent,
}

/// The parts of an answer's head that hotset reads.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub status: u16,
    /// The `Date` header, where it was asked for.
    pub date: Option<DateTime<Utc>>,
    pub etag: Option<ETag>,
    /// Bytes.
    pub content_length: Option<u64>,
    /// Bytes: the total of `Content-Range`.
    pub range_total: Option<u64>,
    pub retry_after: Option<Duration>,
    pub region: Option<String>,
    /// The request was refused, and signed by a clock far from the server's.
    pub skewed: bool,
}

impl Probe {
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn answered(&self, head: Head) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answer = Some(head);
    }

    pub fn lost(&self, loss: Loss) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).loss = Some(loss);
    }
}

/// The headers of an answer, however they are kept.
pub(super) trait Headers {
    /// The first header of this name, which is lowercase. `None` where it is absent, or not visible ASCII.
    fn text(&self, name: &str) -> Option<&str>;
}

impl Headers for HeaderMap {
    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str().ok()
    }
}

impl Headers for [Header<'_>] {
    fn text(&self, name: &str) -> Option<&str> {
        let value = self.iter().find(|header| header.name.eq_ignore_ascii_case(name))?.value;
        // To the end in any case, which the compiler does many bytes at a time.
        let visible = value.iter().fold(true, |visible, byte| visible & matches!(byte, b' '..=b'~' | b'\t'));
        if visible { std::str::from_utf8(value).ok() } else { None }
    }
}

impl Head {
    pub fn read(status: u16, headers: &(impl Headers + ?Sized)) -> Self {
        let date = headers.text(DATE.as_str()).and_then(http_date);
        Self { date, ..Self::undated(status, headers) }
    }

    /// The same without the date, which takes longer to be read than all else.
    pub fn undated(status: u16, headers: &(impl Headers + ?Sized)) -> Self {
        let text = |name| headers.text(name);
        Self {
            status,
            date: None,
            etag: text(ETAG.as_str()).map(ETag::new).filter(|etag| !etag.as_str().is_empty()),
            content_length: text(CONTENT_LENGTH.as_str()).and_then(|value| value.parse().ok()),
            range_total: text(CONTENT_RANGE.as_str()).and_then(|value| value.rsplit_once('/')?.1.parse().ok()),
            retry_after: text(RETRY_AFTER.as_str()).and_then(|value| retry_after(value, text(DATE.as_str()))),
            region: text("x-amz-bucket-region").map(str::to_owned),
            skewed: false,
        }
    }

    /// The object's size: the total of `Content-Range`, else the length of a whole answer.
    pub fn size(&self) -> Option<u64> {
        self.range_total.or(if self.status == 200 { self.content_length } else { None })
    }
}

pub(super) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.to_utc())
}

/// RFC 9110, section 10.2.3: seconds, or a date, which counts from the answer's own.
fn retry_after(text: &str, now: Option<&str>) -> Option<Duration> {
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => (http_date(text)? - http_date(now?)?).to_std().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, headers: &[(&'static str, &str)]) -> Head {
        let map = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        Head::read(status, &map.collect::<HeaderMap>())
    }

    #[test]
    fn the_size_comes_from_the_range_total_then_from_a_whole_answer() {
        let partial = [("content-length", "1"), ("content-range", "bytes 0-0/12345")];
        assert_eq!(head(206, &partial).size(), Some(12345));
        assert_eq!(head(200, &[("content-length", "77")]).size(), Some(77));
        assert_eq!(head(206, &[("content-length", "1")]).size(), None);
        assert_eq!(head(206, &[("content-range", "bytes 0-0/*")]).size(), None);
    }

    #[test]
    fn a_retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(head(503, &[("retry-after", "7")]).retry_after, Some(Duration::from_secs(7)));
        let dated = [("date", "Sun, 22 Nov 2026 04:00:00 GMT"), ("retry-after", "Sun, 22 Nov 2026 04:00:30 GMT")];
        assert_eq!(head(503, &dated).retry_after, Some(Duration::from_secs(30)));
        assert_eq!(head(503, &[("retry-after", "soon")]).retry_after, None);
    }
}
