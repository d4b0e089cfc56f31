//! `hotset daemon`: puts the process together, and takes it apart again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::global::Files;
use super::state::{self, Place};
use super::{Context, Usage, read, verbs};
use crate::clock;
use crate::daemon::{Bad, Daemon, Setup};
use crate::http::{Server, TokenFiles};
use crate::journal::{Instance, Journal, JournalError};
use crate::signals::Hangups;
use crate::ticker::Ticker;
use model::config::{self, Config, Stop};

/// How long answers that are being given may take when the daemon ends.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub struct DaemonArgs {
    #[command(flatten)]
    files: Files,
}

pub async fn run(context: &Context, args: &DaemonArgs) -> anyhow::Result<ExitCode> {
    // Before the first file is read: a process that does not handle it is ended by it.
    let hangups = Hangups::install()?;
    let paths = verbs::files(context, &args.files).paths()?;
    let read = read::load(&context.stop, paths.clone()).await?;
    let hint = match &read {
        Ok(config) => config.daemon.state_dir.clone(),
        Err(_) => {
            let [state_dir] = read::daemon_keys(&context.stop, paths.clone(), ["state_dir"]).await?;
            state_dir.map(PathBuf::from)
        }
    };
    let place = state::place(context, hint.as_deref());
    let state_dir = folder(&place);
    let instance = hold(state_dir.as_deref())?;
    let (config, bad) = match read {
        Ok(config) => (config, None),
        Err(wrong) => match state_dir.as_deref().and_then(last_good) {
            Some(config) => {
                let wrong = wrong.render(false);
                tracing::error!("the configuration is bad; the last good one stays in force:\n{}", wrong.trim_end());
                // As long as the files stay what they are, that was said.
                let tried = read::sources(&context.stop, paths.clone())
                    .await?
                    .ok()
                    .filter(|tried| config::resolve_sources(tried.clone(), clock::zones(), &Stop::default()).is_err());
                (config, Some(Bad { why: wrong, tried }))
            }
            None => return Err(wrong.into()),
        },
    };
    let config = verbs::warned(config, &[]);
    verbs::warn_of_zones(&config);
    let server = match config.daemon.listen {
        Some(listen) => {
            Some(Server::bind(listen, token_files(&config)).with_context(|| format!("listen on {listen}"))?)
        }
        None => None,
    };
    let daemon = Daemon::new(Setup {
        paths,
        config,
        bad,
        state_dir,
        state_dir_is_given: context.global.state_dir.is_some(),
        stop: context.stop.clone(),
        hangups,
        ticker: Ticker::start().await,
    })?;
    serve(daemon, server).await;
    drop(instance);
    Ok(ExitCode::SUCCESS)
}

/// Runs the loop, and answers for it until it has ended.
async fn serve(daemon: Daemon, server: Option<Server>) {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    if let Some(server) = server {
        tracing::info!(address = %server.local_addr(), "the page, the API and the metrics are served");
        let (auth, mut in_force) = (server.auth(), daemon.in_force());
        let serving = server.serve(daemon.handle(), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the page, the API and the metrics are not served any more");
            }
        });
        let stop = stop.clone();
        tasks.spawn(async move {
            while let Some(Ok(())) = stop.run_until_cancelled(in_force.changed()).await {
                auth.renew(token_files(&in_force.borrow_and_update()));
            }
        });
    }
    daemon.run().await;
    stop.cancel();
    if timeout(LAST_ANSWERS, tasks.join_all()).await.is_err() {
        tracing::warn!("somebody was still being answered when the daemon ended");
    }
}

fn token_files(config: &Config) -> TokenFiles {
    let daemon = &config.daemon;
    let teams = config.teams.values();
    let team_token_files = teams.filter_map(|team| Some((team.name.clone(), team.run_token_file.clone()?))).collect();
    TokenFiles {
        token_file: daemon.token_file.clone(),
        run_token_file: daemon.run_token_file.clone(),
        team_token_files,
    }
}

fn folder(place: &Place) -> Option<PathBuf> {
    match place {
        Place::Folder(folder) => Some(folder.clone()),
        Place::None => None,
        Place::Unknown => {
            tracing::warn!("no place for a journal: name one with --state-dir; what is done is kept in memory only");
            None
        }
    }
}

/// One daemon a folder. A folder that cannot be locked cannot be written either, which the journal says.
fn hold(state_dir: Option<&Path>) -> anyhow::Result<Option<Instance>> {
    let Some(state_dir) = state_dir else { return Ok(None) };
    match Journal::instance(state_dir) {
        Ok(instance) => Ok(Some(instance)),
        Err(error @ JournalError::Taken { .. }) => Err(Usage(error.to_string()).into()),
        Err(error) => {
            tracing::error!("{error}; a second daemon would not be noticed");
            Ok(None)
        }
    }
}

/// What the journal keeps for the case that the files are bad.
fn last_good(state_dir: &Path) -> Option<Config> {
    let read = || -> anyhow::Result<Option<Config>> {
        let Some(journal) = Journal::read(state_dir)? else { return Ok(None) };
        let Some(good) = journal.last_good()? else { return Ok(None) };
        config::resolve_sources(good.sources, clock::zones(), &Stop::default())
            .map(Some)
            .map_err(|wrong| anyhow::anyhow!("{}", wrong.render(false)))
    };
    read().unwrap_or_else(|error| {
        tracing::error!("the last good configuration cannot be used: {error:#}");
        None
    })
}
