//! Answers to HEADs as no simulator of ours would give them, byte by byte as the server writes them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Clients, To};
use crate::{Class, RequestError, Warmed};
use model::object::ETag;

const WHOLE: &str = "HTTP/1.1 206 Partial Content\r\nx-amz-id-2: 1\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/9\r\nETag: \"a\"\r\n\r\n";

/// A server that answers by script, on whatever connection: the pieces of one answer are written one by one. It notes how
/// many connections there were.
struct Server {
    clients: Clients,
    server: JoinSet<u32>,
}

impl Server {
    async fn start(answers: Vec<Vec<String>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut answers = answers.into_iter();
            let mut connections = 0;
            while !answers.as_slice().is_empty() {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                connections += 1;
                while has_request(&mut stream).await
                    && let Some(pieces) = answers.next()
                {
                    for piece in pieces {
                        stream.write_all(piece.as_bytes()).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                    if answers.as_slice().is_empty() {
                        return connections;
                    }
                }
            }
            connections
        });
        Self { clients: To::new(&url, &url).connect().await, server }
    }

    async fn warm(&self) -> Result<Warmed, RequestError> {
        self.clients.warm("a").await
    }

    async fn connections(&mut self) -> u32 {
        self.server.join_next().await.unwrap().unwrap()
    }
}

async fn has_request(stream: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return false,
        }
    }
    true
}

fn at_once(answer: impl Into<String>) -> Vec<String> {
    vec![answer.into()]
}

#[tokio::test]
async fn an_answer_in_pieces_is_one_answer() {
    let bytes: Vec<String> = WHOLE.chars().map(String::from).collect();
    let mut server = Server::start(vec![bytes.clone(), bytes, at_once(WHOLE)]).await;
    for _ in 0..3 {
        assert_eq!(server.warm().await.unwrap().size, Some(9));
    }
    assert_eq!(server.connections().await, 1);
}

#[tokio::test]
async fn what_says_that_the_answer_is_still_to_come_is_none() {
    let early = "HTTP/1.1 103 Early Hints\r\nContent-Range: bytes 0-0/7\r\n\r\n";
    let together = format!("HTTP/1.1 100 Continue\r\n\r\n{early}{WHOLE}");
    let apart = vec![early.to_owned(), early.to_owned(), WHOLE.to_owned()];
    let mut server = Server::start(vec![at_once(together), apart, at_once(WHOLE)]).await;
    for _ in 0..3 {
        assert_eq!(server.warm().await.unwrap().size, Some(9));
    }
    assert_eq!(server.connections().await, 1);
}

#[tokio::test]
async fn a_connection_that_speaks_something_else_from_now_on_is_left() {
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    let mut server = Server::start(vec![at_once(upgrade), at_once(WHOLE)]).await;
    assert_eq!(server.warm().await.unwrap_err().class, Class::Rejected);
    assert_eq!(server.warm().await.unwrap().size, Some(9));
    assert_eq!(server.connections().await, 2);
}

#[tokio::test]
async fn a_head_without_end_and_one_that_is_none_are_lost() {
    let lines = |count: usize, value: &str| format!("X-Long: {value}\r\n").repeat(count);
    for answer in [
        format!("HTTP/1.1 206 Partial Content\r\n{}", lines(80, &"x".repeat(1000))),
        format!("HTTP/1.1 206 Partial Content\r\n{}\r\n", lines(101, "x")),
        "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        "HTTP/1.1 206 Partial Content\r\nContent Range: bytes 0-0/9\r\n\r\n".to_owned(),
        "HTTP/2 206\r\n\r\n".to_owned(),
    ] {
        let mut server = Server::start(vec![at_once(answer.clone()), at_once(WHOLE)]).await;
        let error = server.warm().await.unwrap_err();
        assert_eq!(error.class, Class::Lost, "{error} for {}", &answer[..20]);
        assert_eq!(server.warm().await.unwrap().size, Some(9), "{error}");
        assert_eq!(server.connections().await, 2, "{error}");
    }
}

#[tokio::test]
async fn headers_are_found_however_their_names_are_written() {
    for (headers, size, etag) in [
        ("CONTENT-RANGE: bytes 0-0/9\r\neTaG: \"a\"", Some(9), Some("\"a\"")),
        ("content-range:bytes 0-0/9\r\nETag:   \"a\"  ", Some(9), Some("\"a\"")),
        ("Content-Range: bytes 0-0/9\r\nContent-Range: bytes 0-0/8", Some(9), None),
        ("Content-Range: bytes 0-0/9\r\nETag: \"\u{e4}\"", Some(9), None),
        ("Content-Range: bytes 0-0/9\r\nX-Content-Range: bytes 0-0/8\r\nETa: \"a\"", Some(9), None),
    ] {
        let answer =
            format!("HTTP/1.1 206 Partial Content\r\nX-Amz-Request-Id: 1\r\nContent-Length: 1\r\n{headers}\r\n\r\n");
        let server = Server::start(vec![at_once(answer)]).await;
        let warmed = server.warm().await.unwrap();
        assert_eq!((warmed.size, warmed.etag), (size, etag.map(ETag::new)), "{headers}");
    }
}

/// A task that has done much at a time is told that nothing has come, whatever has.
#[tokio::test]
async fn a_stray_answer_is_seen_by_a_task_that_has_done_its_share() {
    let stray = "HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/666\r\n\r\n";
    let mut server = Server::start(vec![vec![WHOLE.to_owned(), stray.to_owned()], at_once(WHOLE)]).await;
    assert_eq!(server.warm().await.unwrap().size, Some(9));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    while tokio::task::coop::has_budget_remaining() {
        tokio::task::coop::consume_budget().await;
    }
    assert_eq!(server.warm().await.unwrap().size, Some(9), "the answer to this request, not the stray one");
    assert_eq!(server.connections().await, 2);
}
