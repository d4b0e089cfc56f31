//! `hotset runs`: what the journal says of past runs.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use comfy_table::{CellAlignment, Table};
use ulid::Ulid;

use super::global::Files;
use super::groups::write_recorded;
use super::state::Place;
use super::text::{self, Row, count, counted, percent, took, write_counts, write_json};
use super::typed::typed;
use super::{Context, Usage, read, state, verbs};
use crate::clock;
use crate::journal::{Filter, Journal};
use crate::report::Outcome;
use model::api::{ErrorClass, Failure, RunLine};
use model::config::Config;
use model::config::value::duration::Length;
use model::object::Escaped;

#[derive(Clone, Debug, Args)]
pub struct RunsArgs {
    #[command(flatten)]
    pub files: Files,
    /// One run, with its failures
    #[arg(value_name = "ID", value_parser = id, conflicts_with_all = ["profile", "since"])]
    pub id: Option<Ulid>,
    /// Runs of one profile
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Runs that started within this time
    #[arg(long, value_name = "TIME", value_parser = typed::<Length<false>>)]
    pub since: Option<Duration>,
    /// The JSON lines that `warm --json` prints
    #[arg(long)]
    pub json: bool,
}

pub(super) fn id(text: &str) -> Result<Ulid, String> {
    Ulid::from_string(text).map_err(|_| "not the id of a run; `hotset runs` shows them".to_owned())
}

pub(super) async fn run(context: &Context, args: &RunsArgs) -> anyhow::Result<ExitCode> {
    let journal = open(context, &args.files).await?;
    let mut out = BufWriter::new(io::stdout());
    if let Some(id) = args.id {
        let Some(run) = journal.as_ref().map(|journal| journal.run(id)).transpose()?.flatten() else {
            return Err(Usage(format!("the journal has no run {id}")).into());
        };
        if args.json {
            write_json(&run, &mut out)?;
        } else {
            let failures = journal.map(|journal| journal.failures(id)).transpose()?.unwrap_or_default();
            write_one(&run, &failures, &mut out)?;
        }
    } else {
        let since = args.since.map(TimeDelta::from_std).transpose().unwrap_or_default();
        let since = since.and_then(|since| clock::now().checked_sub_signed(since));
        let filter = Filter { profile: args.profile.clone(), since };
        let runs = journal.as_ref().map(|journal| journal.runs(&filter)).transpose()?.unwrap_or_default();
        if let Some(name) = args.profile.as_ref().filter(|_| runs.is_empty()) {
            let config = match verbs::files(context, &args.files).paths() {
                Ok(paths) => read::load(&context.stop, paths).await?.ok(),
                Err(_) => None,
            };
            refuse_unknown(name, journal.as_ref(), config.as_ref())?;
        }
        if args.json {
            for run in &runs {
                write_json(run, &mut out)?;
            }
        } else {
            write_table(&runs, &mut out)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// A profile that neither the journal nor the configuration knows is a slip. Bad files are no concern of a verb that shows what
/// was: what they name cannot be told then.
fn refuse_unknown(name: &str, journal: Option<&Journal>, config: Option<&Config>) -> anyhow::Result<()> {
    let all = Filter { profile: None, since: None };
    let runs = journal.map(|journal| journal.runs(&all)).transpose()?.unwrap_or_default();
    let configured = config.iter().flat_map(|config| config.profiles.keys().map(|name| &**name));
    let names: BTreeSet<&str> = runs.iter().map(|run| &*run.profile).chain(configured).collect();
    if names.contains(name) {
        return Ok(());
    }
    Err(verbs::unknown(name, names.into_iter()).into())
}

/// The journal that is named, or that the configuration leads to. Without either the environment does.
pub(super) async fn open(context: &Context, files: &Files) -> anyhow::Result<Option<Journal>> {
    let configured = context.global.state_dir.is_none() && verbs::files(context, files).paths().is_ok();
    let config = if configured { Some(verbs::load(context, files, &[]).await?) } else { None };
    match state::place(context, config.as_ref().and_then(|config| config.daemon.state_dir.as_deref())) {
        Place::Folder(folder) => {
            let journal = Journal::read(&folder)?;
            if journal.is_none() {
                tracing::warn!("no journal in {}", folder.display());
            }
            Ok(journal)
        }
        Place::None => Err(Usage("without a journal there are no runs to show".to_owned()).into()),
        Place::Unknown => Err(Usage("no journal: name its folder with --state-dir".to_owned()).into()),
    }
}

/// Writes a line for each run.
///
/// # Errors
/// Those of `out`.
pub fn write_table(runs: &[RunLine], out: &mut impl Write) -> io::Result<()> {
    if runs.is_empty() {
        return writeln!(out, "no runs");
    }
    let mut table = Table::new();
    table.set_header(["RUN", "PROFILE", "TRIGGER", "STARTED (UTC)", "TOOK", "OUTCOME", "WARMED", "PLANNED", "WARM"]);
    for run in runs {
        table.add_row(row(run));
    }
    for column in 4..9 {
        if let Some(column) = table.column_mut(column).filter(|_| column != 5) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    text::write_table(&mut table, out)
}

fn row(run: &RunLine) -> [String; 9] {
    let ratio = Some(run.warm_ratio).filter(|_| run.outcome != Outcome::Running);
    [
        run.info.id.to_string(),
        Escaped(&run.profile).to_string(),
        run.info.trigger.to_string(),
        run.info.started.format("%Y-%m-%d %H:%M:%S").to_string(),
        took(run.info.started, run.ended),
        run.outcome.to_string(),
        count(run.warmed.objects),
        count(run.planned.objects),
        ratio.map_or_else(String::new, |ratio| percent(ratio.lower())),
    ]
}

/// Writes all that is kept of one run.
///
/// # Errors
/// Those of `out`.
pub fn write_one(run: &RunLine, failures: &[Failure], out: &mut impl Write) -> io::Result<()> {
    let took = run.ended.map_or_else(String::new, |ended| format!(" after {}", took(run.info.started, Some(ended))));
    writeln!(out, "{}: {}{took}, run {}", Escaped(&run.profile), run.outcome, run.info.id)?;
    let started = run.info.started.format("%Y-%m-%d %H:%M:%S UTC");
    writeln!(out, "  started {started} by {} on {}", run.info.trigger, Escaped(&run.endpoint))?;
    if let Some(reason) = &run.reason {
        writeln!(out, "  {}: {}", if run.outcome == Outcome::Complete { "note" } else { "because" }, Escaped(reason))?;
    }
    let so_far = if run.outcome == Outcome::Running { "so far" } else { "" };
    let rows = [
        Row::new("planned", run.planned, ""),
        Row::new("warmed", run.warmed, so_far),
        Row::new("fresh", run.fresh, ""),
        Row::new("gone", run.gone, ""),
        Row::new("failed", run.failed, ""),
        Row::new("unknown", run.unknown, ""),
        Row::new("over cap", run.over_cap(), ""),
    ];
    let rows: Vec<_> = rows.into_iter().filter(|row| row.count.objects > 0).collect();
    if !rows.is_empty() {
        write_counts(&rows, out)?;
    }
    write_recorded((&run.groups, run.more_groups), "age then", run.outcome != Outcome::Refused, out)?;
    for ErrorClass { class, count, .. } in &run.errors {
        writeln!(out, "  {class}: {}", counted(*count, "object"))?;
    }
    for Failure { class, object, message, .. } in failures {
        writeln!(out, "    {class}: {object}: {}", Escaped(message))?;
    }
    Ok(())
}
