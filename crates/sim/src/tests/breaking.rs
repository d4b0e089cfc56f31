use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::Client;
use super::until;
use crate::{Bucket, Entry, Fault, Kind, Lota, Outage, Rule, Side, Sim};

async fn sim() -> Sim {
    let bucket = Bucket::new().object("a", Entry::sized(100)).object("b", Entry::sized(100));
    let lota = Lota { bandwidth: Some(1000), ..Lota::default() };
    Sim::builder().bucket("training", bucket).cache(lota).start().await.unwrap()
}

/// With one fault for ranged HEADs of `a`, once.
async fn broken(fault: Fault) -> (Sim, Client) {
    let sim = sim().await;
    sim.faults().push(Rule::new(fault).on(Kind::RangedHead).key("a").times(1));
    let client = Client::cache(&sim, "training").await;
    (sim, client)
}

fn is_reset(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    source.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
}

/// Whether it is not answered though the simulator has it, and time passes.
async fn never<T>(sim: &Sim, future: impl Future<Output = T>) -> bool {
    let arrived = sim.counters().cache.total();
    let waits = async {
        until(|| sim.counters().cache.total() > arrived).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
    };
    tokio::select! {
        _ = future => false,
        () = waits => true,
    }
}

#[tokio::test]
async fn a_status_comes_instead_of_the_fill() {
    for status in [400, 401, 403, 404, 429, 500, 503] {
        let wait = Some(Duration::from_secs(7));
        let fault = Fault::Status { status, code: "Whatever".to_owned(), retry_after: wait };
        let (sim, mut client) = broken(fault).await;
        let answer = client.warm("/a").await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (status, "7"));
        assert!(!sim.is_warm("training", "a"));
        assert_eq!(client.warm("/a").await.status, 200, "once only, and the connection goes on");
        assert_eq!(sim.counters().cache.status(status), 1);
    }
}

#[tokio::test]
async fn a_status_can_hide_that_the_fill_went_well() {
    let fault = Fault::StatusAfterFill { status: 500, code: "InternalError".to_owned() };
    let (sim, mut client) = broken(fault).await;
    assert_eq!(client.warm("/a").await.status, 500);
    assert!(sim.is_warm("training", "a"));
}

#[tokio::test]
async fn an_error_for_a_get_names_its_code() {
    let sim = sim().await;
    sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).side(Side::List).bucket("training"));
    let answer = Client::list(&sim).await.get("/training?list-type=2").await;
    assert_eq!((answer.status.as_u16(), answer.all("Code")), (403, vec!["AccessDenied".to_owned()]));
}

#[tokio::test]
async fn a_connection_is_reset_or_closed_before_the_answer() {
    let (sim, mut client) = broken(Fault::Reset).await;
    let error = client.try_warm("/a").await.unwrap_err();
    assert!(is_reset(&error), "{error:?}");
    assert_eq!(sim.counters().cache.unanswered, 1);
    assert!(!sim.is_warm("training", "a"));

    let (_sim, mut client) = broken(Fault::Close).await;
    let error = client.try_warm("/a").await.unwrap_err();
    assert!(error.is_incomplete_message(), "{error:?}");
}

#[tokio::test]
async fn a_reset_during_a_fill_leaves_the_fill_going() {
    let (sim, mut client) = broken(Fault::ResetMidFill { after: Duration::from_millis(20) }).await;
    let start = Instant::now();
    let error = client.try_warm("/a").await.unwrap_err();
    assert!(is_reset(&error) && start.elapsed() >= Duration::from_millis(20), "{error:?}");
    let mut again = Client::cache(&sim, "training").await;
    assert_eq!(again.warm("/a").await.status, 200);
    let fills = sim.counters().fills;
    assert_eq!((fills.fills, fills.joined + fills.hits), (1, 1), "filled once: the second request joined or came late");
}

#[tokio::test]
async fn a_reused_connection_is_reset_under_the_next_request() {
    let (sim, mut client) = broken(Fault::ResetNext).await;
    assert_eq!(client.warm("/a").await.status, 200);
    let error = client.try_warm("/b").await.unwrap_err();
    assert!(is_reset(&error), "{error:?}");
    assert!(!sim.is_warm("training", "b"));
}

#[tokio::test]
async fn an_idle_connection_is_cut_without_a_word() {
    for reset in [false, true] {
        let (_sim, mut client) = broken(Fault::CloseIdle { after: Duration::ZERO, reset }).await;
        let answer = client.warm("/a").await;
        assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, ""));
        while client.try_warm("/b").await.is_ok() {}
    }
}

#[tokio::test]
async fn a_stalled_request_is_never_answered_and_a_slow_one_late() {
    let (sim, mut client) = broken(Fault::Stall).await;
    assert!(never(&sim, client.warm("/a")).await);
    assert_eq!(sim.counters().cache.statuses.len(), 0);

    let (_sim, mut client) = broken(Fault::Slow(Duration::from_millis(150))).await;
    let start = Instant::now();
    assert_eq!(client.warm("/a").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(250), "150 ms late, 100 ms of filling");
}

#[tokio::test]
async fn an_object_changes_between_list_and_head() {
    let (sim, mut client) = broken(Fault::Overwritten).await;
    let listed = sim.get("training", "a").unwrap().etag;
    let answer = client.warm("/a").await;
    assert_ne!(answer.header("etag"), format!("\"{listed}\""));
    assert_eq!(answer.header("etag"), format!("\"{}\"", sim.get("training", "a").unwrap().etag));
    assert!(sim.is_warm("training", "a"), "warm as what it is now");

    let (sim, mut client) = broken(Fault::Deleted).await;
    assert_eq!(client.warm("/a").await.status, 404);
    assert!(sim.get("training", "a").is_none());

    let (sim, mut client) = broken(Fault::Truncated).await;
    assert_eq!(client.warm("/a").await.status, 416);
    assert_eq!(sim.get("training", "a").unwrap().size, 0);
}

#[tokio::test]
async fn the_date_can_be_off() {
    let (_sim, mut client) = broken(Fault::SkewedDate(-86_400)).await;
    let before = crate::clock::now();
    let skewed = client.warm("/a").await.header("date").to_owned();
    let right = client.warm("/a").await.header("date").to_owned();
    let told = before - chrono::TimeDelta::seconds(1)..=crate::clock::now();
    for (date, seconds) in [(skewed, 86_400), (right, 0)] {
        let here = chrono::DateTime::parse_from_rfc2822(&date).unwrap() + chrono::TimeDelta::seconds(seconds);
        assert!(told.contains(&here.to_utc()), "{date}, within {told:?}");
    }
}

#[tokio::test]
async fn a_head_error_can_leave_stray_bytes_on_the_connection() {
    let (sim, _) = broken(Fault::stray_chunk(404)).await;
    let mut stream = TcpStream::connect(sim.cache_addr()).await.unwrap();
    let request =
        format!("HEAD /a HTTP/1.1\r\nHost: training.localhost:{}\r\nRange: bytes=0-0\r\n\r\n", sim.cache_addr().port());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let mut length = 0;
    while !answer[..length].ends_with(b"\r\n\r\n0\r\n\r\n") {
        length += stream.read(&mut answer[length..]).await.unwrap();
    }
    let text = String::from_utf8_lossy(&answer[..length]).to_lowercase();
    assert!(text.starts_with("http/1.1 404") && text.contains("transfer-encoding: chunked"), "{text}");
    assert_eq!(sim.counters().cache.status(404), 1);
}

#[tokio::test]
async fn an_endpoint_can_go_silent_or_away_and_come_back() {
    let sim = sim().await;
    let mut held = Client::cache(&sim, "training").await;
    sim.set_outage(Side::Cache, Outage::Silent);
    let mut fresh = Client::cache(&sim, "training").await;
    assert!(never(&sim, held.warm("/a")).await && never(&sim, fresh.warm("/a")).await);
    assert_eq!(Client::list(&sim).await.head("/training/a").await.status, 200, "the other endpoint goes on");
    sim.set_outage(Side::Cache, Outage::None);
    assert_eq!(Client::cache(&sim, "training").await.warm("/a").await.status, 200);

    let mut held = Client::cache(&sim, "training").await;
    assert_eq!(held.warm("/a").await.status, 200);
    sim.set_outage(Side::Cache, Outage::Refused);
    while held.try_warm("/a").await.is_ok() {}
    let refused = TcpStream::connect(sim.cache_addr()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    sim.set_outage(Side::Cache, Outage::None);
    while TcpStream::connect(sim.cache_addr()).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(Client::cache(&sim, "training").await.warm("/b").await.status, 200);
    sim.set_outage(Side::Cache, Outage::Refused);
    sim.shutdown().await;
}

#[tokio::test]
async fn nothing_answers_after_a_shutdown() {
    let sim = sim().await;
    let addr = sim.cache_addr();
    let mut client = Client::cache(&sim, "training").await;
    assert_eq!(client.warm("/a").await.status, 200);
    sim.shutdown().await;
    assert!(client.try_warm("/a").await.is_err());
    assert!(TcpStream::connect(addr).await.is_err());
}
