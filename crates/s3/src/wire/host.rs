//! Where the requests of one bucket go, and how they are signed and written.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials as Secret;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};

use super::lane::{Lane, NoBody};
use super::sign::{EMPTY, SigningKey, Stamp, Statement};
use crate::error::{Class, RequestError};

/// Not signed, as proxies may change it.
const WHO: &str = concat!("hotset/", env!("CARGO_PKG_VERSION"));

/// Where the requests of one bucket go, and what they are signed with for now.
#[derive(Debug)]
pub(super) struct Host {
    pub lane: Arc<Lane>,
    /// The host and port.
    pub name: HeaderValue,
    /// What stands before every key: `/`, or `/BUCKET/`.
    pub path: String,
    pub signing: Mutex<Option<Arc<SigningKey>>>,
}

/// What one request is signed with.
pub(super) struct Signing {
    pub key: Arc<SigningKey>,
    pub secret: Arc<Secret>,
    pub stamp: Stamp,
}

/// What one request is for.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// Escaped, as `query` is, whose names are in order.
    pub path: &'a str,
    pub query: &'a str,
    pub range: Option<&'static str>,
}

impl Host {
    /// What is held, if it serves; else what `derive` gives.
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

    /// A HEAD, signed, as it is written.
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

    /// A GET, signed.
    pub fn get(&self, target: Target<'_>, signing: &Signing) -> Result<Request<NoBody>, RequestError> {
        let authorization = self.authorize("GET", target, signing)?;
        let rejected = |error: &dyn std::fmt::Display| RequestError::new(Class::Rejected, error.to_string());
        let uri = Uri::try_from(format!("{}?{}", target.path, target.query)).map_err(|error| rejected(&error))?;
        let headers = self.headers(target.range, signing, &authorization).map(|(name, value)| {
            let mut value = HeaderValue::from_bytes(value).map_err(|error| rejected(&error))?;
            value.set_sensitive(true);
            Ok((HeaderName::from_static(name), value))
        });
        let headers: HeaderMap = headers.collect::<Result<_, RequestError>>()?;
        let mut request = Request::new(NoBody::new());
        (*request.uri_mut(), *request.headers_mut()) = (uri, headers);
        Ok(request)
    }

    /// The `authorization` header. What is signed may hold secrets: it is never shown.
    fn authorize(&self, method: &str, target: Target<'_>, signing: &Signing) -> Result<Vec<u8>, RequestError> {
        let Target { path, query, range } = target;
        let token = signing.secret.session_token();
        let statement = Statement { method, path, query, host: self.name.as_bytes(), range, token };
        let authorization = signing.key.authorize(&statement, &signing.stamp);
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
            Some(("user-agent", WHO.as_bytes())),
            Some(("x-amz-content-sha256", EMPTY.as_bytes())),
            Some(("x-amz-date", signing.stamp.as_bytes())),
            range.map(|range| ("range", range.as_bytes())),
            token.map(|token| ("x-amz-security-token", token.as_bytes())),
            Some(("authorization", authorization)),
        ];
        headers.into_iter().flatten()
    }
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
