//! Does what the loop wants of the journal, in order and beside it: a slow disk does not stop the loop.

use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::keeper::Keeper;
use crate::journal::{Journal, JournalError};

/// Jobs that wait. The loop makes a few a fire.
const QUEUE: usize = 4096;
/// How long the jobs that wait at the end may take.
const LAST: Duration = Duration::from_secs(40);

/// How long a run that begins waits for what was to be written before it.
const EARLIER: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&Keeper) + Send>;

/// The clerk of one daemon.
#[derive(Debug)]
pub(super) struct Clerk {
    jobs: Option<Sender<Job>>,
    tasks: JoinSet<()>,
}

impl Clerk {
    pub fn start(keeper: Keeper) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn(work(keeper, waiting));
        Self { jobs: Some(jobs), tasks }
    }

    /// Has something written; that it failed is logged, with what it was.
    pub fn write(&self, what: &'static str, job: impl Fn(&Journal) -> Result<(), JournalError> + Send + 'static) {
        self.ask(move |keeper| {
            if let Err(error) = keeper.with(job) {
                tracing::error!("{error}; not kept: {what}");
            }
        });
    }

    /// Ends when all is written that was asked for until now: what a run writes as it begins comes after it. Not for ever.
    pub fn caught_up(&self) -> impl Future<Output = ()> + Send + 'static {
        let (done, caught_up) = oneshot::channel();
        self.ask(move |_| {
            // Nobody may be waiting any more.
            let _ = done.send(());
        });
        async move {
            if timeout(EARLIER, caught_up).await.is_err() {
                tracing::warn!(
                    "the journal is more than {EARLIER:?} behind; this run is written down before what came first"
                );
            }
        }
    }

    /// Has something done; whoever waits for an answer is told by the job itself.
    pub fn ask(&self, job: impl FnOnce(&Keeper) + Send + 'static) {
        let Some(jobs) = &self.jobs else { return };
        if jobs.try_send(Box::new(job)).is_err() {
            tracing::error!("the journal is {QUEUE} entries behind; one more was not kept");
        }
    }

    /// What is only read had better come later.
    pub fn is_crowded(&self) -> bool {
        self.jobs.as_ref().is_none_or(|jobs| jobs.capacity() < QUEUE / 2)
    }

    /// Waits until all is written.
    pub async fn finish(mut self) {
        self.jobs = None;
        if timeout(LAST, self.tasks.join_next()).await.is_err() {
            tracing::error!("the journal did not take its last entries within {LAST:?}");
        }
    }
}

async fn work(keeper: Keeper, mut waiting: Receiver<Job>) {
    while let Some(job) = waiting.recv().await {
        let keeper = keeper.clone();
        // A job that panics is a fault of hotset, and takes no other with it.
        if let Err(error) = spawn_blocking(move || job(&keeper)).await {
            tracing::error!(%error, "an entry of the journal was not written");
        }
    }
    // What ended in memory is lost with the process, unless the disk takes it now.
    if keeper.has_more()
        && let Err(error) = spawn_blocking(move || keeper.look()).await
    {
        tracing::error!(%error, "what was kept in memory is lost");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_is_in_memory_at_the_end_goes_to_the_disk_if_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("state");
        fs::write(&dir, "in the way").unwrap();
        let clerk = Clerk::start(Keeper::open(Some(&dir)).unwrap());
        clerk.write("a fingerprint", |journal| journal.apply_fingerprint("p", "f"));
        clerk.caught_up().await;
        fs::remove_file(&dir).unwrap();
        clerk.finish().await;
        let journal = Journal::read(&dir).unwrap().expect("a journal");
        assert_eq!(journal.profiles().unwrap()["p"].applied_fingerprint.as_deref(), Some("f"));
    }

    #[tokio::test]
    async fn a_run_begins_after_what_was_to_be_written_first() {
        let clerk = Clerk::start(Keeper::open(None).unwrap());
        let written = Arc::new(AtomicBool::new(false));
        let entry = written.clone();
        clerk.write("an entry", move |journal| {
            journal.apply_fingerprint("p", "f")?;
            entry.store(true, Ordering::Release);
            Ok(())
        });
        clerk.caught_up().await;
        assert!(written.load(Ordering::Acquire));
    }
}
