//! The requests of which there are millions, written and signed here: the same bytes as the SDK's, at a fraction of its cost.

mod lane;
mod sign;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, HOST, RANGE, USER_AGENT};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use super::address::{Regions, base_url};
use super::credentials::{Keys, Secret, describe};
use super::error::{Class, RequestError, of_answer, of_head};
use super::probe::Head;
use super::transport::Transport;
use crate::config::endpoint::Site;
use crate::object::{Bucket, Key};
pub(super) use lane::{IDLE, Lanes};
use lane::{Lane, NoBody, Unanswered};
use sign::{EMPTY, SigningKey, Stamp, Statement};
use target::path_of;
pub(super) use target::{KEY, NAME};

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
/// Bytes of an answer. A page of a thousand keys, each as long as keys can be and escaped, has some four million.
const LONGEST: usize = 64 << 20;
/// Not signed, as proxies may change it.
const WHO: HeaderValue = HeaderValue::from_static(concat!("hotset/", env!("CARGO_PKG_VERSION")));

/// Sends to one side of an endpoint. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Wire(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    site: Site,
    keys: Keys,
    regions: Regions,
    transport: Transport,
    /// There are as many as buckets that were asked for.
    hosts: RwLock<HashMap<Bucket, Arc<Host>>>,
}

/// Where the requests of one bucket go, and what they are signed with for now.
#[derive(Debug)]
struct Host {
    lane: Arc<Lane>,
    name: HeaderValue,
    /// What stands before every key: `/`, or `/BUCKET/`.
    path: String,
    signing: Mutex<Option<Arc<SigningKey>>>,
}

impl Wire {
    pub fn new(site: &Site, keys: &Keys, regions: &Regions, transport: &Transport) -> Self {
        Self(Arc::new(Inner {
            site: site.clone(),
            keys: keys.clone(),
            regions: regions.clone(),
            transport: transport.clone(),
            hosts: RwLock::default(),
        }))
    }

    /// One HEAD, sent once, awaited for as long as the caller waits. Given up, its connection is closed.
    pub async fn head(&self, bucket: &Bucket, key: &Key, range: Option<&'static str>) -> Result<Head, RequestError> {
        let host = self.host(bucket)?;
        let signing = self.signing(bucket, &host).await?;
        let target = Target { method: Method::HEAD, path: path_of(&host.path, key), query: "", range };
        let answer = host.lane.head(host.request(target, &signing)?).await.map_err(Unanswered::into_error)?;
        let head = self.judged(&answer);
        if (200..=299).contains(&head.status) { Ok(head) } else { Err(of_head(&head)) }
    }

    /// One GET of a bucket, sent once; `query` is escaped, its names in order. Gives what was answered with 200.
    pub async fn get(&self, bucket: &Bucket, query: &str) -> Result<(Head, Bytes), RequestError> {
        let host = self.host(bucket)?;
        let signing = self.signing(bucket, &host).await?;
        let target = Target { method: Method::GET, path: host.path.clone(), query, range: None };
        let request = host.request(target, &signing)?;
        let (answer, body) = host.lane.get(request, LONGEST).await.map_err(Unanswered::into_error)?;
        let head = self.judged(&answer);
        if head.status != 200 {
            return Err(of_answer(&head, &body.unwrap_or_default()));
        }
        Ok((head, body.map_err(Unanswered::into_error)?))
    }

    fn judged(&self, answer: &Parts) -> Head {
        let mut head = Head::read(answer.status.as_u16(), &answer.headers);
        head.skewed = self.0.transport.clock.learn(head.status, head.date);
        head
    }

    async fn signing(&self, bucket: &Bucket, host: &Host) -> Result<Signing, RequestError> {
        let secret = match self.0.keys.held() {
            Some(secret) => Ok(secret),
            None => Box::pin(self.0.keys.get()).await,
        };
        let secret = secret.map_err(|error| RequestError::new(Class::Denied, describe(&error)))?;
        let now = self.0.transport.clock.now();
        Ok(Signing { key: self.signing_key(bucket, host, (&secret, now)), secret, stamp: Stamp::of(now) })
    }

    /// The size of an object, by a plain HEAD, which fills nothing and moves no tier. `None` is a 404.
    pub async fn exists(&self, bucket: &Bucket, key: &Key) -> Result<Option<u64>, RequestError> {
        match self.head(bucket, key, None).await {
            Ok(head) => Ok(Some(head.size().unwrap_or_default())),
            Err(error) if error.class == Class::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn host(&self, bucket: &Bucket) -> Result<Arc<Host>, RequestError> {
        if let Some(known) = self.0.hosts.read().unwrap_or_else(PoisonError::into_inner).get(bucket) {
            return Ok(known.clone());
        }
        let host = Arc::new(self.open(bucket)?);
        let mut hosts = self.0.hosts.write().unwrap_or_else(PoisonError::into_inner);
        Ok(hosts.entry(bucket.clone()).or_insert(host).clone())
    }

    fn open(&self, bucket: &Bucket) -> Result<Host, RequestError> {
        let rejected = |why: String| RequestError::new(Class::Rejected, why);
        let url = base_url(&self.0.site, Some(bucket.as_str())).map_err(|error| rejected(error.to_string()))?;
        let (origin, path) = target::split(&url);
        let (_, authority) = origin.split_once("://").unwrap_or_default();
        Ok(Host {
            name: HeaderValue::from_str(authority).map_err(|error| rejected(error.to_string()))?,
            lane: self.0.transport.lanes.lane(origin).map_err(|error| rejected(error.to_string()))?,
            path,
            signing: Mutex::default(),
        })
    }

    /// Derived once a day, region and secret.
    fn signing_key(&self, bucket: &Bucket, host: &Host, (secret, now): (&Secret, DateTime<Utc>)) -> Arc<SigningKey> {
        let mut held = host.signing.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.0.regions.version();
        match &*held {
            Some(key) if key.serves(secret, version, now) => key.clone(),
            _ => {
                let region = self.0.regions.of(bucket.as_str()).unwrap_or_else(|| self.0.site.region.clone());
                held.insert(Arc::new(SigningKey::derive(secret, &region, version, now))).clone()
            }
        }
    }
}

/// What one request is signed with.
struct Signing {
    key: Arc<SigningKey>,
    secret: Secret,
    stamp: Stamp,
}

/// What one request is for.
struct Target<'a> {
    method: Method,
    path: String,
    query: &'a str,
    range: Option<&'static str>,
}

impl Host {
    fn request(&self, target: Target<'_>, signing: &Signing) -> Result<Request<NoBody>, RequestError> {
        let Target { method, mut path, query, range } = target;
        let (token, stamp) = (signing.secret.session_token(), &signing.stamp);
        let (name, method_name) = (self.name.as_bytes(), method.as_str());
        let statement = Statement { method: method_name, path: &path, query, host: name, range, token };
        let authorization = signing.key.authorize(&statement, stamp);
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(HOST, self.name.clone());
        headers.insert(USER_AGENT, WHO);
        headers.insert(CONTENT_SHA256, HeaderValue::from_static(EMPTY));
        headers.insert(AMZ_DATE, value(stamp.as_bytes().to_vec())?);
        if let Some(range) = range {
            headers.insert(RANGE, HeaderValue::from_static(range));
        }
        if let Some(token) = token {
            headers.insert(SECURITY_TOKEN, value(token.as_bytes().to_vec())?);
        }
        headers.insert(AUTHORIZATION, value(authorization)?);
        if !query.is_empty() {
            path.push('?');
            path.push_str(query);
        }
        let uri = Uri::try_from(path).map_err(|error| RequestError::new(Class::Rejected, error.to_string()))?;
        let mut request = Request::new(NoBody::new());
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
        Ok(request)
    }
}

/// What is signed may hold secrets: it is never shown.
fn value(bytes: Vec<u8>) -> Result<HeaderValue, RequestError> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from(bytes))
        .map_err(|_| RequestError::new(Class::Denied, "the credentials hold characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
