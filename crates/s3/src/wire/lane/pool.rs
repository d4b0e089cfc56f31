//! Connections that nobody uses for now, and their end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long an unused connection is kept: below the idle time-outs of the servers and balancers in the field (60 s and up).
pub(crate) const IDLE: Duration = Duration::from_secs(50);

/// Unused connections of one kind to one origin. The one that was used last is used next, so that those too many grow old.
pub(super) struct Pool<C> {
    most: usize,
    idle: Mutex<Idle<C>>,
}

struct Idle<C> {
    connections: VecDeque<(Box<C>, Instant)>,
    reaping: bool,
}

impl<C: Send + 'static> Pool<C> {
    /// Keeps `most` connections at the most.
    pub fn new(most: usize) -> Arc<Self> {
        let idle = Idle { connections: VecDeque::new(), reaping: false };
        Arc::new(Self { most, idle: Mutex::new(idle) })
    }

    pub fn take(&self) -> Option<Box<C>> {
        self.idle().connections.pop_back().map(|(connection, _)| connection)
    }

    pub fn put(self: &Arc<Self>, connection: Box<C>) {
        let mut idle = self.idle();
        if idle.connections.len() >= self.most {
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
        let old = idle.connections.iter().take_while(|(_, since)| now >= *since + IDLE).count();
        drop(idle.connections.drain(..old));
        let oldest = idle.connections.front().map(|(_, since)| *since + IDLE);
        idle.reaping = oldest.is_some();
        oldest
    }

    fn idle(&self) -> MutexGuard<'_, Idle<C>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that nobody has used for a while, for as long as the pool has any.
#[expect(clippy::disallowed_methods, reason = "it ends by itself, with the pool or its last connection")]
fn reap<C: Send + 'static>(pool: Weak<Pool<C>>) {
    tokio::spawn(async move {
        while let Some(next) = pool.upgrade().and_then(|pool| pool.close_old()) {
            sleep_until(next).await;
        }
    });
}
