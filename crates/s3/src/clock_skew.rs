//! The clock of the server, which requests are signed by once it has refused ours: Signature V4 refuses a skew of 15 minutes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use aws_smithy_async::time::TimeSource;
use chrono::{DateTime, TimeDelta, Utc};

use crate::clock;

/// A refusal by a server whose clock is further away than this is taken to be about the clock.
const TOLERATED: TimeDelta = TimeDelta::minutes(5);

/// A server's clock further away than this is not believed: what is signed for a day that has not come could be kept and sent
/// then.
const BELIEVED: TimeDelta = TimeDelta::days(1);

/// This machine's clock, set by an endpoint's where that has refused what was signed. Clones share what was learned.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerClock(Arc<AtomicI64>);

impl ServerClock {
    pub fn now(&self) -> DateTime<Utc> {
        clock::now() + TimeDelta::seconds(self.0.load(Ordering::Relaxed))
    }

    /// Learns from an answer of the server, and says whether the request was refused for its time: the same one would be
    /// signed otherwise now. A HEAD has no body that could name the reason.
    pub fn learn(&self, status: u16, date: Option<DateTime<Utc>>) -> bool {
        let Some(theirs) = date.filter(|_| status == 403) else { return false };
        if (theirs - self.now()).abs() <= TOLERATED {
            return false;
        }
        let ahead = theirs - clock::now();
        if ahead.abs() > BELIEVED {
            tracing::warn!(
                seconds = ahead.num_seconds(),
                "the server's clock is ahead by so much, more than a day: requests are signed by this machine's"
            );
            return false;
        }
        self.0.store(ahead.num_seconds(), Ordering::Relaxed);
        tracing::warn!(seconds = ahead.num_seconds(), "the server's clock is ahead by so much; signing by it");
        true
    }
}

impl TimeSource for ServerClock {
    fn now(&self) -> SystemTime {
        self.now().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_by_a_clock_far_away_sets_ours_and_only_once() {
        let ours = ServerClock::default();
        let ahead = |minutes| Some(clock::now() + TimeDelta::minutes(minutes));
        for (status, date, why) in [
            (403, None, "no date to learn from"),
            (403, ahead(4), "near enough: the refusal is about something else"),
            (403, ahead(-4), "near enough on the other side"),
            (200, ahead(60), "whoever accepts a request is content with its time"),
            (404, ahead(60), "no refusal"),
        ] {
            assert!(!ours.learn(status, date), "{why}");
        }
        for days in [2, -2, 3650] {
            let before = ours.now();
            assert!(!ours.learn(403, Some(clock::now() + TimeDelta::days(days))), "more than a day is not believed");
            assert!((ours.now() - before).abs() < TimeDelta::minutes(1));
        }
        for minutes in [60, -60, 23 * 60, -23 * 60] {
            assert!(ours.learn(403, ahead(minutes)));
            assert!((ours.now() - ahead(minutes).unwrap()).abs() < TimeDelta::seconds(2));
            assert!(!ours.learn(403, ahead(minutes)), "it was signed by that clock already");
        }
    }
}
