//! `hotset pause`, `resume`, `reload` and `cancel`: what a running daemon is told.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use ulid::Ulid;

use super::contact::{Client, Contact, conclude, part};
use super::typed::checked;
use super::{Context, Usage, runs};
use model::api::{NoBody, PauseBody, Paused, Profile, Profiles, Reloaded, time};
use model::config::value::duration::Length;

#[derive(Clone, Debug, Args)]
#[group(id = "which", required = true, multiple = false, args = ["profile", "all"])]
pub struct PauseArgs {
    #[command(flatten)]
    contact: Contact,
    /// One profile
    #[arg(value_name = "PROFILE")]
    profile: Option<String>,
    /// Every profile
    #[arg(long)]
    all: bool,
    /// Resume by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = checked::<Length<false>>)]
    length: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[group(id = "which", required = true, multiple = false, args = ["profile", "all"])]
pub struct ResumeArgs {
    #[command(flatten)]
    contact: Contact,
    /// One profile
    #[arg(value_name = "PROFILE")]
    profile: Option<String>,
    /// Every profile that is paused by hand
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Debug, Args)]
pub struct ReloadArgs {
    #[command(flatten)]
    contact: Contact,
}

#[derive(Clone, Debug, Args)]
pub struct CancelArgs {
    #[command(flatten)]
    contact: Contact,
    /// The run to stop; `hotset status` shows it
    #[arg(value_name = "RUN", value_parser = runs::id)]
    run: Ulid,
}

pub(super) async fn pause(context: &Context, args: &PauseArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(context, &args.contact).await?;
    let body = PauseBody { r#for: args.length.clone() };
    let names = names(&client, args.profile.as_deref(), |_| true).await?;
    each(&client, &names, "pause", &body).await
}

pub(super) async fn resume(context: &Context, args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(context, &args.contact).await?;
    let by_hand = |profile: &Profile| profile.paused.as_ref().is_some_and(|pause| !pause.by_configuration);
    let names = names(&client, args.profile.as_deref(), by_hand).await?;
    each(&client, &names, "resume", &NoBody {}).await
}

/// The profile that is named, else all that are `meant`.
async fn names(client: &Client, one: Option<&str>, meant: impl Fn(&Profile) -> bool) -> anyhow::Result<Vec<String>> {
    if let Some(one) = one {
        return Ok(vec![one.to_owned()]);
    }
    let answer = client.get("/api/v1/profiles").await?;
    if !answer.is_ok() {
        return Err(Usage(answer.error()).into());
    }
    let Profiles { profiles, .. } = answer.read()?;
    Ok(profiles.into_iter().filter(meant).map(|profile| profile.name).collect())
}

/// Tells it of every profile; the first that is refused decides the exit code, and keeps no other from being told.
async fn each(client: &Client, names: &[String], what: &str, body: &impl Serialize) -> anyhow::Result<ExitCode> {
    let mut worst = None;
    for name in names {
        let answer = client.post(&format!("/api/v1/profiles/{}/{what}", part(name)), body).await?;
        if !answer.is_ok() {
            tracing::error!("{}", answer.error());
            worst.get_or_insert(answer.code());
            continue;
        }
        let Paused { until, .. } = answer.read()?;
        let until = until.map(|until| format!(" until {}", time::text(until))).unwrap_or_default();
        writeln!(io::stdout(), "{name}: {what}d{until}")?;
    }
    if names.is_empty() {
        writeln!(io::stdout(), "no profile to {what}")?;
    }
    Ok(ExitCode::from(worst.unwrap_or(0)))
}

pub(super) async fn reload(context: &Context, args: &ReloadArgs) -> anyhow::Result<ExitCode> {
    let answer = Client::new(context, &args.contact).await?.post("/-/reload", &NoBody {}).await?;
    if answer.is_ok() {
        let mut out = io::stdout();
        writeln!(out, "the configuration is in force")?;
        let Reloaded { added, changed, removed, .. } = answer.read()?;
        for (what, names) in [("added", added), ("changed", changed), ("removed", removed)] {
            if !names.is_empty() {
                writeln!(out, "  {what}: {}", names.join(", "))?;
            }
        }
    }
    Ok(conclude(&answer))
}

pub(super) async fn cancel(context: &Context, args: &CancelArgs) -> anyhow::Result<ExitCode> {
    let path = format!("/api/v1/runs/{}/cancel", args.run);
    let answer = Client::new(context, &args.contact).await?.post(&path, &NoBody {}).await?;
    if answer.is_ok() {
        writeln!(io::stdout(), "run {} is being stopped: what is in flight ends", args.run)?;
    }
    Ok(conclude(&answer))
}
