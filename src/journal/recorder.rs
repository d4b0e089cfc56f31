//! Records what a run warms while it warms: a buffer gathers completions beside the requests, and a task of its own writes
//! them to the append log in batches.

mod fsync_policy;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::ledger::{Arrival, Hasher, Written};
use super::schema::Durability;
use super::{Completion, Journal, JournalError, OpenRun, Trouble};
use crate::clock;
use crate::sync::blocking;
use fsync_policy::FsyncPolicy;

/// At most this many completions are not written yet: what `kill -9` loses.
const MAX_UNWRITTEN: usize = 1_000;
/// Completions that are written together: a commit costs as much as hundreds of entries. The rest of the unwritten ones come
/// while these are written.
const BATCH_SIZE: usize = 900;
/// A completion waits at most this long for others, and for the disk. A write that failed is tried again after it.
const LINGER_TIME: Duration = Duration::from_millis(750);
/// Completions between two checks whether a merge is worth it.
const TIDY_INTERVAL: i64 = 100_000;
/// At most this many completions wait in memory for a journal that cannot be written now.
const MAX_BACKLOG: usize = 50_000;

/// Records a run's completions until all of its buffers are gone.
#[derive(Debug)]
pub struct Recorder {
    tasks: JoinSet<()>,
    hasher: Hasher,
    batches: Sender<Batch>,
    /// For one batch, until it is written.
    room: Arc<Semaphore>,
    written: Written,
}

/// Completions that go to the recorder together.
#[derive(Debug)]
struct Batch {
    arrivals: Vec<Arrival>,
    /// Others wait for it.
    room: OwnedSemaphorePermit,
}

/// Gathers what a warm has warmed until it is handed to the writer task; what was not handed over is lost with it.
#[derive(Debug)]
pub struct RecordBuffer {
    hasher: Hasher,
    gathered: Vec<Arrival>,
    /// When the first of them came.
    since: Option<Instant>,
    /// How many were handed over last.
    handed: usize,
    batches: Sender<Batch>,
    room: Arc<Semaphore>,
}

impl Journal {
    /// Starts to record the completions of `run` at the cache of this URL. While they cannot be written they wait, and both
    /// is logged once. When too many wait, or the run ends before they are written, that is logged, and they are lost.
    pub fn record(&self, run: &OpenRun, cache_url: &str) -> Recorder {
        let (batches, receiver) = mpsc::channel(1);
        let writer = Arc::new(WriterTask {
            journal: self.clone(),
            run: run.id.clone(),
            url: cache_url.to_owned(),
            written: Written::default(),
        });
        let written = writer.written.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            if let Err((error, lost)) = writer.keep(receiver).await {
                tracing::warn!(
                    "{error}; {lost} objects that the run warmed are not recorded, nor is what it warms from now on"
                );
            }
        });
        Recorder { tasks, hasher: Hasher::new(cache_url), batches, room: Arc::new(Semaphore::new(1)), written }
    }
}

impl Recorder {
    pub fn buffer(&self) -> RecordBuffer {
        RecordBuffer {
            hasher: self.hasher.clone(),
            gathered: Vec::with_capacity(BATCH_SIZE),
            since: None,
            handed: 0,
            batches: self.batches.clone(),
            room: self.room.clone(),
        }
    }

    /// What it has written so far.
    pub fn written(&self) -> &Written {
        &self.written
    }

    /// Waits until all is written that was handed over; the buffers have to be gone.
    pub async fn finish(self) {
        let Self { mut tasks, batches, .. } = self;
        drop(batches);
        while tasks.join_next().await.is_some() {}
    }
}

impl RecordBuffer {
    pub fn note(&mut self, completion: &Completion<'_>) {
        if self.gathered.is_empty() {
            self.since = Some(Instant::now());
        }
        self.gathered.push(Arrival::of(completion, &mut self.hasher));
    }

    /// Whether what is gathered has to be handed over before more is noted.
    pub fn is_full(&self) -> bool {
        let is_writing = self.room.available_permits() == 0;
        self.gathered.len() >= BATCH_SIZE || is_writing && self.gathered.len() + self.handed >= MAX_UNWRITTEN
    }

    /// Hands over what is gathered, once what was handed over before is written. May be dropped at any time, and is then as
    /// if it had not begun. `false`: nobody records any more.
    pub async fn hand_over(&mut self) -> bool {
        if self.gathered.is_empty() {
            return true;
        }
        let Ok(room) = self.room.clone().acquire_owned().await else { return false };
        self.give(room)
    }

    /// Hands over what has waited for others long enough, unless what was handed over before is still being written.
    /// `false`: nobody records any more.
    pub fn hand_over_if_due(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) < LINGER_TIME) {
            return true;
        }
        self.room.clone().try_acquire_owned().map_or(true, |room| self.give(room))
    }

    fn give(&mut self, room: OwnedSemaphorePermit) -> bool {
        let arrivals = std::mem::replace(&mut self.gathered, Vec::with_capacity(BATCH_SIZE));
        (self.since, self.handed) = (None, arrivals.len());
        // There is room: the one before it has been taken up.
        self.batches.try_send(Batch { arrivals, room }).is_ok()
    }
}

/// Writes a run's batches, one after another.
struct WriterTask {
    journal: Journal,
    run: String,
    url: String,
    written: Written,
}

impl WriterTask {
    /// Writes what comes, until nothing more does. What it cannot write is the error, with how many are lost.
    async fn keep(self: Arc<Self>, mut batches: Receiver<Batch>) -> Result<(), (JournalError, usize)> {
        let writer = self.clone();
        if let Err(error) = blocking(move || writer.journal.sends_to(&writer.run, &writer.url)).await {
            tracing::warn!("{error}; until it can be, other processes do not see run {} at their cache", self.run);
        }
        let (mut backlog, mut unmerged): (Vec<Arrival>, i64) = (Vec::new(), 0);
        let mut failed: Option<Instant> = None;
        let mut fsyncs = FsyncPolicy::default();
        loop {
            // What could not be written, or is not on the disk, does not wait for more: that may be hours away.
            let wait = if failed.is_some() { LINGER_TIME } else { fsyncs.max_wait() };
            let next = timeout(wait, batches.recv()).await;
            let is_over = matches!(next, Ok(None));
            let (more, room) = next.ok().flatten().map(|Batch { arrivals, room }| (arrivals, room)).unzip();
            let all = join(std::mem::take(&mut backlog), more.unwrap_or_default());
            let can_wait = !is_over && all.len() < MAX_BACKLOG;
            if can_wait && failed.is_some_and(|at| at.elapsed() < LINGER_TIME) {
                backlog = all;
                continue;
            }
            unmerged += i64::try_from(all.len()).unwrap_or(i64::MAX);
            let writer = self.clone();
            let durability = if is_over { Durability::AtCommit } else { fsyncs.next() };
            let is_something = !all.is_empty() || durability == Durability::AtCommit && fsyncs.are_owed();
            let (all, written) = blocking(move || {
                let written = if is_something { writer.write(&all, durability) } else { Ok(()) };
                if written.is_ok() && unmerged >= TIDY_INTERVAL {
                    writer.journal.tidy();
                }
                (all, written)
            })
            .await;
            match written {
                Ok(()) => {
                    if is_something {
                        fsyncs.wrote(durability);
                    }
                    unmerged = if unmerged >= TIDY_INTERVAL { 0 } else { unmerged };
                    if failed.take().is_some() {
                        tracing::info!("the journal is written again; nothing of run {} was lost", self.run);
                    }
                }
                Err(error) if can_wait && error.trouble() == Trouble::Passing => {
                    if failed.replace(Instant::now()).is_none() {
                        tracing::warn!("{error}; up to {MAX_BACKLOG} objects that the run warms wait in memory for it");
                    }
                    unmerged -= i64::try_from(all.len()).unwrap_or(i64::MAX);
                    backlog = all;
                }
                Err(error) => return Err((error, all.len())),
            }
            drop(room);
            if is_over {
                return Ok(());
            }
        }
    }

    fn write(&self, arrivals: &[Arrival], durability: Durability) -> Result<(), JournalError> {
        let batch = self.journal.append(&self.url, &self.run, arrivals, (clock::now(), durability))?;
        batch.into_iter().for_each(|batch| self.written.add(batch));
        Ok(())
    }
}

/// Mostly there is nothing in the first one.
fn join(mut first: Vec<Arrival>, mut second: Vec<Arrival>) -> Vec<Arrival> {
    if first.is_empty() {
        return second;
    }
    first.append(&mut second);
    first
}
