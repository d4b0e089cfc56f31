//! Reads the configuration for verbs. A file system that does not answer, and a pipe, hold none of them up for ever.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use crate::clock;
use crate::sync::blocking;
use crate::warm::StopSignal;
use model::config::diagnostic::Diagnostics;
use model::config::{self, Config, Source};

/// How long reading and resolving may take, as for the daemon's reloads.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A signal came while the files were read.
#[derive(Debug, thiserror::Error)]
#[error("stopped while the configuration was read")]
pub(super) struct Stopped;

type Read<T> = Result<T, Diagnostics>;

/// Reads and resolves.
///
/// # Errors
/// A signal to stop. Within: what is wrong with the files, or that they do not answer.
pub(super) async fn load(stop: &StopSignal, paths: Vec<PathBuf>) -> Result<Read<Config>, Stopped> {
    in_time(stop, paths, |paths| config::load(paths, clock::zones())).await
}

/// Reads, and parses nothing.
///
/// # Errors
/// As for [`load`].
pub(super) async fn sources(stop: &StopSignal, paths: Vec<PathBuf>) -> Result<Read<Vec<Source>>, Stopped> {
    in_time(stop, paths, config::read).await
}

/// Keys of `[daemon]` in files that may be wrong otherwise, with [`config::daemon_key_of`].
///
/// # Errors
/// A signal to stop. Of files that do not answer no key is known.
pub(super) async fn daemon_keys<const N: usize>(
    stop: &StopSignal,
    paths: Vec<PathBuf>,
    names: [&'static str; N],
) -> Result<[Option<String>; N], Stopped> {
    let keys = in_time(stop, paths, move |paths| Ok(names.map(|name| config::daemon_key_of(paths, name)))).await?;
    Ok(keys.unwrap_or_else(|_| names.map(|_| None)))
}

async fn in_time<T: Send + 'static>(
    stop: &StopSignal,
    paths: Vec<PathBuf>,
    work: impl FnOnce(&[PathBuf]) -> Read<T> + Send + 'static,
) -> Result<Read<T>, Stopped> {
    let late = || Err(Diagnostics::unanswered(&paths, READ_TIMEOUT));
    let of = paths.clone();
    tokio::select! {
        biased;
        read = blocking(move || work(&of)) => Ok(read),
        () = stop.told() => Err(Stopped),
        () = sleep(READ_TIMEOUT) => Ok(late()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process::Command;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn files_that_do_not_answer_are_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("silent.toml");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let waits = tokio::spawn({
            let pipe = pipe.clone();
            async move { load(&StopSignal::default(), vec![pipe]).await }
        });
        tokio::task::yield_now().await;
        tokio::time::advance(READ_TIMEOUT).await;
        let wrong = waits.await.unwrap().unwrap().unwrap_err().render(false);
        let why = "not read within 30s: a file system, or a pipe, does not answer";
        assert!(wrong.contains(&format!("error: {}: {why}", pipe.display())), "{wrong}");
        // Lets the thread end that reads.
        drop(File::options().write(true).open(pipe).unwrap());
    }
}
