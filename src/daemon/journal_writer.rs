//! Ordered background writes: one task takes the loop's entries of the journal from a bounded queue, so that a slow disk does not
//! stop the loop.

use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::failover_journal::FailoverJournal;
use crate::journal::{Journal, JournalError};

/// Capacity of the queue, in jobs. A fire makes a few.
const QUEUE_CAPACITY: usize = 4096;
/// How long the jobs that are queued at the shutdown may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(40);

/// How long a run that starts waits for the jobs queued before it.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&FailoverJournal) + Send>;

/// The queue of one daemon.
#[derive(Debug)]
pub(super) struct JournalWriter {
    jobs: Option<Sender<Job>>,
    tasks: JoinSet<()>,
}

impl JournalWriter {
    pub fn start(journal: FailoverJournal) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE_CAPACITY);
        let mut tasks = JoinSet::new();
        tasks.spawn(work(journal, waiting));
        Self { jobs: Some(jobs), tasks }
    }

    /// Queues an entry. A failure is logged with `what` it was.
    pub fn write(&self, what: &'static str, job: impl Fn(&Journal) -> Result<(), JournalError> + Send + 'static) {
        self.ask(move |journal| {
            if let Err(error) = journal.with(job) {
                tracing::error!("{error}; not kept: {what}");
            }
        });
    }

    /// Waits until every job queued so far is done, at most [`FLUSH_TIMEOUT`]: a run's own entries come after them.
    pub fn flushed(&self) -> impl Future<Output = ()> + Send + 'static {
        let (done, flushed) = oneshot::channel();
        self.ask(move |_| {
            // Nobody may be waiting any more.
            let _ = done.send(());
        });
        async move {
            if timeout(FLUSH_TIMEOUT, flushed).await.is_err() {
                tracing::warn!(
                    "the journal is more than {FLUSH_TIMEOUT:?} behind; this run is written down before what came first"
                );
            }
        }
    }

    /// Queues a job. A job that answers somebody sends the answer itself.
    pub fn ask(&self, job: impl FnOnce(&FailoverJournal) + Send + 'static) {
        let Some(jobs) = &self.jobs else { return };
        if jobs.try_send(Box::new(job)).is_err() {
            tracing::error!("the journal is {QUEUE_CAPACITY} entries behind; one more was not kept");
        }
    }

    /// More than half of the queue is full: reads are refused, so that writes find room.
    pub fn is_crowded(&self) -> bool {
        self.jobs.as_ref().is_none_or(|jobs| jobs.capacity() < QUEUE_CAPACITY / 2)
    }

    /// Waits until all jobs are done, at most [`SHUTDOWN_TIMEOUT`].
    pub async fn finish(mut self) {
        self.jobs = None;
        if timeout(SHUTDOWN_TIMEOUT, self.tasks.join_next()).await.is_err() {
            tracing::error!("the journal did not take its last entries within {SHUTDOWN_TIMEOUT:?}");
        }
    }
}

async fn work(journal: FailoverJournal, mut waiting: Receiver<Job>) {
    while let Some(job) = waiting.recv().await {
        let journal = journal.clone();
        // A job that panics is a fault of hotset; the others go on.
        if let Err(error) = spawn_blocking(move || job(&journal)).await {
            tracing::error!(%error, "an entry of the journal was not written");
        }
    }
    // What ended in memory is lost with the process, unless the disk takes it now.
    if journal.has_more()
        && let Err(error) = spawn_blocking(move || journal.check()).await
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
        let writer = JournalWriter::start(FailoverJournal::open(Some(&dir)).unwrap());
        writer.write("a fingerprint", |journal| journal.apply_fingerprint("p", "f"));
        writer.flushed().await;
        fs::remove_file(&dir).unwrap();
        writer.finish().await;
        let journal = Journal::read(&dir).unwrap().expect("a journal");
        assert_eq!(journal.profiles().unwrap()["p"].applied_fingerprint.as_deref(), Some("f"));
    }

    #[tokio::test]
    async fn a_run_begins_after_what_was_to_be_written_first() {
        let writer = JournalWriter::start(FailoverJournal::open(None).unwrap());
        let written = Arc::new(AtomicBool::new(false));
        let entry = written.clone();
        writer.write("an entry", move |journal| {
            journal.apply_fingerprint("p", "f")?;
            entry.store(true, Ordering::Release);
            Ok(())
        });
        writer.flushed().await;
        assert!(written.load(Ordering::Acquire));
    }
}
