use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::{TEST_TIMEOUT, To, clients, sim, training};
use crate::{Class, PageRequest};
use model::object::Key;
use sim::{Bucket, Entry, Fault, Kind, Outage, Rule, Side, Sim};

async fn one() -> Sim {
    sim(Bucket::new().object("a", Entry::sized(1234))).await
}

async fn warm(clients: &super::Clients) -> Result<(), Class> {
    clients.warm("a").await.map(drop).map_err(|error| error.class)
}

async fn list(clients: &super::Clients) -> Result<(), Class> {
    let request =
        PageRequest { bucket: &training(), prefix: &Key::from(""), after: None, continuation: None, delimiter: false };
    clients.list.page(request).await.map(drop).map_err(|error| error.class)
}

/// A page of many reads from the socket.
async fn many() -> Sim {
    let names = (0..1_000).map(|number| format!("a-rather-long-name-of-a-folder/shard-{number:05}.tar"));
    sim(names.fold(Bucket::new(), |bucket, name| bucket.object(name, Entry::sized(1)))).await
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let sim = one().await;
    let clients = clients(&sim).await;
    for _ in 0..10 {
        warm(&clients).await.unwrap();
    }
    assert_eq!(sim.counters().cache.connections, 1);
}

#[tokio::test]
async fn a_reset_of_a_used_connection_before_any_answer_is_an_idle_reset() {
    let sim = one().await;
    let clients = clients(&sim).await;
    sim.faults().push(Rule::new(Fault::ResetNext).on(Kind::RangedHead).nth(1));
    warm(&clients).await.unwrap();
    assert_eq!(warm(&clients).await, Err(Class::IdleReset));
    warm(&clients).await.unwrap();
    assert_eq!(sim.counters().cache.connections, 2);
}

#[tokio::test]
async fn a_connection_closed_while_it_was_idle_is_replaced_without_a_word() {
    for reset in [false, true] {
        let sim = one().await;
        let clients = clients(&sim).await;
        let fault = Fault::CloseIdle { after: Duration::ZERO, reset };
        sim.faults().push(Rule::new(fault).on(Kind::RangedHead).nth(1));
        let mut answers = Vec::new();
        while sim.counters().cache.connections < 2 {
            answers.push(warm(&clients).await);
        }
        // The end may or may not have been noticed before a request was sent into it.
        answers.retain(|answer| answer != &Ok(()));
        assert!(matches!(&answers[..], [] | [Err(Class::IdleReset)]), "{answers:?}");
    }
}

#[tokio::test]
async fn pages_go_over_one_connection() {
    let sim = many().await;
    let clients = clients(&sim).await;
    for _ in 0..10 {
        list(&clients).await.unwrap();
    }
    assert_eq!(sim.counters().list.connections, 1);
}

#[tokio::test]
async fn a_reset_of_a_used_connection_before_any_byte_of_a_page_is_an_idle_reset() {
    let sim = many().await;
    let clients = clients(&sim).await;
    sim.faults().push(Rule::new(Fault::ResetNext).on(Kind::List).nth(1));
    list(&clients).await.unwrap();
    assert_eq!(list(&clients).await, Err(Class::IdleReset));
    list(&clients).await.unwrap();
    assert_eq!(sim.counters().list.connections, 2);
}

#[tokio::test]
async fn a_connection_for_pages_that_was_closed_while_it_was_idle_is_replaced_without_a_word() {
    for reset in [false, true] {
        let sim = one().await;
        let clients = clients(&sim).await;
        let fault = Fault::CloseIdle { after: Duration::ZERO, reset };
        sim.faults().push(Rule::new(fault).on(Kind::List).nth(1));
        let mut answers = Vec::new();
        while sim.counters().list.connections < 2 {
            answers.push(list(&clients).await);
        }
        // The end may or may not have been noticed before a request was sent into it.
        answers.retain(|answer| answer != &Ok(()));
        assert!(matches!(&answers[..], [] | [Err(Class::IdleReset)]), "{answers:?}");
    }
}

#[tokio::test]
async fn a_reset_or_a_close_of_a_new_connection_for_pages_may_have_been_acted_on() {
    for fault in [Fault::Reset, Fault::Close] {
        let sim = many().await;
        let clients = clients(&sim).await;
        sim.faults().push(Rule::new(fault.clone()).on(Kind::List).nth(1));
        assert_eq!(list(&clients).await, Err(Class::Lost), "{fault:?}");
    }
}

#[tokio::test]
async fn a_connection_whose_answer_was_odd_is_not_used_again() {
    let whole = "HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/9\r\nx-amz-id-2: 1\r\n";
    for (odd, why) in [
        (format!("{whole}\r\nx"), "a body behind a HEAD"),
        (format!("{whole}\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), "two answers to one request"),
        (format!("{whole}Connection: close\r\n\r\n"), "its end is announced"),
        (whole.replace("1.1", "1.0") + "\r\n", "an old server"),
        (whole.replace("Content-Length: 1", "Transfer-Encoding: chunked") + "\r\n", "chunks of nothing"),
    ] {
        let sim = one().await;
        let clients = clients(&sim).await;
        sim.faults().push(Rule::new(Fault::Raw { status: 206, answer: odd.into() }).on(Kind::RangedHead).nth(1));
        assert_eq!(clients.warm("a").await.unwrap().size, Some(9), "{why}");
        for _ in 0..3 {
            let warmed = clients.warm("a").await.unwrap();
            assert_eq!(warmed.size, Some(1234), "{why}: taken for the next answer");
        }
        assert_eq!(sim.counters().cache.connections, 2, "{why}");
    }
}

/// Answers every request of one connection with `answer`, and gives how many there were once it is closed.
async fn counts_requests(answer: &'static [u8]) -> (String, tokio::task::JoinHandle<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut request, mut requests) = (Vec::new(), 0);
        while let Ok(byte) = stream.read_u8().await {
            request.push(byte);
            if request.ends_with(b"\r\n\r\n") {
                requests += 1;
                stream.write_all(answer).await.unwrap();
            }
        }
        requests
    });
    (url, server)
}

async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
    tokio::task::yield_now().await;
}

#[tokio::test]
async fn an_unused_connection_is_closed_before_servers_do_it() {
    let (url, server) = counts_requests(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nx-amz-id-2: 1\r\n\r\n").await;
    let clients = To::new(&url, &url).connect().await;
    for _ in 0..3 {
        warm(&clients).await.unwrap();
        pass(30).await;
    }
    pass(25).await;
    assert_eq!(timeout(TEST_TIMEOUT, server).await.unwrap().unwrap(), 3, "all on one connection");
}

#[tokio::test]
async fn an_unused_connection_for_pages_is_closed_before_servers_do_it() {
    let (url, server) = counts_requests(b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n<ListBucketResult/>").await;
    let clients = To::new(&url, &url).connect().await;
    for _ in 0..3 {
        list(&clients).await.unwrap();
        pass(30).await;
    }
    // The client looks for old connections at intervals of its own.
    for _ in 0..4 {
        pass(25).await;
    }
    assert_eq!(timeout(TEST_TIMEOUT, server).await.unwrap().unwrap(), 3, "all on one connection");
}

#[tokio::test]
async fn a_reset_or_a_close_of_a_new_connection_may_have_been_acted_on() {
    for fault in [Fault::Reset, Fault::Close, Fault::ResetMidFill { after: Duration::from_millis(5) }] {
        let sim = one().await;
        sim.set_cache(|lota| lota.floor = Duration::from_millis(50));
        let clients = clients(&sim).await;
        sim.faults().push(Rule::new(fault.clone()).on(Kind::RangedHead).nth(1));
        assert_eq!(warm(&clients).await, Err(Class::Lost), "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_cut_short_on_a_used_connection_is_lost() {
    let sim = one().await;
    let clients = clients(&sim).await;
    warm(&clients).await.unwrap();
    let fault = Fault::Raw { status: 200, answer: "HTTP/1.1 200 OK\r\nContent-Le".into() };
    sim.faults().push(Rule::new(fault).on(Kind::RangedHead));
    let answer = timeout(Duration::from_secs(2), clients.warm("a")).await;
    // The simulator may keep the connection open behind the stump: then it is the caller's deadline that ends it.
    assert!(answer.is_err() || answer.unwrap().is_err_and(|error| error.class == Class::Lost));
}

/// Until a request has been open for a while.
async fn stalls(sim: &Sim) {
    while sim.counters().cache.open == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_stall_is_not_ended_here() {
    let sim = one().await;
    let clients = clients(&sim).await;
    sim.faults().push(Rule::new(Fault::Stall).on(Kind::RangedHead).nth(1));
    tokio::select! {
        answer = warm(&clients) => panic!("the deadline is the caller's, and not {answer:?}"),
        () = stalls(&sim) => {}
    }
    warm(&clients).await.unwrap();
    assert_eq!(sim.counters().cache.connections, 2, "the stalled connection is not used again");
}

#[tokio::test]
async fn an_endpoint_that_refuses_connections_was_sent_nothing() {
    let sim = one().await;
    let clients = clients(&sim).await;
    sim.set_outage(Side::Cache, Outage::Refused);
    let refused = async { while warm(&clients).await != Err(Class::Unreachable) {} };
    timeout(TEST_TIMEOUT, refused).await.expect("the listener goes");
    assert_eq!(warm(&clients).await, Err(Class::Unreachable));
}

#[tokio::test]
async fn a_host_that_does_not_exist_was_sent_nothing() {
    let url = "http://cache.invalid:1";
    let clients = To::new(url, url).connect().await;
    assert_eq!(warm(&clients).await, Err(Class::Unreachable));
    assert_eq!(list(&clients).await, Err(Class::Unreachable));
}

#[tokio::test]
async fn a_listing_cut_in_its_middle_is_an_error() {
    let sim = one().await;
    let clients = clients(&sim).await;
    let answer =
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n<?xml version=\"1.0\"?><ListBucketResult>";
    sim.faults().push(Rule::new(Fault::Raw { status: 200, answer: answer.into() }).on(Kind::List));
    let page = timeout(Duration::from_secs(2), list(&clients)).await;
    assert!(page.is_err() || page.unwrap().is_err());
}
