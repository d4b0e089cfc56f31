//! Connections to one host, kept between requests. No task runs beside them: whoever sends drives its own.

mod live;
mod reaper;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::response::Parts;
use http::{Request, Uri};
use tokio::time::{Instant, timeout};
use tower_service::Service;

use crate::s3::credentials::describe;
use crate::s3::error::{Class, RequestError};
use crate::s3::probe::Loss;
use crate::s3::transport::Connector;
pub(super) use live::NoBody;
use live::{Exchanged, Live};

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

/// A request without an answer.
#[derive(Debug)]
pub(super) struct Unanswered {
    loss: Loss,
    why: String,
}

impl Unanswered {
    pub fn into_error(self) -> RequestError {
        let class = match self.loss {
            Loss::NotSent => Class::Unreachable,
            Loss::IdleReset => Class::IdleReset,
            Loss::Sent => Class::Lost,
        };
        RequestError::new(class, self.why)
    }
}

impl Lane {
    /// Sends once: on a connection that is idle and alive, else on a new one.
    pub(super) async fn send(self: &Arc<Self>, mut request: Request<NoBody>) -> Result<Parts, Unanswered> {
        loop {
            let mut live = match self.take() {
                Some(idle) => idle,
                // Rare, and as large as a handshake: not to be carried along by every request.
                None => Box::pin(self.connect()).await?,
            };
            match live.exchange(request).await {
                Exchanged::Answered { head, reusable } => {
                    if reusable {
                        self.put(live);
                    }
                    return Ok(head);
                }
                Exchanged::Lost { loss, why } => return Err(Unanswered { loss, why }),
                // It had ended before anything was written: the next one, and in the end a new one.
                Exchanged::Unsent(unsent) if live.is_used() => request = *unsent,
                Exchanged::Unsent(_) => {
                    return Err(Unanswered { loss: Loss::NotSent, why: "the connection ended at once".to_owned() });
                }
            }
        }
    }

    async fn connect(&self) -> Result<Box<Live>, Unanswered> {
        let Self { origin, connect_timeout, .. } = self;
        let unsent = |why: String| Unanswered { loss: Loss::NotSent, why };
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
