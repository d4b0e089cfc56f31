use chrono::TimeDelta;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{To, clients, list_all, listed, sim, training};
use crate::clock;
use crate::{Class, Existing, PageRequest, Via};
use model::config::endpoint::Addressing;
use model::object::{ETag, Key};
use sim::{Bucket, Credentials, Entry, Fault, Kind, Rule, Side};

#[tokio::test]
async fn a_right_signature_is_accepted_and_a_wrong_secret_is_denied() {
    let sim = sim(Bucket::new().object("a", Entry::sized(7))).await;
    let right = clients(&sim).await;
    right.warm("a").await.unwrap();
    assert_eq!(right.list.buckets().await.unwrap()[0].bucket, training());
    let (cache, list) = (sim.cache_url(), sim.list_url());
    let wrong = To { secret: "not-it", ..To::new(&cache, &list) }.connect().await;
    let error = wrong.warm("a").await.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (Class::Denied, "403"));
    let request =
        PageRequest { bucket: &training(), prefix: &Key::from(""), after: None, continuation: None, delimiter: false };
    let error = wrong.list.page(request).await.unwrap_err();
    assert_eq!(error.class, Class::Denied);
    assert!(error.message.starts_with("403 SignatureDoesNotMatch"), "{error}");
    assert!(!error.message.contains("not-it"), "{error}");
    assert_eq!(wrong.list.exists(&training(), &Key::from("a")).await.unwrap_err().class, Class::Denied);
    assert_eq!(wrong.list.buckets().await.unwrap_err().class, Class::Denied);
}

#[tokio::test]
async fn new_keys_are_used_once_they_are_read_again() {
    let sim = sim(Bucket::new().object("a", Entry::sized(7))).await;
    let clients = clients(&sim).await;
    clients.warm("a").await.unwrap();
    sim.set_credentials(vec![Credentials {
        access_key: "AK".to_owned(),
        secret_key: "SK2".to_owned(),
        session_token: None,
    }]);
    std::fs::write(clients.dir.path().join("secret"), "SK2").unwrap();
    assert_eq!(clients.warm("a").await.unwrap_err().class, Class::Denied);
    clients.keys.reread().await.unwrap();
    clients.warm("a").await.unwrap();
}

#[tokio::test]
async fn a_refusal_by_a_clock_far_away_sets_ours_once_for_both_sides() {
    let sim = sim(Bucket::new().object("a", Entry::sized(7))).await;
    let clients = clients(&sim).await;
    let ahead = clock::now() + TimeDelta::hours(2);
    let date = ahead.format("%a, %d %b %Y %H:%M:%S GMT");
    let refused = format!("HTTP/1.1 403 Forbidden\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
    sim.faults().push(Rule::new(Fault::Raw { status: 403, answer: refused.into() }));
    let warmed = clients.warm("a").await;
    assert_eq!(warmed.unwrap_err().class, Class::ClockSkew, "signed by another clock next time");
    let warmed = clients.warm("a").await;
    assert_eq!(warmed.unwrap_err().class, Class::Denied, "it was not the clock");
    let request =
        PageRequest { bucket: &training(), prefix: &Key::from(""), after: None, continuation: None, delimiter: false };
    assert_eq!(clients.list.page(request).await.unwrap_err().class, Class::Denied, "the SDK signs by it too");
}

#[tokio::test]
async fn a_session_token_travels_along() {
    let sim = sim(Bucket::new().object("a", Entry::sized(7))).await;
    let token = Some("TOKEN".to_owned());
    sim.set_credentials(vec![Credentials {
        access_key: "AK".to_owned(),
        secret_key: "SK".to_owned(),
        session_token: token,
    }]);
    let (cache, list) = (sim.cache_url(), sim.list_url());
    let with = To { token: Some("TOKEN"), ..To::new(&cache, &list) }.connect().await;
    with.warm("a").await.unwrap();
    assert_eq!(list_all(&with.list, "").await.len(), 1);
    let without = To::new(&cache, &list).connect().await;
    assert_eq!(without.warm("a").await.unwrap_err().class, Class::Denied);
}

#[tokio::test]
async fn only_the_cache_gets_the_range_and_only_by_host() {
    let sim = sim(Bucket::new().object("a/b", Entry::sized(7))).await;
    for addressing in [Addressing::Path, Addressing::Virtual] {
        sim.reset_counters();
        let (cache, list) = (sim.cache_url(), sim.list_url());
        let clients = To { list_addressing: addressing, ..To::new(&cache, &list) }.connect().await;
        let key = Key::from("a/b");
        clients.cache.warm(&listed(key.clone(), 7), Via::Pool).await.unwrap();
        let existing = Some(Existing { etag: Some(ETag::new(&sim.get("training", "a/b").unwrap().etag)) });
        assert_eq!(clients.cache.exists(&training(), &key).await.unwrap(), existing);
        assert_eq!(clients.list.exists(&training(), &key).await.unwrap(), existing);
        assert_eq!(clients.list.exists(&training(), &Key::from("missing")).await.unwrap(), None);
        assert_eq!(list_all(&clients.list, "a/").await.len(), 1);
        let seen: Vec<_> = sim.log().into_iter().map(|l| (l.side, l.kind, l.range, l.target)).collect();
        let below = |path: &str| match addressing {
            Addressing::Path => format!("/training/{path}"),
            Addressing::Virtual => format!("/{path}"),
        };
        let page = format!("{}?encoding-type=url&list-type=2&prefix=a%2F", below("").trim_end_matches('?'));
        assert_eq!(
            seen,
            [
                (Side::Cache, Kind::RangedHead, Some("bytes=0-0".to_owned()), "/a/b".to_owned()),
                (Side::Cache, Kind::PlainHead, None, "/a/b".to_owned()),
                (Side::List, Kind::PlainHead, None, below("a/b")),
                (Side::List, Kind::PlainHead, None, below("missing")),
                (Side::List, Kind::List, None, page),
            ]
        );
    }
}

#[tokio::test]
async fn a_warming_request_is_small_and_says_no_more_than_it_must() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://localhost:{port}");
    let clients = To { token: Some("TOKEN"), ..To::new(&url, &url) }.connect().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 8192];
        let read = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nx-amz-id-2: 1\r\n\r\n").await.unwrap();
        String::from_utf8(request[..read].to_vec()).unwrap()
    });
    clients.warm("a b").await.unwrap();
    let request = server.await.unwrap();
    let mut lines = request.lines();
    assert_eq!(lines.next(), Some("HEAD /a%20b HTTP/1.1"));
    let headers: std::collections::BTreeMap<_, _> = lines.filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(headers["range"], "bytes=0-0");
    assert_eq!(headers["host"], format!("training.localhost:{port}"));
    assert_eq!(headers["x-amz-security-token"], "TOKEN");
    assert!(headers["authorization"].contains("/us-east-1/s3/aws4_request"), "{headers:?}");
    assert!(!request.contains("SK"), "{request}");
}
