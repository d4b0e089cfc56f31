//! The endpoint of one bucket: signs and writes its requests.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials as Secret;
use aws_smithy_types::body::SdkBody;
use http::{HeaderValue, Request, Uri};

use super::sign::{AmzDate, CanonicalRequest, EMPTY_SHA256, SigningKey};
use crate::error::{Class, RequestError};
use crate::transport::Pool;

/// The `user-agent`. It is not signed, because proxies may change it.
const USER_AGENT: &str = concat!("hotset/", env!("CARGO_PKG_VERSION"));

/// Where the requests of one bucket go, and the key that signs them for now.
#[derive(Debug)]
pub(super) struct BucketEndpoint {
    pub pool: Arc<Pool>,
    /// The value of the `host` header: host and port.
    pub name: HeaderValue,
    /// The path before every key: `/`, or `/BUCKET/`.
    pub path: String,
    pub signing: Mutex<Option<Arc<SigningKey>>>,
}

/// The credentials, key and date that sign one request.
pub(super) struct Signing {
    pub key: Arc<SigningKey>,
    pub secret: Arc<Secret>,
    pub date: AmzDate,
}

/// The target of one request.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// Percent-encoded, as is `query`, which is sorted by name.
    pub path: &'a str,
    pub query: &'a str,
    pub range: Option<&'static str>,
}

impl BucketEndpoint {
    /// The cached key if it still serves, else the one that `derive` returns.
    pub fn signing_key(
        &self,
        serves: impl FnOnce(&SigningKey) -> bool,
        derive: impl FnOnce() -> SigningKey,
    ) -> Arc<SigningKey> {
        let mut held = self.signing.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some(key) if serves(key) => key.clone(),
            _ => held.insert(Arc::new(derive())).clone(),
        }
    }

    /// A signed HEAD, as bytes.
    pub fn head(&self, target: Target<'_>, signing: &Signing) -> Result<Vec<u8>, RequestError> {
        let authorization = self.authorize("HEAD", target, signing)?;
        let token = signing.secret.session_token().unwrap_or_default();
        let mut text = Vec::with_capacity(512 + target.path.len() + token.len());
        let mut say = |parts: &[&[u8]]| parts.iter().for_each(|part| text.extend_from_slice(part));
        say(&[b"HEAD ", target.path.as_bytes(), b" HTTP/1.1\r\n"]);
        for (name, value) in self.headers(target.range, signing, &authorization) {
            say(&[name.as_bytes(), b": ", value, b"\r\n"]);
        }
        say(&[b"\r\n"]);
        Ok(text)
    }

    /// A signed GET.
    pub fn get(&self, target: Target<'_>, signing: &Signing) -> Result<Request<SdkBody>, RequestError> {
        let authorization = self.authorize("GET", target, signing)?;
        let mut uri = self.pool.origin.clone().into_parts();
        uri.path_and_query = Some(format!("{}?{}", target.path, target.query).parse().map_err(rejected)?);
        let mut request = Request::new(SdkBody::empty());
        *request.uri_mut() = Uri::from_parts(uri).map_err(rejected)?;
        for (name, value) in self.headers(target.range, signing, &authorization) {
            let mut value = HeaderValue::from_bytes(value).map_err(rejected)?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    /// The `authorization` header. The signed text may hold a session token and is never shown.
    fn authorize(&self, method: &str, target: Target<'_>, signing: &Signing) -> Result<Vec<u8>, RequestError> {
        let Target { path, query, range } = target;
        let token = signing.secret.session_token();
        let request = CanonicalRequest { method, path, query, host: self.name.as_bytes(), range, token };
        let authorization = signing.key.authorize(&request, &signing.date);
        if is_field_value(&authorization) && is_field_value(token.unwrap_or_default().as_bytes()) {
            return Ok(authorization);
        }
        Err(RequestError::new(Class::Denied, "the credentials hold characters that no header can carry"))
    }

    fn headers<'a>(
        &'a self,
        range: Option<&'static str>,
        signing: &'a Signing,
        authorization: &'a [u8],
    ) -> impl Iterator<Item = (&'static str, &'a [u8])> {
        let token = signing.secret.session_token();
        let headers = [
            Some(("host", self.name.as_bytes())),
            Some(("user-agent", USER_AGENT.as_bytes())),
            Some(("x-amz-content-sha256", EMPTY_SHA256.as_bytes())),
            Some(("x-amz-date", signing.date.as_bytes())),
            range.map(|range| ("range", range.as_bytes())),
            token.map(|token| ("x-amz-security-token", token.as_bytes())),
            Some(("authorization", authorization)),
        ];
        headers.into_iter().flatten()
    }
}

pub(super) fn rejected(error: impl std::fmt::Display) -> RequestError {
    RequestError::new(Class::Rejected, error.to_string())
}

/// RFC 9110, section 5.5: with anything else, what is meant for one header would become several.
fn is_field_value(bytes: &[u8]) -> bool {
    // To the end in any case, which the compiler does many bytes at a time.
    bytes.iter().fold(true, |good, byte| good & (!byte.is_ascii_control() | (*byte == b'\t')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_a_header() {
        for (value, good) in [
            ("AKIA/20261127/us-east-1, Signature=00ff", true),
            ("tabs\tand spaces", true),
            ("", true),
            ("\u{fc}", true),
            ("token\r\nx-amz-acl: public-read", false),
            ("token\n", false),
            ("\0", false),
            ("\u{7f}", false),
        ] {
            assert_eq!(is_field_value(value.as_bytes()), good, "{value:?}");
        }
    }
}
