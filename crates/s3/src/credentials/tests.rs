use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

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
    tokio::time::advance(REREAD_INTERVAL).await;
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
    tokio::time::advance(REREAD_INTERVAL).await;
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
    assert!(error.contains("secret_access_key_file: expected one line"), "{error}");
    assert!(!error.contains("two words"), "{error}");
}

const MINUTE: Duration = Duration::from_secs(60);

/// Issues keys that live for an hour, `K1`, `K2` and so on.
#[derive(Debug, Default)]
struct Issuer {
    issued: AtomicU32,
    away: AtomicBool,
    takes: Duration,
}

impl Issuer {
    async fn issue(&self) -> Result<Secret, CredentialsError> {
        tokio::time::sleep(self.takes).await;
        if self.away.load(Ordering::Relaxed) {
            return Err(CredentialsError::provider_error("the token service is away"));
        }
        let n = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        let expiry = SystemTime::from(clock::now()) + 60 * MINUTE;
        Ok(Secret::new(format!("K{n}"), "s3cret", None, Some(expiry), "test"))
    }
}

#[derive(Clone, Debug)]
struct Service(Arc<Issuer>);

impl ProvideCredentials for Service {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.0.issue())
    }
}

fn issued(issuer: Issuer) -> (Arc<Issuer>, Keys) {
    let issuer = Arc::new(issuer);
    let keys = Keys::of(Source::Sdk(SharedCredentialsProvider::new(Service(issuer.clone()))));
    (issuer, keys)
}

/// Issues keys with a token of nothing.
#[derive(Debug)]
struct Tokenless(SystemTime);

impl ProvideCredentials for Tokenless {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Ok(Secret::new("ID", "s3cret", Some(String::new()), Some(self.0), "test")))
    }
}

#[tokio::test]
async fn an_empty_session_token_is_none() {
    let expiry = SystemTime::from(clock::now()) + 60 * MINUTE;
    let secret = Keys::of(Source::Sdk(SharedCredentialsProvider::new(Tokenless(expiry)))).get().await.unwrap();
    assert_eq!((secret.access_key_id(), secret.secret_access_key()), ("ID", "s3cret"));
    assert_eq!((secret.session_token(), secret.expiry()), (None, Some(expiry)));
}

async fn id(keys: &Keys) -> Result<String, String> {
    let got = tokio::time::timeout(MINUTE, keys.get()).await.expect("an answer in time");
    got.map(|secret| secret.access_key_id().to_owned()).map_err(|error| describe(&error))
}

#[tokio::test(start_paused = true)]
async fn keys_that_expire_are_replaced_before_they_do() {
    let (_, keys) = issued(Issuer::default());
    assert_eq!(keys.expiry(), None, "not asked for yet");
    assert_eq!(id(&keys).await.unwrap(), "K1");
    let left = keys.expiry().unwrap() - clock::now();
    assert!((59..=60).contains(&left.num_minutes()), "{left}");
    tokio::time::advance(54 * MINUTE).await;
    assert_eq!(id(&keys).await.unwrap(), "K1");
    tokio::time::advance(MINUTE).await;
    assert_eq!(id(&keys).await.unwrap(), "K2", "five minutes before");
}

#[tokio::test(start_paused = true)]
async fn while_new_keys_are_read_the_old_ones_serve_everybody_else() {
    let (issuer, keys) = issued(Issuer { takes: Duration::from_secs(20), ..Issuer::default() });
    assert_eq!(id(&keys).await.unwrap(), "K1");
    tokio::time::advance(56 * MINUTE).await;
    let start = Instant::now();
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let other = id(&keys).await;
        (other, start.elapsed())
    };
    let (first, (other, took)) = tokio::join!(id(&keys), others);
    assert_eq!((first.unwrap(), other.unwrap(), took), ("K2".to_owned(), "K1".to_owned(), Duration::from_secs(1)));
    assert_eq!(issuer.issued.load(Ordering::Relaxed), 2);
}

/// What is logged on this thread.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn count(&self, words: &str) -> usize {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().matches(words).count()
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_keeps_the_old_keys_until_they_expire_and_is_said_once() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (issuer, keys) = issued(Issuer::default());
    assert_eq!(id(&keys).await.unwrap(), "K1");
    issuer.away.store(true, Ordering::Relaxed);
    tokio::time::advance(55 * MINUTE).await;
    for _ in 0..290 {
        assert_eq!(id(&keys).await.unwrap(), "K1");
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(log.count("could not refresh credentials"), 1);
    tokio::time::advance(MINUTE).await;
    assert!(id(&keys).await.unwrap_err().contains("the token service is away"), "expired keys are of no use");
    issuer.away.store(false, Ordering::Relaxed);
    assert_eq!(id(&keys).await.unwrap(), "K2");
    assert_eq!(log.count("could be refreshed again"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_away_is_asked_once_by_all_who_wait() {
    let (issuer, keys) = issued(Issuer { takes: Duration::from_secs(20), ..Issuer::default() });
    issuer.away.store(true, Ordering::Relaxed);
    let start = Instant::now();
    let (a, b, c) = tokio::join!(id(&keys), id(&keys), id(&keys));
    assert!([a, b, c].iter().all(Result::is_err));
    assert_eq!(start.elapsed(), Duration::from_secs(20));
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_mounted_secret_that_changes_is_noticed_without_a_refusal() {
    let dir = tempfile::tempdir().unwrap();
    for n in ["1", "2"] {
        let folder = dir.path().join(format!("..gen{n}"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("id"), format!("ID{n}")).unwrap();
        std::fs::write(folder.join("secret"), format!("SECRET{n}")).unwrap();
    }
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, dir.path().join(name)).unwrap();
    link("..gen1", "..data");
    link("..data/id", "id");
    link("..data/secret", "secret");
    let keys = keys(dir.path()).await;
    assert_eq!(id(&keys).await.unwrap(), "ID1");
    link("..gen2", "..data_tmp");
    std::fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).unwrap();
    tokio::time::advance(REREAD_INTERVAL).await;
    let secret = keys.get().await.unwrap();
    assert_eq!((secret.access_key_id(), secret.secret_access_key()), ("ID2", "SECRET2"));
}
