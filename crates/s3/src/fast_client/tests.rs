//! The requests are those of the SDK, byte for byte, but for what it says of itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, ConfigBag, IdentityCache, Intercept, Region, ResponseChecksumValidation,
    RuntimeComponents, retry::RetryConfig,
};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::types::EncodingType;
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName};

use super::*;
use crate::PageRequest;
use crate::address::Resolver;
use model::config::endpoint::{Addressing, CredentialSource, Credentials};

/// A request as it would be written: method, target, and all headers but the one that says who sends it.
type Written = (String, String, BTreeMap<String, String>);

const UNSAID: [&str; 4] = ["user-agent", "x-amz-user-agent", "amz-sdk-invocation-id", "amz-sdk-request"];

/// Keeps what it is to send, and answers that all is well; signed with the secret of the moment.
#[derive(Clone, Debug, Default)]
struct Recorder {
    written: Arc<Mutex<Option<Written>>>,
    secret: Arc<Mutex<Option<Secret>>>,
}

impl ProvideCredentials for Recorder {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Ok(self.secret.lock().unwrap().clone().unwrap()))
    }
}

impl HttpClient for Recorder {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Recorder {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = request.try_into_http1x().unwrap();
        let target = request.uri().path_and_query().unwrap().as_str().to_owned();
        let mut headers = shown(request.headers());
        headers.insert("host".to_owned(), request.uri().authority().unwrap().to_string());
        *self.written.lock().unwrap() = Some((request.method().to_string(), target, headers));
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::empty())))
    }
}

/// Takes away what the SDK adds for its own telemetry, before it is signed.
#[derive(Debug)]
struct Silent;

impl Intercept for Silent {
    fn name(&self) -> &'static str {
        "Silent"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        for name in UNSAID {
            context.request_mut().headers_mut().remove(name);
        }
        Ok(())
    }
}

fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    let told = headers.iter().filter(|(name, _)| !UNSAID.contains(&name.as_str()));
    told.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

/// A request as a server reads it.
fn read(bytes: &[u8]) -> Written {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    assert_eq!(request.parse(bytes).unwrap(), httparse::Status::Complete(bytes.len()));
    let named = |header: &Header<'_>| {
        (header.name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(header.value).unwrap())
    };
    let (method, target, version) = (request.method.unwrap(), request.path.unwrap(), request.version.unwrap());
    assert_eq!(version, 1);
    (method.to_owned(), target.to_owned(), shown(&request.headers.iter().map(named).collect()))
}

fn sdk_client(site: &Site, regions: &Regions, now: DateTime<Utc>, recorder: &Recorder) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(site.region.clone()))
        .endpoint_resolver(Resolver { site: site.clone(), regions: regions.clone() })
        .credentials_provider(recorder.clone())
        .interceptor(Silent)
        .identity_cache(IdentityCache::no_cache())
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .http_client(recorder.clone())
        .retry_config(RetryConfig::disabled())
        .time_source(StaticTimeSource::new(now.into()))
        .build();
    Client::from_conf(config)
}

fn text(rng: &mut StdRng, alphabet: &str, length: std::ops::RangeInclusive<usize>) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    (0..rng.random_range(length)).map(|_| letters[rng.random_range(0..letters.len())]).collect()
}

const PLAIN: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const HOSTILE: &str = "ab/.-_~ +%=&?#\\'\"<>:;,@!$*()[]{}|^`\n\r\t\u{1}\u{7f}éü日🔥";

/// Both clients of one made-up endpoint, at one instant.
struct Both {
    fast: FastClient,
    sdk: Client,
    recorder: Recorder,
    regions: Regions,
    now: DateTime<Utc>,
}

impl Both {
    async fn new(rng: &mut StdRng, round: u32) -> Self {
        let transport = Transport::new(Duration::from_secs(1), 1);
        let source = CredentialSource::Fixed { access_key_id: "A".to_owned(), secret_access_key: "S".to_owned() };
        let keys = Keys::new(&source, "us-east-1", &transport).await;
        let addressing = if round.is_multiple_of(2) { Addressing::Path } else { Addressing::Virtual };
        let url = ["http://cwlota.com", "https://cwobject.com", "http://127.0.0.1:7480"][round as usize % 3];
        let credentials = Arc::new(Credentials { name: None, source, buckets: None });
        let site = Site { url: url.parse().unwrap(), addressing, region: text(rng, PLAIN, 1..=12), credentials };
        let (regions, recorder) = (Regions::default(), Recorder::default());
        let fast = FastClient::new(&site, &keys, &regions, &transport);
        let now = DateTime::from_timestamp(1_700_000_000 + i64::from(round) * 31_622_399, 999_999_999).unwrap();
        let sdk = sdk_client(&site, &regions, now, &recorder);
        Self { fast, sdk, recorder, regions, now }
    }

    /// One that may have been named before, and may have moved; with keys that were replaced.
    fn bucket(&self, rng: &mut StdRng, number: u32) -> (Bucket, Arc<Secret>) {
        let bucket = Bucket::new(&text(rng, PLAIN, 1..=if number.is_multiple_of(10) { 63 } else { 1 }));
        if number.is_multiple_of(7) {
            self.regions.learn(&bucket, &text(rng, "ABC-123", 1..=16));
        }
        let token = (number.is_multiple_of(3)).then(|| text(rng, &format!("{PLAIN}+/="), 1..=900));
        let (id, secret) = (text(rng, PLAIN, 1..=20), text(rng, &format!("{PLAIN}+/="), 1..=40));
        (bucket, Arc::new(Secret::new(id, secret, token, None, "test")))
    }

    fn ours<T>(
        &self,
        (bucket, secret): (&Bucket, &Arc<Secret>),
        written: impl FnOnce(&BucketEndpoint, &Signing) -> T,
    ) -> T {
        let (endpoint, date) = (self.fast.endpoint(bucket).unwrap(), AmzDate::of(self.now));
        let key = self.fast.signing_key(bucket, &endpoint, (secret, &date));
        written(&endpoint, &Signing { key, secret: secret.clone(), date })
    }

    /// What the SDK sends. The answer has nothing to speak of: what the SDK makes of it does not matter here.
    async fn theirs<T>(&self, secret: &Secret, send: impl AsyncFnOnce(&Client) -> T) -> Written {
        *self.recorder.secret.lock().unwrap() = Some(secret.clone());
        drop(send(&self.sdk).await);
        self.recorder.written.lock().unwrap().take().expect("the SDK sent nothing")
    }
}

#[tokio::test]
async fn thousands_of_requests_are_signed_as_the_sdk_signs_them() {
    let mut rng = StdRng::seed_from_u64(5);
    // The SDK takes more than a millisecond for each without optimisation: ten thousand are for the night.
    let rounds = if std::env::var_os("HOTSET_NIGHT").is_some() { 100 } else { 20 };
    for round in 0..rounds {
        let both = Both::new(&mut rng, round).await;
        for number in 0..100 {
            let (bucket, secret) = both.bucket(&mut rng, number);
            let mut key = text(&mut rng, if number % 2 == 0 { HOSTILE } else { PLAIN }, 1..=200);
            if key.trim().is_empty() {
                // The SDK sends nothing for such a key.
                key.push('x');
            }
            let range = (number % 5 != 0).then_some("bytes=0-0");
            let send = async |client: &Client| {
                let request = client.head_object().bucket(bucket.as_str()).key(&key);
                request.set_range(range.map(str::to_owned)).send().await
            };
            let theirs = both.theirs(&secret, send).await;
            let ours = both.ours((&bucket, &secret), |endpoint, signing| {
                let path = path_of(&endpoint.path, &Key::from(key.as_str()));
                read(&endpoint.head(Target { path: &path, query: "", range }, signing).unwrap())
            });
            assert_eq!(ours, theirs, "bucket {bucket:?}, key {key:?}");
        }
    }
}

#[tokio::test]
async fn pages_are_asked_for_as_the_sdk_does() {
    let mut rng = StdRng::seed_from_u64(6);
    let in_order = |target: &str| {
        let (path, query) = target.split_once('?').unwrap();
        let mut parts: Vec<_> = query.split('&').map(str::to_owned).collect();
        parts.sort();
        (path.to_owned(), parts)
    };
    for round in 0..20 {
        let both = Both::new(&mut rng, round).await;
        for number in 0..50 {
            let (bucket, secret) = both.bucket(&mut rng, number);
            let prefix = text(&mut rng, HOSTILE, 0..=60);
            let token = (number % 2 == 0).then(|| text(&mut rng, HOSTILE, 1..=200));
            let request = PageRequest {
                bucket: &bucket,
                prefix: &Key::from(prefix.as_str()),
                after: None,
                continuation: token.as_deref(),
                delimiter: number % 3 == 0,
            };
            let send = async |client: &Client| {
                let asked = client.list_objects_v2().bucket(bucket.as_str()).encoding_type(EncodingType::Url);
                let asked = asked.set_prefix((!prefix.is_empty()).then(|| prefix.clone()));
                let asked = asked.set_delimiter(request.delimiter.then(|| "/".to_owned()));
                asked.set_continuation_token(token.clone()).send().await
            };
            let theirs = both.theirs(&secret, send).await;
            let query = request.query();
            let ours = both.ours((&bucket, &secret), |endpoint, signing| {
                let request =
                    endpoint.get(Target { path: &endpoint.path, query: &query, range: None }, signing).unwrap();
                (
                    request.method().to_string(),
                    request.uri().path_and_query().unwrap().to_string(),
                    shown(request.headers()),
                )
            });
            assert_eq!(in_order(&ours.1), in_order(&theirs.1));
            assert_eq!((ours.0, ours.2), (theirs.0, theirs.2), "the signature, too: {query}");
        }
    }
}
