//! One ranged HEAD under its deadline, and the question that a 404 raises.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::limit::Verdict;
use model::object::{Bucket, ETag, Key, Object};
use s3::{CacheClient, Class, Existing, Keys, ListClient, RequestError, Via, Warmed};

/// What warming needs of the outside world.
pub trait Wires: Send + Sync + 'static {
    /// The ranged HEAD of an object as it was listed, at the cache.
    fn warm(&self, listed: &Object, via: Via) -> impl Future<Output = Result<Warmed, RequestError>> + Send;
    /// A plain HEAD, at the list endpoint.
    fn exists(&self, bucket: &Bucket, key: &Key)
    -> impl Future<Output = Result<Option<Existing>, RequestError>> + Send;
    fn reread_keys(&self) -> impl Future<Output = Result<(), String>> + Send;
}

/// The real wires of one endpoint.
#[derive(Clone, Debug)]
pub struct Wire {
    pub cache: CacheClient,
    pub list: ListClient,
    pub cache_keys: Keys,
    pub list_keys: Keys,
}

impl Wires for Wire {
    async fn warm(&self, listed: &Object, via: Via) -> Result<Warmed, RequestError> {
        self.cache.warm(listed, via).await
    }

    async fn exists(&self, bucket: &Bucket, key: &Key) -> Result<Option<Existing>, RequestError> {
        self.list.exists(bucket, key).await
    }

    async fn reread_keys(&self) -> Result<(), String> {
        self.reread().await
    }
}

impl Wire {
    /// Reads the keys of both sides again.
    pub async fn reread(&self) -> Result<(), String> {
        self.cache_keys.reread().await?;
        self.list_keys.reread().await
    }
}

/// How one send ended.
#[derive(Debug)]
pub(super) enum Sent {
    Warmed {
        /// Under another ETag than the listed one.
        changed: bool,
        /// Where the answer names another one than the listing.
        etag: Option<ETag>,
        /// To remember.
        size: u64,
    },
    Gone,
    Failed(RequestError),
}

impl Sent {
    pub fn verdict(&self) -> Verdict<'_> {
        match self {
            Self::Warmed { .. } => Verdict::Filled,
            Self::Gone => Verdict::Answered,
            Self::Failed(error) => match error.class {
                Class::Throttled => Verdict::Throttled { retry_after: error.retry_after },
                Class::IdleReset => Verdict::Neutral,
                Class::ServerError => Verdict::Erred,
                Class::Malformed => Verdict::Malformed(&error.message),
                _ if error.answered() => Verdict::Answered,
                _ => Verdict::Unanswered,
            },
        }
    }
}

pub(super) async fn send<W: Wires>(wire: &W, object: &Object, via: Via, deadline: Duration) -> Sent {
    let answer = timeout(deadline, wire.warm(object, via)).await;
    match answer.unwrap_or_else(|_| Err(RequestError::timed_out(deadline))) {
        Ok(Warmed { size, etag, changed: Some(answerer) }) => {
            let confirmed = Box::pin(timeout(deadline, confirm_change(wire, object, (&answerer, etag.as_ref())))).await;
            match confirmed.unwrap_or_else(|_| Err(RequestError::timed_out(deadline))) {
                // What was overwritten with nothing is as good as deleted: a checkpoint lacks a member then.
                Ok(true) if size == Some(0) && object.size > 0 => Sent::Gone,
                Ok(true) => Sent::Warmed { changed: true, etag, size: size.unwrap_or(object.size) },
                Ok(false) => Sent::Gone,
                Err(error) => Sent::Failed(error),
            }
        }
        Ok(Warmed { etag, changed: None, .. }) => {
            let etag = etag.filter(|now| object.etag.as_ref() != Some(now));
            Sent::Warmed { changed: false, etag, size: object.size }
        }
        Err(error) if error.class == Class::NotFound => Box::pin(confirm(wire, object, (error, deadline))).await,
        Err(error) => Sent::Failed(error),
    }
}

/// An answer under another ETag than the listed one counts only where the list endpoint has the object under that one, too.
/// `false`: it has no such object any more.
///
/// # Errors
/// The list endpoint has another version, or cannot be asked.
pub(crate) async fn confirm_change<W: Wires>(
    wire: &W,
    listed: &Object,
    (answerer, now): (&str, Option<&ETag>),
) -> Result<bool, RequestError> {
    let shown = |etag: Option<&ETag>| etag.map_or_else(|| "none".to_owned(), |etag| format!("`{}`", etag.as_str()));
    match wire.exists(&listed.bucket, &listed.key).await {
        Ok(None) => Ok(false),
        Ok(Some(found)) if found.etag.as_ref() == now => Ok(true),
        Ok(Some(found)) => {
            let found = shown(found.etag.as_ref());
            let what = format!("{answerer}: the ETag {}, and the list endpoint has {found}", shown(now));
            Err(RequestError::malformed(&what))
        }
        Err(error) if error.class == Class::Malformed => Err(error),
        Err(error) => Err(RequestError::unconfirmed(format!(
            "{answerer}: another ETag than the listed one, and the list endpoint could not be asked: {error}"
        ))),
    }
}

/// A 404 of the cache counts only where the list endpoint agrees.
async fn confirm<W: Wires>(wire: &W, object: &Object, (gone, deadline): (RequestError, Duration)) -> Sent {
    let asked = timeout(deadline, wire.exists(&object.bucket, &object.key)).await;
    let why = match asked {
        Ok(Ok(None)) => return Sent::Gone,
        Ok(Ok(Some(_))) => "still has the object".to_owned(),
        // Nothing is to be hoped for of what answers there.
        Ok(Err(error)) if error.class == Class::Malformed => return Sent::Failed(error),
        Ok(Err(error)) => format!("could not be asked: {error}"),
        Err(_) => "did not answer".to_owned(),
    };
    let message = format!("the cache answered {}, and the list endpoint {why}", gone.message);
    Sent::Failed(RequestError::not_found(message))
}
