//! Does what the loop wants of the journal, in order and beside it: a slow disk does not stop the loop.

use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::keeper::Keeper;
use crate::journal::{Journal, JournalError};

/// Jobs that wait. The loop makes a few a fire.
const QUEUE: usize = 4096;
/// How long the jobs that wait at the end may take.
const LAST: Duration = Duration::from_secs(40);

type Job = Box<dyn FnOnce(&Journal) + Send>;

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
    pub fn write(&self, what: &'static str, job: impl FnOnce(&Journal) -> Result<(), JournalError> + Send + 'static) {
        self.ask(move |journal| {
            if let Err(error) = job(journal) {
                tracing::error!("{error}; not kept: {what}");
            }
        });
    }

    /// Has something done; whoever waits for an answer is told by the job itself.
    pub fn ask(&self, job: impl FnOnce(&Journal) + Send + 'static) {
        let Some(jobs) = &self.jobs else { return };
        if jobs.try_send(Box::new(job)).is_err() {
            tracing::error!("the journal is {QUEUE} entries behind; one more was not kept");
        }
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
        let journal = keeper.journal();
        // A job that panics is a fault of hotset, and takes no other with it.
        if let Err(error) = spawn_blocking(move || job(&journal)).await {
            tracing::error!(%error, "an entry of the journal was not written");
        }
    }
}
