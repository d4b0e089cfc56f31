use std::time::{Duration, Instant};

use super::client::Client;
use super::until;
use crate::{Bucket, EmptyHead, Entry, Fault, HeadForm, Kind, Lota, NoBucket, Rule, Series, Side, Sim, Throttle};

const MIB: u64 = 1 << 20;

async fn sim(lota: Lota) -> Sim {
    let bucket = Bucket::new()
        .series(Series::new("shard-", 100, ".tar").size(100 * MIB))
        .object("empty", Entry::bytes(""))
        .object("small", Entry::bytes("0123456789"));
    Sim::builder().bucket("training", bucket).cache(lota).log(100).start().await.unwrap()
}

#[tokio::test]
async fn a_ranged_head_is_answered_when_the_object_is_warm() {
    let lota = Lota { floor: Duration::from_millis(20), bandwidth: Some(1000 * MIB), ..Lota::default() };
    let sim = sim(lota).await;
    let mut client = Client::cache(&sim, "training").await;
    let start = Instant::now();
    let answer = client.warm("/shard-000007.tar").await;
    assert!(start.elapsed() >= Duration::from_millis(120), "20 ms, and 100 MiB at 1000 MiB/s");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length"), (100 * MIB).to_string());
    assert!(answer.header("etag").ends_with("-2\""));
    assert!(sim.is_warm("training", "shard-000007.tar"));
    assert!(!sim.is_warm("training", "shard-000008.tar"));

    assert_eq!(client.warm("/shard-000007.tar").await.status, 200);
    let counters = sim.counters();
    assert_eq!(counters.cache.count(Kind::RangedHead), 2);
    assert_eq!((counters.fills.hits, counters.fills.misses, counters.fills.fills), (1, 1, 1));
    assert_eq!(counters.cache.ranges["bytes=0-0"], 2);
    assert_eq!(counters.cache.hosts[&format!("training.localhost:{}", sim.cache_addr().port())], 2);
    assert_eq!((counters.cache.status(200), counters.cache.connections), (2, 1));
    assert_eq!(sim.key_counters("training", "shard-000007.tar").ranged_heads, 2);
    let logged = &sim.log()[0];
    assert_eq!((logged.side, logged.target.as_str(), logged.status), (Side::Cache, "/shard-000007.tar", Some(200)));
    sim.shutdown().await;
}

#[tokio::test]
async fn only_a_ranged_request_at_the_cache_endpoint_fills() {
    let sim = sim(Lota::default()).await;
    let mut cache = Client::cache(&sim, "training").await;
    let mut list = Client::list(&sim).await;
    assert_eq!(cache.head("/shard-000000.tar").await.header("content-length"), (100 * MIB).to_string());
    assert_eq!(list.warm("/training/shard-000000.tar").await.status, 200);
    assert_eq!(list.get("/training/small").await.text(), "0123456789");
    assert!(!sim.is_warm("training", "shard-000000.tar") && !sim.is_warm("training", "small"));
    assert_eq!(cache.get("/small").await.text(), "0123456789");
    assert!(sim.is_warm("training", "small"), "a GET fills what it reads");
    let counters = sim.counters();
    assert_eq!((counters.cache.count(Kind::PlainHead), counters.list.count(Kind::RangedHead)), (1, 1));
}

#[tokio::test]
async fn a_ranged_head_is_answered_in_the_form_asked_for() {
    for (form, empty, target, status, length, range) in [
        (HeadForm::Whole, EmptyHead::Ok, "/small", 200, "10", ""),
        (HeadForm::Partial, EmptyHead::Ok, "/small", 206, "1", "bytes 0-0/10"),
        (HeadForm::Whole, EmptyHead::RangeNotSatisfiable, "/empty", 416, "", ""),
        (HeadForm::Partial, EmptyHead::Ok, "/empty", 200, "0", ""),
        (HeadForm::Whole, EmptyHead::Ok, "/absent", 404, "", ""),
    ] {
        let sim = sim(Lota { ranged_head: form, empty_head: empty, ..Lota::default() }).await;
        let mut client = Client::cache(&sim, "training").await;
        let answer = client.warm(target).await;
        let told = (answer.status.as_u16(), answer.header("content-length"), answer.header("content-range"));
        assert_eq!(told, (status, length, range), "{form:?} {empty:?} {target}");
        assert_eq!(client.head("/small").await.header("content-length"), "10", "the connection is still in step");
    }
}

#[tokio::test]
async fn a_get_reads_the_range_it_asks_for() {
    let sim = sim(Lota { part_size: 10 * MIB, ..Lota::default() }).await;
    let mut client = Client::cache(&sim, "training").await;
    let range = |client: &Client, range: &str| {
        let target = "/shard-000000.tar";
        client.request(http::Method::GET, target).header("range", range).body(http_body_util::Full::default()).unwrap()
    };
    let request = range(&client, "bytes=1000000-1999999");
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-range"), format!("bytes 1000000-1999999/{}", 100 * MIB));
    assert_eq!(answer.body.len(), 1_000_000);
    assert!(answer.body.iter().enumerate().all(|(n, byte)| u64::from(*byte) == (1_000_000 + n as u64) % 251));
    assert_eq!(sim.counters().fills.fill_bytes, 10 * MIB, "one part holds these bytes");
}

#[tokio::test]
async fn the_cache_endpoint_knows_buckets_by_host_only() {
    let sim = sim(Lota::default()).await;
    let host = format!("localhost:{}", sim.cache_addr().port());
    let mut path_style = Client::connect(sim.cache_addr(), host).await;
    assert_eq!(path_style.warm("/training/small").await.status, 400);
    let answer = path_style.get("/training/small").await;
    assert_eq!(answer.all("Code"), ["PathStyleRequestNotAllowed"]);
    sim.set_cache(|lota| lota.path_style = true);
    assert_eq!(path_style.warm("/training/small").await.status, 200);

    let mut elsewhere = Client::cache(&sim, "no-such-bucket").await;
    assert_eq!(elsewhere.warm("/small").await.status, 404);
    sim.set_cache(|lota| lota.no_bucket = NoBucket::Stall);
    tokio::select! {
        answer = elsewhere.warm("/small") => panic!("{answer:?}"),
        // It is open as long as the client waits.
        () = until(|| sim.counters().cache.open == 1) => {}
    }
    drop(elsewhere);
    until(|| sim.counters().cache.open == 0).await;
    assert_eq!(sim.counters().cache.unanswered, 1);
}

#[tokio::test]
async fn too_many_requests_are_told_to_slow_down() {
    let throttle = Throttle { in_flight: Some(1), retry_after: Some(Duration::from_secs(3)), ..Throttle::default() };
    let sim = sim(Lota { throttle, ..Lota::default() }).await;
    sim.faults().push(Rule::new(Fault::Stall).times(1));
    let (mut stalled, mut a) = (Client::cache(&sim, "training").await, Client::cache(&sim, "training").await);
    let held = tokio::spawn(async move { stalled.try_warm("/shard-000001.tar").await });
    until(|| sim.counters().cache.open == 1).await;
    let refused = a.warm("/shard-000001.tar").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), "3");
    assert_eq!((sim.counters().cache.throttled, sim.counters().cache.most_open), (1, 2));
    assert_eq!(sim.counters().cache.most_open_one_key, 2);
    held.abort();

    for (per_second, status) in [(0, 503), (1_000_000, 200)] {
        sim.set_cache(|lota| lota.throttle = Throttle { per_second: Some(per_second), ..Throttle::default() });
        assert_eq!(a.head("/small").await.status, status, "{per_second} a second");
    }
}

#[tokio::test]
async fn what_is_written_again_is_cold_again() {
    let sim = sim(Lota::default()).await;
    let mut cache = Client::cache(&sim, "training").await;
    let before = cache.warm("/small").await;
    assert!(sim.is_warm("training", "small"));
    let mut list = Client::list(&sim).await;
    let body = http_body_util::Full::from("others");
    let put = list.request(http::Method::PUT, "/training/small").header("content-length", 6).body(body).unwrap();
    assert_eq!(list.send(put).await.unwrap().status, 200);
    assert!(!sim.is_warm("training", "small"));
    let after = cache.warm("/small").await;
    assert_eq!(after.header("content-length"), "6");
    assert_ne!(before.header("etag"), after.header("etag"));
    let delete = list.request(http::Method::DELETE, "/training/small").body(http_body_util::Full::default()).unwrap();
    assert_eq!(list.send(delete).await.unwrap().status, 204);
    assert_eq!(cache.warm("/small").await.status, 404);
}

#[tokio::test]
async fn objects_can_be_made_warm_and_cold_by_hand() {
    let sim = sim(Lota::default()).await;
    assert!(sim.preload("training", "small") && sim.is_warm("training", "small"));
    assert!(sim.evict("training", "small") && !sim.is_warm("training", "small"));
    assert!(!sim.preload("training", "absent"));
    assert_eq!(sim.counters().fills.fills, 0);
}

/// A query makes the protocol crate answer; without one nothing but the simulator itself does.
#[tokio::test]
async fn the_short_way_to_warm_answers_as_the_protocol_crate_does() {
    for ranged_head in [HeadForm::Whole, HeadForm::Partial] {
        let sim = sim(Lota { ranged_head, ..Lota::default() }).await;
        sim.put("training", "a b/\u{e9}+%2F", Entry::sized(3 * MIB).class("GLACIER"));
        let mut client = Client::cache(&sim, "training").await;
        for target in ["/shard-000007.tar", "/small", "/a%20b/%C3%A9%2B%252F", "/empty", "/nothing", "/%FF"] {
            let short = client.warm(target).await;
            let long = client.warm(&format!("{target}?x-id=HeadObject")).await;
            let told = |answer: super::client::Answer| {
                let mut headers: Vec<_> =
                    answer.headers.into_iter().filter(|(name, _)| name.as_ref().unwrap() != "date").collect();
                headers.sort_by_key(|(name, _)| name.as_ref().map(ToString::to_string));
                (answer.status, headers)
            };
            assert_eq!(told(short), told(long), "{target}");
        }
        assert!(sim.is_warm("training", "a b/\u{e9}+%2F"));
    }
}
