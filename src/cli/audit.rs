//! `hotset audit`: who asked the daemon for what, and who was not let in, from the journal.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;

use super::global::Files;
use super::text::write_json;
use super::typed::typed;
use super::{Context, runs};
use crate::clock;
use model::api::{AuditEntry, AuditLine, V};
use model::config::value::duration::Length;
use model::object::Escaped;

#[derive(Clone, Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    pub files: Files,
    /// What was asked for within this time
    #[arg(long, value_name = "TIME", value_parser = typed::<Length<false>>)]
    pub since: Option<Duration>,
    /// One JSON line an entry
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(context: &Context, args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let journal = runs::open(context, &args.files).await?;
    let since = args.since.map(TimeDelta::from_std).transpose().unwrap_or_default();
    let since = since.and_then(|since| clock::now().checked_sub_signed(since));
    let entries = journal.map(|journal| journal.audited(since)).transpose()?.unwrap_or_default();
    let mut out = BufWriter::new(io::stdout());
    match args.json {
        true => entries.into_iter().try_for_each(|entry| write_json(&AuditLine { entry, v: V }, &mut out))?,
        false if entries.is_empty() => writeln!(out, "nothing was asked for")?,
        false => entries.iter().try_for_each(|entry| write_text(entry, &mut out))?,
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn write_text(entry: &AuditEntry, out: &mut impl Write) -> io::Result<()> {
    let AuditEntry { at, act, of, by, address, result, times } = entry;
    let at = at.format("%Y-%m-%d %H:%M:%S UTC");
    let of = if of.is_empty() { String::new() } else { format!(" {}", Escaped(of)) };
    let from = address.as_deref().unwrap_or("an unknown address");
    let times = if *times > 1 { format!(" ({times} since the last)") } else { String::new() };
    writeln!(out, "{at}  {act}{of} by {} from {from}: {}{times}", Escaped(by), Escaped(result))
}
