use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{To, clients, list_all, listed, sim};
use crate::{Existing, Via};
use model::config::endpoint::Addressing;
use model::object::Key;
use sim::{Bucket, Entry, Kind, Listing, Side, UrlEncoding};

pub(super) fn hostile() -> Vec<String> {
    let mut keys: Vec<String> = [
        "plain",
        "a//b",
        "/leading",
        "//two",
        "trailing/x/",
        "./dot",
        "../up",
        "a/./b",
        "a/../b",
        "a/..",
        ".",
        "..",
        "%",
        "%2F",
        "%25",
        "100%",
        "a+b",
        "a b",
        " ",
        "+",
        "line\nbreak",
        "tab\there",
        "\u{1}\u{1f}\u{7f}",
        "\r\n",
        "a\\b",
        "what?",
        "a?b=c&d",
        "#",
        "a#b",
        "&amp;",
        "<x>",
        "\"quoted\"",
        "'",
        "ü",
        "日本/語",
        "🔥/🔥",
        "e\u{301}",
        "~-_.!*'();:@=$,[]",
        "\u{202e}rtl",
        "placeholder",
        "{braces}",
        "|^`",
    ]
    .map(str::to_owned)
    .into();
    keys.push("k".repeat(1024));
    keys.push("ü".repeat(512));
    keys.push("/".repeat(1024));
    // Every ASCII character but NUL, between letters.
    keys.extend((1_u8..=0x7f).map(|byte| format!("ascii/{byte:03}/x{}y", char::from(byte))));
    keys
}

async fn round_trip(encoding: UrlEncoding, addressing: Addressing) {
    let keys = hostile();
    let bucket = keys.iter().fold(Bucket::new(), |bucket, key| bucket.object(key.as_bytes(), Entry::sized(7)));
    let sim = sim(bucket).await;
    sim.set_listing(|listing| *listing = Listing { url_encoding: encoding, max_page: 7, ..Listing::default() });
    let (cache_url, list_url) = (sim.cache_url(), sim.list_url());
    let clients = To { list_addressing: addressing, ..To::new(&cache_url, &list_url) }.connect().await;

    let listed = list_all(&clients.list, "").await;
    let mut expected: Vec<Key> = keys.iter().map(|key| Key::from(key.as_str())).collect();
    expected.sort();
    assert_eq!(listed.iter().map(|object| object.key.clone()).collect::<Vec<_>>(), expected);

    for object in &listed {
        sim.reset_counters();
        let key = &object.key;
        let warmed = clients.cache.warm(object, Via::Pool).await.unwrap_or_else(|error| panic!("{key:?}: {error}"));
        assert_eq!(warmed.etag, object.etag, "{key:?}");
        let existing = Some(Existing { etag: object.etag.clone() });
        assert_eq!(clients.list.exists(&object.bucket, key).await.unwrap(), existing, "{key:?}");
        assert!(sim.is_warm("training", key.as_bytes()), "{key:?}");
        let log = sim.log();
        let heads: Vec<_> = log.iter().filter(|logged| logged.kind != Kind::List).collect();
        assert_eq!(heads.len(), 2, "{key:?}: {heads:?}");
        for head in heads {
            let virtual_host = head.side == Side::Cache || addressing == Addressing::Virtual;
            let path = head.target.strip_prefix(if virtual_host { "/" } else { "/training/" }).unwrap();
            // The SDK names its operation in the query of no HEAD; a raw `?` would cut the key.
            assert!(!path.contains('?'), "{path}");
            assert_eq!(percent_decode_str(path).collect::<Vec<u8>>(), key.as_bytes(), "{path}");
            assert_eq!(head.host.starts_with("training."), virtual_host);
        }
    }
}

#[tokio::test]
async fn every_key_goes_back_to_the_server_as_it_was_listed() {
    round_trip(UrlEncoding::Plus, Addressing::Path).await;
}

#[tokio::test]
async fn every_key_goes_back_whatever_the_listing_escapes_and_wherever_the_bucket_stands() {
    round_trip(UrlEncoding::Percent, Addressing::Virtual).await;
}

#[tokio::test]
async fn hostile_prefixes_list_what_begins_with_them() {
    let keys = hostile();
    let bucket = keys.iter().fold(Bucket::new(), |bucket, key| bucket.object(key.as_bytes(), Entry::sized(7)));
    let sim = sim(bucket).await;
    let clients = clients(&sim).await;
    for prefix in &keys {
        let listed = list_all(&clients.list, prefix).await;
        let expected = keys.iter().filter(|key| key.starts_with(prefix.as_str())).count();
        assert_eq!(listed.len(), expected, "{prefix:?}");
    }
}

/// The first line and the headers of the one request that comes.
async fn overheard(listener: TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        request.push(byte[0]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nx-amz-id-2: 1\r\n\r\n").await.unwrap();
    String::from_utf8(request).unwrap()
}

#[tokio::test]
async fn a_key_that_is_not_utf8_is_sent_byte_for_byte() {
    for (key, path) in [
        (&b"bad\xff\xfe/x y"[..], "/bad%FF%FE/x%20y"),
        (b"placeholder/\xff", "/placeholder/%FF"),
        (b"\xc3(", "/%C3%28"),
        (b"/\xff//..", "//%FF//.."),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let clients = To::new(&url, &url).connect().await;
        let overheard = tokio::spawn(overheard(listener));
        clients.cache.warm(&listed(Key::from_bytes(key), 7), Via::Pool).await.unwrap();
        let request = overheard.await.unwrap();
        let target = request.split(' ').nth(1).unwrap();
        assert_eq!(target, path, "{request}");
        assert!(request.contains("authorization: AWS4-HMAC-SHA256 "), "{request}");
    }
}
