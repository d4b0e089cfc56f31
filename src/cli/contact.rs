//! How verbs speak to a running daemon.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;
use serde::de::{Deserialize as _, DeserializeOwned};
use serde_json::Value;

use super::global::Files;
use super::{Context, Usage, read, verbs};

use crate::exit;
use crate::http::read_token;
use crate::sync::blocking;
use crate::warm::StopSignal;
use model::api::Refused;
use model::config::Config;

/// Where a daemon listens unless it is told otherwise.
const HOME: &str = "http://127.0.0.1:9464";
/// The daemon must answer within this time; a reload takes up to a minute.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(75);
/// The largest answer, in bytes.
const MAX_BYTES: u64 = 64 << 20;

#[derive(Clone, Debug, Args)]
pub struct Contact {
    #[command(flatten)]
    pub files: Files,
    /// Where the daemon is [env: HOTSET_URL] [default: where the configuration has it listen, else http://127.0.0.1:9464]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// A file that holds the daemon's token [env: HOTSET_TOKEN_FILE] [default: token_file of the configuration]
    #[arg(long, value_name = "PATH")]
    pub token_file: Option<PathBuf>,
}

/// What a daemon said.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of an answer that is a yes.
    ///
    /// # Errors
    /// It lacks a field that is needed here, which is named.
    pub fn read<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        T::deserialize(&self.body)
            .map_err(|error| anyhow!("the daemon's answer cannot be read, it may be of another version: {error}"))
    }

    /// In the daemon's own words, where it gave some.
    pub fn error(&self) -> String {
        let said = Refused::deserialize(&self.body).map(|refused| refused.error);
        said.unwrap_or_else(|_| format!("the daemon answered {}", self.status))
    }

    /// The exit code that stands for an answer that is no.
    pub fn code(&self) -> u8 {
        match self.status {
            200..300 => 0,
            400 | 404 | 405 | 413 | 422 => exit::USAGE,
            401 | 403 | 409 => exit::of_outcome(crate::report::Outcome::Refused),
            _ => exit::of_outcome(crate::report::Outcome::Failed),
        }
    }
}

/// Nobody is there, or nobody who is a hotset daemon.
#[derive(Debug, thiserror::Error)]
#[error("no hotset daemon answers at {url}: {cause}")]
pub struct Unreached {
    url: String,
    cause: String,
}

#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
    token: Option<Token>,
    /// The configuration names a token that was not taken.
    withheld: Option<PathBuf>,
}

/// The file of a token.
#[derive(Clone, Debug)]
struct Token {
    /// Who named it: messages repeat this and not the path, where someone may have typed the token.
    by: &'static str,
    path: PathBuf,
}

impl Client {
    pub async fn new(context: &Context, contact: &Contact) -> anyhow::Result<Self> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let url = contact.url.clone().or_else(|| variable("HOTSET_URL"));
        let flag = contact.token_file.clone().map(|path| Token { by: "--token-file", path });
        let named = || variable("HOTSET_TOKEN_FILE").map(|path| Token { by: "HOTSET_TOKEN_FILE", path: path.into() });
        let token = flag.or_else(named);
        // Asked only where something is left to say.
        let files = verbs::files(context, &contact.files);
        let paths = url.is_none().then(|| files.paths().ok()).flatten();
        let (listen, configured) = match &paths {
            Some(paths) => configured(&context.stop, paths).await?,
            None => (None, None),
        };
        let url = url.or(listen.map(address)).unwrap_or_else(|| HOME.to_owned());
        let parsed = url::Url::parse(&url).map_err(|error| Usage(format!("--url: {error}; write http://HOST:PORT")))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.username().is_empty() || parsed.password().is_some()
        {
            return Err(Usage("--url: write http://HOST:PORT".to_owned()).into());
        }
        // What the configuration names may be for the daemon's eyes only.
        let configured = match configured {
            Some(path) if read_token("token_file", &path).await.is_ok() => Some(path),
            _ => None,
        };
        // One that was only found where the user stands may be anybody's, and name any file and any address.
        let found = paths
            .filter(|_| files.named().is_none())
            .and_then(|paths| paths.into_iter().find(|path| path.is_relative()));
        let (configured, withheld) = match (configured, found) {
            (Some(_), Some(found)) => (None, Some(found)),
            (configured, _) => (configured.map(|path| Token { by: "token_file", path }), None),
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build();
        let url = url.trim_end_matches('/').to_owned();
        let withheld = withheld.filter(|_| token.is_none());
        Ok(Self { agent: config.into(), url, token: token.or(configured), withheld })
    }

    /// # Errors
    /// Nobody answers.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let (client, path) = (self.clone(), path.to_owned());
        blocking(move || {
            let url = format!("{}{path}", client.url);
            client.read(client.agent.get(&url).call())
        })
        .await
    }

    /// # Errors
    /// Nobody answers, or the token cannot be read.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Answer> {
        let token = match &self.token {
            Some(Token { by, path }) => Some(read_token(by, path).await.map_err(Usage)?),
            None => None,
        };
        let (client, path, body) = (self.clone(), path.to_owned(), serde_json::to_string(body)?);
        blocking(move || {
            let url = format!("{}{path}", client.url);
            let mut request = client.agent.post(&url).header("Content-Type", "application/json");
            if let Some(token) = token {
                request = request.header("Authorization", format!("Bearer {}", token.as_str()));
            }
            let answer = client.read(request.send(&body))?;
            if let (401, Some(found)) = (answer.status, &client.withheld) {
                tracing::warn!(
                    "the token that {0} names was not sent, as {0} was only found here: name it with --config {0}, or the \
                     token with --token-file",
                    found.display()
                );
            }
            Ok(answer)
        })
        .await
    }

    fn read(&self, answer: Result<http::Response<ureq::Body>, ureq::Error>) -> anyhow::Result<Answer> {
        let unreached = |cause: String| Unreached { url: self.url.clone(), cause };
        let mut answer = answer.map_err(|error| unreached(error.to_string()))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(MAX_BYTES).read_to_string();
        let text = text.map_err(|error| unreached(error.to_string()))?;
        let body = serde_json::from_str(&text).map_err(|_| unreached(format!("status {status}, and no JSON")))?;
        Ok(Answer { status, body })
    }
}

/// Where the daemon of these files listens, and its token. Files that are bad are no concern of a verb that speaks to a daemon,
/// which goes on with what was there before.
async fn configured(
    stop: &StopSignal,
    paths: &[PathBuf],
) -> Result<(Option<SocketAddr>, Option<PathBuf>), read::Stopped> {
    Ok(match read::load(stop, paths.to_vec()).await? {
        Ok(Config { daemon, .. }) => (daemon.listen, daemon.token_file),
        Err(_) => {
            let [listen, token] = read::daemon_keys(stop, paths.to_vec(), ["listen", "token_file"]).await?;
            (listen.and_then(|listen| listen.parse().ok()), token.map(PathBuf::from))
        }
    })
}

/// An address that listens everywhere is reached on this machine.
fn address(mut listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{listen}")
}

/// Part of a path.
pub fn part(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The exit code of an answer; one that is no is said.
pub fn conclude(answer: &Answer) -> ExitCode {
    if !answer.is_ok() {
        let said = answer.error();
        tracing::error!("{}", said.strip_prefix("error: ").unwrap_or(&said));
    }
    ExitCode::from(answer.code())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_daemon_that_listens_everywhere_is_spoken_to_here() {
        for (listen, url) in [
            ("0.0.0.0:9464", "http://127.0.0.1:9464"),
            ("[::]:80", "http://[::1]:80"),
            ("10.0.0.7:9464", "http://10.0.0.7:9464"),
        ] {
            assert_eq!(address(listen.parse().unwrap()), url);
        }
        assert_eq!(part("a/b c"), "a%2Fb%20c");
    }

    #[tokio::test]
    async fn a_daemon_is_found_by_files_that_are_bad() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hotset.toml");
        for bad in ["[profile.p]\nobjets = 1", "x = ["] {
            fs::write(&file, format!("[daemon]\nlisten = \"127.0.0.1:7\"\ntoken_file = \"/t\"\n{bad}\n")).unwrap();
            let found = configured(&StopSignal::default(), std::slice::from_ref(&file)).await.unwrap();
            assert_eq!(found, (Some("127.0.0.1:7".parse().unwrap()), Some("/t".into())), "{bad}");
        }
    }
}
