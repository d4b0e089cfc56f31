//! A page of a listing never makes its reader panic, objects that are written alike are read as each by itself, and what is
//! read is what the SDK reads.

#![no_main]

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, RuntimeComponents};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use model::object::{Bucket, ETag, Key};
use s3::{Page, PageRequest};
use tokio::runtime::{Builder, Runtime};

fuzz_target!(|body: &[u8]| {
    let Ok(page) = read(body) else { return };
    let text = std::str::from_utf8(body).expect("a page is text");
    // No two objects are alike to whoever looks at the markup only.
    let mut apart = String::new();
    for (n, part) in text.split("<Contents>").enumerate() {
        if n > 0 {
            apart.push_str(&format!("<Contents><!-- {n} -->"));
        }
        apart.push_str(part);
    }
    // Within a comment or a section it is no object.
    if !text.contains("<!") {
        let slow = read(apart.as_bytes()).expect("comments change nothing");
        assert_eq!(page.objects, slow.objects);
    }
    SDK.agrees(&page, body);
});

fn read(body: &[u8]) -> Result<Page, s3::RequestError> {
    let (bucket, prefix) = (Bucket::new("b"), Key::from(""));
    PageRequest { bucket: &bucket, prefix: &prefix, after: None, continuation: None, delimiter: true }.read(body, None)
}

static SDK: LazyLock<Sdk> = LazyLock::new(Sdk::new);

struct Sdk {
    runtime: Runtime,
    client: Client,
    answer: Canned,
}

/// Answers whatever it is told to.
#[derive(Clone, Debug, Default)]
struct Canned(Arc<Mutex<Vec<u8>>>);

impl HttpConnector for Canned {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = 200.try_into().expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}

impl HttpClient for Canned {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl Sdk {
    fn new() -> Self {
        let answer = Canned::default();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url("http://server.test")
            .force_path_style(true)
            .credentials_provider(Credentials::new("key", "secret", None, None, "fuzz"))
            .http_client(answer.clone())
            .build();
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { runtime, client: Client::from_conf(config), answer }
    }

    fn agrees(&self, page: &Page, body: &[u8]) {
        *self.answer.0.lock().unwrap_or_else(PoisonError::into_inner) = body.to_vec();
        let read = self.runtime.block_on(self.client.list_objects_v2().bucket("b").send());
        // It knows neither sections nor prefixes of names, and where something is not well-formed, be it in places where nobody
        // reads, it may take what came before for the whole page.
        let Ok(read) = read else { return };
        let text = String::from_utf8_lossy(body);
        if text.contains("<!") || names_have_prefixes(&text) || roxmltree::Document::parse(&text).is_err() {
            return;
        }
        assert_eq!(page.objects.len(), read.contents().len(), "objects");
        for (ours, theirs) in page.objects.iter().zip(read.contents()) {
            let key = theirs.key().expect("ours has one");
            assert_eq!(Key::from_bytes(ours.key), plain(key, &read));
            assert_eq!(Some(ours.size), theirs.size().and_then(|size| size.try_into().ok()));
            let etag = theirs.e_tag().map(ETag::new);
            assert_eq!(ours.etag, etag.as_ref().map(ETag::as_str));
            let time = theirs.last_modified().expect("ours has one");
            let time = DateTime::<Utc>::from_timestamp(time.secs(), time.subsec_nanos());
            assert_eq!(Some(ours.last_modified), time);
            let class = theirs.storage_class().map(|class| class.as_str());
            assert_eq!(ours.storage_class.map(|class| &**class), class);
        }
        let folders = read.common_prefixes().iter().filter_map(|folder| folder.prefix());
        assert!(page.folders.iter().cloned().eq(folders.map(|folder| plain(folder, &read))), "folders");
        let next = read.next_continuation_token().filter(|token| !token.is_empty());
        let next = next.filter(|_| read.is_truncated() != Some(false));
        assert_eq!(page.next.as_deref(), next);
    }
}

fn names_have_prefixes(text: &str) -> bool {
    text.split('<').skip(1).any(|tag| tag.split(['>', ' ', '/']).any(|name| name.contains(':')))
}

/// The SDK leaves keys as they came.
fn plain(key: &str, page: &ListObjectsV2Output) -> Key {
    if page.encoding_type().is_none_or(|encoding| encoding.as_str() != "url") {
        return Key::from(key);
    }
    let spaced: Vec<u8> = key.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    Key::from_bytes(percent_encoding::percent_decode(&spaced).collect::<Vec<u8>>())
}
