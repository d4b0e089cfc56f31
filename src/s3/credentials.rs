//! Keys: where they come from, how long they are held, and when they are read again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials as Secret;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::config::Region;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::transport::Transport;
use crate::clock;
use crate::config::endpoint::CredentialSource;

/// Temporary keys are replaced this long before they expire.
const EXPIRY_MARGIN: Duration = Duration::from_secs(300);
/// Keys without an expiry are read again after this long, so that a rotated Secret is noticed without a refusal.
const REREAD_AFTER: Duration = Duration::from_secs(60);
/// How long a source may take.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The keys of one credentials table, held until they expire. Clones share them.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    secret: Secret,
    reread_at: Instant,
}

#[derive(Debug)]
enum Source {
    Sdk(SharedCredentialsProvider),
    Files { access_key_id: PathBuf, secret_access_key: PathBuf, session_token: Option<PathBuf> },
}

impl Keys {
    /// Reads nothing yet. `transport` serves the sources that are servers (containers, instances, STS).
    pub async fn new(source: &CredentialSource, region: &str, transport: &Transport) -> Self {
        let sdk = ProviderConfig::without_region()
            .with_region(Some(Region::new(region.to_owned())))
            .with_http_client(transport.clone());
        let source = match source {
            CredentialSource::Chain => Source::Sdk(SharedCredentialsProvider::new(
                DefaultCredentialsChain::builder().configure(sdk).build().await,
            )),
            CredentialSource::AwsProfile(name) => Source::Sdk(SharedCredentialsProvider::new(
                ProfileFileCredentialsProvider::builder().configure(&sdk).profile_name(name).build(),
            )),
            CredentialSource::Fixed { access_key_id, secret_access_key } => Source::Sdk(
                SharedCredentialsProvider::new(Secret::new(access_key_id, secret_access_key, None, None, "fixed")),
            ),
            CredentialSource::Files { access_key_id, secret_access_key, session_token } => Source::Files {
                access_key_id: access_key_id.clone(),
                secret_access_key: secret_access_key.clone(),
                session_token: session_token.clone(),
            },
        };
        Self(Arc::new(Inner { source, held: Mutex::new(None) }))
    }

    /// Reads the source again, whatever is held, which is kept where the source cannot be read: a single refusal must not
    /// cost keys that work. The error's text holds no secret.
    pub async fn reread(&self) -> Result<(), String> {
        let mut held = self.0.held.lock().await;
        let secret = self.0.read().await.map_err(|error| describe(&error))?;
        *held = Some(Held::new(secret));
        Ok(())
    }

    async fn get(&self) -> Result<Secret, CredentialsError> {
        let mut held = self.0.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| Instant::now() < held.reread_at) {
            return Ok(held.secret.clone());
        }
        let secret = match self.0.read().await {
            Ok(secret) => secret,
            // What is held may still be good: a source that is away for a moment must not stop a run.
            Err(error) => match held.as_mut().filter(|held| !expired(&held.secret)) {
                Some(held) => {
                    tracing::warn!(
                        error = describe(&error),
                        "could not refresh credentials; the old ones are still valid"
                    );
                    held.reread_at = Instant::now() + REREAD_AFTER / 6;
                    return Ok(held.secret.clone());
                }
                None => return Err(error),
            },
        };
        *held = Some(Held::new(secret.clone()));
        Ok(secret)
    }
}

impl Inner {
    async fn read(&self) -> Result<Secret, CredentialsError> {
        let read = tokio::time::timeout(READ_TIMEOUT, self.source.read()).await;
        read.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(READ_TIMEOUT)))
    }
}

impl Held {
    fn new(secret: Secret) -> Self {
        Self { reread_at: Instant::now() + lifetime(&secret), secret }
    }
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.get())
    }
}

impl Source {
    async fn read(&self) -> Result<Secret, CredentialsError> {
        match self {
            Self::Sdk(provider) => provider.provide_credentials().await,
            Self::Files { access_key_id, secret_access_key, session_token } => {
                let id = read_file(access_key_id).await?;
                let secret = read_file(secret_access_key).await?;
                let token = match session_token {
                    Some(path) => Some(read_file(path).await?),
                    None => None,
                };
                Ok(Secret::new(id, secret, token, None, "files"))
            }
        }
    }
}

async fn read_file(path: &Path) -> Result<String, CredentialsError> {
    let refuse = |why: String| CredentialsError::invalid_configuration(format!("{}: {why}", path.display()));
    let text = tokio::fs::read_to_string(path).await.map_err(|error| refuse(error.to_string()))?;
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refuse("expected one line of printable ASCII".to_owned()));
    }
    Ok(text.to_owned())
}

fn remaining(secret: &Secret) -> Option<Duration> {
    let expiry = secret.expiry()?;
    Some(expiry.duration_since(SystemTime::from(clock::now())).unwrap_or_default())
}

fn expired(secret: &Secret) -> bool {
    remaining(secret).is_some_and(|left| left.is_zero())
}

/// How long to hold `secret`: short-lived keys are read again halfway rather than at every call.
fn lifetime(secret: &Secret) -> Duration {
    match remaining(secret) {
        Some(left) => left.saturating_sub(EXPIRY_MARGIN).max(left / 2),
        None => REREAD_AFTER,
    }
}

/// Layers of the client libraries that only say that there is a cause below them.
const LAYERS: [&str; 4] = ["dispatch failure", "io error", "other", "client error (Connect)"];

/// The chain of causes in one line: the outer error alone says only "an error occurred".
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        next = cause.source();
        let says_something = next.is_none() || !LAYERS.contains(&text.as_str());
        if says_something && !causes.iter().any(|said| said.contains(&text)) {
            causes.push(text);
        }
    }
    let text = causes.join(": ");
    // The chain lists every source that had none, a line each.
    if text.contains("no credentials found in chain") {
        return "no credentials found (environment, shared files, web identity, container, instance)".to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn keys(dir: &Path) -> Keys {
        let source = CredentialSource::Files {
            access_key_id: dir.join("id"),
            secret_access_key: dir.join("secret"),
            session_token: None,
        };
        Keys::new(&source, "us-east-1", &Transport::new(Duration::from_secs(1), 1)).await
    }

    #[tokio::test(start_paused = true)]
    async fn mounted_keys_are_read_again_when_they_change() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("id"), "FIRST\n").unwrap();
        std::fs::write(dir.path().join("secret"), "s3cret\n").unwrap();
        let keys = keys(dir.path()).await;
        assert_eq!(keys.get().await.unwrap().access_key_id(), "FIRST");
        std::fs::write(dir.path().join("id"), "SECOND\n").unwrap();
        assert_eq!(keys.get().await.unwrap().access_key_id(), "FIRST", "held for a while");
        tokio::time::advance(REREAD_AFTER).await;
        assert_eq!(keys.get().await.unwrap().access_key_id(), "SECOND");
        std::fs::write(dir.path().join("id"), "THIRD\n").unwrap();
        keys.reread().await.unwrap();
        assert_eq!(keys.get().await.unwrap().access_key_id(), "THIRD", "at once when told to");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_still_hold_survive_a_source_that_is_away() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("id"), "ID").unwrap();
        std::fs::write(dir.path().join("secret"), "s3cret").unwrap();
        let keys = keys(dir.path()).await;
        keys.get().await.unwrap();
        std::fs::remove_file(dir.path().join("id")).unwrap();
        tokio::time::advance(REREAD_AFTER).await;
        assert_eq!(keys.get().await.unwrap().access_key_id(), "ID");
        assert!(keys.reread().await.is_err(), "which is said");
        assert_eq!(keys.get().await.unwrap().access_key_id(), "ID", "and costs nothing");
    }

    #[tokio::test]
    async fn a_bad_key_file_is_named_and_its_content_is_not() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("id"), "ID").unwrap();
        std::fs::write(dir.path().join("secret"), "two words").unwrap();
        let error = keys(dir.path()).await.reread().await.unwrap_err();
        assert!(error.contains("secret: expected one line"), "{error}");
        assert!(!error.contains("two words"), "{error}");
    }
}
