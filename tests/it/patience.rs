//! Waits whose length no machine decides.
//!
//! What has to come is waited for, and what must not come yet is held by the simulator. Where a time limit itself is tested,
//! the clock leaps to it once all is done that has to be done before.

use std::time::{Duration, Instant};

use tokio::task::yield_now;
use tokio::time::{advance, pause, resume, sleep, timeout};

/// How long what has to come is waited for. Only what is broken takes as long.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// Between two looks at another process.
const LOOK: Duration = Duration::from_millis(5);

/// Looks until there is something to see.
pub async fn seen<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let seen = async {
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("not in {PATIENCE:?}: {what}"))
}

/// Looks until it is so, whatever the runtime's clock does meanwhile.
pub async fn until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it is not so in {PATIENCE:?}");
        yield_now().await;
    }
}

/// Lets so much time pass at once, on a runtime of one thread: time-outs come, and no work is slow by it.
pub async fn leap(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

/// Carries it out while the clock stands still: no work takes any time. On a runtime of one thread.
pub async fn at_one_instant<T>(work: impl Future<Output = T>) -> T {
    pause();
    // A clock that is paused goes on when nothing is left to do.
    let never_idle = until(|| false);
    let done = tokio::select! {
        done = work => done,
        () = never_idle => unreachable!("it ends in a panic"),
    };
    resume();
    done
}
