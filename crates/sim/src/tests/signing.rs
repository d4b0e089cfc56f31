use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::{Client as Sdk, Config};

use super::client::Client;
use super::listing::odd_keys;
use crate::{Bucket, Credentials as Pair, Entry, Lota, Sim};

/// The SDK's own HTTP client is not part of the build: requests go through the pooled client of this crate's stack.
fn sdk(url: &str, secret: &str, token: Option<&str>, path_style: bool) -> Sdk {
    let credentials = Credentials::new("AK", secret, token.map(str::to_owned), None, "test");
    let config = Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .credentials_provider(credentials)
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .force_path_style(path_style)
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .http_client(super::client::sdk_http())
        .build();
    Sdk::from_conf(config)
}

async fn sim() -> Sim {
    let bucket = Bucket::new().object("a b/ü+%", Entry::bytes("hello"));
    Sim::builder().credentials("AK", "SK").bucket("training", bucket).cache(Lota::default()).start().await.unwrap()
}

#[tokio::test]
async fn the_sdk_s_signature_is_accepted_and_a_wrong_secret_is_403() {
    let sim = sim().await;
    let right = sdk(&sim.list_url(), "SK", None, true);
    let listed = right.list_objects_v2().bucket("training").send().await.unwrap();
    assert_eq!(listed.contents()[0].key(), Some("a b/ü+%"));
    let got = right.get_object().bucket("training").key("a b/ü+%").send().await.unwrap();
    assert_eq!(got.body.collect().await.unwrap().into_bytes(), "hello");
    let put = right.put_object().bucket("training").key("new").body(ByteStream::from_static(b"body"));
    put.send().await.unwrap();
    assert_eq!(sim.get("training", "new").unwrap().size, 4);
    assert_eq!(right.list_buckets().send().await.unwrap().buckets().len(), 1);

    let cache = sdk(&sim.cache_url(), "SK", None, false);
    let warm = |cache: Sdk| async move {
        cache.head_object().bucket("training").key("a b/ü+%").range("bytes=0-0").send().await
    };
    assert_eq!(warm(cache).await.unwrap().content_length(), Some(5));
    assert!(sim.is_warm("training", "a b/ü+%"));
    sim.evict("training", "a b/ü+%");

    let wrong = warm(sdk(&sim.cache_url(), "not it", None, false)).await.unwrap_err();
    assert_eq!(wrong.raw_response().unwrap().status().as_u16(), 403);
    assert!(!sim.is_warm("training", "a b/ü+%"), "a refused request fills nothing");
    let wrong = sdk(&sim.list_url(), "not it", None, true).list_buckets().send().await.unwrap_err();
    assert_eq!(wrong.code(), Some("SignatureDoesNotMatch"));
    let anonymous = Client::list(&sim).await.get("/training?list-type=2").await;
    assert_eq!((anonymous.status.as_u16(), anonymous.all("Code")), (403, vec!["AccessDenied".to_owned()]));
}

#[tokio::test]
async fn the_signature_of_every_odd_key_is_understood() {
    let bucket = odd_keys().into_iter().fold(Bucket::new(), |bucket, key| bucket.object(key, Entry::bytes("x")));
    let sim = Sim::builder().credentials("AK", "SK").bucket("training", bucket).start().await.unwrap();
    let (list, cache) = (sdk(&sim.list_url(), "SK", None, true), sdk(&sim.cache_url(), "SK", None, false));
    for key in odd_keys().into_iter().map(|key| String::from_utf8(key).unwrap()) {
        let plain = list.head_object().bucket("training").key(&key).send().await;
        assert!(plain.is_ok(), "{key:?}: {plain:?}");
        let ranged = cache.head_object().bucket("training").key(&key).range("bytes=0-0").send().await;
        assert!(ranged.is_ok() && sim.is_warm("training", &key), "{key:?}: {ranged:?}");
        let found = list.list_objects_v2().bucket("training").prefix(&key).send().await;
        assert!(found.is_ok() || key.contains(|c: char| c.is_control()), "{key:?}: {found:?}");
    }
}

#[tokio::test]
async fn keys_can_be_replaced_and_need_their_session_token() {
    let sim = sim().await;
    let pair = |access_key: &str, token: Option<&str>| Pair {
        access_key: access_key.to_owned(),
        secret_key: "SK".to_owned(),
        session_token: token.map(str::to_owned),
    };
    let code = |secret, token| {
        let sdk = sdk(&sim.list_url(), secret, token, true);
        async move { sdk.list_buckets().send().await.map_err(|error| error.code().map(str::to_owned)) }
    };
    sim.set_credentials(vec![pair("AK", Some("token"))]);
    assert!(code("SK", Some("token")).await.is_ok());
    assert_eq!(code("SK", Some("stale")).await.unwrap_err().as_deref(), Some("InvalidToken"));
    assert_eq!(code("SK", None).await.unwrap_err().as_deref(), Some("InvalidToken"));
    sim.set_credentials(vec![pair("OTHER", None)]);
    assert_eq!(code("SK", None).await.unwrap_err().as_deref(), Some("InvalidAccessKeyId"));
}

#[tokio::test]
async fn a_request_signed_for_another_region_is_told_the_right_one() {
    let sim = sim().await;
    sim.put_bucket("north", Bucket::new().object("k", Entry::sized(1)).region("EU-NORTH-05A"));
    let error = sdk(&sim.list_url(), "SK", None, true).list_objects_v2().bucket("north").send().await.unwrap_err();
    assert_eq!(error.code(), Some("AuthorizationHeaderMalformed"));
    let raw = error.raw_response().unwrap();
    assert_eq!(raw.headers().get("x-amz-bucket-region"), Some("EU-NORTH-05A"));
    assert!(std::str::from_utf8(raw.body().bytes().unwrap()).unwrap().contains("<Region>EU-NORTH-05A</Region>"));
}
