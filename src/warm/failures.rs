//! Decides what becomes of an object whose request failed: an outcome, or a retry and when.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::auth_policy::Denial;
use super::queue::Pending;
use super::{Run, Warming, Wires};
use crate::limit::{Backoff, OPEN_AFTER};
use crate::report::{End, Fault};
use model::config::endpoint::Limits;
use s3::{Class, RequestError};

impl<W: Wires> Run<W> {
    /// A retry that the endpoint's budget does not allow yet keeps its place.
    pub(super) fn put_back(&mut self, pending: Pending, not_before: Instant) {
        if pending.retried_unknown {
            self.queue.put_last(pending, not_before);
        } else {
            self.queue.put_first(pending, not_before);
        }
    }

    pub(super) fn failed(&mut self, mut pending: Pending, error: &RequestError, deadline: Duration) {
        let Limits { retries, outage_wait, .. } = self.warming.limit.limits();
        let spent = pending.sends > retries;
        let now = Instant::now();
        match error.class {
            Class::TimedOut | Class::Lost if spent || pending.retried_unknown => {
                self.end(&pending, &End::Unknown(fault(error)));
            }
            Class::TimedOut | Class::Lost => {
                pending.retried_unknown = true;
                pending.last = Some(End::Unknown(fault(error)));
                let not_before = self.after(deadline);
                self.queue.put_last(pending, not_before);
            }
            Class::IdleReset if spent => self.end(&pending, &End::Unknown(fault(error))),
            Class::IdleReset => {
                pending.idle_resets += 1;
                pending.last = Some(End::Unknown(fault(error)));
                self.queue.put_first(pending, now);
            }
            Class::Unreachable => self.unreached(pending, error),
            _ if error.transient() && !spent => {
                pending.last = Some(End::Failed(fault(error)));
                let asked = error.retry_after.unwrap_or_default().min(outage_wait);
                let not_before = self.after(Backoff::after(pending.sends).max(asked));
                self.queue.put_first(pending, not_before);
            }
            // The cache does not know what the list endpoint has: the one error that is worth asking about again.
            Class::NotFound if !spent => {
                pending.last = Some(End::Failed(fault(error)));
                let not_before = self.after(Backoff::after(pending.sends));
                self.queue.put_first(pending, not_before);
            }
            _ => self.end(&pending, &End::Failed(fault(error))),
        }
    }

    /// The connection failed, so nothing was sent. While the circuit is open, `outage_wait` bounds the tries; before that at least
    /// `OPEN_AFTER` tries are made, enough to open it.
    fn unreached(&mut self, mut pending: Pending, error: &RequestError) {
        pending.sends -= 1;
        self.totals.sends -= 1;
        let end = pending.unknown().unwrap_or_else(|| End::Failed(fault(error)));
        let pause = if self.warming.limit.open_since().is_some() {
            Duration::ZERO
        } else {
            pending.unsent += 1;
            Backoff::after(pending.unsent)
        };
        if pending.unsent > self.warming.limit.limits().retries.max(OPEN_AFTER) {
            return self.end(&pending, &end);
        }
        pending.last = Some(end);
        let not_before = self.after(pause);
        self.queue.put_first(pending, not_before);
    }

    /// In `pause` from now, or at the deadline of the run where that overflows.
    fn after(&self, pause: Duration) -> Instant {
        Instant::now().checked_add(pause).unwrap_or(self.warming.deadline)
    }

    /// `sent`: the generation of the credentials, and the deadline of the request.
    pub(super) async fn denied(&mut self, mut pending: Pending, error: &RequestError, sent: (u32, Duration)) {
        let (generation, deadline) = sent;
        let bucket = pending.object.bucket.clone();
        match self.auth.judge(&bucket, generation) {
            Denial::Reread => {
                tracing::info!(%bucket, %error, "denied; reading the credentials again");
                self.reread_keys().await;
            }
            Denial::Stale => {}
            // It was not the keys.
            Denial::Object | Denial::Bucket if error.class != Class::Denied => {
                return self.failed(pending, error, deadline);
            }
            Denial::Object => return self.end(&pending, &End::Failed(fault(error))),
            Denial::Bucket => {
                if self.auth.deny(&bucket, fault(error)) {
                    tracing::warn!(%bucket, %error, "denied with credentials just read; giving up on this bucket");
                }
                return self.end(&pending, &End::Failed(fault(error)));
            }
        }
        if pending.sends > self.warming.limit.limits().retries {
            return self.end(&pending, &End::Failed(fault(error)));
        }
        pending.last = Some(End::Failed(fault(error)));
        self.queue.put_first(pending, Instant::now());
    }

    /// A slow source of keys must not keep a run from ending.
    async fn reread_keys(&mut self) {
        let Warming { wire, stop, deadline, .. } = &self.warming;
        let read = async {
            tokio::select! {
                biased;
                () = stop.told() => None,
                () = sleep_until(*deadline) => None,
                read = wire.reread_keys() => Some(read),
            }
        };
        // One of them may be reading the keys, and whoever comes next waits for it.
        let Some(read) = self.requests.drive_until(read).await else { return };
        if let Err(why) = read {
            tracing::warn!(error = why, "could not read the credentials again");
        }
        self.auth.reread();
    }
}

fn fault(error: &RequestError) -> Fault {
    Fault { class: error.class.name(), message: error.message.clone() }
}
