//! The process that is left alone for months: one loop that owns schedules, runs and reloads.
//!
//! What is to run when is decided by the rota, from what the loop tells it; the loop carries that out. Nothing in the loop
//! waits for a disk or a server: runs, readings of the files and entries of the journal go on beside it, and report back.

pub mod handle;
pub mod view;

mod clerk;
mod commands;
mod history;
mod keeper;
mod live;
mod panorama;
mod planner;
mod reload;
mod rota;
mod swap;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use ulid::Ulid;

use crate::clock;
use crate::config::{Config, Source};
use crate::journal::{JournalError, Mark};
use crate::object::Count;
use crate::report::{Begun, Cut, Identity, Outcome, Report, Trigger};
use crate::run::{self, Connections, Task};
use crate::signals::Hangups;
use crate::ticker::Ticker;
use crate::warm::Stop;
use clerk::Clerk;
use handle::{Command, Handle, QUEUE};
use history::History;
use keeper::Keeper;
use live::LiveRun;
use planner::Fire;
use reload::Reloader;
use rota::{Action, Begin, Remembered, Rota, RunEnd};
use view::{ReloadView, ReloadedBy};

/// How often the journal is looked at, and tidied.
const LOOK: Duration = Duration::from_secs(30);
const TIDY: Duration = Duration::from_secs(3600);

/// How long runs that were told to wait for nothing may take for their last entries.
const LAST_ENTRIES: Duration = Duration::from_secs(60);

/// How far the end of the process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    No,
    /// Nothing new is sent; what is in flight may end until then.
    Draining(Instant),
    /// Nothing is waited for but entries of the journal.
    Quitting(Instant),
}

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
    pub stop: Stop,
    pub hangups: Hangups,
    pub ticker: Ticker,
}

/// The loop.
pub struct Daemon {
    started: DateTime<Utc>,
    state_dir_is_given: bool,
    config: Arc<Config>,
    in_force: watch::Sender<Arc<Config>>,
    rota: Rota,
    connections: Connections,
    runs: JoinSet<Report>,
    tasks: HashMap<Id, Ulid>,
    live: BTreeMap<Ulid, LiveRun>,
    history: History,
    reloader: Reloader,
    reload: ReloadView,
    keeper: Keeper,
    clerk: Clerk,
    commands: mpsc::Receiver<Command>,
    /// Held so that the channel stays open while nobody else speaks to the loop.
    handle: Handle,
    stop: Stop,
    hangups: Hangups,
    ticker: Ticker,
    ending: Ending,
    look_at: Instant,
    tidy_at: Instant,
    looking: JoinSet<()>,
}

impl Daemon {
    /// Opens the journal, and takes up what it remembers. Nothing is sent yet.
    ///
    /// # Errors
    /// A journal of a newer version, or one that cannot be read.
    pub fn new(setup: Setup) -> Result<Self, JournalError> {
        let keeper = Keeper::open(setup.state_dir.as_deref())?;
        let (now, at) = (clock::now(), Instant::now());
        let journal = keeper.journal();
        let remembered = Remembered { profiles: journal.profiles()?, interrupted: journal.interrupted(None)? };
        let mut history = History::restore(&journal)?;
        let config = Arc::new(setup.config);
        let (rota, actions) = Rota::start(tasks(&config), remembered, now);
        let (is_bad, error, seen) = match setup.bad {
            None => (false, None, Some(config.sources.clone())),
            Some(Bad { why, tried }) => (true, Some(why), tried),
        };
        let watch = config.daemon.watch;
        let (sender, commands) = mpsc::channel(QUEUE);
        let counter =
            if is_bad { &mut history.counters.reloads_failed } else { &mut history.counters.reloads_succeeded };
        *counter += 1;
        let mut daemon = Self {
            started: now,
            state_dir_is_given: setup.state_dir_is_given,
            reload: ReloadView {
                at: now,
                by: ReloadedBy::Start,
                succeeded: (!is_bad).then_some(now),
                last_good: is_bad,
                error,
                warnings: swap::warnings(&config),
                paths: setup.paths.clone(),
            },
            in_force: watch::Sender::new(config.clone()),
            config,
            rota,
            connections: Connections::default(),
            runs: JoinSet::new(),
            tasks: HashMap::new(),
            live: BTreeMap::new(),
            history,
            reloader: Reloader::new(setup.paths, watch, seen),
            clerk: Clerk::start(keeper.clone()),
            keeper,
            commands,
            handle: Handle(sender),
            stop: setup.stop,
            hangups: setup.hangups,
            ticker: setup.ticker,
            ending: Ending::No,
            look_at: at + LOOK,
            tidy_at: at,
            looking: JoinSet::new(),
        };
        if !is_bad {
            daemon.keep_good();
        }
        daemon.act_soon(actions);
        Ok(daemon)
    }

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
            self.tick().await;
        }
        loop {
            let (until, quitting) = match self.ending {
                Ending::No => (None, false),
                Ending::Draining(until) => (Some(until), false),
                Ending::Quitting(until) => (Some(until), true),
            };
            tokio::select! {
                biased;
                () = self.stop.quit.cancelled(), if !quitting => self.quit(),
                () = self.stop.drain.cancelled(), if until.is_none() => self.drain().await,
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    if quitting {
                        tracing::error!(runs = self.live.len(), "runs did not end in time, and are left as they are");
                        break;
                    }
                    self.quit();
                }
                Some(over) = self.runs.join_next_with_id() => self.run_over(over).await,
                () = self.hangups.next() => self.reloader.ask(ReloadedBy::Sighup, None),
                loaded = self.reloader.next() => self.loaded(loaded).await,
                // Before the commands: however many ask, what is due begins.
                () = self.ticker.tick() => self.tick().await,
                Some(command) = self.commands.recv() => self.command(command).await,
            }
            if self.ending != Ending::No && self.runs.is_empty() {
                break;
            }
        }
        self.ticker.stop().await;
        self.clerk.finish().await;
    }

    /// Time has passed.
    async fn tick(&mut self) {
        let actions = self.rota.tick(clock::now());
        self.act(actions).await;
        let now = Instant::now();
        while let Some(looked) = self.looking.try_join_next() {
            if let Err(error) = looked {
                tracing::error!(%error, "a fault of hotset while looking at the journal");
            }
        }
        if now >= self.look_at && self.looking.is_empty() {
            self.look_at = now + LOOK;
            let tidy = (now >= self.tidy_at).then_some(self.config.daemon.retention);
            if tidy.is_some() {
                self.tidy_at = now + TIDY;
            }
            let keeper = self.keeper.clone();
            self.looking.spawn_blocking(move || {
                let journal = keeper.look();
                let tidied = tidy.map_or(Ok(()), |retention| journal.prune(clock::now(), retention));
                if let Err(error) = tidied {
                    tracing::warn!("{error}; what is past its retention stays for now");
                }
            });
        }
    }

    /// Carries out what the rota wants.
    async fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Begin(begin) => self.begin(*begin).await,
                other => self.act_now(other),
            }
        }
    }

    /// The same where nothing begins: at the start, where runs wait for the first tick, and at the end.
    fn act_soon(&mut self, actions: Vec<Action>) {
        actions.into_iter().for_each(|action| self.act_now(action));
    }

    fn act_now(&mut self, action: Action) {
        match action {
            Action::Begin(_) => {}
            Action::Cut { run, cut } => {
                if let Some(live) = self.live.get_mut(&run) {
                    tracing::info!(%run, profile = &*live.task.profile.name, "stopping the run: {}", cut.as_str());
                    live.cut(cut);
                }
            }
            Action::Skip { task, fire, mark, reason } => self.skip(&task, fire, mark, reason),
            Action::Mark { profile, mark } => {
                self.clerk.write("a profile's place in time", move |journal| {
                    journal.set_watermark(&profile, mark.watermark, &mark.timetable)
                });
            }
            Action::Adopt { profile, fingerprint } => {
                self.clerk.write("a profile's fingerprint", move |journal| journal.adopt(&profile, &fingerprint));
            }
            Action::Forget { profile } => {
                self.history.forget(&profile);
                self.clerk.write("that a profile is gone", move |journal| journal.forget(&profile));
            }
            Action::Unpause { profile } => {
                tracing::info!(profile = &*profile, "the pause is over");
                self.clerk.write("the end of a pause", move |journal| journal.set_pause(&profile, None));
            }
        }
    }

    /// A fire that passes without a run is known all the same.
    fn skip(&mut self, task: &Task, fire: Fire, mark: Mark, reason: String) {
        let profile = &task.profile;
        tracing::warn!(profile = &*profile.name, endpoint = &*profile.endpoint.name, due = %fire.due, "skipped: {reason}");
        self.history.skipped(&profile.name, fire.due, fire.missed);
        let trigger = if fire.late { Trigger::Missed } else { Trigger::Schedule };
        let identity = Identity { due: Some(fire.due), missed: fire.missed, ..Identity::new(trigger, clock::now()) };
        let report = run::skipped(task, identity, reason.clone());
        let new = run::new_run(&report, profile.name.to_string(), Some(mark));
        self.clerk.write("a skipped fire", move |journal| journal.skip(&new, &reason).map(drop));
    }

    async fn begin(&mut self, begin: Begin) {
        let profile = begin.task.profile.clone();
        let Identity { run, trigger, due, missed, resumes, .. } = begin.identity;
        tracing::info!(
            %run, profile = &*profile.name, endpoint = &*profile.endpoint.name, %trigger,
            due = due.map(|due| due.to_rfc3339()), missed, resumes, "the run begins"
        );
        if let Some(due) = due {
            self.history.dealt_with(&profile.name, due, missed);
        }
        let connection = self.connections.open(&profile).await;
        let (live, going) = LiveRun::new(&begin, connection, self.keeper.clone(), self.clerk.caught_up());
        let task = self.runs.spawn(going);
        self.tasks.insert(task.id(), run);
        self.live.insert(run, live);
    }

    async fn run_over(&mut self, over: Result<(Id, Report), JoinError>) {
        let now = clock::now();
        let id = over.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(live) = self.tasks.remove(&id).and_then(|run| self.live.remove(&run)) else { return };
        let profile = live.task.profile.name.clone();
        let run = live.identity.run;
        let end = match over {
            Ok((_, report)) => {
                let (begun, outcome) = (report.begun, report.outcome);
                match begun {
                    Begun::Yes => {
                        self.history.ended(&report, &live.ended(), report.ended.unwrap_or(now));
                        say(&report);
                    }
                    Begun::Held | Begun::Done => {
                        let reason = report.reason.as_deref().unwrap_or_default();
                        tracing::info!(%run, profile = &*profile, "the run does not begin: {reason}");
                    }
                }
                RunEnd { run, begun, outcome, reason: report.reason, warmed: report.totals.warmed }
            }
            Err(error) => {
                tracing::error!(%run, profile = &*profile, %error, "a fault of hotset ended the run");
                self.history.count(&profile, Outcome::Failed);
                RunEnd { run, begun: Begun::Yes, outcome: Outcome::Failed, reason: None, warmed: Count::default() }
            }
        };
        let actions = self.rota.ended(&profile, &end, now);
        self.act(actions).await;
    }

    async fn drain(&mut self) {
        let grace = self.config.daemon.shutdown_grace;
        let runs = self.live.len();
        if runs > 0 {
            tracing::info!(runs, "runs that are going on have {} to end", humantime::format_duration(grace));
        }
        self.ending = Ending::Draining(Instant::now() + grace);
        let actions = self.rota.stop();
        self.act(actions).await;
    }

    /// Waits for nothing any more.
    fn quit(&mut self) {
        self.ending = Ending::Quitting(Instant::now() + LAST_ENTRIES);
        let actions = self.rota.stop();
        self.act_soon(actions);
        if self.live.values().any(|live| !live.stop.quit.is_cancelled()) {
            tracing::warn!("requests that are still in flight are given up: what became of them is not known");
        }
        for live in self.live.values_mut() {
            live.cut(Cut::Shutdown);
            live.stop.quit.cancel();
        }
    }
}

/// Every profile, as the rota and a pass take it.
fn tasks(config: &Config) -> Vec<Task> {
    let task = |profile: &Arc<crate::config::profile::Profile>| Task {
        profile: profile.clone(),
        fingerprint: config.fingerprint(profile),
    };
    config.profiles.values().map(task).collect()
}

/// One line for the log.
fn say(report: &Report) {
    let (run, profile, endpoint) = (report.identity.run, &*report.plan.profile, &*report.plan.endpoint);
    let totals = &report.totals;
    let (warmed, fresh, bytes) = (totals.warmed.objects, totals.fresh.objects, totals.warmed.bytes);
    let reason = report.reason.as_deref();
    match report.outcome {
        Outcome::Complete => {
            tracing::info!(%run, profile, endpoint, outcome = %report.outcome, warmed, bytes, fresh, reason, "the run ended");
        }
        _ => {
            let (failed, unknown) = (totals.failed.objects, totals.unknown.objects);
            tracing::warn!(
                %run, profile, endpoint, outcome = %report.outcome, warmed, bytes, fresh, failed, unknown, reason, "the run ended"
            );
        }
    }
}
