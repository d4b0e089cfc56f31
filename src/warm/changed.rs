//! Tells objects that were overwritten from a service that gives one answer for every object.

use std::collections::HashMap;

use super::request::Sent;
use model::object::{ETag, Object};
use s3::RequestError;

/// Most ETags that are remembered.
const MAX_ETAGS: usize = 1_000;

/// The ETags that were answered in the place of listed ones, each with the listed ETag of the first object.
#[derive(Debug, Default)]
pub(super) struct ChangedETags(HashMap<ETag, Option<ETag>>);

impl ChangedETags {
    /// Turns a warm into a failure where its new ETag was answered for another object before, which was listed under another ETag:
    /// two objects that differed do not become the same one between a listing and a HEAD.
    pub fn judge(&mut self, sent: Sent, listed: &Object) -> Sent {
        let Sent::Warmed { changed: Some(answerer), etag: Some(etag), .. } = &sent else { return sent };
        if self.0.len() >= MAX_ETAGS {
            self.0.clear();
        }
        if *self.0.entry(etag.clone()).or_insert_with(|| listed.etag.clone()) == listed.etag {
            return sent;
        }
        let what = format!("{answerer}: the ETag `{}` for objects that were listed with different ones", etag.as_str());
        Sent::Failed(RequestError::malformed(&what))
    }
}
