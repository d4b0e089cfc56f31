//! What each verb takes, and the few lines that join configuration, a pass and its printing.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use super::adhoc::{self, AdHoc};
use super::against::{self, Change};
use super::{Context, Usage, online};
use crate::clock;
use crate::config::profile::Profile;
use crate::config::value::Kind as _;
use crate::config::value::percent::Percent;
use crate::config::{self, Config};
use crate::exit;
use crate::report::{Outcome, Progress, Report};
use crate::run::probe::{Scope, probe};
use crate::run::{self, Connections, Pass, Task};
use crate::select::plan::Plan;

/// How long a pass by hand may take where the profile does not say.
const ONE_SHOT_DEADLINE: Duration = Duration::from_secs(6 * 3600);

#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Also try it: name lookup, credentials, permission to list, one plain HEAD, addressing
    #[arg(long, value_name = "WHAT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub online: Option<Online>,
    /// One JSON object instead of text
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
    /// Profiles; all that are not paused without any
    pub profiles: Vec<String>,
    /// One JSON line a profile
    #[arg(long)]
    pub json: bool,
    /// Write the keys as JSON Lines in rank order; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub objects: Option<PathBuf>,
    /// Compare with another configuration, over one listing: what enters, what leaves, what it costs
    #[arg(long, value_name = "PATH", conflicts_with_all = ["json", "objects"])]
    pub against: Vec<PathBuf>,
    /// How a comparison is printed
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, requires = "against")]
    pub format: against::Format,
}

#[derive(Clone, Debug, Args)]
pub struct WarmArgs {
    /// Profiles, or patterns such as s3://bucket/datasets/**; all profiles that are not paused without any
    #[arg(value_name = "PROFILE|PATTERN")]
    pub what: Vec<String>,
    /// One JSON line a run
    #[arg(long)]
    pub json: bool,
    /// How long a pass may take [default: the profile's deadline, else 6h]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
    /// What share of the wanted objects, and of their bytes, makes a pass complete
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub min_warm: Option<f64>,
    /// Warm what is fresh too; without a ledger nothing is ever fresh
    #[arg(long)]
    pub rewarm: bool,
    #[command(flatten)]
    pub ad_hoc: AdHoc,
}

#[derive(Clone, Debug, Args)]
pub struct ScheduleArgs {
    /// Fires after this instant [default: now]
    #[arg(long, value_name = "RFC3339")]
    pub from: Option<DateTime<Utc>>,
    /// How many of each profile
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub count: usize,
    /// One JSON line a fire
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// Every key with its default and unit, instead
    #[arg(long)]
    pub reference: bool,
}

fn share(text: &str) -> Result<f64, String> {
    Percent::parse(text).map_err(|error| error.to_string())
}

fn load(context: &Context) -> anyhow::Result<Config> {
    Ok(warned(context, config::load(&context.global.paths()?)?))
}

/// Prints a configuration's warnings, once.
fn warned(context: &Context, config: Config) -> Config {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if context.global.wants_state() {
        tracing::warn!("this version keeps no journal: --state-dir is not used");
    }
    config
}

/// The profiles named, else all that are not paused; the urgent ones first.
fn tasks(config: &Config, names: &[String]) -> Result<Vec<Task>, Usage> {
    let mut profiles: Vec<&Arc<Profile>> = Vec::new();
    for name in names {
        let Some(profile) = config.profiles.get(name.as_str()) else {
            let near = config::suggest::did_you_mean(name, config.profiles.keys().map(|name| &**name));
            let hint = near.map(|near| format!("; {near}")).unwrap_or_default();
            return Err(Usage(format!("no profile `{name}`{hint}")));
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
        return Err(Usage("no profile that is not paused".to_owned()));
    }
    let task = |profile: &Arc<Profile>| Task { profile: profile.clone(), fingerprint: config.fingerprint(profile) };
    Ok(profiles.into_iter().map(task).collect())
}

pub async fn check(context: &Context, args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let config = config::load(&context.global.paths()?)?;
    let mut out = io::stdout();
    if args.json {
        super::check::write_json(&config, clock::now(), &mut out)?;
    } else {
        super::check::write(&config, clock::now(), context.global.color(), &mut out)?;
    }
    let Some(online) = args.online else { return Ok(ExitCode::SUCCESS) };
    let scope = match online {
        Online::List => Scope::List,
        Online::Cache => Scope::Cache,
        Online::All => Scope::All,
    };
    let mut connections = Connections::default();
    let mut right = true;
    for task in tasks(&config, &[])? {
        let connection = connections.open(&task.profile).await;
        let findings = probe(&task, &connection, scope).await;
        right &= online::write(&task.profile.name, &findings, &mut out)?;
    }
    Ok(ExitCode::from(if right { 0 } else { exit::of_outcome(Outcome::Refused) }))
}

pub async fn plan(context: &Context, args: PlanArgs) -> anyhow::Result<ExitCode> {
    let output = super::plan::Output { json: args.json, objects: args.objects };
    if output.json && output.objects_on_stdout() {
        return Err(Usage("--json and --objects - both want standard output".to_owned()).into());
    }
    let config = load(context)?;
    if !args.against.is_empty() {
        return compare(context, &config, &args.against, &args.profiles, args.format).await;
    }
    let mut objects = match &output.objects {
        Some(path) if !output.objects_on_stdout() => Some(create(path)?),
        _ => None,
    };
    let mut connections = Connections::default();
    let mut ends = Vec::new();
    for task in tasks(&config, &args.profiles)? {
        let connection = connections.open(&task.profile).await;
        let progress = Arc::new(Progress::default());
        let planning = run::plan(&task, &connection, &progress, &context.stop);
        let plan = context.screen.watch(&task.profile.name, &progress, planning).await;
        print_plan(&plan, &output, objects.as_mut())?;
        let (outcome, _) = Outcome::of_plan(&plan.verdict);
        ends.push((outcome, outcome == Outcome::Complete));
    }
    if let Some(objects) = &mut objects {
        objects.flush().context("write the objects")?;
    }
    Ok(code(context, &ends))
}

fn create(path: &PathBuf) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("write the objects to {}", path.display()))?;
    Ok(BufWriter::new(file))
}

fn print_plan(plan: &Plan, output: &super::plan::Output, objects: Option<&mut BufWriter<File>>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    if let Some(objects) = objects {
        super::plan::write_objects(plan, objects).context("write the objects")?;
    }
    if output.objects_on_stdout() {
        super::plan::write_objects(plan, &mut out)?;
        super::plan::write_text(plan, &mut io::stderr())?;
    } else if output.json {
        super::plan::write_json(plan, &mut out)?;
        let (outcome, reason) = Outcome::of_plan(&plan.verdict);
        say(&plan.profile, outcome, reason);
    } else {
        super::plan::write_text(plan, &mut out)?;
    }
    Ok(out.flush()?)
}

/// What text output says itself: one line for whoever reads the logs of a script.
fn say(profile: &str, outcome: Outcome, reason: Option<&str>) {
    if outcome != Outcome::Complete {
        tracing::error!(profile, "{outcome}: {}", reason.unwrap_or_default());
    }
}

/// The code of the outcomes, or of the signal that stopped us.
fn code(context: &Context, ends: &[(Outcome, bool)]) -> ExitCode {
    let code = exit::of_several(ends);
    let signalled = context.received.exit_code().filter(|_| code == exit::of_outcome(Outcome::Interrupted));
    ExitCode::from(signalled.unwrap_or(code))
}

async fn compare(
    context: &Context,
    after: &Config,
    before: &[PathBuf],
    names: &[String],
    format: against::Format,
) -> anyhow::Result<ExitCode> {
    let before = config::load(before)?;
    let mut all: Vec<&str> = before.profiles.keys().chain(after.profiles.keys()).map(|name| &**name).collect();
    all.sort_unstable();
    all.dedup();
    if let Some(unknown) = names.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(Usage(format!("no profile `{unknown}` in either configuration")).into());
    }
    all.retain(|name| names.is_empty() || names.iter().any(|named| named == name));
    let task = |config: &Config, name: &str| {
        let profile = config.profiles.get(name).filter(|profile| !profile.paused || !names.is_empty())?;
        Some(Task { profile: profile.clone(), fingerprint: config.fingerprint(profile) })
    };
    let mut changes = Vec::new();
    for name in all {
        let sides = [task(&before, name), task(after, name)];
        if sides.iter().any(Option::is_some) {
            changes.push(plan_both(context, name, sides).await);
        }
    }
    let mut out = BufWriter::new(io::stdout());
    against::write(&changes, format, &mut out)?;
    out.flush()?;
    let ends: Vec<_> = changes.iter().filter_map(|change| change.after.as_ref()).collect();
    let ends: Vec<_> =
        ends.iter().map(|plan| Outcome::of_plan(&plan.verdict).0).map(|o| (o, o == Outcome::Complete)).collect();
    Ok(code(context, &ends))
}

/// Both sides over one listing where they list at the same place as the same user, else each over its own.
async fn plan_both(context: &Context, name: &str, sides: [Option<Task>; 2]) -> Change {
    let progress = Arc::new(Progress::default());
    let [before, after] = sides;
    let one_place = before.as_ref().zip(after.as_ref()).is_some_and(|(before, after)| {
        let place = |task: &Task| {
            let site = &task.profile.endpoint.list.0;
            let credentials = task.profile.credentials.clone().unwrap_or_else(|| site.credentials.clone());
            (site.url.clone(), site.region.clone(), credentials)
        };
        place(before) == place(after)
    });
    let planning = async {
        if let (true, Some(old), Some(new)) = (one_place, before.clone(), after.clone()) {
            let connection = Connections::default().open(&new.profile).await;
            let mut plans = run::plan_together(&[old, new], &connection, &progress, &context.stop).await.into_iter();
            return (plans.next(), plans.next());
        }
        (plan_one(context, before, &progress).await, plan_one(context, after, &progress).await)
    };
    let (before, after) = context.screen.watch(name, &progress, planning).await;
    Change { profile: name.to_owned(), before, after }
}

async fn plan_one(context: &Context, task: Option<Task>, progress: &Arc<Progress>) -> Option<Plan> {
    let task = task?;
    let connection = Connections::default().open(&task.profile).await;
    Some(run::plan(&task, &connection, progress, &context.stop).await)
}

pub async fn warm(context: &Context, args: WarmArgs) -> anyhow::Result<ExitCode> {
    let (config, names) = what_to_warm(context, &args)?;
    if args.rewarm {
        tracing::info!("this version keeps no ledger: everything is warmed, with or without --rewarm");
    }
    let mut connections = Connections::default();
    let mut reports = Vec::new();
    for task in tasks(&config, &names)? {
        let connection = connections.open(&task.profile).await;
        let progress = Arc::new(Progress::default());
        let pass = Pass {
            trigger: "cli",
            deadline: args.timeout.or(task.profile.deadline).unwrap_or(ONE_SHOT_DEADLINE),
            min_warm: args.min_warm,
            stop: context.stop.clone(),
            progress: progress.clone(),
        };
        let running = run::pass(&task, &connection, pass);
        let report = context.screen.watch(&task.profile.name, &progress, running).await;
        print_report(&report, args.json)?;
        reports.push((report.outcome, report.did_something()));
        if context.stop.drain.is_cancelled() {
            break;
        }
    }
    Ok(code(context, &reports))
}

fn print_report(report: &Report, json: bool) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    if json {
        super::warm::write_json(report, &mut out)?;
        say(&report.plan.profile, report.outcome, report.reason.as_deref());
    } else {
        super::warm::write_text(report, &mut out)?;
    }
    Ok(out.flush()?)
}

/// The configuration with its names, or the one that patterns and flags stand for.
fn what_to_warm(context: &Context, args: &WarmArgs) -> anyhow::Result<(Config, Vec<String>)> {
    let (patterns, names): (Vec<_>, Vec<_>) = args.what.iter().cloned().partition(|what| what.starts_with("s3://"));
    if patterns.is_empty() {
        if args.ad_hoc.is_given() {
            let why = "--max-bytes, --endpoint and --cache-url go with patterns (s3://…), not with profiles";
            return Err(Usage(why.to_owned()).into());
        }
        return Ok((load(context)?, names));
    }
    if !names.is_empty() {
        return Err(Usage("patterns and profiles cannot be warmed in one call".to_owned()).into());
    }
    // With a cache on the command line no file is needed; one that is named counts all the same.
    let paths = match (&args.ad_hoc.cache_url, context.global.config.is_empty()) {
        (Some(_), true) => Vec::new(),
        _ => context.global.paths()?,
    };
    let source = args.ad_hoc.source(&patterns, paths.len());
    let config = config::load_with(&paths, vec![source])?;
    Ok((warned(context, config), vec![adhoc::NAME.to_owned()]))
}

pub fn schedule(context: &Context, args: &ScheduleArgs) -> anyhow::Result<ExitCode> {
    let config = load(context)?;
    let from = args.from.unwrap_or_else(clock::now);
    let profiles: Vec<_> = config.profiles.values().map(|profile| (&*profile.name, &*profile.schedules)).collect();
    let mut out = BufWriter::new(io::stdout());
    if args.json {
        super::schedule::write_json(&profiles, from, args.count, &mut out)?;
    } else {
        super::schedule::write_table(&profiles, from, args.count, &mut out)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

pub fn config(context: &Context, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(io::stdout());
    if args.reference {
        super::config::write_reference(&mut out)?;
    } else {
        super::config::write(&config::load(&context.global.paths()?)?, &mut out)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

pub fn schema() -> anyhow::Result<ExitCode> {
    super::schema::write(&mut io::stdout())?;
    Ok(ExitCode::SUCCESS)
}
