//! The metadata of an object, from the answer to a plain HEAD.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::header::LAST_MODIFIED;

use super::error::RequestError;
use super::probe::{Head, Headers, http_date};
use super::proof::{answerer, is_signed};
use model::object::ETag;

/// What a plain HEAD says of an object that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    pub etag: Option<ETag>,
}

/// What a listing would have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Bytes.
    pub size: u64,
    pub etag: Option<ETag>,
    pub last_modified: DateTime<Utc>,
    /// Absent means `STANDARD`.
    pub storage_class: Option<Arc<str>>,
}

impl Stat {
    /// # Errors
    /// An answer without a sign of S3, a size or a time: rules and caps would judge by what nobody said.
    pub(super) fn read(head: &Head, headers: &(impl Headers + ?Sized)) -> Result<Self, RequestError> {
        let text = |name: &str| headers.text(name);
        if !is_signed(head.etag.as_ref(), headers) {
            let what = format!("{}, without a sign of S3", answerer(head.status, headers));
            return Err(RequestError::malformed(&what));
        }
        let size = head.size().ok_or_else(|| RequestError::malformed("200 to a HEAD, without a Content-Length"))?;
        let last_modified = text(LAST_MODIFIED.as_str()).and_then(http_date);
        let last_modified =
            last_modified.ok_or_else(|| RequestError::malformed("200 to a HEAD, without a Last-Modified"))?;
        let storage_class = text("x-amz-storage-class").filter(|class| !class.is_empty()).map(Arc::from);
        Ok(Self { size, etag: head.etag.clone(), last_modified, storage_class })
    }
}
