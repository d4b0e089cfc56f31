//! Credentials: their source, a cache of them, and when they are read again.

mod files;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
pub(super) use aws_credential_types::Credentials as Secret;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::config::Region;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

pub use files::in_home;
use files::{Files, Pair};

use super::causes::{describe, no_profile};
use super::transport::Transport;
use crate::clock;
use model::config::endpoint::CredentialSource;

/// Temporary keys are replaced this long before they expire.
const EXPIRY_MARGIN: Duration = Duration::from_secs(300);
/// Keys without an expiry are read again this often, so that a new secret is noticed before it is refused.
const REREAD_INTERVAL: Duration = Duration::from_secs(60);
/// The longest time that any keys are held: an expiry may be beyond every clock.
const MAX_HOLD: Duration = Duration::from_secs(86_400);
/// For one reading of a source.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a secret that is looked for in what servers say: their words may hold a shorter one by chance.
const MIN_STARRED: usize = 8;
/// Time between two readings of a source that fails while the old keys are still valid.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// The credentials of one `[credentials]` table, cached until they are due to be read again. Clones share the cache.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    cache: Mutex<CredentialCache>,
    /// One reads at a time.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct CredentialCache {
    held: Option<Cached>,
    /// When the source last failed, and why; `None` once it answers again.
    failed: Option<(Instant, String)>,
}

#[derive(Debug)]
struct Cached {
    secret: Arc<Secret>,
    reread_at: Instant,
    expires_at: Option<Instant>,
}

#[derive(Debug)]
enum Source {
    Sdk(SharedCredentialsProvider),
    /// A profile of the shared files, by its name.
    Profile(String, SharedCredentialsProvider),
    Files(Files),
}

impl Keys {
    /// Reads nothing yet, and waits for nothing: the region is given, so that nobody is asked for it. `transport` serves the sources that are servers (containers, instances, STS).
    pub async fn new(source: &CredentialSource, region: &str, transport: &Transport) -> Self {
        let region = Region::new(region.to_owned());
        let sdk =
            ProviderConfig::without_region().with_region(Some(region.clone())).with_http_client(transport.clone());
        let source = match source {
            CredentialSource::Chain => Source::Sdk(SharedCredentialsProvider::new(
                DefaultCredentialsChain::builder().region(region).configure(sdk).build().await,
            )),
            CredentialSource::AwsProfile(name) => {
                let provider = ProfileFileCredentialsProvider::builder().configure(&sdk).profile_name(name).build();
                Source::Profile(name.clone(), SharedCredentialsProvider::new(provider))
            }
            CredentialSource::Fixed { access_key_id, secret_access_key } => Source::Sdk(
                SharedCredentialsProvider::new(Secret::new(access_key_id, secret_access_key, None, None, "fixed")),
            ),
            CredentialSource::Files { access_key_id, secret_access_key, session_token } => Source::Files(Files {
                access_key_id: access_key_id.clone(),
                secret_access_key: secret_access_key.clone(),
                session_token: session_token.clone(),
            }),
        };
        Self::of(source)
    }

    fn of(source: Source) -> Self {
        let (cache, reading) = (Mutex::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { source, cache, reading }))
    }

    /// Reads the source again, whatever is cached. If the source cannot be read, the cached keys stay: a single refusal must
    /// not cost keys that work. The text of the error holds no secret.
    pub async fn reread(&self) -> Result<(), String> {
        let _reading = self.0.reading.lock().await;
        let secret = self.0.read().await.map_err(|error| describe(&error))?;
        drop(self.0.cache().put(secret));
        Ok(())
    }

    /// When the cached keys expire. `None`: never, or none were requested yet.
    pub fn expiry(&self) -> Option<DateTime<Utc>> {
        self.0.cache().held.as_ref()?.secret.expiry().map(DateTime::from)
    }

    /// What a server says, without the secret key and the session token: it may repeat what it was sent, and whoever reads the
    /// log or the page would see it.
    pub(super) fn starred(&self, mut said: String) -> String {
        let Some(secret) = self.0.cache().held.as_ref().map(|cached| cached.secret.clone()) else { return said };
        for part in [Some(secret.secret_access_key()), secret.session_token()].into_iter().flatten() {
            if part.len() >= MIN_STARRED {
                said = said.replace(part, "***");
            }
        }
        said
    }

    /// The cached keys, while they are not due.
    pub(super) fn held(&self) -> Option<Arc<Secret>> {
        self.0.cache().held(Cached::is_due)
    }

    /// The same, or what the source says. Keys that are due and still hold serve all but the one that reads new ones; a
    /// source that fails costs nothing until they have expired.
    pub(super) async fn get(&self) -> Result<Arc<Secret>, CredentialsError> {
        let asked = Instant::now();
        if let Some(secret) = self.held() {
            return Ok(secret);
        }
        let _reading = match self.0.reading.try_lock() {
            Ok(reading) => reading,
            Err(_) => {
                if let Some(secret) = self.0.cache().held(Cached::is_expired) {
                    return Ok(secret);
                }
                self.0.reading.lock().await
            }
        };
        // Somebody else may have read them meanwhile, or failed to.
        if let Some(ready) = self.0.cache().since(asked) {
            return ready;
        }
        match self.0.read().await {
            Ok(secret) => Ok(self.0.cache().put(secret)),
            Err(error) => self.0.cache().keep(error),
        }
    }
}

impl Inner {
    async fn read(&self) -> Result<Secret, CredentialsError> {
        let read = tokio::time::timeout(READ_TIMEOUT, self.source.read()).await;
        let read = read.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(READ_TIMEOUT)));
        read.map(without_empty_token)
    }

    fn cache(&self) -> MutexGuard<'_, CredentialCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// CoreWeave's exchange of a pod's identity answers an empty token, which is none: it must not be signed and sent.
fn without_empty_token(secret: Secret) -> Secret {
    if secret.session_token() != Some("") {
        return secret;
    }
    let (id, key) = (secret.access_key_id(), secret.secret_access_key());
    Secret::new(id, key, None, secret.expiry(), "a source with an empty session token")
}

impl CredentialCache {
    /// Unless it is `spoilt`.
    fn held(&self, spoilt: impl Fn(&Cached) -> bool) -> Option<Arc<Secret>> {
        self.held.as_ref().filter(|held| !spoilt(held)).map(|held| held.secret.clone())
    }

    /// What came of a reading that ended since `asked`.
    fn since(&self, asked: Instant) -> Option<Result<Arc<Secret>, CredentialsError>> {
        if let Some(secret) = self.held(Cached::is_due) {
            return Some(Ok(secret));
        }
        let (_, why) = self.failed.as_ref().filter(|(at, _)| *at > asked)?;
        Some(Err(CredentialsError::provider_error(why.clone())))
    }

    fn put(&mut self, secret: Secret) -> Arc<Secret> {
        if self.failed.take().is_some() && self.held.is_some() {
            tracing::info!("the credentials could be refreshed again");
        }
        self.held.insert(Cached::new(secret)).secret.clone()
    }

    /// Goes on with what is held, while it has not expired. Said once, until the source answers again.
    fn keep(&mut self, error: CredentialsError) -> Result<Arc<Secret>, CredentialsError> {
        let (now, why) = (Instant::now(), describe(&error));
        let first = self.failed.is_none();
        self.failed = Some((now, why.clone()));
        let Some(held) = self.held.as_mut().filter(|held| !held.is_expired()) else { return Err(error) };
        if first {
            tracing::warn!(error = why, "could not refresh credentials; the old ones are still valid");
        }
        held.reread_at = now + RETRY_INTERVAL;
        Ok(held.secret.clone())
    }
}

impl Cached {
    fn new(secret: Secret) -> Self {
        let (now, left) = (Instant::now(), remaining(&secret));
        let expires_at = left.and_then(|left| now.checked_add(left));
        Self { reread_at: now + lifetime(left), expires_at, secret: Arc::new(secret) }
    }

    /// To be read again.
    fn is_due(&self) -> bool {
        Instant::now() >= self.reread_at
    }

    /// By either clock: one stands still while the machine sleeps, the other may be set.
    fn is_expired(&self) -> bool {
        let passed = self.expires_at.is_some_and(|at| Instant::now() >= at);
        passed || remaining(&self.secret).is_some_and(|left| left.is_zero())
    }
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.get().await.map(Arc::unwrap_or_clone) })
    }
}

impl Source {
    async fn read(&self) -> Result<Secret, CredentialsError> {
        match self {
            Self::Sdk(provider) => provider.provide_credentials().await,
            Self::Profile(name, provider) => provider.provide_credentials().await.map_err(|error| match error {
                CredentialsError::CredentialsNotLoaded(_) => {
                    CredentialsError::not_loaded(no_profile(name, |name| std::env::var(name).ok()))
                }
                other => other,
            }),
            Self::Files(files) => {
                let Pair { id, secret, token } = files.read().await.map_err(CredentialsError::invalid_configuration)?;
                Ok(Secret::new(id, secret, token, None, "files"))
            }
        }
    }
}

fn remaining(secret: &Secret) -> Option<Duration> {
    let expiry = secret.expiry()?;
    Some(expiry.duration_since(SystemTime::from(clock::now())).unwrap_or_default())
}

/// How long to hold keys that have so long left: short-lived ones are read again halfway rather than at every call.
fn lifetime(left: Option<Duration>) -> Duration {
    match left {
        Some(left) => left.saturating_sub(EXPIRY_MARGIN).max(left / 2).min(MAX_HOLD),
        None => REREAD_INTERVAL,
    }
}

#[cfg(test)]
mod tests;
