//! What each verb takes, and the few lines that join configuration, a pass and its printing.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use super::adhoc::{self, AdHoc};
use super::against;
use super::global::Files;
use super::online::Tally;
use super::plan::Output;
use super::typed::{instant, typed};
use super::wanted::{Wanted, what_to_warm};
use super::{Context, Usage, planning, read, state, text};
use crate::clock;
use crate::exit;
use crate::report::{Outcome, Progress, ReasonClass, Report};
use crate::run::probe::{Scope, probe};
use crate::run::{self, Connections, Pass, Task};
use model::api::RunLine;
use model::config::diagnostic::Diagnostic;
use model::config::profile::Profile;
use model::config::value::duration::Length;
use model::config::value::percent::Percent;
use model::config::{self, Config};

#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub files: Files,
    /// Also ask the endpoints, and fill nothing: credentials, one page of each listing, one plain HEAD
    #[arg(long, value_name = "WHAT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub online: Option<Online>,
    /// JSON Lines instead of text: profiles, endpoints, warnings, errors
    #[arg(long, conflicts_with = "online")]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Online {
    List,
    Cache,
    All,
}

#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub files: Files,
    /// The profiles to plan [default: all that are not paused]
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// One JSON line a profile
    #[arg(long)]
    pub json: bool,
    /// Also write the selected objects to FILE, as JSON Lines in rank order; - is standard output
    #[arg(long, value_name = "FILE")]
    pub objects: Option<PathBuf>,
    /// Compare with the configuration in PATH, over one listing: what enters, leaves and costs
    #[arg(long, value_name = "PATH", conflicts_with = "objects")]
    pub against: Vec<PathBuf>,
    /// With --against: contact also endpoints, as credentials and for teams, that are new or changed there
    #[arg(long, requires = "against")]
    pub trust_new: bool,
    /// How a comparison is printed; markdown: for a comment on a pull request
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, requires = "against")]
    pub format: against::Format,
}

#[derive(Clone, Debug, Args)]
pub struct WarmArgs {
    #[command(flatten)]
    pub files: Files,
    /// Profiles, or patterns in quotes, such as 's3://training/d-*.tar'; s3://training/datasets/ is all below it [default:
    /// all profiles that are not paused]
    #[arg(value_name = "PROFILE|PATTERN")]
    pub what: Vec<String>,
    /// One JSON line a run
    #[arg(long)]
    pub json: bool,
    /// How long each run may take, such as 90m [default: the profile's deadline, else 6h]
    #[arg(long, value_name = "TIME", value_parser = typed::<Length<false>>)]
    pub timeout: Option<Duration>,
    /// The share of the wanted objects, and of their bytes, that makes a run complete, such as 99% [default: the
    /// profile's min_warm, else every planned object that still exists]
    #[arg(long, value_name = "SHARE", value_parser = typed::<Percent>)]
    pub min_warm: Option<f64>,
    /// Warm also what was warmed within `rewarm_after`
    #[arg(long)]
    pub rewarm: bool,
    /// List and select, and warm nothing: what `hotset plan` prints
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub ad_hoc: AdHoc,
}

#[derive(Clone, Debug, Args)]
pub struct ScheduleArgs {
    #[command(flatten)]
    pub files: Files,
    /// Show fires after TIME, such as 2026-03-07T22:30:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub from: Option<DateTime<Utc>>,
    /// How many fires of each profile
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub count: u16,
    /// One JSON line a fire
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    pub files: Files,
    /// Instead: a file with every key, its default and its unit
    #[arg(long)]
    pub reference: bool,
}

/// The files named before and behind the verb.
pub(super) fn files(context: &Context, args: &Files) -> Files {
    Files { config: [&*context.files.config, &*args.config].concat() }
}

pub(super) async fn load(context: &Context, args: &Files, names: &[String]) -> anyhow::Result<Config> {
    Ok(warned(read::load(&context.stop, files(context, args).paths()?).await??, names))
}

/// Prints a configuration's warnings, once, without those about profiles that were not asked for.
pub(super) fn warned(config: Config, names: &[String]) -> Config {
    let asked_for = |key: &str| {
        let profile = key.strip_prefix("profile.").map(|rest| rest.split('.').next().unwrap_or(rest));
        profile.is_none_or(|profile| names.iter().any(|name| name == profile))
    };
    for warning in config.warnings.iter().chain(&environment()) {
        if names.is_empty() || warning.key_path().is_none_or(asked_for) {
            tracing::warn!("{warning}");
        }
    }
    config
}

/// For verbs that say when something happens.
pub(super) fn warn_of_zones(config: &Config) {
    for warning in config.zone_warnings(clock::now()) {
        tracing::warn!("{warning}");
    }
}

/// What the environment says and hotset does not obey.
fn environment() -> Vec<Diagnostic> {
    let names: Vec<_> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    config::environment_warnings(names.iter().map(String::as_str))
}

/// The profiles named, else all that are not paused; the urgent ones first.
pub(super) fn tasks(config: &Config, names: &[String]) -> Result<Vec<Task>, Usage> {
    let mut profiles: Vec<&Arc<Profile>> = Vec::new();
    for name in names {
        let Some(profile) = config.profiles.get(name.as_str()) else {
            return Err(unknown(name, config.profiles.keys().map(|name| &**name)));
        };
        if !profiles.iter().any(|known| Arc::ptr_eq(known, profile)) {
            profiles.push(profile);
        }
    }
    if names.is_empty() {
        profiles.extend(config.profiles.values().filter(|profile| !profile.paused));
        profiles.sort_by_key(|profile| std::cmp::Reverse(profile.priority));
    }
    if profiles.is_empty() {
        let why = match config.profiles.is_empty() {
            true => "the configuration has no profile",
            false => "every profile is paused; one that is named runs all the same",
        };
        return Err(Usage(why.to_owned()));
    }
    let task = |profile: &Arc<Profile>| Task { profile: profile.clone(), fingerprint: config.fingerprint(profile) };
    Ok(profiles.into_iter().map(task).collect())
}

/// Names what may have been meant.
pub(super) fn unknown<'a>(name: &str, profiles: impl Iterator<Item = &'a str>) -> Usage {
    if name.starts_with("s3://") {
        return Usage(format!("`{name}` is a pattern, and no profile: `hotset warm '{name}' --dry-run` plans it"));
    }
    Usage(format!("there is no profile `{name}`{}", config::suggest::hint(name, profiles)))
}

pub async fn check(context: &Context, args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout();
    let mut config = match read::load(&context.stop, files(context, &args.files).paths()?).await? {
        Err(diagnostics) if args.json => {
            super::check::write_json_errors(&diagnostics, &mut out)?;
            return Ok(ExitCode::from(exit::USAGE));
        }
        loaded => loaded?,
    };
    config.warnings.extend(environment());
    let zones = config.zone_warnings(clock::now());
    config.warnings.extend(zones);
    let unreadable = super::check::unreadable(&config);
    config.warnings.extend(unreadable);
    let unreadable = super::check::unreadable_secrets(&config);
    config.warnings.extend(unreadable);
    if args.json {
        super::check::write_json(&config, clock::now(), &mut out)?;
    } else {
        super::check::write(&config, clock::now(), context.global.colors(&out), &mut out)?;
    }
    let Some(online) = args.online else { return Ok(ExitCode::SUCCESS) };
    let scope = match online {
        Online::List => Scope::List,
        Online::Cache => Scope::Cache,
        Online::All => Scope::All,
    };
    let connections = Connections::default();
    let mut tally = Tally::default();
    for task in tasks(&config, &[])? {
        let connection = connections.open(&task.profile).await;
        let stopped = context.stop.drain.cancelled();
        let Some(findings) = unless(stopped, probe(&task, &connection, scope)).await else {
            return Ok(code(context, &[], true));
        };
        tally.write(&task.profile.name, &findings, &mut out)?;
    }
    Ok(ExitCode::from(if tally.finish(&mut out)? { 0 } else { exit::of_outcome(Outcome::Refused) }))
}

/// What `work` gives, unless `stopped` comes first.
async fn unless<T>(stopped: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stopped => None,
        done = work => Some(done),
    }
}

/// The code of the outcomes, or of the signal that stopped us.
///
/// Profiles that a signal kept from being begun are `unbegun`: they are interrupted, however well the others ended.
pub(super) fn code(context: &Context, ends: &[(Outcome, bool)], unbegun: bool) -> ExitCode {
    let all = [ends, if unbegun { &[(Outcome::Interrupted, false)] } else { &[] }].concat();
    let ends = all.as_slice();
    let code = exit::of_several(ends);
    let signalled = context.received.exit_code().filter(|_| code == exit::of_outcome(Outcome::Interrupted));
    ExitCode::from(signalled.unwrap_or(code))
}

/// For those who want to know more.
pub(super) fn say_where(profile: &Profile) {
    let (name, endpoint) = (&profile.name, &profile.endpoint);
    let [list, cache] = [&endpoint.list.0.url, &endpoint.cache.0.url].map(|url| url.as_str().trim_end_matches('/'));
    tracing::info!(endpoint = &*endpoint.name, list, cache, "{name}: begins");
}

pub async fn warm(context: &Context, args: WarmArgs) -> anyhow::Result<ExitCode> {
    let Wanted { config, names, patterns } = what_to_warm(context, &args).await?;
    if args.dry_run {
        let output = Output { json: args.json, objects: None };
        return planning::show(context, (&config, &names), &output, !args.rewarm).await;
    }
    let tasks = tasks(&config, &names)?;
    let journal = state::open(context, &config);
    let connections = state::connections(context, &config);
    let mut ends = Vec::new();
    let mut unprinted = None;
    for task in &tasks {
        let connection = connections.open(&task.profile).await;
        say_where(&task.profile);
        let progress = Arc::new(Progress::default());
        let pass = Pass {
            deadline: args.timeout.or(task.profile.deadline).unwrap_or(run::ONE_SHOT_DEADLINE),
            min_warm: args.min_warm,
            journal: journal.clone(),
            claim: claim(task),
            rewarm: args.rewarm,
            ..Pass::once(task, context.stop.clone(), progress.clone())
        };
        let running = run::pass(task, &connection, pass);
        let report = context.screen.watch(&task.profile.name, &progress, running).await;
        // Nobody may be reading any more; what was asked for is warmed all the same.
        let printed = print_run(&report, &task.profile, args.json, ends.is_empty());
        unprinted = unprinted.or(printed.err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe));
        if report.reason_class == Some(ReasonClass::NothingMatched)
            && let Some(hint) = adhoc::hint(&patterns)
        {
            tracing::warn!("{hint}");
        }
        ends.push((report.outcome, report.did_something()));
    }
    match unprinted {
        Some(error) => Err(anyhow::Error::new(error).context("write what came of the runs")),
        None => Ok(code(context, &ends, false)),
    }
}

fn print_run(report: &Report, profile: &Profile, json: bool, is_first: bool) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    if json {
        say(&report.plan.profile, report.outcome, report.reason.as_deref());
        text::write_json(&RunLine::from(report), &mut out)?;
    } else {
        text::write_gap(is_first, &mut out)?;
        super::warm::write_text(report, profile, &mut out)?;
    }
    out.flush()
}

/// A profile runs once at a time; of patterns, the same ones do.
fn claim(task: &Task) -> String {
    if *task.profile.name == *adhoc::NAME {
        return format!("{} {}", adhoc::NAME, task.fingerprint);
    }
    task.profile.name.to_string()
}

/// What text output says itself: one line for whoever reads the logs of a script.
pub(super) fn say(profile: &str, outcome: Outcome, reason: Option<&str>) {
    if outcome != Outcome::Complete {
        tracing::error!("{profile}: {outcome}: {}", reason.unwrap_or_default());
    }
}

pub async fn schedule(context: &Context, args: &ScheduleArgs) -> anyhow::Result<ExitCode> {
    let config = load(context, &args.files, &[]).await?;
    warn_of_zones(&config);
    let from = args.from.unwrap_or_else(clock::now);
    let (paused, running): (Vec<_>, Vec<_>) = config.profiles.values().partition(|profile| profile.paused);
    let profiles: Vec<_> = running
        .iter()
        .map(|profile| super::schedule::Scheduled {
            profile: &profile.name,
            schedules: &profile.schedules,
            window: profile.window.as_ref(),
        })
        .collect();
    let mut out = BufWriter::new(io::stdout());
    if args.json {
        super::schedule::write_json(&profiles, from, usize::from(args.count), &mut out)?;
    } else {
        super::schedule::write_table(&profiles, from, usize::from(args.count), &mut out)?;
        paused.iter().try_for_each(|profile| writeln!(out, "{}: paused", profile.name))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

pub async fn config(context: &Context, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(io::stdout());
    if args.reference {
        super::config::write_reference(&mut out)?;
    } else {
        super::config::write(&read::load(&context.stop, files(context, &args.files).paths()?).await??, &mut out)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

pub fn schema() -> anyhow::Result<ExitCode> {
    super::schema::write(&mut io::stdout())?;
    Ok(ExitCode::SUCCESS)
}
