//! One HTTP/1.1 connection, and one request at a time on it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};

use crate::s3::credentials::describe;
use crate::s3::probe::Loss;
use crate::s3::transport::{Stream, Usage};

pub(in crate::s3::wire) type NoBody = Empty<Bytes>;

/// How a request on a connection ended.
pub(super) enum Exchanged {
    Answered {
        head: Parts,
        /// Nothing was odd about the answer.
        reusable: bool,
    },
    /// The connection had ended before anything was written.
    Unsent(Box<Request<NoBody>>),
    Lost {
        loss: Loss,
        why: String,
    },
}

pub(super) struct Live {
    sender: SendRequest<NoBody>,
    connection: Connection<Stream, NoBody>,
    usage: Usage,
}

impl Live {
    pub async fn open(stream: Stream) -> Result<Self, hyper::Error> {
        let usage = Usage::of(&stream);
        let (sender, connection) = Builder::new().handshake(stream).await?;
        Ok(Self { sender, connection, usage })
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
        let Self { sender, connection, usage } = self;
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
                Exchanged::Answered { reusable: open && is_plain(&answer), head: answer.into_parts().0 }
            }
            Some(Err(mut error)) => match error.take_message() {
                Some(unsent) => Exchanged::Unsent(Box::new(unsent)),
                None => Exchanged::Lost { loss: usage.loss(), why: describe(error.error()) },
            },
            None => Exchanged::Lost { loss: usage.loss(), why: "the connection ended".to_owned() },
        }
    }

    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(Pin::new(&mut self.connection).poll(cx).is_pending() && self.sender.is_ready())).await
    }
}

/// A HEAD is answered by a head and nothing else. Servers that announce chunks are known to send some (OpenStack Swift).
fn is_plain(answer: &Response<Incoming>) -> bool {
    answer.version() == Version::HTTP_11
        && answer.body().is_end_stream()
        && !answer.headers().contains_key(TRANSFER_ENCODING)
        && !says_close(answer.headers())
}

fn says_close(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}
