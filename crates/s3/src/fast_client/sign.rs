//! Signature V4 for requests without a body. What does not change between two requests is derived once.

use std::sync::Arc;

use aws_credential_types::Credentials as Secret;
use chrono::{DateTime, Datelike, Timelike, Utc};
use ring::digest::{self, SHA256};
use ring::hmac::{self, HMAC_SHA256};

/// SHA-256 of an empty body, in hex.
pub(super) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The canonical request: the parts that are signed, beside `x-amz-content-sha256` and `x-amz-date`.
#[derive(Clone, Copy, Debug)]
pub(super) struct CanonicalRequest<'a> {
    pub method: &'a str,
    /// Percent-encoded, as it is sent.
    pub path: &'a str,
    /// Percent-encoded, sorted by name, without the `?`.
    pub query: &'a str,
    pub host: &'a [u8],
    pub range: Option<&'a str>,
    pub token: Option<&'a str>,
}

/// A time in the format of `x-amz-date`, to the second: `20261125T191423Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AmzDate([u8; 16]);

impl AmzDate {
    pub fn of(now: DateTime<Utc>) -> Self {
        // The parts of a time with a zone are each reckoned anew.
        let now = now.naive_utc();
        let mut text = *b"00000000T000000Z";
        let year = u32::try_from(now.year()).unwrap_or_default();
        for (at, digits, number) in [
            (0, 4, year),
            (4, 2, now.month()),
            (6, 2, now.day()),
            (9, 2, now.hour()),
            (11, 2, now.minute()),
            (13, 2, now.second()),
        ] {
            let mut rest = number;
            for place in text[at..at + digits].iter_mut().rev() {
                *place = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        Self(text)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn day(&self) -> &[u8] {
        &self.0[..8]
    }
}

/// The signing key of one day, region and secret.
pub(super) struct SigningKey {
    key: hmac::Key,
    secret: Arc<Secret>,
    /// Version of the region table that it was derived from.
    version: u64,
    day: AmzDate,
    /// `DAY/REGION/s3/aws4_request`.
    scope: String,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl SigningKey {
    pub fn derive(secret: &Arc<Secret>, region: &str, version: u64, day: &AmzDate) -> Self {
        let first = hmac::Key::new(HMAC_SHA256, format!("AWS4{}", secret.secret_access_key()).as_bytes());
        let key = [day.day(), region.as_bytes(), b"s3", b"aws4_request"]
            .into_iter()
            .fold(first, |key, part| hmac::Key::new(HMAC_SHA256, hmac::sign(&key, part).as_ref()));
        let scope = format!("{}/{region}/s3/aws4_request", String::from_utf8_lossy(day.day()));
        Self { key, secret: secret.clone(), version, day: *day, scope }
    }

    /// Whether it is still the key for `secret`, for what is known of regions, and for the day.
    pub fn serves(&self, secret: &Arc<Secret>, version: u64, now: &AmzDate) -> bool {
        let same = |a: &Arc<Secret>, b: &Arc<Secret>| {
            Arc::ptr_eq(a, b)
                || (a.access_key_id(), a.secret_access_key()) == (b.access_key_id(), b.secret_access_key())
        };
        self.version == version && self.day.day() == now.day() && same(&self.secret, secret)
    }

    /// The `authorization` header.
    pub fn authorize(&self, request: &CanonicalRequest<'_>, date: &AmzDate) -> Vec<u8> {
        let names = request.names();
        // All texts in one place: each is hashed in one piece, which costs less than piece by piece.
        let mut text = Vec::with_capacity(512 + request.path.len() + request.token.unwrap_or_default().len());
        request.write(names, date, &mut text);
        let digest = hex(digest::digest(&SHA256, &text).as_ref());
        text.clear();
        for part in
            [ALGORITHM.as_bytes(), b"\n", date.as_bytes(), b"\n", self.scope.as_bytes(), b"\n", digest.as_slice()]
        {
            text.extend_from_slice(part);
        }
        let signature = hex(hmac::sign(&self.key, &text).as_ref());
        text.clear();
        for part in [
            ALGORITHM.as_bytes(),
            b" Credential=",
            self.secret.access_key_id().as_bytes(),
            b"/",
            self.scope.as_bytes(),
            b", SignedHeaders=",
            names.as_bytes(),
            b", Signature=",
            &signature,
        ] {
            text.extend_from_slice(part);
        }
        text
    }
}

impl CanonicalRequest<'_> {
    /// Of the signed headers, in order.
    fn names(&self) -> &'static str {
        match (self.range.is_some(), self.token.is_some()) {
            (false, false) => "host;x-amz-content-sha256;x-amz-date",
            (false, true) => "host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
            (true, false) => "host;range;x-amz-content-sha256;x-amz-date",
            (true, true) => "host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token",
        }
    }

    /// Writes the canonical request, which is never shown: it may hold a secret.
    fn write(&self, names: &str, date: &AmzDate, to: &mut Vec<u8>) {
        let mut say = |parts: &[&[u8]]| parts.iter().for_each(|part| to.extend_from_slice(part));
        say(&[self.method.as_bytes(), b"\n", self.path.as_bytes(), b"\n", self.query.as_bytes()]);
        say(&[b"\nhost:", self.host]);
        if let Some(range) = self.range {
            say(&[b"\nrange:", range.as_bytes()]);
        }
        say(&[b"\nx-amz-content-sha256:", EMPTY_SHA256.as_bytes(), b"\nx-amz-date:", date.as_bytes()]);
        if let Some(token) = self.token {
            say(&[b"\nx-amz-security-token:", token.as_bytes()]);
        }
        say(&[b"\n\n", names.as_bytes(), b"\n", EMPTY_SHA256.as_bytes()]);
    }
}

/// 32 bytes as 64 small letters and digits. Without a table: the compiler takes many at a time.
fn hex(bytes: &[u8]) -> [u8; 64] {
    let digit = |half: u8| half + if half < 10 { b'0' } else { b'a' - 10 };
    let mut text = [b'0'; 64];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    text
}
