//! The command line. Here are the flags that all verbs share, and which verb is which.

pub mod adhoc;
pub mod against;
mod audit;
pub mod check;
mod codes;
mod completions;
pub mod config;
mod contact;
mod control;
mod daemon;
#[cfg(feature = "sim")]
pub mod demo;
mod explain;
mod global;
mod groups;
mod logs;
mod man;
pub mod online;
pub mod plan;
mod planning;
pub mod progress;
mod read;
mod runs;
pub mod schedule;
pub mod schema;
#[cfg(feature = "sim")]
pub mod sim;
mod state;
mod status;
pub mod text;
mod typed;
mod verbs;
mod wait;
mod wanted;
pub mod warm;
mod why;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::clock;
use crate::exit;
use crate::report::Outcome;
use crate::signals::{self, Received};
use crate::warm::StopSignal;
use global::{Files, Global, LogFormat};
use model::config::diagnostic::Diagnostics;
use progress::Screen;

/// Threads that requests run on, at most.
const WORKERS: usize = 8;
/// Threads that wait for disks and names, at most.
const BLOCKING: usize = 8;

/// What `--version` says behind the name, and `-V` the first word of: version, commit and features, by `build.rs`.
const LONG_VERSION: &str = env!("HOTSET_LONG_VERSION");

/// The same, and the zone rules that would be in force.
fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{LONG_VERSION}\nzone rules {}", clock::zones()));
    &TEXT
}

/// What `--help` ends with.
const NOTES: &str = "\
Sizes are written with a unit (500 MB, 8 TiB), times too (90s, 36h), shares in percent (99%).

Exit codes: 0 complete, 1 a fault of hotset itself, 2 usage or configuration, 3 partial, 4 refused, 5 failed and worth \
another try, 130 and 143 interrupted.";

/// How long threads that are still at work may take when all is done.
const LAST_THREADS: Duration = Duration::from_secs(2);

/// Keeps the right objects hot in an S3 read cache.
#[derive(Debug, Parser)]
#[command(name = "hotset", version, long_version = long_version(), about)]
#[command(max_term_width = 100, arg_required_else_help = true, after_help = NOTES)]
struct Cli {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Try it on this machine: a made-up bucket and cache, read cold, warmed, read again
    #[cfg(feature = "sim")]
    #[command(after_help = codes::DEMO)]
    Demo,
    /// Check the configuration: all that is wrong with it, else what it will do when
    #[command(after_help = codes::CHECK, visible_alias = "validate")]
    Check(verbs::CheckArgs),
    /// List and select: what would be warmed, what is left out and why; warms nothing
    #[command(after_help = codes::PLAN)]
    Plan(verbs::PlanArgs),
    /// Warm now, once: profiles, or the objects of s3:// patterns
    #[command(after_help = codes::WARM, visible_aliases = ["run", "prestage"])]
    Warm(verbs::WarmArgs),
    /// Run the schedules until stopped; SIGHUP reloads the configuration
    #[command(after_help = codes::DAEMON)]
    Daemon(daemon::DaemonArgs),
    /// Wait until the daemon has warmed a profile: 0 warm, 3 not in time
    #[command(after_help = codes::WAIT)]
    Wait(wait::WaitArgs),
    /// Show what the daemon is doing
    #[command(after_help = codes::CONTROL)]
    Status(status::StatusArgs),
    /// Say why a profile is not warm, and what to do about it
    #[command(after_help = codes::WHY)]
    Why(why::WhyArgs),
    /// Have the daemon pause a profile; its run is stopped
    #[command(after_help = codes::CONTROL)]
    Pause(control::PauseArgs),
    /// Have the daemon go on with a paused profile
    #[command(after_help = codes::CONTROL)]
    Resume(control::ResumeArgs),
    /// Have the daemon read its configuration again
    #[command(after_help = codes::CONTROL)]
    Reload(control::ReloadArgs),
    /// Have the daemon stop a run
    #[command(after_help = codes::CONTROL)]
    Cancel(control::CancelArgs),
    /// Show past runs, from the journal
    #[command(after_help = codes::READ)]
    Runs(runs::RunsArgs),
    /// Show who asked the daemon for what, and who was not let in
    #[command(after_help = codes::READ)]
    Audit(audit::AuditArgs),
    /// Show which profiles want an object, and when it was last warmed
    #[command(after_help = codes::READ)]
    Explain(explain::ExplainArgs),
    /// Show the coming fires of every profile
    #[command(after_help = codes::READ)]
    Schedule(verbs::ScheduleArgs),
    /// Show the resolved configuration with the origin of every value
    #[command(after_help = codes::READ)]
    Config(verbs::ConfigArgs),
    /// Print the JSON Schema of the configuration, for editors
    #[command(after_help = codes::READ)]
    Schema,
    /// Print what a shell needs to complete verbs and flags
    #[command(after_help = codes::WRITE)]
    Completions(completions::CompletionsArgs),
    /// Write the man pages into a folder
    #[command(after_help = codes::WRITE)]
    Man(man::ManArgs),
    /// Serve made-up buckets and a cache in front of them, to try things on
    #[cfg(feature = "sim")]
    #[command(after_help = codes::SIM)]
    Sim(Box<sim::SimArgs>),
}

/// A mistake in how hotset was called.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// What every verb is given.
struct Context {
    /// Named before the verb.
    files: Files,
    global: Global,
    screen: Screen,
    stop: StopSignal,
    received: Received,
}

/// What is parsed, for whoever describes it: completions, man pages, the manual.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the arguments, does what they say, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            said(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    let global = cli.global.clone();
    let screen = Screen::new(global.quiet);
    logs::start(&global, &screen, matches!(cli.verb, Verb::Daemon(_)));
    let run = || -> anyhow::Result<ExitCode> {
        let runtime = runtime()?;
        let done = runtime.block_on(dispatch(cli, screen));
        // What waits for a disk or a server that does not answer must not keep the process from ending.
        runtime.shutdown_timeout(LAST_THREADS);
        done
    };
    run().unwrap_or_else(|error| say(&error, &global))
}

/// What clap says of a command line, which repeats values: of those that have the shape of a secret, stars.
fn said(error: &clap::Error) {
    let text = error.render().to_string();
    let starred = model::config::starred(&text);
    // Nothing is left to be done about a terminal that is gone.
    let _ = if starred == text { error.print() } else { writeln!(io::stderr(), "{}", starred.trim_end()) };
}

/// A few threads do for what one cache can answer, whatever the machine has; the blocking ones wait for disks and names.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(cores.min(WORKERS)).max_blocking_threads(BLOCKING).enable_all().build()
}

async fn dispatch(cli: Cli, screen: Screen) -> anyhow::Result<ExitCode> {
    let Cli { files, global, verb } = cli;
    let (stop, received) = (StopSignal::default(), Received::default());
    // Before the first file is read: PID 1 ignores what it does not handle.
    signals::watch(received.clone(), stop.drain.clone(), stop.quit.clone())?;
    let context = Context { files, global, screen, stop, received };
    let verb = async {
        match verb {
            #[cfg(feature = "sim")]
            Verb::Demo => demo::run(&context).await,
            Verb::Check(args) => verbs::check(&context, &args).await,
            Verb::Plan(args) => Box::pin(planning::plan(&context, args)).await,
            Verb::Warm(args) => verbs::warm(&context, args).await,
            Verb::Daemon(args) => daemon::run(&context, &args).await,
            Verb::Wait(args) => wait::run(&context, &args).await,
            Verb::Status(args) => status::run(&context, &args).await,
            Verb::Why(args) => why::run(&context, &args).await,
            Verb::Pause(args) => control::pause(&context, &args).await,
            Verb::Resume(args) => control::resume(&context, &args).await,
            Verb::Reload(args) => control::reload(&context, &args).await,
            Verb::Cancel(args) => control::cancel(&context, &args).await,
            Verb::Runs(args) => runs::run(&context, &args).await,
            Verb::Audit(args) => audit::run(&context, &args).await,
            Verb::Explain(args) => explain::run(&context, &args).await,
            Verb::Schedule(args) => verbs::schedule(&context, &args).await,
            Verb::Config(args) => verbs::config(&context, &args).await,
            Verb::Schema => verbs::schema(),
            Verb::Completions(args) => {
                completions::write(&args, &mut io::stdout())?;
                Ok(ExitCode::SUCCESS)
            }
            Verb::Man(args) => {
                man::write(&args)?;
                Ok(ExitCode::SUCCESS)
            }
            #[cfg(feature = "sim")]
            Verb::Sim(args) => {
                sim::serve(*args, &mut io::stdout(), context.stop.drain.cancelled()).await?;
                Ok(ExitCode::SUCCESS)
            }
        }
    };
    let said = async {
        context.stop.drain.cancelled().await;
        tracing::warn!("stopping: requests in flight are awaited; a second signal quits at once");
    };
    tokio::pin!(verb);
    let done = tokio::select! {
        biased;
        () = said => verb.await,
        done = &mut verb => done,
    };
    match done {
        Err(error) if error.is::<read::Stopped>() => Ok(ExitCode::from(context.received.exit_code().unwrap_or(130))),
        done => done,
    }
}

/// Says what went wrong, once, and which exit code that is.
fn say(error: &anyhow::Error, global: &Global) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let code = match error.downcast_ref::<Diagnostics>() {
        Some(diagnostics) if global.log_format == LogFormat::Json => {
            diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).for_each(|one| tracing::error!("{one}"));
            exit::USAGE
        }
        Some(diagnostics) => {
            // Standard error is where one would say that standard error is gone.
            let _ = io::stderr().write_all(diagnostics.render(global.colored_logs()).as_bytes());
            exit::USAGE
        }
        None => {
            tracing::error!("{error:#}");
            match error {
                usage if usage.is::<Usage>() => exit::USAGE,
                away if away.is::<contact::Unreached>() => exit::of_outcome(Outcome::Failed),
                _ => exit::FAULT,
            }
        }
    };
    ExitCode::from(code)
}

/// `hotset plan … | head` is no fault of anybody.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_pipe = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(is_pipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|json| json.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}
