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
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::config::endpoint::{Addressing, CredentialSource, Credentials};
use crate::s3::address::Resolver;

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

fn sdk(site: &Site, regions: &Regions, now: DateTime<Utc>, recorder: &Recorder) -> Client {
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

#[tokio::test]
async fn ten_thousand_requests_are_signed_as_the_sdk_signs_them() {
    let mut rng = StdRng::seed_from_u64(5);
    let transport = Transport::new(Duration::from_secs(1), 1);
    let source = CredentialSource::Fixed { access_key_id: "A".to_owned(), secret_access_key: "S".to_owned() };
    let keys = Keys::new(&source, "us-east-1", &transport).await;
    let mut compared = 0;
    for round in 0..100_u32 {
        let addressing = if round % 2 == 0 { Addressing::Path } else { Addressing::Virtual };
        let url = ["http://cwlota.com", "https://cwobject.com", "http://127.0.0.1:7480"][round as usize % 3];
        let credentials = Arc::new(Credentials { name: None, source: source.clone(), buckets: None });
        let region = text(&mut rng, PLAIN, 1..=12);
        let site = Site { url: url.parse().unwrap(), addressing, region, credentials };
        let regions = Regions::default();
        let wire = Wire::new(&site, &keys, &regions, &transport);
        let now = DateTime::from_timestamp(1_700_000_000 + i64::from(round) * 31_622_399, 999_999_999).unwrap();
        let recorder = Recorder::default();
        let client = sdk(&site, &regions, now, &recorder);
        for number in 0..100 {
            // A bucket that is named again may have moved, and keys are replaced.
            let name = text(&mut rng, PLAIN, 1..=if number % 10 == 0 { 63 } else { 1 });
            let bucket = Bucket::new(&name);
            if number % 7 == 0 {
                regions.learn(&bucket, &text(&mut rng, "ABC-123", 1..=16));
            }
            let token = (number % 3 == 0).then(|| text(&mut rng, &format!("{PLAIN}+/="), 1..=900));
            let (id, secret) = (text(&mut rng, PLAIN, 1..=20), text(&mut rng, &format!("{PLAIN}+/="), 1..=40));
            let secret = Secret::new(id, secret, token, None, "test");
            let mut key = text(&mut rng, if number % 2 == 0 { HOSTILE } else { PLAIN }, 1..=200);
            if key.trim().is_empty() {
                // The SDK sends nothing for such a key.
                key.push('x');
            }
            let range = (number % 5 != 0).then_some("bytes=0-0");
            let theirs = theirs((&client, &recorder), (&name, &key, range), &secret).await;
            let host = wire.host(&bucket).unwrap();
            let signing_key = wire.signing_key(&bucket, &host, (&secret, now));
            let signing = Signing { key: signing_key, secret, stamp: Stamp::of(now) };
            let request = host.request(&Key::from(key.as_str()), range, &signing).unwrap();
            let ours = (request.method().to_string(), request.uri().to_string(), shown(request.headers()));
            assert_eq!(ours, theirs, "bucket {name:?}, key {key:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 10_000);
}

async fn theirs(
    (client, recorder): (&Client, &Recorder),
    (bucket, key, range): (&str, &str, Option<&str>),
    secret: &Secret,
) -> Written {
    *recorder.secret.lock().unwrap() = Some(secret.clone());
    let request = client.head_object().bucket(bucket).key(key).set_range(range.map(str::to_owned));
    // The answer has no headers to speak of: what the SDK makes of it does not matter here.
    drop(request.send().await);
    recorder.written.lock().unwrap().take().expect("the SDK sent nothing")
}
