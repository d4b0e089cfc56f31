//! Writes down what is warmed while it is warmed, beside the requests and not between them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until, timeout};

use super::ledger::Hasher;
use super::{Journal, JournalError, OpenRun, Trouble};
use crate::report::Completion;

/// As many completions wait in the queue, and as many are being written, when the process is killed: 1,000 together.
const BATCH: usize = 500;
/// How long a completion waits for others, and how long after a failure the next try comes.
const LINGER: Duration = Duration::from_secs(1);
/// Completions are taken up so often, while more come: a task that is woken by each costs more than what it writes. Those of
/// one pause fit the queue up to 100,000 a second.
const PAUSE: Duration = Duration::from_millis(5);
/// Completions after which it is asked whether to merge.
const TIDY_AT: i64 = 100_000;
/// Completions that wait for a journal that cannot be written now.
const BACKLOG: usize = 50_000;

/// Takes a run's completions until the sender is dropped.
#[derive(Debug)]
pub struct Recorder(JoinSet<()>);

impl Journal {
    /// Starts to record the completions of `run` at the cache of this URL. While they cannot be written they wait, and both
    /// is logged once. When too many wait, or the run ends before they are written, that is logged, and they are lost.
    pub fn record(&self, run: &OpenRun, cache_url: &str) -> (Sender<Completion>, Recorder) {
        let (sender, receiver) = mpsc::channel(BATCH);
        let book = Arc::new(Book {
            journal: self.clone(),
            run: run.id.clone(),
            url: cache_url.to_owned(),
            hasher: Hasher::new(cache_url),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            if let Err((error, lost)) = book.keep(receiver).await {
                tracing::warn!(
                    "{error}; {lost} objects that the run warmed are not recorded, nor is what it warms from now on"
                );
            }
        });
        (sender, Recorder(tasks))
    }
}

impl Recorder {
    /// Waits until all is written that was sent; the sender has to be gone.
    pub async fn finish(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

struct Book {
    journal: Journal,
    run: String,
    url: String,
    hasher: Hasher,
}

impl Book {
    /// Writes what comes, until nothing more does. What it cannot write is the error, with how many are lost.
    async fn keep(self: Arc<Self>, mut completions: Receiver<Completion>) -> Result<(), (JournalError, usize)> {
        let book = self.clone();
        if let Err(error) = blocking(move || book.journal.sends_to(&book.run, &book.url)).await {
            tracing::warn!("{error}; until it can be, other processes do not see run {} at their cache", self.run);
        }
        let (mut batch, mut unmerged) = (Vec::with_capacity(BATCH), 0);
        let mut failed: Option<Instant> = None;
        loop {
            let is_over = !collect(&mut completions, &mut batch).await;
            let can_wait = !is_over && batch.len() < BACKLOG;
            if can_wait && failed.is_some_and(|at| at.elapsed() < LINGER) {
                continue;
            }
            unmerged += i64::try_from(batch.len()).unwrap_or(i64::MAX);
            let (book, all) = (self.clone(), std::mem::take(&mut batch));
            let (mut all, written) = blocking(move || {
                let written = book.write(&all, unmerged >= TIDY_AT);
                (all, written)
            })
            .await;
            match written {
                Ok(()) => {
                    // Its room is used again.
                    all.clear();
                    batch = all;
                    unmerged = if unmerged >= TIDY_AT { 0 } else { unmerged };
                    if failed.take().is_some() {
                        tracing::info!("the journal is written again; nothing of run {} was lost", self.run);
                    }
                }
                Err(error) if can_wait && error.trouble() == Trouble::Passing => {
                    if failed.replace(Instant::now()).is_none() {
                        tracing::warn!("{error}; up to {BACKLOG} objects that the run warms wait in memory for it");
                    }
                    unmerged -= i64::try_from(all.len()).unwrap_or(i64::MAX);
                    batch = all;
                }
                Err(error) => return Err((error, all.len())),
            }
            if is_over {
                return Ok(());
            }
        }
    }

    fn write(&self, batch: &[Completion], and_tidy: bool) -> Result<(), JournalError> {
        if !batch.is_empty() {
            self.journal.append(&self.hasher, &self.url, &self.run, batch)?;
        }
        if and_tidy {
            self.journal.tidy();
        }
        Ok(())
    }
}

/// Adds what comes to `batch`, and waits a little for more; `false` once nothing comes any more. What could not be written
/// does not wait for others: the next may be hours away.
async fn collect(completions: &mut Receiver<Completion>, batch: &mut Vec<Completion>) -> bool {
    let full = batch.len() + BATCH;
    let patience = if batch.is_empty() { Duration::MAX } else { LINGER };
    match timeout(patience, completions.recv_many(batch, BATCH)).await {
        Ok(0) => return false,
        Ok(_) => {}
        Err(_) => return true,
    }
    let until = Instant::now() + LINGER;
    while batch.len() < full && Instant::now() < until {
        // Not woken by each of them.
        sleep_until(until.min(Instant::now() + PAUSE)).await;
        while batch.len() < full {
            match completions.try_recv() {
                Ok(completion) => batch.push(completion),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return true,
            }
        }
    }
    true
}

async fn blocking<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(what).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
