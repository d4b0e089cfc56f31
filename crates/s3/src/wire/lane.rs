//! Connections to one host, kept between requests.

mod get;
mod head;
mod pool;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response, Uri};
use httparse::Header;
use hyper::body::Incoming;
use tokio::time::timeout;
use tower_service::Service;

use crate::credentials::describe;
use crate::error::{Class, RequestError};
use crate::probe::Loss;
use crate::reach::reason;
use crate::transport::{Connector, Stream};
pub(super) use get::NoBody;
use get::{GetConnection, Unread, may_go_on};
use head::HeadConnection;
pub(crate) use pool::IDLE;
use pool::Pool;

/// Of a new connection.
const ENDED: &str = "the connection ended at once";

/// The lanes of one transport, by scheme, host and port.
#[derive(Clone)]
pub(crate) struct Lanes(Arc<Shared>);

struct Shared {
    connector: Connector,
    connect_timeout: Duration,
    /// Unused connections of each kind that a lane keeps.
    max_idle: usize,
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
}

impl Lanes {
    pub fn new(connector: Connector, connect_timeout: Duration, max_idle: usize) -> Self {
        Self(Arc::new(Shared { connector, connect_timeout, max_idle, lanes: Mutex::default() }))
    }

    /// The lane of an origin such as `http://training.cwlota.com`.
    pub fn lane(&self, origin: &str) -> Result<Arc<Lane>, http::uri::InvalidUri> {
        let uri: Uri = origin.parse()?;
        let Shared { connector, connect_timeout, max_idle, lanes } = &*self.0;
        let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(origin.to_owned()).or_insert_with(|| {
            Arc::new(Lane {
                origin: uri,
                connector: connector.clone(),
                connect_timeout: *connect_timeout,
                gets: Pool::new(*max_idle),
                heads: Pool::new(*max_idle),
            })
        });
        Ok(lane.clone())
    }
}

/// The connections to one origin.
pub(crate) struct Lane {
    origin: Uri,
    connector: Connector,
    /// Covers the name lookup, TCP and TLS.
    connect_timeout: Duration,
    gets: Arc<Pool<GetConnection>>,
    heads: Arc<Pool<HeadConnection>>,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Which connection a request goes out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// One that is idle, else a new one.
    Pool,
    /// A new one: servers that end connections without saying so end those that were used.
    Own,
}

/// A request without a whole answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    Lost {
        loss: Loss,
        why: String,
    },
    /// Of more than so many bytes.
    TooLong(usize),
}

impl Unanswered {
    pub fn into_error(self) -> RequestError {
        match self {
            Self::Lost { loss: Loss::NotSent, why } => RequestError::new(Class::Unreachable, why),
            Self::Lost { loss: Loss::IdleReset, why } => RequestError::new(Class::IdleReset, why),
            Self::Lost { loss: Loss::Sent, why } => RequestError::new(Class::Lost, why),
            Self::TooLong(most) => RequestError::new(Class::Malformed, format!("an answer of more than {most} bytes")),
        }
    }
}

impl Lane {
    /// Sends a HEAD once, as it is written, and gives what `read` makes of the status and the headers of its answer.
    pub(super) async fn head<T>(
        &self,
        request: &[u8],
        via: Via,
        read: impl Fn(u16, &[Header<'_>]) -> T,
    ) -> Result<T, Unanswered> {
        loop {
            let idle = if via == Via::Pool { self.heads.take() } else { None };
            let mut connection = match idle {
                Some(idle) => idle,
                // Rare, and as large as a handshake: not to be carried along by every request.
                None => Box::new(HeadConnection::new(Box::pin(self.connect()).await?)),
            };
            match connection.exchange(request, &read).await {
                head::Exchanged::Answered(value) => {
                    if connection.is_good() {
                        self.heads.put(connection);
                    }
                    return Ok(value);
                }
                head::Exchanged::Lost { loss, why } => return Err(Unanswered::Lost { loss, why }),
                // It had ended before anything was written: the next one, and in the end a new one.
                head::Exchanged::Unsent if connection.is_used() => {}
                head::Exchanged::Unsent => return Err(unsent(ENDED.to_owned())),
            }
        }
    }

    /// Sends a GET once, and reads what it answers: `most` bytes at most. The head tells something even where the body is lost.
    pub(super) async fn get(
        &self,
        request: Request<NoBody>,
        most: usize,
    ) -> Result<(Parts, Result<Bytes, Unanswered>), Unanswered> {
        let (mut connection, answer) = self.send(request).await?;
        let goes_on = may_go_on(&answer);
        let (head, body) = answer.into_parts();
        let body = connection.read(body, most).await.map_err(|unread| match unread {
            Unread::TooLong => Unanswered::TooLong(most),
            Unread::Lost(why) => Unanswered::Lost { loss: Loss::Sent, why },
        });
        if body.is_ok() && goes_on && connection.is_open() {
            self.gets.put(connection);
        }
        Ok((head, body))
    }

    /// Sends on a connection that is idle and alive, else on a new one.
    async fn send(&self, mut request: Request<NoBody>) -> Result<(Box<GetConnection>, Response<Incoming>), Unanswered> {
        loop {
            let mut connection = match self.gets.take() {
                Some(idle) => idle,
                None => {
                    Box::pin(async {
                        let opened = GetConnection::open(self.connect().await?).await;
                        opened.map(Box::new).map_err(|error| unsent(describe(&error)))
                    })
                    .await?
                }
            };
            match connection.exchange(request).await {
                get::Exchanged::Answered(answer) => return Ok((connection, answer)),
                get::Exchanged::Lost { loss, why } => return Err(Unanswered::Lost { loss, why }),
                get::Exchanged::Unsent(unsent) if connection.is_used() => request = *unsent,
                get::Exchanged::Unsent(_) => return Err(unsent(ENDED.to_owned())),
            }
        }
    }

    async fn connect(&self) -> Result<Stream, Unanswered> {
        let Self { origin, connect_timeout, .. } = self;
        let host = origin.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let connecting = self.connector.clone().call(origin.clone());
        match timeout(*connect_timeout, connecting).await {
            Ok(connected) => connected.map_err(|error| unsent(format!("{host}: {}", reason(&*error)))),
            Err(_) => Err(unsent(format!("{host}: no connection within {connect_timeout:?}"))),
        }
    }
}

fn unsent(why: String) -> Unanswered {
    Unanswered::Lost { loss: Loss::NotSent, why }
}
