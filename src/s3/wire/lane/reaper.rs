//! Closes connections that nobody has used for a while.

use std::sync::{Arc, Weak};

use tokio::time::{Instant, sleep_until};

use super::{IDLE, Lane};

/// Runs for as long as the lane keeps unused connections.
#[expect(clippy::disallowed_methods, reason = "it ends by itself, with the lane or its last idle connection")]
pub(super) fn start(lane: &Arc<Lane>) {
    let lane = Arc::downgrade(lane);
    tokio::spawn(async move {
        while let Some(next) = reap(&lane) {
            sleep_until(next).await;
        }
    });
}

/// Closes what is too old. `None` where nothing is left to wait for.
fn reap(lane: &Weak<Lane>) -> Option<Instant> {
    let lane = lane.upgrade()?;
    let mut idle = lane.idle();
    let now = Instant::now();
    let old = idle.connections.iter().take_while(|(_, since)| now >= *since + IDLE).count();
    drop(idle.connections.drain(..old));
    let oldest = idle.connections.front().map(|(_, since)| *since + IDLE);
    idle.reaping = oldest.is_some();
    oldest
}
