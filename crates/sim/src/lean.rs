//! Answers a ranged HEAD without the protocol crate: a warm sends hundreds of thousands, and must not wait for its server.

use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{Response, StatusCode};
use s3s::Body;

use super::counters::{Arrival, Kind, Side};
use super::fill::Wanted;
use super::lota::HeadForm;
use super::read;
use super::world::{World, wanted};

/// What the protocol crate would answer, and what the cache has to hold before. `None` leaves it to that crate: where there
/// are signatures to check, for errors, and for anything but the one request that warms.
pub fn answer(world: &World, arrival: &Arrival) -> Option<(Response<Body>, Wanted)> {
    let warms = arrival.side == Side::Cache
        && arrival.kind == Kind::RangedHead
        && arrival.range.as_deref() == Some("bytes=0-0")
        && !arrival.target.contains('?');
    if !warms || !read(&world.credentials).is_empty() {
        return None;
    }
    let (bucket, key) = (arrival.bucket.as_deref()?, arrival.key.as_deref()?);
    std::str::from_utf8(key).ok()?;
    let entry = world.get(bucket, key).filter(|entry| entry.size > 0)?;
    let partial = world.filler.lota().ranged_head == HeadForm::Partial;
    let mut head = Response::builder()
        .status(if partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK })
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_LENGTH, if partial { 1 } else { entry.size })
        .header(CONTENT_TYPE, "binary/octet-stream")
        .header(ETAG, format!("\"{}\"", entry.etag))
        .header(LAST_MODIFIED, entry.last_modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    if partial {
        head = head.header(CONTENT_RANGE, format!("bytes 0-0/{}", entry.size));
    }
    if let Some(class) = &entry.storage_class {
        head = head.header("x-amz-storage-class", &**class);
    }
    Some((head.body(Body::empty()).ok()?, wanted(bucket, key, &entry)))
}
