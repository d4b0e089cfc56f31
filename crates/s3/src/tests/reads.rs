use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::keys::hostile;
use super::{Clients, To, clients, list_all, sim, training};
use crate::{Class, PageRequest, Part, Parted, RequestError, Wanted};
use model::config::endpoint::Addressing;
use model::object::Key;
use sim::{Bucket, Entry, Fault, Kind, Listing, Rule, Sim, UrlEncoding};

async fn filled(keys: &[String]) -> Sim {
    sim(keys.iter().fold(Bucket::new(), |bucket, key| bucket.object(key.as_bytes(), Entry::bytes(key.clone())))).await
}

async fn read(clients: &Clients, key: &str, most: usize) -> Result<Option<String>, RequestError> {
    let read = clients.list.read(&training(), &Key::from(key), most).await?;
    Ok(read.map(|body| String::from_utf8(body).unwrap()))
}

#[tokio::test]
async fn every_key_is_read_as_it_was_listed_and_whole() {
    for addressing in [Addressing::Path, Addressing::Virtual] {
        let sim = filled(&hostile()).await;
        let (cache_url, list_url) = (sim.cache_url(), sim.list_url());
        let clients = To { list_addressing: addressing, ..To::new(&cache_url, &list_url) }.connect().await;
        for object in list_all(&clients.list, "").await {
            let body = clients.list.read(&training(), &object.key, 2_000).await.unwrap();
            assert_eq!(body.as_deref(), Some(object.key.as_bytes()), "{:?}", object.key);
        }
        let gets: Vec<_> = sim.log().into_iter().filter(|logged| logged.kind == Kind::Get).collect();
        assert_eq!(gets.len(), hostile().len());
        assert!(gets.iter().all(|get| get.range.is_none() && !get.target.contains('?')), "a plain GET");
        assert!(!hostile().iter().any(|key| sim.is_warm("training", key.as_bytes())));
    }
}

#[tokio::test]
async fn no_more_is_read_than_was_asked_for() {
    let bucket = Bucket::new().object("latest", Entry::bytes("iter_100")).object("empty", Entry::bytes(""));
    let sim = sim(bucket.object("huge", Entry::sized(40 << 30))).await;
    let clients = clients(&sim).await;
    for (key, most, body) in [
        ("latest", 100, Some("iter_100")),
        ("latest", 8, Some("iter_100")),
        ("latest", 4, Some("iter")),
        ("latest", 0, Some("")),
        ("empty", 10, Some("")),
        ("absent", 10, None),
        ("latest/", 10, None),
    ] {
        assert_eq!(read(&clients, key, most).await.unwrap().as_deref(), body, "{key}");
    }
    assert_eq!(clients.list.read(&training(), &Key::from("huge"), 1_000_000).await.unwrap().unwrap().len(), 1_000_000);
}

#[tokio::test]
async fn a_missing_bucket_is_no_missing_key() {
    let sim = sim(Bucket::new()).await;
    let clients = clients(&sim).await;
    let error = clients.list.read(&model::object::Bucket::new("absent"), &Key::from("a"), 9).await.unwrap_err();
    assert_eq!(error.class, Class::NotFound);
    assert!(error.message.starts_with("404 NoSuchBucket"), "{error}");
    for (code, missing) in [("NoSuchKey", true), ("NoSuchBucket", false), ("NoSuchWebsiteConfiguration", false)] {
        sim.faults().clear();
        sim.faults().push(Rule::new(Fault::status(404, code)));
        assert_eq!(read(&clients, "a", 9).await.is_ok_and(|body| body.is_none()), missing, "{code}");
    }
}

#[tokio::test]
async fn a_status_of_a_read_has_its_class() {
    let sim = filled(&["a".to_owned()]).await;
    let clients = clients(&sim).await;
    for (status, class) in
        [(301, Class::Rejected), (403, Class::Denied), (500, Class::ServerError), (503, Class::Throttled)]
    {
        sim.faults().clear();
        sim.faults().push(Rule::new(Fault::status(status, "Odd")));
        let error = read(&clients, "a", 9).await.unwrap_err();
        assert_eq!((error.class, error.message.starts_with(&status.to_string())), (class, true), "{error}");
    }
}

/// Answers one request with these bytes and hangs up.
async fn hangs_up_after(answer: &'static str) -> Clients {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    To::new(&url, &url).connect().await
}

async fn answered(answer: &'static str) -> Result<Option<String>, RequestError> {
    read(&hangs_up_after(answer).await, "a", 9).await
}

#[tokio::test]
async fn a_page_that_breaks_off_is_lost_and_no_other_kind_of_page() {
    for (answer, class) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<ListBucketResult><Contents>", Class::Lost),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n<L\r\n", Class::Lost),
        ("HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n<ListBucketResult><Contents>", Class::Malformed),
        ("HTTP/1.1 503 Slow Down\r\nContent-Length: 900\r\n\r\n<Error>", Class::Throttled),
    ] {
        let clients = hangs_up_after(answer).await;
        let (bucket, prefix) = (training(), Key::from(""));
        let request =
            PageRequest { bucket: &bucket, prefix: &prefix, after: None, continuation: None, delimiter: false };
        let error = clients.list.page(request).await.unwrap_err();
        assert_eq!(error.class, class, "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_may_be_whole_next_time() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\niter",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\niter_100",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\niter\r\n",
    ] {
        let error = answered(answer).await.unwrap_err();
        assert!(error.transient() && error.message.starts_with("the body broke off after "), "{answer:?}: {error}");
    }
    let beyond = answered("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\niter_100_").await;
    assert_eq!(beyond.unwrap().as_deref(), Some("iter_100_"), "what nobody reads may be cut off");
}

#[tokio::test]
async fn headers_that_nobody_needs_spoil_no_read() {
    let odd =
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nLast-Modified: yesterday\r\nx-amz-mp-parts-count: many\r\n\r\n100";
    assert_eq!(answered(odd).await.unwrap().as_deref(), Some("100"));
}

#[tokio::test]
async fn an_answer_that_is_not_the_object_is_an_error() {
    for (answer, shown) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", "malformed: 204 to a request for a whole object"),
        (
            "HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/9\r\n\r\ni",
            "malformed: 206 to a request for a whole object",
        ),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 17\r\n\r\n<html>who</html>\n", "not found: 404"),
    ] {
        assert_eq!(answered(answer).await.unwrap_err().to_string(), shown);
    }
    assert_eq!(answered("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap(), None);
}

#[tokio::test]
async fn folders_and_objects_are_listed_beside_each_other() {
    let names: Vec<String> = hostile().into_iter().filter(|key| !key.contains('/') && key.len() < 500).collect();
    let keys: Vec<String> = names.iter().flat_map(|name| [format!("p/{name}"), format!("p/{name}/x/y")]).collect();
    for encoding in [UrlEncoding::Plus, UrlEncoding::Percent] {
        let sim = filled(&keys).await;
        sim.set_listing(|listing| *listing = Listing { url_encoding: encoding, max_page: 7, ..Listing::default() });
        let clients = clients(&sim).await;
        let (mut folders, mut objects, mut token) = (Vec::new(), Vec::new(), None::<String>);
        loop {
            let (bucket, prefix) = (training(), Key::from("p/"));
            let continuation = token.as_deref();
            let request = PageRequest { bucket: &bucket, prefix: &prefix, after: None, continuation, delimiter: true };
            let page = clients.list.page(request).await.unwrap();
            folders.extend(page.folders);
            objects.extend(page.objects.iter().map(|object| Key::from_bytes(object.key)));
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        let expected = |end: &str| {
            let mut keys: Vec<Key> = names.iter().map(|name| Key::from(format!("p/{name}{end}").as_str())).collect();
            keys.sort();
            keys
        };
        assert_eq!(objects, expected(""), "{encoding:?}");
        assert_eq!(folders, expected("/"), "{encoding:?}");
    }
}

async fn part(clients: &Clients, key: &str, wanted: Wanted<'_>) -> Result<Part, &'static str> {
    match clients.list.part(&training(), &Key::from(key), wanted).await.unwrap() {
        Parted::Part(part) => Ok(part),
        Parted::Absent => Err("absent"),
        Parted::Changed => Err("changed"),
    }
}

#[tokio::test]
async fn an_object_is_read_part_by_part_and_every_part_is_of_one_version() {
    let bucket = Bucket::new().object("list", Entry::bytes("0123456789")).object("empty", Entry::bytes(""));
    let sim = sim(bucket).await;
    let clients = clients(&sim).await;
    let first = part(&clients, "list", Wanted { from: 0, most: 4, version: None }).await.unwrap();
    assert_eq!((&*first.bytes, first.total, first.date.is_some()), (&b"0123"[..], 10, true));
    let rest = Wanted { from: 4, most: 100, version: first.version.as_ref() };
    assert_eq!(part(&clients, "list", rest).await.unwrap().bytes, b"456789");
    let empty = part(&clients, "empty", Wanted { from: 0, most: 4, version: None }).await.unwrap();
    assert_eq!((empty.bytes.len(), empty.total), (0, 0));
    sim.put("training", "list", Entry::bytes("abcdefghij"));
    assert_eq!(part(&clients, "list", rest).await.unwrap_err(), "changed");
    sim.delete("training", "list");
    assert_eq!(part(&clients, "list", rest).await.unwrap_err(), "changed");
    assert_eq!(part(&clients, "list", Wanted { version: None, ..rest }).await.unwrap_err(), "absent");
}

#[tokio::test]
async fn what_is_no_part_of_the_object_is_an_error() {
    let wanted = Wanted { from: 0, most: 4, version: None };
    for (answer, shown) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n012345678",
            "200 to a request for a part: the server ignores Range",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204 to a request for a part"),
        (
            "HTTP/1.1 206 Partial\r\nContent-Length: 3\r\nContent-Range: bytes 0-2/9\r\n\r\n012",
            "3 bytes in the place of 4",
        ),
        (
            "HTTP/1.1 206 Partial\r\nContent-Length: 9\r\nContent-Range: bytes 0-8/9\r\n\r\n012345678",
            " bytes in the place of 4",
        ),
        ("HTTP/1.1 206 Partial\r\nContent-Length: 4\r\n\r\n0123", "206 to a request for a part"),
        (
            "HTTP/1.1 206 Partial\r\nContent-Length: 4\r\nContent-Range: bytes 0-3/9\r\n\r\n01",
            "the body broke off after 2 bytes",
        ),
    ] {
        let clients = hangs_up_after(answer).await;
        let error = clients.list.part(&training(), &Key::from("a"), wanted).await.unwrap_err();
        assert!(error.message.contains(shown), "{answer:?}: {error}");
    }
    let clients = hangs_up_after("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n012").await;
    assert_eq!(part(&clients, "a", wanted).await.unwrap().bytes, b"012", "all of it, where it is as short");
}

#[tokio::test]
async fn a_head_that_does_not_say_what_rules_ask_for_is_an_error() {
    let sim =
        sim(Bucket::new().object("a", Entry::sized(7).class("GLACIER").etag("9b2cf535f27731c974343645a3985328"))).await;
    let clients = clients(&sim).await;
    let stat = clients.list.stat(&training(), &Key::from("a")).await.unwrap().unwrap();
    let listed = list_all(&clients.list, "").await.remove(0);
    assert_eq!((stat.size, stat.etag, stat.last_modified), (7, listed.etag, listed.last_modified));
    assert_eq!(stat.storage_class, listed.storage_class);
    assert_eq!(clients.list.stat(&training(), &Key::from("b")).await.unwrap(), None);
    for answer in [
        "HTTP/1.1 200 OK\r\nx-amz-id-2: 1\r\nLast-Modified: Thu, 26 Nov 2026 03:04:05 GMT\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-amz-id-2: 1\r\nContent-Length: 7\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-amz-id-2: 1\r\nContent-Length: 7\r\nLast-Modified: yesterday\r\n\r\n",
    ] {
        let error = hangs_up_after(answer).await.list.stat(&training(), &Key::from("a")).await.unwrap_err();
        assert!(error.message.starts_with("200 to a HEAD, without a "), "{error}");
    }
    let page = "HTTP/1.1 200 OK\r\nServer: nginx\r\nETag: \"5f3a-15f4\"\r\nContent-Length: 7\r\n\
                Last-Modified: Thu, 26 Nov 2026 03:04:05 GMT\r\n\r\n";
    let error = hangs_up_after(page).await.list.stat(&training(), &Key::from("a")).await.unwrap_err();
    assert_eq!((error.class, &*error.message), (Class::Malformed, "200 from nginx, without a sign of S3"));
}
