//! Connections to one host, kept between requests. No task runs beside them: whoever sends drives its own.

mod live;
mod reaper;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};
use tower_service::Service;

use crate::s3::credentials::describe;
use crate::s3::error::{Class, RequestError};
use crate::s3::probe::Loss;
use crate::s3::transport::Connector;
pub(super) use live::NoBody;
use live::{Exchanged, Live, Unread, may_go_on};

/// How long an unused connection is kept: below the idle time-outs of the servers and balancers in the field (60 s and up).
pub(in crate::s3) const IDLE: Duration = Duration::from_secs(50);

/// The lanes of one transport, by scheme, host and port.
#[derive(Clone)]
pub(in crate::s3) struct Lanes(Arc<Shared>);

struct Shared {
    connector: Connector,
    connect_timeout: Duration,
    /// Unused connections that a lane keeps.
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
                max_idle: *max_idle,
                idle: Mutex::default(),
            })
        });
        Ok(lane.clone())
    }
}

/// The connections to one origin.
pub(in crate::s3) struct Lane {
    origin: Uri,
    connector: Connector,
    /// Covers the name lookup, TCP and TLS.
    connect_timeout: Duration,
    max_idle: usize,
    idle: Mutex<Idle>,
}

/// The one that was used last is used next, so that those too many grow old.
#[derive(Default)]
struct Idle {
    connections: VecDeque<(Box<Live>, Instant)>,
    reaping: bool,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("origin", &self.origin).finish_non_exhaustive()
    }
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
    /// Sends a HEAD once.
    pub(super) async fn head(self: &Arc<Self>, request: Request<NoBody>) -> Result<Parts, Unanswered> {
        let (live, answer) = self.send(request).await?;
        if live.is_done(&answer) {
            self.put(live);
        }
        Ok(answer.into_parts().0)
    }

    /// Sends a GET once, and reads what it answers: `most` bytes at most. The head tells something even where the body is lost.
    pub(super) async fn get(
        self: &Arc<Self>,
        request: Request<NoBody>,
        most: usize,
    ) -> Result<(Parts, Result<Bytes, Unanswered>), Unanswered> {
        let (mut live, answer) = self.send(request).await?;
        let goes_on = may_go_on(&answer);
        let (head, body) = answer.into_parts();
        let body = live.read(body, most).await.map_err(|unread| match unread {
            Unread::TooLong => Unanswered::TooLong(most),
            Unread::Lost(why) => Unanswered::Lost { loss: Loss::Sent, why },
        });
        if body.is_ok() && goes_on && live.is_open() {
            self.put(live);
        }
        Ok((head, body))
    }

    /// Sends on a connection that is idle and alive, else on a new one.
    async fn send(
        self: &Arc<Self>,
        mut request: Request<NoBody>,
    ) -> Result<(Box<Live>, Response<Incoming>), Unanswered> {
        loop {
            let mut live = match self.take() {
                Some(idle) => idle,
                // Rare, and as large as a handshake: not to be carried along by every request.
                None => Box::pin(self.connect()).await?,
            };
            match live.exchange(request).await {
                Exchanged::Answered(answer) => return Ok((live, answer)),
                Exchanged::Lost { loss, why } => return Err(Unanswered::Lost { loss, why }),
                // It had ended before anything was written: the next one, and in the end a new one.
                Exchanged::Unsent(unsent) if live.is_used() => request = *unsent,
                Exchanged::Unsent(_) => {
                    let why = "the connection ended at once".to_owned();
                    return Err(Unanswered::Lost { loss: Loss::NotSent, why });
                }
            }
        }
    }

    async fn connect(&self) -> Result<Box<Live>, Unanswered> {
        let Self { origin, connect_timeout, .. } = self;
        let unsent = |why: String| Unanswered::Lost { loss: Loss::NotSent, why };
        let connecting = async {
            let stream =
                self.connector.clone().call(origin.clone()).await.map_err(|error| unsent(describe(&*error)))?;
            Live::open(stream).await.map(Box::new).map_err(|error| unsent(describe(&error)))
        };
        timeout(*connect_timeout, connecting).await.unwrap_or_else(|_| {
            let host = origin.host().unwrap_or_default();
            Err(unsent(format!("no connection to {host} within {connect_timeout:?}")))
        })
    }

    fn take(&self) -> Option<Box<Live>> {
        self.idle().connections.pop_back().map(|(live, _)| live)
    }

    fn put(self: &Arc<Self>, live: Box<Live>) {
        let mut idle = self.idle();
        if idle.connections.len() >= self.max_idle {
            return;
        }
        idle.connections.push_back((live, Instant::now()));
        if !std::mem::replace(&mut idle.reaping, true) {
            reaper::start(self);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
