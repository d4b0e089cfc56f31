//! Over the wire: what a client sees of the simulator.

mod breaking;
mod client;
mod filling;
mod listing;
mod signing;

use std::time::{Duration, Instant};

/// Looks until it is so; only what is broken makes that long.
async fn until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(10), "it is not so in ten minutes");
        tokio::task::yield_now().await;
    }
}
