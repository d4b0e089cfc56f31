//! Addresses of buckets, virtual-hosted or path-style, and the region that signs their requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use aws_sdk_s3::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_smithy_types::endpoint::EndpointAuthScheme;

use model::config::endpoint::{Addressing, Site};
use model::object::Bucket;
use model::pattern::BucketGlob;

/// The region of every bucket: configured, else learned, else the site's own. Clones share what was learned.
#[derive(Clone, Debug, Default)]
pub struct Regions(Arc<RegionTable>);

#[derive(Debug, Default)]
struct RegionTable {
    configured: Vec<(BucketGlob, String)>,
    learned: RwLock<HashMap<Bucket, String>>,
    /// Counts what was learned.
    version: AtomicU64,
}

impl Regions {
    pub fn new(configured: &[(BucketGlob, String)]) -> Self {
        Self(Arc::new(RegionTable {
            configured: configured.to_vec(),
            learned: RwLock::default(),
            version: AtomicU64::default(),
        }))
    }

    /// Remembers what a server said of `bucket`. False where that was known already, or is configured otherwise.
    pub fn learn(&self, bucket: &Bucket, region: &str) -> bool {
        if self.configured(bucket.as_str()).is_some() || region.is_empty() {
            return false;
        }
        let mut learned = self.0.learned.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = learned.insert(bucket.clone(), region.to_owned()).is_none_or(|before| before != region);
        self.0.version.fetch_add(u64::from(is_new), Ordering::Release);
        is_new
    }

    fn configured(&self, bucket: &str) -> Option<&str> {
        let (_, region) = self.0.configured.iter().find(|(glob, _)| glob.matches(bucket))?;
        Some(region)
    }

    /// Changes when `of` may.
    pub(super) fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }

    pub(super) fn of(&self, bucket: &str) -> Option<String> {
        let learned =
            || self.0.learned.read().unwrap_or_else(PoisonError::into_inner).get(&Bucket::new(bucket)).cloned();
        self.configured(bucket).map(str::to_owned).or_else(learned)
    }
}

/// Resolves to exactly the configured URL. The SDK's own rules would quietly turn to path style for an awkward name.
#[derive(Debug)]
pub(super) struct Resolver {
    pub site: Site,
    pub regions: Regions,
}

impl ResolveEndpoint for Resolver {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        let bucket = params.bucket();
        let region = bucket.and_then(|bucket| self.regions.of(bucket)).unwrap_or_else(|| self.site.region.clone());
        EndpointFuture::ready(match base_url(&self.site, bucket) {
            Ok(url) => Ok(Endpoint::builder().url(url).auth_scheme(signature_v4(region)).build()),
            Err(error) => Err(error.into()),
        })
    }
}

fn signature_v4(region: String) -> EndpointAuthScheme {
    EndpointAuthScheme::with_capacity("sigv4", 3)
        .put("signingName", "s3")
        .put("signingRegion", region)
        .put("disableDoubleEncoding", true)
}

/// A bucket that its endpoint's addressing cannot name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("bucket `{bucket}` cannot be addressed: {why}")]
pub(super) struct AddressError {
    bucket: String,
    why: &'static str,
}

/// The URL that a request for `bucket` is sent to, without the key.
pub(super) fn base_url(site: &Site, bucket: Option<&str>) -> Result<String, AddressError> {
    let scheme = site.url.scheme();
    let host = site.url.host_str().unwrap_or_default();
    let port = site.url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let Some(bucket) = bucket else { return Ok(format!("{scheme}://{host}{port}")) };
    if let Some(why) = site.addressing.objection(bucket) {
        return Err(AddressError { bucket: bucket.to_owned(), why });
    }
    Ok(match site.addressing {
        Addressing::Path => format!("{scheme}://{host}{port}/{bucket}"),
        Addressing::Virtual => format!("{scheme}://{bucket}.{host}{port}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::config::endpoint::{CredentialSource, Credentials};

    fn site(url: &str, addressing: Addressing) -> Site {
        let credentials = Credentials { name: None, source: CredentialSource::Chain, buckets: None };
        let region = "us-east-1".to_owned();
        Site { url: url.parse().unwrap(), addressing, region, credentials: Arc::new(credentials) }
    }

    #[test]
    fn a_bucket_is_a_host_or_a_path_as_configured_and_never_the_other() {
        let lota = site("http://cwlota.com", Addressing::Virtual);
        assert_eq!(base_url(&lota, Some("training")).unwrap(), "http://training.cwlota.com");
        let gateway = site("http://127.0.0.1:7480/", Addressing::Path);
        assert_eq!(base_url(&gateway, Some("Odd_Name.x")).unwrap(), "http://127.0.0.1:7480/Odd_Name.x");
        for awkward in ["with.dots", "Upper", "under_score", "-dash", ""] {
            assert!(base_url(&lota, Some(awkward)).is_err(), "{awkward}");
        }
    }

    #[test]
    fn a_configured_region_beats_a_learned_one() {
        let regions = Regions::new(&[(BucketGlob::parse("eu-*").unwrap(), "EU-NORTH-05A".to_owned())]);
        assert!(!regions.learn(&Bucket::new("eu-data"), "us-east-1"));
        assert!(regions.learn(&Bucket::new("us-data"), "US-EAST-04A"));
        assert!(!regions.learn(&Bucket::new("us-data"), "US-EAST-04A"), "known already");
        assert_eq!(regions.of("eu-data").as_deref(), Some("EU-NORTH-05A"));
        assert_eq!(regions.of("us-data").as_deref(), Some("US-EAST-04A"));
        assert_eq!(regions.of("other"), None);
    }
}
