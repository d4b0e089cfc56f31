//! What 401 and 403 mean: the keys are read again once, then the bucket that still refuses is given up.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::object::Bucket;
use crate::report::Fault;

/// Keys that were just read are not read again: a refusal under them is about rights.
const TRUST: Duration = Duration::from_secs(60);

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// The keys may be out of date.
    Reread,
    /// It was sent with keys that have been replaced since.
    Stale,
    /// The bucket answers others: this object is what the keys may not touch.
    Object,
    /// The bucket answers nothing with keys that were just read.
    Bucket,
}

/// What the buckets of one run have answered.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    generation: u32,
    reread_at: Option<Instant>,
    seen: HashMap<Bucket, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The latest keys under which it answered.
    answered: Option<u32>,
    denied: Option<Fault>,
}

impl Buckets {
    /// Counts up with every reading of the keys.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    pub fn answered(&mut self, bucket: &Bucket, generation: u32) {
        match self.seen.get_mut(bucket) {
            Some(seen) => seen.answered = seen.answered.max(Some(generation)),
            None => drop(self.seen.insert(bucket.clone(), Seen { answered: Some(generation), denied: None })),
        }
    }

    pub fn judge(&self, bucket: &Bucket, generation: u32) -> Denial {
        let answers = self.seen.get(bucket).is_some_and(|seen| seen.answered == Some(self.generation));
        let trusted = self.reread_at.is_some_and(|at| at.elapsed() < TRUST);
        match (self.reread_at, answers) {
            _ if generation < self.generation => Denial::Stale,
            (None, _) => Denial::Reread,
            // They worked after they were read, and no longer do: they may have expired.
            (Some(_), true) if !trusted => Denial::Reread,
            (Some(_), true) => Denial::Object,
            (Some(_), false) => Denial::Bucket,
        }
    }

    pub fn reread(&mut self) {
        self.generation += 1;
        self.reread_at = Some(Instant::now());
    }

    pub fn deny(&mut self, bucket: &Bucket, fault: Fault) {
        self.seen.entry(bucket.clone()).or_default().denied = Some(fault);
    }

    pub fn denied(&self, bucket: &Bucket) -> Option<Fault> {
        self.seen.get(bucket)?.denied.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_the_keys_then_the_object_or_the_bucket() {
        let (open, shut) = (Bucket::new("open"), Bucket::new("shut"));
        let mut buckets = Buckets::default();
        assert_eq!(buckets.judge(&open, 0), Denial::Reread, "the first refusal may be old keys");
        buckets.reread();
        assert_eq!(buckets.judge(&open, 0), Denial::Stale, "sent before they were read again");
        buckets.answered(&open, 1);
        assert_eq!(buckets.judge(&open, 1), Denial::Object);
        assert_eq!(buckets.judge(&shut, 1), Denial::Bucket);
        tokio::time::advance(TRUST).await;
        assert_eq!(buckets.judge(&open, 1), Denial::Reread, "keys expire in a long run");
        assert_eq!(buckets.judge(&shut, 1), Denial::Bucket, "and never worked here");
    }
}
