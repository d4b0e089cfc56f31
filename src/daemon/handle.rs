//! The channel to the loop: commands with an answer, each with a timeout.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use ulid::Ulid;

use crate::journal::Filter;
use crate::report::Failure;
use model::api::{AuditEntry, RunLine, Status};
use model::config::suggest::hint;
use model::object::Escaped;

/// How long the loop may take to answer a command other than a reload.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the answer to a reload may take.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Capacity of the channel to the loop, in commands.
pub(crate) const COMMAND_CAPACITY: usize = 64;

/// Why the loop gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoopError {
    #[error("the daemon is stopping")]
    Stopping,
    #[error("the daemon did not answer in time")]
    Late,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// In words for a person.
    #[error("{0}")]
    NoProfile(String),
    /// In words for a person.
    #[error("{0}")]
    NoRun(String),
    #[error("this token may only start runs of the profiles of team `{0}`")]
    OtherTeam(Arc<str>),
    #[error("the files are bad")]
    BadFiles,
    #[error("the profile `{0}` is paused")]
    Paused(Arc<str>),
    #[error("the profile `{0}` is paused in the configuration; only the configuration can resume it")]
    PausedByConfiguration(Arc<str>),
    #[error("the run {run} of `{profile}` is being stopped; ask again when it has ended")]
    Ending { profile: Arc<str>, run: Ulid },
    /// In words for a person.
    #[error("{0}")]
    Journal(String),
    #[error(transparent)]
    LoopError(#[from] LoopError),
}

impl CommandError {
    /// `name` is none of these.
    pub fn no_profile<'a>(name: &str, profiles: impl IntoIterator<Item = &'a str>) -> Self {
        Self::NoProfile(format!("no profile is named `{}`{}", Escaped(name), hint(name, profiles)))
    }

    /// What is not in force may stand in the files of the last reload, where these were `refused`.
    #[must_use]
    pub fn beside_files(self, refused: bool) -> Self {
        match self {
            Self::NoProfile(said) if refused => Self::NoProfile(format!(
                "{said}; the files were refused at the last reload, and it may stand in them: `hotset status` shows why"
            )),
            other => other,
        }
    }

    /// `run` is none of these.
    pub fn no_run(run: Ulid, in_progress: impl IntoIterator<Item = (Ulid, Arc<str>)>) -> Self {
        let all: Vec<_> = in_progress.into_iter().map(|(run, profile)| format!("{run} of `{profile}`")).collect();
        let there = if all.is_empty() { "none is".to_owned() } else { format!("there is {}", all.join(", ")) };
        Self::NoRun(format!("no run {run} is in progress; {there}"))
    }
}

/// A run that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    pub run: Ulid,
    /// It was in progress already.
    pub joined: bool,
}

/// What came of a reload that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// Why the files were not taken, with file, line and caret. `None`: they are in force.
    pub error: Option<String>,
    /// Profiles that are new, have changed, or are gone.
    pub added: Vec<Arc<str>>,
    pub changed: Vec<Arc<str>>,
    pub removed: Vec<Arc<str>>,
}

type Reply<T> = oneshot::Sender<T>;

/// A run from the journal, with the failures kept of it.
pub type Detailed = (RunLine, Vec<Failure>);

/// What the loop is asked.
#[derive(Debug)]
pub(crate) enum Command {
    View(Reply<Status>),
    Start { profile: String, rewarm: bool, team: Option<Arc<str>>, reply: Reply<Result<Started, CommandError>> },
    Audit(AuditEntry),
    Pause { profile: String, until: Option<DateTime<Utc>>, reply: Reply<Result<(), CommandError>> },
    Resume { profile: String, reply: Reply<Result<(), CommandError>> },
    Cancel { run: Ulid, reply: Reply<Result<(), CommandError>> },
    Reload(Reply<Reloaded>),
    Runs { filter: Filter, limit: usize, reply: Reply<Result<Vec<RunLine>, CommandError>> },
    Run { run: Ulid, reply: Reply<Result<Option<Detailed>, CommandError>> },
}

/// Sends commands to the loop. Clones reach the same loop.
#[derive(Clone, Debug)]
pub struct Handle(pub(crate) mpsc::Sender<Command>);

impl Handle {
    async fn ask<T>(&self, limit: Duration, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, LoopError> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.0.send(command(reply)).await.map_err(|_| LoopError::Stopping)?;
            answer.await.map_err(|_| LoopError::Stopping)
        };
        timeout(limit, asked).await.unwrap_or(Err(LoopError::Late))
    }

    /// What the daemon is doing now.
    ///
    /// # Errors
    /// The loop does not answer.
    pub async fn view(&self) -> Result<Status, LoopError> {
        self.ask(REPLY_TIMEOUT, Command::View).await
    }

    /// Starts a run of a profile, or joins the one in progress. With a `team` only one of its profiles is started.
    ///
    /// # Errors
    /// The profile is unknown, another's or paused, or its run is being stopped.
    pub async fn start(&self, profile: &str, rewarm: bool, team: Option<Arc<str>>) -> Result<Started, CommandError> {
        let profile = profile.to_owned();
        self.ask(REPLY_TIMEOUT, |reply| Command::Start { profile, rewarm, team, reply }).await?
    }

    /// Has the journal keep who asked for what. It is in the log whatever becomes of that.
    pub async fn audit(&self, entry: AuditEntry) {
        match timeout(REPLY_TIMEOUT, self.0.send(Command::Audit(entry))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::debug!("the daemon has ended; an entry of the audit trail is in the log only"),
            Err(_) => tracing::warn!("the loop is busy; an entry of the audit trail is in the log only"),
        }
    }

    /// Pauses a profile, across restarts, until an instant or until it is resumed. Its run is stopped.
    ///
    /// # Errors
    /// The profile is unknown, or the journal cannot keep the pause.
    pub async fn pause(&self, profile: &str, until: Option<DateTime<Utc>>) -> Result<(), CommandError> {
        let profile = profile.to_owned();
        self.ask(REPLY_TIMEOUT, |reply| Command::Pause { profile, until, reply }).await?
    }

    /// Ends a pause that was made by hand. A profile that is not paused stays so.
    ///
    /// # Errors
    /// The profile is unknown or paused in the configuration, or the journal cannot be written.
    pub async fn resume(&self, profile: &str) -> Result<(), CommandError> {
        let profile = profile.to_owned();
        self.ask(REPLY_TIMEOUT, |reply| Command::Resume { profile, reply }).await?
    }

    /// Stops a run; it is not taken up again.
    ///
    /// # Errors
    /// No such run is in progress.
    pub async fn cancel(&self, run: Ulid) -> Result<(), CommandError> {
        self.ask(REPLY_TIMEOUT, |reply| Command::Cancel { run, reply }).await?
    }

    /// Reads the files again, and waits until they are in force or refused.
    ///
    /// # Errors
    /// The loop does not answer.
    pub async fn reload(&self) -> Result<Reloaded, LoopError> {
        self.ask(RELOAD_TIMEOUT, Command::Reload).await
    }

    /// Runs from the journal, the latest first, at most `limit`.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn runs(&self, filter: Filter, limit: usize) -> Result<Vec<RunLine>, CommandError> {
        self.ask(REPLY_TIMEOUT, |reply| Command::Runs { filter, limit, reply }).await?
    }

    /// One run from the journal, with the failures kept of it.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn run(&self, run: Ulid) -> Result<Option<Detailed>, CommandError> {
        self.ask(REPLY_TIMEOUT, |reply| Command::Run { run, reply }).await?
    }
}
