//! One HTTP/1.1 connection for GETs, and one of them at a time on it. No task runs beside it: whoever sends drives it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};

use crate::credentials::describe;
use crate::probe::Loss;
use crate::transport::{Stream, Usage};

pub(in crate::wire) type NoBody = Empty<Bytes>;

/// How a request on a connection ended.
pub(super) enum Exchanged {
    /// With the body still to come.
    Answered(Response<Incoming>),
    /// The connection had ended before anything was written.
    Unsent(Box<Request<NoBody>>),
    Lost {
        loss: Loss,
        why: String,
    },
}

/// Why a body could not be had.
pub(super) enum Unread {
    TooLong,
    Lost(String),
}

pub(super) struct GetConnection {
    sender: SendRequest<NoBody>,
    connection: Connection<Stream, NoBody>,
    usage: Usage,
    /// As of the latest answer.
    open: bool,
}

impl GetConnection {
    pub async fn open(stream: Stream) -> Result<Self, hyper::Error> {
        let usage = Usage::of(&stream);
        let (sender, connection) = Builder::new().handshake(stream).await?;
        Ok(Self { sender, connection, usage, open: true })
    }

    /// Whether it has answered before.
    pub fn is_used(&self) -> bool {
        self.usage.is_reused()
    }

    pub async fn exchange(&mut self, request: Request<NoBody>) -> Exchanged {
        // What an unused connection has received meanwhile, be it its end or a stray byte, spoils it.
        if !self.is_ready().await {
            return Exchanged::Unsent(Box::new(request));
        }
        let Self { sender, connection, usage, .. } = self;
        let mut answer = pin!(sender.try_send_request(request));
        let mut open = true;
        let answer = poll_fn(|cx| {
            open = open && Pin::new(&mut *connection).poll(cx).is_pending();
            match answer.as_mut().poll(cx) {
                // The connection told whoever waits why it ended; without that it never took the request up.
                Poll::Pending if !open => Poll::Ready(None),
                polled => polled.map(Some),
            }
        });
        match answer.await {
            Some(Ok(answer)) => {
                usage.answered();
                self.open = open;
                Exchanged::Answered(answer)
            }
            Some(Err(mut error)) => match error.take_message() {
                Some(unsent) => Exchanged::Unsent(Box::new(unsent)),
                None => Exchanged::Lost { loss: usage.loss(), why: describe(error.error()) },
            },
            None => Exchanged::Lost { loss: usage.loss(), why: "the connection ended".to_owned() },
        }
    }

    /// Reads a body of `most` bytes at most.
    pub async fn read(&mut self, body: Incoming, most: usize) -> Result<Bytes, Unread> {
        let Self { connection, open, .. } = self;
        let mut body = pin!(Limited::new(body, most).collect());
        let body = poll_fn(|cx| {
            *open = *open && Pin::new(&mut *connection).poll(cx).is_pending();
            body.as_mut().poll(cx)
        });
        match body.await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLong),
            Err(error) => Err(Unread::Lost(describe(&*error))),
        }
    }

    /// Whether the connection was open when the latest answer had come.
    pub fn is_open(&self) -> bool {
        self.open
    }

    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(Pin::new(&mut self.connection).poll(cx).is_pending() && self.sender.is_ready())).await
    }
}

/// Whether the server leaves the connection open behind this answer.
pub(super) fn may_go_on(answer: &Response<Incoming>) -> bool {
    answer.version() == Version::HTTP_11 && !says_close(answer.headers())
}

fn says_close(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}
