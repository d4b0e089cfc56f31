//! Reloads the configuration: on request, and when its files change. One reading runs at a time; all requests that arrive
//! meanwhile share the next one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::handle::Reloaded;
use crate::clock;
use model::api::ReloadedBy;
use model::config::diagnostic::Diagnostics;
use model::config::{self, Config, Source, Stop};

/// How long reading and resolving may take: a file system that hangs must not stop reloads for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Debounce: the interval between two reads of files that have changed.
const DEBOUNCE_INTERVAL: Duration = Duration::from_millis(100);
/// Debounce: a change counts once this many reads in a row are equal. An editor or a checkout may be in the middle of it.
const MIN_EQUAL_READS: u32 = 6;
/// Debounce: reads before it is given up.
const MAX_READS: u32 = 20;
/// Debounce: failed reads before it is given up.
const MAX_FAILED_READS: u32 = 10;
/// Files that are missing or unstable at this many checks in a row count as a change.
const MAX_ABSENT_CHECKS: u32 = 3;
/// Threads that may hang in a read at a time: the pool of blocking threads is shared with everything beside the loop.
const MAX_STUCK_THREADS: usize = 4;

/// A reading that is done.
pub(super) struct Loaded {
    pub by: ReloadedBy,
    pub result: Result<Box<Config>, Unloaded>,
    /// Whoever waits for it.
    pub replies: Vec<oneshot::Sender<Reloaded>>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unloaded {
    #[error("{}", .0.render(false).trim_end())]
    Wrong(Diagnostics),
    #[error("the files could not be read within {}", humantime::format_duration(READ_TIMEOUT))]
    Late,
    #[error("a fault of hotset while reading the files: {0}")]
    Fault(String),
}

enum Reading {
    Loaded(Result<Box<Config>, Unloaded>),
    /// What the watch looked at is what was read last.
    Same,
    /// A file cannot be read, or the files do not stand still. Not yet a change.
    Absent,
}

/// What a reading came to, and what was read.
type Read = (Reading, Option<Arc<Vec<Source>>>);

pub(super) struct Reloader {
    paths: Vec<PathBuf>,
    watch: Option<Duration>,
    look_at: Instant,
    /// What was read last, accepted or refused.
    seen: Option<Arc<Vec<Source>>>,
    absent: u32,
    reading: JoinSet<Read>,
    /// One clone a thread that reads.
    threads: Arc<()>,
    /// Of the reading that goes on.
    stop: Stop,
    by: ReloadedBy,
    replies: Vec<oneshot::Sender<Reloaded>>,
    /// Asked for while a reading was going on.
    next_by: Option<ReloadedBy>,
    waiting: Vec<oneshot::Sender<Reloaded>>,
}

impl Reloader {
    /// `seen` is what the configuration in force was read from.
    pub fn new(paths: Vec<PathBuf>, watch: Option<Duration>, seen: Option<Vec<Source>>) -> Self {
        Self {
            paths,
            watch,
            look_at: Instant::now() + watch.unwrap_or_default(),
            seen: seen.map(Arc::new),
            absent: 0,
            reading: JoinSet::new(),
            threads: Arc::default(),
            stop: Stop::default(),
            by: ReloadedBy::Watch,
            replies: Vec::new(),
            next_by: None,
            waiting: Vec::new(),
        }
    }

    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    pub fn set_watch(&mut self, watch: Option<Duration>) {
        if self.watch != watch {
            self.watch = watch;
            self.look_at = Instant::now() + watch.unwrap_or_default();
        }
    }

    /// Asks for a reading. A hundred askings during one reading are one more reading.
    pub fn ask(&mut self, by: ReloadedBy, reply: Option<oneshot::Sender<Reloaded>>) {
        if self.reading.is_empty() {
            self.replies.extend(reply);
            self.read(by);
        } else {
            self.waiting.extend(reply);
            // Someone who asks counts for more than a change that was noticed.
            self.next_by = Some(self.next_by.filter(|_| by == ReloadedBy::Watch).unwrap_or(by));
        }
    }

    fn read(&mut self, by: ReloadedBy) {
        self.by = by;
        let paths = self.paths.clone();
        let seen = self.seen.clone().filter(|_| by == ReloadedBy::Watch);
        let patient = self.absent + 1 < MAX_ABSENT_CHECKS;
        let thread = self.threads.clone();
        self.stop = Stop::default();
        let stop = self.stop.clone();
        let is_stuck = Arc::strong_count(&self.threads) > MAX_STUCK_THREADS + 1;
        self.reading.spawn(async move {
            if is_stuck {
                return (Reading::Loaded(Err(Unloaded::Late)), None);
            }
            let read = read(paths, seen, by == ReloadedBy::Watch && patient, (thread, stop));
            timeout(READ_TIMEOUT, read).await.unwrap_or((Reading::Loaded(Err(Unloaded::Late)), None))
        });
    }

    /// Waits for the next reading that has something to say, and starts those that are due. Cancel safe.
    pub async fn next(&mut self) -> Loaded {
        loop {
            let look = self.watch.is_some() && self.reading.is_empty();
            tokio::select! {
                Some(done) = self.reading.join_next() => {
                    if let Some(loaded) = self.done(done) {
                        return loaded;
                    }
                }
                () = sleep_until(self.look_at), if look => self.read(ReloadedBy::Watch),
                else => std::future::pending::<()>().await,
            }
        }
    }

    fn done(&mut self, done: Result<Read, JoinError>) -> Option<Loaded> {
        // What came too late is not waited for, and need not go on.
        self.stop.set();
        let (reading, seen) =
            done.unwrap_or_else(|error| (Reading::Loaded(Err(Unloaded::Fault(error.to_string()))), None));
        self.look_at = Instant::now() + self.watch.unwrap_or_default();
        let by = self.by;
        let loaded = match reading {
            Reading::Same => {
                self.absent = 0;
                None
            }
            Reading::Absent => {
                self.absent += 1;
                None
            }
            Reading::Loaded(result) => {
                // A file that stays away is said once, not at every look.
                let stays = by == ReloadedBy::Watch && self.absent >= MAX_ABSENT_CHECKS && seen.is_none();
                self.absent = if seen.is_none() { MAX_ABSENT_CHECKS } else { 0 };
                self.seen = seen;
                let replies = std::mem::take(&mut self.replies);
                (!stays).then_some(Loaded { by, result, replies })
            }
        };
        if let Some(by) = self.next_by.take() {
            self.replies.append(&mut self.waiting);
            self.read(by);
        }
        loaded
    }
}

async fn read(
    paths: Vec<PathBuf>,
    seen: Option<Arc<Vec<Source>>>,
    patient: bool,
    (thread, stop): (Arc<()>, Stop),
) -> Read {
    let fault = |error: JoinError| (Reading::Loaded(Err(Unloaded::Fault(error.to_string()))), None);
    let mut last = match seen {
        None => None,
        Some(seen) => match settled(&paths, seen, &thread).await {
            Ok(Settled::Same) => return (Reading::Same, None),
            Ok(Settled::Changed(sources)) => Some(sources),
            Ok(Settled::Not(_)) if patient => return (Reading::Absent, None),
            Ok(Settled::Not(last)) => last,
            Err(error) => return fault(error),
        },
    };
    let loaded = spawn_blocking(move || {
        let _thread = thread;
        let sources = match last.take() {
            Some(sources) => sources,
            None => config::read(&paths).map_err(Unloaded::Wrong)?,
        };
        let kept = Arc::new(sources.clone());
        let resolved = config::resolve_sources(sources, clock::zones(), &stop);
        Ok((resolved.map(Box::new).map_err(Unloaded::Wrong), kept))
    });
    match loaded.await {
        Ok(Ok((result, kept))) => (Reading::Loaded(result), Some(kept)),
        Ok(Err(unread)) => (Reading::Loaded(Err(unread)), None),
        Err(error) => fault(error),
    }
}

enum Settled {
    Same,
    Changed(Vec<Source>),
    /// Files that go on changing, or are gone: as they were read last.
    Not(Option<Vec<Source>>),
}

/// Reads until the files stand still. Those of a volume change together: of them one reading is enough.
async fn settled(paths: &[PathBuf], seen: Arc<Vec<Source>>, thread: &Arc<()>) -> Result<Settled, JoinError> {
    let mut last: Option<Vec<Source>> = None;
    let (mut agree, mut unread) = (0, 0);
    for reading in 0..MAX_READS {
        if reading > 0 {
            sleep(DEBOUNCE_INTERVAL).await;
        }
        let (named, thread) = (paths.to_owned(), thread.clone());
        let read = move || {
            let _thread = thread;
            let sources = config::read(&named);
            let together = sources.as_deref().is_ok_and(config::change_together);
            (sources, together)
        };
        let (Ok(now), together) = spawn_blocking(read).await? else {
            (last, agree, unread) = (None, 0, unread + 1);
            if unread >= MAX_FAILED_READS {
                break;
            }
            continue;
        };
        if now == *seen {
            return Ok(Settled::Same);
        }
        agree = if last.as_ref() == Some(&now) { agree + 1 } else { 1 };
        if together || agree >= MIN_EQUAL_READS {
            return Ok(Settled::Changed(now));
        }
        last = Some(now);
    }
    Ok(Settled::Not(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_that_never_answer_take_no_more_than_a_few_threads() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hotset.toml");
        std::fs::write(&file, "objets = 1").unwrap();
        let mut reloader = Reloader::new(vec![file], None, None);
        let mut stuck = Vec::new();
        for is_late in [false, true] {
            reloader.ask(ReloadedBy::Sighup, None);
            let Loaded { result, .. } = reloader.next().await;
            assert_eq!(matches!(result, Err(Unloaded::Late)), is_late, "{result:?}");
            stuck.extend((0..=MAX_STUCK_THREADS).map(|_| reloader.threads.clone()));
        }
        stuck.clear();
        reloader.ask(ReloadedBy::Sighup, None);
        assert!(matches!(reloader.next().await.result, Err(Unloaded::Wrong(_))), "they have answered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reading_that_comes_too_late_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("hotset.toml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut reloader = Reloader::new(vec![pipe.clone()], None, None);
        reloader.ask(ReloadedBy::Sighup, None);
        let reads = reloader.stop.clone();
        // Its timeout begins when it is first looked at.
        tokio::task::yield_now().await;
        tokio::time::advance(READ_TIMEOUT + Duration::from_secs(1)).await;
        let loaded = reloader.next().await;
        assert!(matches!(loaded.result, Err(Unloaded::Late)), "nobody writes into the pipe");
        assert!(reads.is_set());
        // Lets the thread go.
        drop(std::fs::File::options().write(true).open(pipe).unwrap());
    }
}
