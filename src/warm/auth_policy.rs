//! The policy on 401 and 403: read the credentials again once, then give up the bucket that still refuses.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::report::Fault;
use model::object::Bucket;

/// Credentials younger than this are not read again: a refusal under them is about rights.
const CREDENTIALS_TRUSTED_FOR: Duration = Duration::from_secs(60);
/// Refusals in a row after which a bucket is given up that has answered before: its credentials have lost their rights.
const MAX_REFUSALS_IN_A_ROW: u32 = 100;

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// The keys may be out of date.
    Reread,
    /// It was sent with keys that have been replaced since.
    Stale,
    /// The bucket has answered others: this object is what the keys may not touch.
    Object,
    /// The bucket answers nothing with keys that were just read.
    Bucket,
}

/// What the buckets of one run have answered.
#[derive(Debug, Default)]
pub(super) struct AuthPolicy {
    generation: u32,
    reread_at: Option<Instant>,
    seen: HashMap<Bucket, Seen>,
    any_is_denied: bool,
}

#[derive(Debug, Default)]
struct Seen {
    /// Under whatever keys: a reading that brings the same keys again must not count against the bucket.
    answered: bool,
    /// The keys were read again on its account, and it has not answered since.
    reread: bool,
    /// Refusals with keys that were just read, since it last answered.
    refusals: u32,
    denied: Option<Fault>,
}

impl AuthPolicy {
    /// Counts up with every reading of the keys.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    pub fn answered(&mut self, bucket: &Bucket) {
        match self.seen.get_mut(bucket) {
            Some(seen) => (seen.answered, seen.reread, seen.refusals) = (true, false, 0),
            None => drop(self.seen.insert(bucket.clone(), Seen { answered: true, ..Seen::default() })),
        }
    }

    /// Judges a refusal of a request that was sent with the keys of `generation`.
    pub fn judge(&mut self, bucket: &Bucket, generation: u32) -> Denial {
        if generation < self.generation {
            return Denial::Stale;
        }
        let trusted = self.reread_at.is_some_and(|at| at.elapsed() < CREDENTIALS_TRUSTED_FOR);
        let seen = self.seen.entry(bucket.clone()).or_default();
        // Keys that worked may have expired, and a bucket that is new to the run may be the first to see it.
        if !trusted && !std::mem::replace(&mut seen.reread, true) {
            return Denial::Reread;
        }
        seen.refusals += 1;
        if seen.answered && seen.refusals < MAX_REFUSALS_IN_A_ROW { Denial::Object } else { Denial::Bucket }
    }

    pub fn reread(&mut self) {
        self.generation += 1;
        self.reread_at = Some(Instant::now());
    }

    /// False where the bucket had been given up before.
    pub fn deny(&mut self, bucket: &Bucket, fault: Fault) -> bool {
        self.any_is_denied = true;
        self.seen.entry(bucket.clone()).or_default().denied.replace(fault).is_none()
    }

    pub fn any_is_denied(&self) -> bool {
        self.any_is_denied
    }

    pub fn denied(&self, bucket: &Bucket) -> Option<&Fault> {
        self.seen.get(bucket)?.denied.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_the_keys_then_the_object_or_the_bucket() {
        let (open, shut, late) = (Bucket::new("open"), Bucket::new("shut"), Bucket::new("late"));
        let mut policy = AuthPolicy::default();
        assert_eq!(policy.judge(&open, 0), Denial::Reread, "the first refusal may be old keys");
        policy.reread();
        assert_eq!(policy.judge(&open, 0), Denial::Stale, "sent before they were read again");
        policy.answered(&open);
        assert_eq!(policy.judge(&open, 1), Denial::Object);
        assert_eq!(policy.judge(&shut, 1), Denial::Bucket);
        tokio::time::advance(CREDENTIALS_TRUSTED_FOR).await;
        assert_eq!(policy.judge(&open, 1), Denial::Reread, "keys expire in a long run");
        assert_eq!(policy.judge(&late, 1), Denial::Reread, "which may show at a bucket that was not asked before");
        policy.reread();
        tokio::time::advance(CREDENTIALS_TRUSTED_FOR).await;
        assert_eq!(policy.judge(&late, 2), Denial::Bucket, "once on its account, however slow its answer");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_were_read_again_and_are_the_same_do_not_spoil_a_bucket_that_answers() {
        let bucket = Bucket::new("open");
        let mut policy = AuthPolicy::default();
        policy.answered(&bucket);
        assert_eq!(policy.judge(&bucket, 0), Denial::Reread);
        policy.reread();
        assert_eq!(policy.judge(&bucket, 1), Denial::Object, "the first request after the reading");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_answered_and_refuses_everything_is_given_up_in_the_end() {
        let bucket = Bucket::new("revoked");
        let mut policy = AuthPolicy::default();
        policy.answered(&bucket);
        policy.reread();
        let judged: Vec<_> = (0..MAX_REFUSALS_IN_A_ROW).map(|_| policy.judge(&bucket, 1)).collect();
        assert_eq!(
            judged.iter().filter(|denial| **denial == Denial::Object).count(),
            MAX_REFUSALS_IN_A_ROW as usize - 1
        );
        assert_eq!(judged.last(), Some(&Denial::Bucket));
    }
}
