//! The heartbeat that wakes the scheduler, and the fallback for when it does not come.
//!
//! The scheduler knows one job in UTC, each second, which only wakes. What a schedule means is not asked of it: it
//! freezes zones to offsets, loses jobs in clock jumps, and falls silent while a clock that was set back catches up.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// The longest time between two ticks. The scheduler checks its clock every half second, so beats lie up to 1.5 s apart.
const FALLBACK_INTERVAL: Duration = Duration::from_secs(2);
/// The scheduler starts, and stops, within this time, or is done without.
const SCHEDULER_TIMEOUT: Duration = Duration::from_secs(5);

/// Says when to look for what is due: each second, by the scheduler; every two seconds without it.
///
/// Start one for the life of the process: the scheduler leaves tasks behind that end with the runtime.
pub struct Ticker {
    wait: Wait,
    /// `None`: it did not start.
    scheduler: Option<JobScheduler>,
}

impl Ticker {
    /// Starts the heartbeat. A scheduler that does not start is logged, once, and is not fatal: the fallback then makes
    /// every tick, and [`fallbacks`](Self::fallbacks) tells.
    pub async fn start() -> Self {
        let beats = Arc::new(Notify::new());
        let scheduler = match timeout(SCHEDULER_TIMEOUT, heartbeat(Arc::clone(&beats))).await {
            Ok(Ok(scheduler)) => Some(scheduler),
            Ok(Err(error)) => {
                tracing::warn!(%error, "scheduler: cannot start; looking every {FALLBACK_INTERVAL:?} without it");
                None
            }
            Err(_) => {
                tracing::warn!(
                    "scheduler: no start within {SCHEDULER_TIMEOUT:?}; looking every {FALLBACK_INTERVAL:?} without it"
                );
                None
            }
        };
        Self { wait: Wait::new(beats), scheduler }
    }

    /// Returns when the next look is due: at a heartbeat, or two seconds after the last return, suspended time not
    /// counted. A caller that drops this future and asks again loses no beat.
    pub async fn tick(&mut self) {
        self.wait.tick().await;
    }

    /// How often no heartbeat came in time.
    pub fn fallbacks(&self) -> u64 {
        self.wait.fallbacks
    }

    /// Ends the heartbeat, within five seconds.
    pub async fn stop(self) {
        let Some(mut scheduler) = self.scheduler else { return };
        match timeout(SCHEDULER_TIMEOUT, scheduler.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "scheduler: cannot stop"),
            Err(_) => tracing::warn!("scheduler: no stop within {SCHEDULER_TIMEOUT:?}"),
        }
    }
}

async fn heartbeat(beats: Arc<Notify>) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    let beat = move |_, _| -> BoxFuture<'static, ()> {
        // At once, not in the future: it has nothing to wait for.
        beats.notify_one();
        Box::pin(std::future::ready(()))
    };
    scheduler.add(Job::new_async("* * * * * *", beat)?).await?;
    scheduler.start().await?;
    Ok(scheduler)
}

/// Waits for a beat, wherever it comes from, or for the fallback.
#[derive(Debug)]
struct Wait {
    beats: Arc<Notify>,
    last: Instant,
    fallbacks: u64,
}

impl Wait {
    fn new(beats: Arc<Notify>) -> Self {
        Self { beats, last: Instant::now(), fallbacks: 0 }
    }

    async fn tick(&mut self) {
        tokio::select! {
            // A beat that came while the caller was busy for long is a beat all the same.
            biased;
            () = self.beats.notified() => {}
            () = sleep_until(self.last + FALLBACK_INTERVAL) => self.fallbacks += 1,
        }
        self.last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// How long what has to come is waited for. Only what is broken takes as long.
    const IN_TIME: Duration = Duration::from_mins(10);

    /// When ticks come, in seconds, where a beat comes after each of `pauses` (in seconds too).
    async fn ticks(pauses: &'static [u64], count: usize) -> (Vec<u64>, u64) {
        let (beats, start) = (Arc::new(Notify::new()), Instant::now());
        let mut wait = Wait::new(Arc::clone(&beats));
        let heart = tokio::spawn(async move {
            for pause in pauses {
                tokio::time::sleep(Duration::from_secs(*pause)).await;
                beats.notify_one();
            }
        });
        let mut seen = Vec::new();
        for _ in 0..count {
            wait.tick().await;
            seen.push(start.elapsed().as_secs());
        }
        heart.abort();
        (seen, wait.fallbacks)
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_come_with_beats_and_without_them() {
        for (sentence, pauses, expected, fallbacks) in [
            ("beats each second", &[1, 1, 1, 1][..], [1, 2, 3, 4], 0),
            ("no beat at all", &[], [2, 4, 6, 8], 4),
            ("the heart stops", &[1, 1], [1, 2, 4, 6], 2),
            ("the heart pauses", &[1, 5, 1, 1], [1, 3, 5, 6], 2),
            ("the heart is slow", &[3, 3], [2, 3, 5, 6], 2),
        ] {
            assert_eq!(ticks(pauses, 4).await, (expected.to_vec(), fallbacks), "{sentence}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_was_busy_ticks_at_once() {
        let beats = Arc::new(Notify::new());
        let mut wait = Wait::new(Arc::clone(&beats));
        for (sentence, beats_meanwhile, fallbacks) in [("beats meanwhile are one", 3, 0), ("no beat came", 0, 1)] {
            tokio::time::advance(5 * SECOND).await;
            (0..beats_meanwhile).for_each(|_| beats.notify_one());
            let now = Instant::now();
            wait.tick().await;
            assert_eq!((now.elapsed(), wait.fallbacks), (Duration::ZERO, fallbacks), "{sentence}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_stops_waiting_moves_no_tick() {
        let mut wait = Wait::new(Arc::new(Notify::new()));
        let start = Instant::now();
        for _ in 0..3 {
            assert!(timeout(SECOND / 2, wait.tick()).await.is_err());
        }
        wait.tick().await;
        assert_eq!((start.elapsed(), wait.fallbacks), (FALLBACK_INTERVAL, 1));
    }

    #[tokio::test]
    async fn the_scheduler_beats_until_it_is_stopped() {
        let mut ticker = Ticker::start().await;
        let beats = Arc::clone(&ticker.wait.beats);
        for _ in 0..2 {
            timeout(IN_TIME, beats.notified()).await.expect("a beat");
        }
        timeout(IN_TIME, ticker.tick()).await.expect("a tick");
        let scheduler = ticker.scheduler.clone().expect("started");
        ticker.stop().await;
        assert!(scheduler.scheduler.read().await.shutdown.load(std::sync::atomic::Ordering::Relaxed));
    }
}
