//! The command line: one file a verb. Here are the flags that all verbs share, and which verb is which.

pub mod adhoc;
pub mod against;
pub mod check;
pub mod config;
#[cfg(feature = "sim")]
pub mod demo;
mod global;
mod logs;
pub mod online;
pub mod plan;
pub mod progress;
pub mod schedule;
pub mod schema;
#[cfg(feature = "sim")]
pub mod sim;
pub mod text;
mod verbs;
pub mod warm;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::diagnostic::Diagnostics;
use crate::exit;
use crate::signals::{Received, Signals};
use crate::warm::Stop;
use global::Global;
use progress::Screen;

/// Keeps the right objects hot in an S3 read cache.
#[derive(Debug, Parser)]
#[command(name = "hotset", version, about, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Warm a small made-up bucket in a made-up cache, on this machine, and show what that changes
    #[cfg(feature = "sim")]
    Demo,
    /// Read the configuration, say all that is wrong with it, and what it would do when
    Check(verbs::CheckArgs),
    /// List and select: what a pass would warm, what it leaves out and why; sends no HEAD
    Plan(verbs::PlanArgs),
    /// Run one pass now
    Warm(verbs::WarmArgs),
    /// The coming fires of every profile
    Schedule(verbs::ScheduleArgs),
    /// The resolved configuration with the origin of each value
    Config(verbs::ConfigArgs),
    /// The JSON Schema of the configuration, for editors
    Schema,
    /// Serve the simulator: made-up buckets behind a made-up cache
    #[cfg(feature = "sim")]
    Sim(Box<sim::SimArgs>),
}

/// A mistake in how hotset was called.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// What every verb is given.
struct Context {
    global: Global,
    screen: Screen,
    stop: Stop,
    received: Received,
}

/// Parses the arguments, does what they say, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to be done about a terminal that is gone.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    let color = cli.global.color();
    let run = || -> anyhow::Result<ExitCode> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(dispatch(cli))
    };
    run().unwrap_or_else(|error| explain(&error, color))
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    // Before the first file is read: PID 1 ignores what it does not handle.
    let signals = Signals::install()?;
    let Cli { global, verb } = cli;
    let screen = Screen::new(global.quiet > 0);
    logs::start(&global, &screen);
    let (stop, received) = (Stop::default(), Received::default());
    let watching = signals.stop(received.clone(), stop.drain.clone(), stop.quit.clone());
    let context = Context { global, screen, stop, received };
    let verb = async {
        match verb {
            #[cfg(feature = "sim")]
            Verb::Demo => demo::run(&context).await,
            Verb::Check(args) => verbs::check(&context, &args).await,
            Verb::Plan(args) => verbs::plan(&context, args).await,
            Verb::Warm(args) => verbs::warm(&context, args).await,
            Verb::Schedule(args) => verbs::schedule(&context, &args),
            Verb::Config(args) => verbs::config(&context, &args),
            Verb::Schema => verbs::schema(),
            #[cfg(feature = "sim")]
            Verb::Sim(args) => {
                sim::serve(*args, &mut io::stdout(), context.stop.drain.cancelled()).await?;
                Ok(ExitCode::SUCCESS)
            }
        }
    };
    tokio::pin!(verb);
    tokio::select! {
        biased;
        code = &mut verb => code,
        () = watching => verb.await,
    }
}

/// Says what went wrong, once, and which exit code that is.
fn explain(error: &anyhow::Error, color: bool) -> ExitCode {
    let (text, code) = if let Some(diagnostics) = error.downcast_ref::<Diagnostics>() {
        (diagnostics.render(color), exit::USAGE)
    } else if let Some(usage) = error.downcast_ref::<Usage>() {
        (format!("error: {usage}\n"), exit::USAGE)
    } else if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    } else {
        (format!("error: {error:#}\n"), exit::FAULT)
    };
    // Standard error is where one would say that standard error is gone.
    let _ = io::stderr().write_all(text.as_bytes());
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
