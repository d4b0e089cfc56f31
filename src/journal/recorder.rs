//! Writes down what is warmed while it is warmed, beside the requests and not between them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::ledger::{Hasher, MERGE_AT};
use super::{Journal, JournalError, OpenRun};
use crate::report::Completion;

/// As many completions wait in the queue, and as many are being written, when the process is killed: 1,000 together.
const BATCH: usize = 500;
/// How long a completion waits for others.
const LINGER: Duration = Duration::from_secs(1);

/// Takes a run's completions until the sender is dropped.
#[derive(Debug)]
pub struct Recorder(JoinSet<()>);

impl Journal {
    /// Starts to record the completions of `run` at the cache of this URL. When that fails it is logged, once, and what
    /// comes after it is not recorded.
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
            if let Err(error) = book.keep(receiver).await {
                tracing::warn!("{error}; the run goes on, and what it warms from now on is not recorded");
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
    async fn keep(self: Arc<Self>, mut completions: Receiver<Completion>) -> Result<(), JournalError> {
        let book = self.clone();
        let noted = spawn_blocking(move || book.journal.sends_to(&book.run, &book.url)).await;
        noted.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        let mut unmerged = 0;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            if completions.recv_many(&mut batch, BATCH).await == 0 {
                return Ok(());
            }
            let until = Instant::now() + LINGER;
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                match timeout_at(until, completions.recv_many(&mut batch, room)).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            unmerged += i64::try_from(batch.len()).unwrap_or(i64::MAX);
            let merge = unmerged >= MERGE_AT;
            if merge {
                unmerged = 0;
            }
            let book = self.clone();
            let written = spawn_blocking(move || book.write(&batch, merge)).await;
            written.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        }
    }

    fn write(&self, batch: &[Completion], merge: bool) -> Result<(), JournalError> {
        self.journal.append(&self.hasher, &self.url, &self.run, batch)?;
        if merge { self.journal.merge() } else { Ok(()) }
    }
}
