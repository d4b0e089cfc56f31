//! One cache to warm: where its HEADs and LISTs go, as whom, and how hard.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::object::Bucket;
use crate::pattern::BucketGlob;
use crate::select::estimate::Prices;
use crate::words::words;
use url::{Host, Url};

/// A cache to warm. Limits, budget and ledger are the cache's.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub name: Arc<str>,
    /// Gets ranged HEADs and nothing else.
    pub cache: CacheSite,
    /// Gets LISTs, plain HEADs and small GETs.
    pub list: ListSite,
    /// The first glob that matches a bucket names its region.
    pub bucket_regions: Vec<(BucketGlob, String)>,
    pub limits: Limits,
    /// Bytes the cache holds.
    pub capacity: Option<u64>,
    /// Bytes: what the unpaused profiles may ask for together.
    pub budget: Option<u64>,
    pub prices: Option<Prices>,
}

/// Where ranged HEADs go. A type of its own: no listing endpoint converts to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSite(pub Site);

/// Where LISTs, plain HEADs and small GETs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSite(pub Site);

/// One side of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Scheme, host and port only.
    pub url: Url,
    pub addressing: Addressing,
    pub region: String,
    pub credentials: Arc<Credentials>,
}

impl Site {
    /// What names the server: see [`address`].
    pub fn address(&self) -> String {
        address(&self.url)
    }
}

/// What a server is known by, however its URL is spelled: scheme, host and port. A parsed URL has small letters and no default
/// port; a host that ends in a dot is the same host, looked up without a search among domains; an IPv4 address may be written as
/// an IPv6 address (RFC 4291, section 2.5.5.2).
pub fn address(url: &Url) -> String {
    let host = match url.host() {
        Some(Host::Ipv6(address)) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => format!("[{address}]"),
        },
        _ => url.host_str().unwrap_or_default().trim_end_matches('.').to_owned(),
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}/", url.scheme())
}

words! {
    /// How a bucket is named in a request.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum Addressing {
        /// `http://BUCKET.host/KEY`.
        #[default]
        Virtual = "virtual",
        /// `http://host/BUCKET/KEY`.
        Path = "path",
    }
}

impl Addressing {
    /// Why a bucket of this name cannot be named so; `None` where it can.
    pub fn objection(self, bucket: &str) -> Option<&'static str> {
        match self {
            Self::Path => None,
            Self::Virtual if bucket.contains('.') => Some("a bucket name with dots cannot be part of a host"),
            Self::Virtual => {
                let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                let ends = bucket.starts_with('-') || bucket.ends_with('-');
                let fits = bucket.bytes().all(label) && !ends && (1..=63).contains(&bucket.len());
                (!fits)
                    .then_some("a bucket that is part of a host is named by small letters, digits and `-`, at most 63")
            }
        }
    }
}

/// Where keys come from, and what they may be used for. Holds no secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `None` for the usual AWS chain.
    pub name: Option<Arc<str>>,
    pub source: CredentialSource,
    /// `None`: all buckets.
    pub buckets: Option<Vec<BucketGlob>>,
}

impl Credentials {
    /// Whether these credentials may be used for `bucket`.
    pub fn allow(&self, bucket: &Bucket) -> bool {
        self.buckets.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob.matches(bucket.as_str())))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// Environment, shared files, web identity, container, instance.
    Chain,
    /// A named profile of the shared files; beats environment keys.
    AwsProfile(String),
    /// For a server that hotset itself has started; no configuration leads here.
    Fixed { access_key_id: String, secret_access_key: String },
    /// Mounted secrets, re-read when their content changes.
    Files { access_key_id: PathBuf, secret_access_key: PathBuf, session_token: Option<PathBuf> },
}

/// How hard an endpoint may be driven, and how long it is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    pub start_in_flight: u32,
    pub max_in_flight: u32,
    pub max_in_flight_bytes: u64,
    pub list_in_flight: u32,
    pub max_requests_per_second: Option<u32>,
    pub connect_timeout: Duration,
    pub base_timeout: Duration,
    /// Bytes a second, of the whole cache.
    pub min_fill_rate: u64,
    /// Sends after the first.
    pub retries: u32,
    pub outage_wait: Duration,
}
