//! Timing and limits of the cache endpoint.

use std::time::Duration;

use super::throttle::Throttle;

/// How the cache endpoint behaves. Can be changed while it runs.
#[derive(Clone, Debug)]
pub struct Lota {
    /// What every ranged HEAD and GET takes, warm or cold; a fill begins after it.
    pub floor: Duration,
    /// Bytes a second of one fill; `None` is without bounds.
    pub fill_rate: Option<u64>,
    /// Bytes a second that all current fills share evenly; `None` is without bounds.
    pub bandwidth: Option<u64>,
    /// Bytes the cache holds; `None` is without bounds.
    pub capacity: Option<u64>,
    /// Bytes; parts are cached and evicted each for itself.
    pub part_size: u64,
    /// Smaller objects are never cached: they answer after the floor.
    pub min_cached: u64,
    /// A second request for an object being filled waits for that fill. Otherwise it fills again.
    pub coalesce: bool,
    /// A fill ends when nobody waits for it any more. Otherwise it goes on.
    pub stop_unwatched: bool,
    /// How a ranged HEAD is answered.
    pub ranged_head: HeadForm,
    /// How a ranged HEAD for an object without bytes is answered.
    pub empty_head: EmptyHead,
    /// What the host of a bucket that does not exist does.
    pub no_bucket: NoBucket,
    /// Whether path style is served; otherwise it is 400 `PathStyleRequestNotAllowed`.
    pub path_style: bool,
    pub throttle: Throttle,
}

impl Default for Lota {
    fn default() -> Self {
        Self {
            floor: Duration::ZERO,
            fill_rate: None,
            bandwidth: None,
            capacity: None,
            part_size: 64 << 20,
            min_cached: 0,
            coalesce: true,
            stop_unwatched: false,
            ranged_head: HeadForm::Whole,
            empty_head: EmptyHead::RangeNotSatisfiable,
            no_bucket: NoBucket::NotFound,
            path_style: false,
            throttle: Throttle::default(),
        }
    }
}

/// The answer to `HEAD` with `Range: bytes=0-0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadForm {
    /// 200 with the length of the whole object, as the cache's documentation shows.
    Whole,
    /// 206, length 1, `Content-Range: bytes 0-0/TOTAL`, as ordinary servers do.
    Partial,
}

/// The same for an object without bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyHead {
    /// 416.
    RangeNotSatisfiable,
    /// 200, length 0.
    Ok,
}

/// A virtual host whose bucket does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBucket {
    /// 404 `NoSuchBucket`.
    NotFound,
    /// Never answers.
    Stall,
}
