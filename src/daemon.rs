//! The process that is left alone for months: one loop that owns schedules, runs and reloads.
//!
//! The scheduler decides what runs when, from the events that the loop passes to it; the loop executes its actions. The loop
//! waits for no disk and no server: runs, reloads and entries of the journal are tasks beside it, and report back.

pub mod handle;

mod actions;
mod active_run;
mod apply_config;
mod commands;
mod failover_journal;
mod fire_clock;
mod history;
mod journal_writer;
mod reload;
mod scheduler;
mod setup;
mod shutdown;
mod snapshot;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};
use ulid::Ulid;

use crate::clock;
use crate::run::{Connections, Task};
use crate::signals::Hangups;
use crate::ticker::Ticker;
use crate::warm::StopSignal;
use active_run::{ActiveRun, Step};
use failover_journal::FailoverJournal;
use handle::{Command, Handle};
use history::History;
use journal_writer::JournalWriter;
use model::api::{Reload, ReloadedBy};
use model::config::Config;
use reload::Reloader;
use scheduler::Scheduler;
pub use setup::{Bad, Setup};
use shutdown::Shutdown;

/// How often the journal is checked: whether it can be written, and whether the file is still the one at its path.
const JOURNAL_CHECK_INTERVAL: Duration = Duration::from_secs(30);
/// How often runs older than `daemon.retention` are deleted from the journal.
const JOURNAL_PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// The loop.
pub struct Daemon {
    started: DateTime<Utc>,
    state_dir_is_given: bool,
    config: Arc<Config>,
    in_force: watch::Sender<Arc<Config>>,
    scheduler: Scheduler,
    connections: Connections,
    runs: JoinSet<Step>,
    /// Which run a task of `runs` belongs to.
    tasks: HashMap<Id, Ulid>,
    active: BTreeMap<Ulid, ActiveRun>,
    history: History,
    reloader: Reloader,
    reload: Reload,
    journal: FailoverJournal,
    writer: JournalWriter,
    commands: mpsc::Receiver<Command>,
    /// Held so that the channel stays open while nobody else speaks to the loop.
    handle: Handle,
    stop: StopSignal,
    hangups: Hangups,
    ticker: Ticker,
    shutdown: Shutdown,
    next_check: Instant,
    next_prune: Instant,
    checks: JoinSet<()>,
}

impl Daemon {
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The configuration in force, whenever it changes.
    pub fn in_force(&self) -> watch::Receiver<Arc<Config>> {
        self.in_force.subscribe()
    }

    /// Runs until told to stop, and until what was in flight then has ended or the grace is over.
    pub async fn run(mut self) {
        if !self.stop.drain.is_cancelled() {
            self.tick();
        }
        loop {
            let (until, quitting) = match self.shutdown {
                Shutdown::No => (None, false),
                Shutdown::Draining(until) => (Some(until), false),
                Shutdown::Quitting(until) => (Some(until), true),
            };
            tokio::select! {
                biased;
                () = self.stop.quit.cancelled(), if !quitting => self.quit(),
                () = self.stop.drain.cancelled(), if until.is_none() => self.drain(),
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    if quitting {
                        tracing::error!(runs = self.active.len(), "runs did not end in time, and are left as they are");
                        break;
                    }
                    self.quit();
                }
                Some(step) = self.runs.join_next_with_id() => self.step(step),
                () = self.hangups.next() => self.reloader.ask(ReloadedBy::Sighup, None),
                loaded = self.reloader.next() => self.loaded(loaded),
                // Before the commands: however many ask, what is due begins.
                () = self.ticker.tick() => self.tick(),
                Some(command) = self.commands.recv() => self.command(command),
            }
            if self.shutdown != Shutdown::No && self.runs.is_empty() {
                break;
            }
        }
        self.ticker.stop().await;
        self.writer.finish().await;
    }

    /// Time has passed.
    fn tick(&mut self) {
        let actions = self.scheduler.tick(clock::now());
        self.act(actions);
        let now = Instant::now();
        while let Some(checked) = self.checks.try_join_next() {
            if let Err(error) = checked {
                tracing::error!(%error, "a fault of hotset while looking at the journal");
            }
        }
        if now >= self.next_check && self.checks.is_empty() {
            self.next_check = now + JOURNAL_CHECK_INTERVAL;
            let prune = (now >= self.next_prune).then_some(self.config.daemon.retention);
            if prune.is_some() {
                self.next_prune = now + JOURNAL_PRUNE_INTERVAL;
            }
            let journal = self.journal.clone();
            self.checks.spawn_blocking(move || {
                let journal = journal.check();
                let pruned = prune.map_or(Ok(()), |retention| journal.prune(clock::now(), retention));
                if let Err(error) = pruned {
                    tracing::warn!("{error}; what is past its retention stays for now");
                }
            });
        }
    }
}

/// Every profile, in the form that the scheduler and a pass take.
fn tasks(config: &Config) -> Vec<Task> {
    let task = |profile: &Arc<model::config::profile::Profile>| Task {
        profile: profile.clone(),
        fingerprint: config.fingerprint(profile),
    };
    config.profiles.values().map(task).collect()
}
