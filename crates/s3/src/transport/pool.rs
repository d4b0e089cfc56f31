//! Pools of HTTP/1.1 connections for HEADs, one for each origin.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::Uri;
use httparse::Header;
use tokio::time::{Instant, sleep_until};
use tower_service::Service as _;

use super::dial::{Connector, NoConnection, Stream};
use super::pooled_connection::{Exchanged, PooledConnection};
use crate::causes::reason;
use crate::error::RequestError;
use crate::probe::Loss;

/// How long an unused connection is kept: below the idle timeouts of the servers and balancers in the field (60 s and up).
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// The pools of one transport, by scheme, host and port. Clones share them.
#[derive(Clone)]
pub(crate) struct Pools(Arc<Shared>);

struct Shared {
    connector: Connector,
    /// Unused connections that each pool keeps.
    max_idle: usize,
    pools: Mutex<HashMap<String, Arc<Pool>>>,
}

impl Pools {
    pub fn new(connector: Connector, max_idle: usize) -> Self {
        Self(Arc::new(Shared { connector, max_idle, pools: Mutex::default() }))
    }

    /// The pool of an origin such as `http://training.cwlota.com`.
    pub fn pool(&self, origin: &str) -> Result<Arc<Pool>, http::uri::InvalidUri> {
        let uri: Uri = origin.parse()?;
        let Shared { connector, max_idle, pools } = &*self.0;
        let mut pools = pools.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools.entry(origin.to_owned()).or_insert_with(|| {
            Arc::new(Pool { origin: uri, connector: connector.clone(), max_idle: *max_idle, idle: Mutex::default() })
        });
        Ok(pool.clone())
    }
}

/// The connections to one origin. The one that was used last is used next, so that surplus ones grow old and are closed.
pub(crate) struct Pool {
    pub origin: Uri,
    connector: Connector,
    max_idle: usize,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    connections: VecDeque<(Box<PooledConnection>, Instant)>,
    /// A task closes old connections.
    reaping: bool,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("origin", &self.origin).finish_non_exhaustive()
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

impl Pool {
    /// Sends a HEAD once, as it is written, and gives what `read` makes of the status and the headers of its answer.
    pub async fn head<T>(
        self: &Arc<Self>,
        request: &[u8],
        via: Via,
        read: impl Fn(u16, &[Header<'_>]) -> T,
    ) -> Result<T, RequestError> {
        loop {
            let idle = if via == Via::Pool { self.take() } else { None };
            let mut connection = match idle {
                Some(idle) => idle,
                // Rare, and as large as a handshake: not to be carried along by every request.
                None => Box::new(PooledConnection::new(Box::pin(self.connect()).await?)),
            };
            match connection.exchange(request, &read).await {
                Exchanged::Answered(value) => {
                    if connection.is_good() {
                        self.put(connection);
                    }
                    return Ok(value);
                }
                Exchanged::Lost { loss, why } => return Err(RequestError::unanswered(loss, why)),
                // The idle connection was closed before anything was written: try the next one, and at last a new one.
                Exchanged::Unsent if connection.is_used() => {}
                Exchanged::Unsent => {
                    return Err(RequestError::unanswered(Loss::NotSent, "the connection ended at once"));
                }
            }
        }
    }

    async fn connect(&self) -> Result<Stream, RequestError> {
        self.connector.clone().call(self.origin.clone()).await.map_err(|error| unconnected(&self.origin, &*error))
    }

    fn take(&self) -> Option<Box<PooledConnection>> {
        self.idle().connections.pop_back().map(|(connection, _)| connection)
    }

    fn put(self: &Arc<Self>, connection: Box<PooledConnection>) {
        let mut idle = self.idle();
        if idle.connections.len() >= self.max_idle {
            return;
        }
        idle.connections.push_back((connection, Instant::now()));
        if !std::mem::replace(&mut idle.reaping, true) {
            reap(Arc::downgrade(self));
        }
    }

    /// Closes what is too old. `None` where nothing is left to wait for.
    fn close_old(&self) -> Option<Instant> {
        let mut idle = self.idle();
        let now = Instant::now();
        let old = idle.connections.iter().take_while(|(_, since)| now >= *since + IDLE_TIMEOUT).count();
        drop(idle.connections.drain(..old));
        let oldest = idle.connections.front().map(|(_, since)| *since + IDLE_TIMEOUT);
        idle.reaping = oldest.is_some();
        oldest
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that nobody has used for a while, for as long as the pool has any.
#[expect(clippy::disallowed_methods, reason = "it ends by itself, with the pool or its last connection")]
fn reap(pool: Weak<Pool>) {
    tokio::spawn(async move {
        while let Some(next) = pool.upgrade().and_then(|pool| pool.close_old()) {
            sleep_until(next).await;
        }
    });
}

/// The error of a request that found no connection to its host.
pub(super) fn unconnected(uri: &Uri, error: &(dyn std::error::Error + 'static)) -> RequestError {
    let why = match error.downcast_ref::<NoConnection>() {
        Some(timed_out) => timed_out.to_string(),
        None => format!("{}: {}", uri.authority().map_or("", |authority| authority.as_str()), reason(error)),
    };
    RequestError::unanswered(Loss::NotSent, why)
}
