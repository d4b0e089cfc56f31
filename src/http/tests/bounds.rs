//! No client makes the daemon wait without end, or hold more than it should.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::fake::Fake;
use super::views::{busy, fresh};
use crate::daemon::handle::{Command, Handle};
use crate::http::{Server, TokenFiles, connection};

const LOOPBACK: &str = "127.0.0.1:9464";
/// How long what has to come is waited for. Only what is broken takes as long.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(10);

/// A client's end of a served connection that holds `room` bytes on their way.
fn connect(fake: &Fake, room: usize) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let (client, server) = duplex(room);
    let router = fake.router(LOOPBACK, TokenFiles::default());
    (client, tokio::spawn(connection::serve(server, router, CancellationToken::new(), None)))
}

async fn read_all(mut client: DuplexStream) -> String {
    let mut text = Vec::new();
    client.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_body_is_small() {
    let fake = Fake::new(fresh());
    let body = |len: usize| format!("{{{}}}", " ".repeat(len - 2));
    assert_eq!(fake.post("/-/reload", &body(16 * 1024)).await.status, 200);
    let answer = fake.post("/-/reload", &body(16 * 1024 + 1)).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (413, "the body is larger than 16384 bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let fake = Fake::new(fresh());
    let (mut client, server) = connect(&fake, 4096);
    let start = Instant::now();
    client.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc").await.unwrap();
    server.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let fake = Fake::new(fresh());
    let (mut client, server) = connect(&fake, 4096);
    client.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let start = Instant::now();
    assert!(read_all(client).await.starts_with("HTTP/1.1 200 OK\r\n"));
    server.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_is_refused() {
    let fake = Fake::new(fresh());
    let (mut client, server) = connect(&fake, 100_000);
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(64 * 1024));
    client.write_all(head.as_bytes()).await.unwrap();
    assert!(read_all(client).await.starts_with("HTTP/1.1 431 "));
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let fake = Fake::new(fresh());
    let (mut client, server) = connect(&fake, 4096);
    let start = Instant::now();
    client.write_all(b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{").await.unwrap();
    let answer = read_all(client).await;
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.ends_with("the body did not come in time\",\"v\":1}"),
        "{answer}"
    );
    assert_eq!(start.elapsed().as_secs(), 10);
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_keep_up_is_cut_off() {
    let fake = Fake::new(busy());
    let (mut client, server) = connect(&fake, 512);
    client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let start = Instant::now();
    // A byte now and then does not help.
    let mut byte = [0];
    while client.read(&mut byte).await.is_ok_and(|n| n > 0) && start.elapsed() < Duration::from_secs(600) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if server.is_finished() {
            break;
        }
    }
    assert!((30..=32).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reload_may_take_a_minute_and_no_answer_more_than_its_time() {
    let (commands, mut queue) = mpsc::channel(4);
    let held = tokio::spawn(async move {
        let Some(Command::Reload(reply)) = queue.recv().await else { panic!("a reload is asked for") };
        // Neither answered nor dropped.
        std::future::pending::<()>().await;
        drop(reply);
    });
    let auth = crate::http::Auth::new(LOOPBACK.parse().unwrap(), TokenFiles::default());
    let router = crate::http::route::router(Handle(commands), auth);
    let start = Instant::now();
    let answer = super::fake::send(router, super::fake::Asked::new("POST", "/-/reload")).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (503, "the daemon did not answer in time"));
    assert_eq!(start.elapsed().as_secs(), 60);
    held.abort();
}

async fn get(addr: std::net::SocketAddr) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut head = [0; 15];
    timeout(ANSWER_TIMEOUT, stream.read_exact(&mut head)).await.expect("an answer").unwrap();
    (stream, String::from_utf8(head.to_vec()).unwrap())
}

#[tokio::test]
async fn a_server_serves_until_it_is_told_to_stop() {
    let fake = Fake::new(fresh());
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), TokenFiles::default()).unwrap();
    let (addr, stop) = (server.local_addr(), CancellationToken::new());
    assert!(Server::bind(addr, TokenFiles::default()).is_err(), "the port is ours");
    let served = tokio::spawn(server.serve(fake.handle.clone(), stop.clone()));
    let (mut idle, head) = get(addr).await;
    assert_eq!(head, "HTTP/1.1 200 OK");
    stop.cancel();
    timeout(ANSWER_TIMEOUT, served).await.expect("it ends").unwrap().unwrap();
    let mut rest = Vec::new();
    timeout(ANSWER_TIMEOUT, idle.read_to_end(&mut rest)).await.expect("closed").unwrap();
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_room() {
    let fake = Fake::new(fresh());
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), TokenFiles::default()).unwrap();
    let (addr, stop) = (server.local_addr(), CancellationToken::new());
    let served = tokio::spawn(server.serve(fake.handle.clone(), stop.clone()));
    let mut open = Vec::new();
    for _ in 0..connection::MAX_CONNECTIONS {
        open.push(get(addr).await.0);
    }
    let mut waiting = TcpStream::connect(addr).await.unwrap();
    waiting.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(200), waiting.read(&mut byte)).await.is_err(), "there is no room");
    drop(open.pop());
    let answered = timeout(ANSWER_TIMEOUT, waiting.read(&mut byte)).await;
    assert_eq!(answered.expect("there is room now").unwrap(), 1);
    stop.cancel();
    timeout(ANSWER_TIMEOUT, served).await.expect("it ends").unwrap().unwrap();
}
