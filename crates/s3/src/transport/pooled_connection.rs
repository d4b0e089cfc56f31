//! One HTTP/1.1 connection for HEADs, which carries one request at a time.
//!
//! The answer to a HEAD has no body (RFC 9110, section 9.3.2). So this client only writes bytes and looks for the end of a
//! head, which `httparse` finds; the handling of bodies in a general client costs more than both.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use httparse::{Header, ParserConfig, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::task::coop::unconstrained;

use super::dial::{Stream, Usage};
use crate::causes::describe;
use crate::probe::Loss;

/// Bytes of the head of an answer; servers send a few hundred.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Headers of an answer; servers send about a dozen.
const MAX_HEADERS: usize = 100;
/// Bytes of one read.
const READ_BYTES: usize = 4 << 10;

/// How a HEAD on a connection ended.
pub(super) enum Exchanged<T> {
    Answered(T),
    /// The connection had ended before anything was written.
    Unsent,
    Lost {
        loss: Loss,
        why: String,
    },
}

pub(super) struct PooledConnection {
    stream: TokioIo<Stream>,
    usage: Usage,
    /// What came of the latest answer.
    answer: Vec<u8>,
    /// Nothing has shown yet that it is of no further use.
    good: bool,
}

/// The head of an answer, read.
struct Parsed<T> {
    value: T,
    /// Bytes.
    length: usize,
    /// The server leaves the connection open, and says nothing of chunks: those that do are known to send some (OpenStack
    /// Swift).
    goes_on: bool,
}

impl PooledConnection {
    pub fn new(stream: Stream) -> Self {
        let usage = Usage::of(&stream);
        Self { stream: TokioIo::new(stream), usage, answer: Vec::new(), good: true }
    }

    /// Whether it has answered before.
    pub fn is_used(&self) -> bool {
        self.usage.is_reused()
    }

    /// Whether the latest answer was a head and nothing else, so that the next one may follow.
    pub fn is_good(&self) -> bool {
        self.good
    }

    /// Sends a HEAD, and gives what `read` makes of the status and the headers of its answer.
    pub async fn exchange<T>(&mut self, request: &[u8], read: impl Fn(u16, &[Header<'_>]) -> T) -> Exchanged<T> {
        if !(self.good && self.is_silent()) {
            return Exchanged::Unsent;
        }
        // Whoever gives up in between leaves a connection on which an answer is still to come.
        self.good = false;
        match self.converse(request, read).await {
            Ok(value) => {
                self.usage.answered();
                Exchanged::Answered(value)
            }
            Err(why) => Exchanged::Lost { loss: self.usage.loss(), why },
        }
    }

    async fn converse<T>(&mut self, request: &[u8], read: impl Fn(u16, &[Header<'_>]) -> T) -> Result<T, String> {
        let failed = |error: io::Error| describe(&error);
        self.stream.write_all(request).await.map_err(failed)?;
        self.stream.flush().await.map_err(failed)?;
        self.answer.clear();
        self.answer.shrink_to(READ_BYTES);
        loop {
            self.answer.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.answer).await.map_err(failed)? == 0 {
                return Err("the connection was closed before the answer was whole".to_owned());
            }
            while let Some(Parsed { value, length, goes_on }) = parse(&self.answer, &read)? {
                if let Some(value) = value {
                    self.good = goes_on && length == self.answer.len();
                    return Ok(value);
                }
                // What only says that the answer is still to come (RFC 9110, section 15.2).
                self.answer.drain(..length);
            }
            if self.answer.len() > MAX_HEAD_BYTES {
                return Err(format!("the head of the answer has more than {MAX_HEAD_BYTES} bytes"));
            }
        }
    }

    /// What an unused connection has received meanwhile, be it its end or a stray byte, spoils it.
    fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        let stream = &mut self.stream;
        // A task that has done enough at a time is told that nothing is there, whatever is.
        let look = unconstrained(poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut ReadBuf::new(&mut byte))));
        // Nobody needs to be woken: whoever waits for the answer is.
        pin!(look).poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }
}

/// Reads a head; nothing where it is not whole yet.
fn parse<T>(bytes: &[u8], read: impl Fn(u16, &[Header<'_>]) -> T) -> Result<Option<Parsed<Option<T>>>, String> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut response = Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
    let httparse::Status::Complete(length) = parsed.map_err(|error| format!("no HTTP answer: {error}"))? else {
        return Ok(None);
    };
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err("no HTTP answer: it has no status".to_owned());
    };
    let headers = &*response.headers;
    // 101 is the last answer of a connection that speaks something else from then on.
    let value = (!matches!(status, 100 | 102..=199)).then(|| read(status, headers));
    let goes_on = version == 1
        && status != 101
        && !headers.iter().any(|header| header.name.eq_ignore_ascii_case("transfer-encoding") || says_close(header));
    Ok(Some(Parsed { value, length, goes_on }))
}

fn says_close(header: &Header<'_>) -> bool {
    let mut options = header.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    header.name.eq_ignore_ascii_case("connection") && options.any(|option| option.eq_ignore_ascii_case(b"close"))
}
