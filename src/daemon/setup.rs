//! Builds a daemon: opens its journal and restores what it remembers.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::failover_journal::FailoverJournal;
use super::handle::{COMMAND_CAPACITY, Handle};
use super::history::History;
use super::journal_writer::JournalWriter;
use super::reload::Reloader;
use super::scheduler::{Remembered, Scheduler};
use super::shutdown::Shutdown;
use super::{Daemon, JOURNAL_CHECK_INTERVAL, apply_config, tasks};
use crate::clock;
use crate::journal::JournalError;
use crate::run::Connections;
use crate::signals::Hangups;
use crate::ticker::Ticker;
use crate::warm::StopSignal;
use model::api::{Reload, ReloadedBy};
use model::config::{Config, Source};

/// Files that are no configuration.
pub struct Bad {
    /// With file, line and caret.
    pub why: String,
    /// What was read, where it could be: not looked at again until it changes.
    pub tried: Option<Vec<Source>>,
}

/// What a daemon is started with.
pub struct Setup {
    pub paths: Vec<PathBuf>,
    pub config: Config,
    /// The files were bad. The configuration is the last good one from the journal.
    pub bad: Option<Bad>,
    /// `None` keeps everything in memory.
    pub state_dir: Option<PathBuf>,
    /// `state_dir` of the configuration does not count: a flag or the environment names the folder.
    pub state_dir_is_given: bool,
    pub stop: StopSignal,
    pub hangups: Hangups,
    pub ticker: Ticker,
}

impl Daemon {
    /// Opens the journal, and takes up what it remembers. Nothing is sent yet.
    ///
    /// # Errors
    /// The journal in memory, the fallback, cannot be made, or the records of the journal cannot be read.
    pub fn new(setup: Setup) -> Result<Self, JournalError> {
        let failover = FailoverJournal::open(setup.state_dir.as_deref())?;
        let (now, at) = (clock::now(), Instant::now());
        let journal = failover.journal();
        let remembered = Remembered { profiles: journal.profiles()?, interrupted: journal.interrupted(None)? };
        let mut history = History::restore(&journal)?;
        let config = Arc::new(setup.config);
        let (scheduler, actions) = Scheduler::start(tasks(&config), remembered, now);
        let (is_bad, error, seen) = match setup.bad {
            None => (false, None, Some(config.sources.clone())),
            Some(Bad { why, tried }) => (true, Some(why), tried),
        };
        let watch = config.daemon.watch;
        let (sender, commands) = mpsc::channel(COMMAND_CAPACITY);
        let counter =
            if is_bad { &mut history.counters.reloads_failed } else { &mut history.counters.reloads_succeeded };
        *counter += 1;
        let mut daemon = Self {
            started: now,
            state_dir_is_given: setup.state_dir_is_given,
            reload: Reload {
                at: now,
                by: ReloadedBy::Start,
                ok: !is_bad,
                succeeded: (!is_bad).then_some(now),
                last_good: is_bad,
                error,
                warnings: apply_config::warnings(&config, now),
                paths: setup.paths.iter().map(|path| path.display().to_string()).collect(),
            },
            in_force: watch::Sender::new(config.clone()),
            config,
            scheduler,
            connections: setup.state_dir.map_or_else(Connections::default, Connections::spilling_into),
            runs: JoinSet::new(),
            tasks: HashMap::new(),
            active: BTreeMap::new(),
            history,
            reloader: Reloader::new(setup.paths, watch, seen),
            writer: JournalWriter::start(failover.clone()),
            journal: failover,
            commands,
            handle: Handle(sender),
            stop: setup.stop,
            hangups: setup.hangups,
            ticker: setup.ticker,
            shutdown: Shutdown::No,
            next_check: at + JOURNAL_CHECK_INTERVAL,
            next_prune: at,
            checks: JoinSet::new(),
        };
        if !is_bad {
            daemon.keep_good();
        }
        daemon.act(actions);
        Ok(daemon)
    }
}
