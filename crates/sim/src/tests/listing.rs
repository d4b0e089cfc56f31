use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::client::{Answer, Client};
use crate::{Bucket, Entry, Fault, Kind, Listing, Lota, Rule, Series, Sim, Throttle, UrlEncoding};

/// Keys that clients get wrong.
pub fn odd_keys() -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = [
        "plain",
        "a b",
        "a+b",
        "a%2Fb",
        "%",
        "100%",
        "a//b",
        "/leading",
        "//two",
        "/",
        "trailing/",
        "../up",
        "a/../b",
        ".",
        "..",
        "line\nbreak",
        "cr\rreturn",
        "tab\tbed",
        "\u{1}control",
        "\u{1b}[31mred",
        "café",
        "日本/語",
        "e\u{301}",
        "\u{1f600}",
        "a&b<c>d\"e'f",
        "?query",
        "#hash",
        "a=b&c",
        "~tilde",
        "back\\slash",
        "star*",
        "{0..9}",
        "\u{7f}",
        "\u{fffd}",
        "colon:at@",
        "semi;comma,",
        "(round)[square]",
        "caret^pipe|tick`",
        "!$",
    ]
    .map(|key| key.as_bytes().to_vec())
    .to_vec();
    keys.push("x".repeat(1024).into_bytes());
    keys.push("é".repeat(512).into_bytes());
    keys.sort();
    keys
}

async fn sim(bucket: Bucket, listing: Listing) -> Sim {
    Sim::builder().bucket("training", bucket).listing(listing).start().await.unwrap()
}

/// All pages, as they are asked for with `query`.
async fn pages(client: &mut Client, query: &str) -> Vec<Answer> {
    let mut pages = Vec::new();
    let mut target = format!("/training?list-type=2&{query}");
    loop {
        let page = client.get(&target).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let next = page.all("NextContinuationToken").pop();
        assert_eq!(page.all("IsTruncated"), [next.is_some().to_string()]);
        pages.push(page);
        let Some(token) = next else { return pages };
        let token = percent_encode(token.as_bytes(), NON_ALPHANUMERIC);
        target = format!("/training?list-type=2&{query}&continuation-token={token}");
    }
}

#[tokio::test]
async fn every_odd_key_survives_a_listing_and_a_head() {
    for (encoding, plus) in [(UrlEncoding::Plus, true), (UrlEncoding::Percent, false)] {
        let bucket = odd_keys().into_iter().fold(Bucket::new(), |bucket, key| bucket.object(key, Entry::bytes("x")));
        let sim = sim(bucket, Listing { url_encoding: encoding, ..Listing::default() }).await;
        let mut list = Client::list(&sim).await;
        let pages = pages(&mut list, "encoding-type=url&max-keys=7").await;
        let listed = pages.iter().flat_map(|page| page.all("Key")).map(|key| {
            assert!(key.is_ascii() && !key.contains(' '), "{key}");
            let key = if plus { key.replace('+', " ") } else { key };
            percent_decode_str(&key).collect::<Vec<u8>>()
        });
        let listed: Vec<_> = listed.collect();
        assert_eq!(listed, odd_keys(), "byte for byte and in order");

        let mut cache = Client::cache(&sim, "training").await;
        for key in &listed {
            let path = percent_encode(key, NON_ALPHANUMERIC).to_string();
            let shown = String::from_utf8_lossy(key);
            assert_eq!(cache.warm(&format!("/{path}")).await.status, 200, "{shown}");
            assert_eq!(list.head(&format!("/training/{path}")).await.status, 200, "{shown}");
            assert!(sim.is_warm("training", key), "{shown}");
            let found = list.get(&format!("/training?list-type=2&encoding-type=url&max-keys=1&prefix={path}")).await;
            assert_eq!(found.all("Key").len(), 1, "{shown} is its own prefix");
            let counters = sim.key_counters("training", key);
            assert_eq!((counters.ranged_heads, counters.plain_heads), (1, 1), "{shown}");
        }
        for path in ["/a//b", "//leading", "/a/../b", "/.."] {
            assert_eq!(cache.warm(path).await.status, 200, "{path} is not tidied up on the way");
        }
    }
}

#[tokio::test]
async fn a_server_may_claim_url_encoding_and_send_keys_raw() {
    let bucket = Bucket::new().object("a b+c", Entry::sized(1));
    let sim = sim(bucket, Listing { url_encoding: UrlEncoding::ClaimedOnly, ..Listing::default() }).await;
    let page = Client::list(&sim).await.get("/training?list-type=2&encoding-type=url").await;
    assert_eq!((page.all("EncodingType"), page.all("Key")), (vec!["url".to_owned()], vec!["a b+c".to_owned()]));
}

#[tokio::test]
async fn a_million_objects_are_paged_where_they_are_asked_for() {
    let series = Series::new("datasets/shard-", 1_000_000, ".tar").size(5 << 30);
    let sim = sim(Bucket::new().series(series), Listing::default()).await;
    let mut client = Client::list(&sim).await;
    let page = client.get("/training?list-type=2&start-after=datasets%2Fshard-999995.tar&max-keys=2").await;
    assert_eq!(page.all("Key"), ["datasets/shard-999996.tar", "datasets/shard-999997.tar"]);
    assert_eq!(page.all("Size"), [(5u64 << 30).to_string(), (5u64 << 30).to_string()]);
    assert_eq!(page.all("KeyCount"), ["2"]);
    let last = pages(&mut client, "prefix=datasets%2Fshard-99999&max-keys=4").await;
    assert_eq!(last.iter().map(|page| page.all("Key").len()).collect::<Vec<_>>(), [4, 4, 2]);
    let top = client.get("/training?list-type=2&delimiter=%2F").await;
    assert_eq!((top.all("Key").len(), top.all("Prefix")), (0, vec![String::new(), "datasets/".to_owned()]));
    assert_eq!(client.get("/training?list-type=2").await.all("Key").len(), 1000);
    assert_eq!(sim.counters().list.count(Kind::List), 6);
}

#[tokio::test]
async fn a_listing_names_size_etag_time_and_class() {
    let entry = Entry::sized(7).class("STANDARD_IA").etag("abc");
    let sim = sim(Bucket::new().object("k", entry).object("l", Entry::sized(1)), Listing::default()).await;
    let page = Client::list(&sim).await.get("/training?list-type=2").await;
    assert_eq!(page.all("StorageClass"), ["STANDARD_IA"], "left out where there is none");
    assert_eq!(page.all("ETag")[0], "\"abc\"");
    assert_eq!(page.all("LastModified")[0], "2026-01-01T00:00:00.000Z");
    let head = Client::list(&sim).await.head("/training/k").await;
    assert_eq!((head.header("x-amz-storage-class"), head.header("etag")), ("STANDARD_IA", "\"abc\""));
    assert_eq!(head.header("last-modified"), "Thu, 01 Jan 2026 00:00:00 GMT");
}

#[tokio::test]
async fn the_list_endpoint_serves_both_addressing_styles() {
    let sim = sim(Bucket::new().object("k", Entry::sized(7)).region("EU-NORTH-05A"), Listing::default()).await;
    let host = format!("training.localhost:{}", sim.list_addr().port());
    let mut virtual_host = Client::connect(sim.list_addr(), host).await;
    assert_eq!(virtual_host.get("/?list-type=2").await.all("Key"), ["k"]);
    assert_eq!(virtual_host.head("/k").await.status, 200);
    let mut path = Client::list(&sim).await;
    assert_eq!(path.get("/training/?list-type=2").await.all("Key"), ["k"]);
    let buckets = path.get("/").await;
    assert_eq!(
        (buckets.all("Name"), buckets.all("BucketRegion")),
        (vec!["training".into()], vec!["EU-NORTH-05A".into()])
    );
    assert!(path.get("/training?location").await.text().contains("EU-NORTH-05A"));
    assert_eq!(path.head("/training").await.status, 200);
    assert_eq!(path.get("/absent?list-type=2").await.all("Code"), ["NoSuchBucket"]);
    assert_eq!(path.get("/training?list-type=2&continuation-token=bad!").await.all("Code"), ["InvalidArgument"]);
}

#[tokio::test]
async fn pages_can_be_slow_short_or_refused() {
    let listing = Listing { page_delay: Duration::from_millis(50), max_page: 3, ..Listing::default() };
    let sim = sim(Bucket::new().series(Series::new("k", 7, "")), listing).await;
    let mut client = Client::list(&sim).await;
    let start = Instant::now();
    assert_eq!(pages(&mut client, "max-keys=1000").await.len(), 3);
    assert!(start.elapsed() >= Duration::from_millis(150));
    sim.faults().push(Rule::new(Fault::ShortPage(1)).on(Kind::List).times(1));
    let short = pages(&mut client, "").await;
    assert_eq!(short.iter().map(|page| page.all("Key").len()).collect::<Vec<_>>(), [1, 3, 3]);
    sim.set_listing(|listing| listing.throttle = Throttle { in_flight: Some(0), ..Throttle::default() });
    assert_eq!(client.get("/training?list-type=2").await.all("Code"), ["SlowDown"]);
}

#[tokio::test]
async fn the_cache_endpoint_lists_too() {
    let bucket = Bucket::new().object("k", Entry::sized(7));
    let sim = Sim::builder().bucket("training", bucket).cache(Lota::default()).start().await.unwrap();
    assert_eq!(Client::cache(&sim, "training").await.get("/?list-type=2").await.all("Key"), ["k"]);
    assert!(!sim.is_warm("training", "k"));
}
