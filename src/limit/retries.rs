//! The retry budget of an endpoint (a token bucket), so that an outage does not multiply the load.
//!
//! An answer earns tokens, a failure spends them. The budget covers a third of all requests refused, or a quarter lost, with
//! every one sent again at once. Beyond that retries keep their turn, wait, and go one at a time.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;

/// Tokens that the budget begins with, and holds at the most.
const BUDGET: f64 = 100.0;
/// Tokens that an answer earns.
const EARNED: f64 = 0.5;
/// Tokens that an error or a refusal costs.
const REFUSED: f64 = 1.0;
/// Tokens that a lost request costs: more, as it held its permit for the whole deadline, and a fill may be going on.
const UNANSWERED: f64 = 1.5;
/// How soon a retry that has to wait asks again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Retries {
    /// Of the budget.
    spent: f64,
    /// Retries in flight.
    in_flight: u32,
    /// Of retries that failed while the budget was spent.
    backoff: Backoff,
    not_before: Option<Instant>,
    /// When one was last told to wait.
    held: Option<Instant>,
}

impl Retries {
    /// Lets one more go, or says when to ask again.
    pub fn begin(&mut self, now: Instant) -> Result<(), Instant> {
        if self.is_spent() {
            let wait = self.not_before.filter(|not_before| now < *not_before);
            if wait.is_some() || self.in_flight > 0 {
                self.held = Some(now);
                return Err(wait.unwrap_or(now).max(now + RETRY_INTERVAL));
            }
        }
        self.in_flight += 1;
        Ok(())
    }

    pub fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub fn answered(&mut self, retry: bool) {
        self.spent = (self.spent - EARNED).max(0.0);
        if retry {
            (self.backoff, self.not_before) = (Backoff::default(), None);
        }
    }

    pub fn refused(&mut self, retry: bool, now: Instant) {
        self.pay(REFUSED, retry, now);
    }

    pub fn unanswered(&mut self, retry: bool, now: Instant) {
        self.pay(UNANSWERED, retry, now);
    }

    fn pay(&mut self, cost: f64, retry: bool, now: Instant) {
        self.spent = (self.spent + cost).min(BUDGET);
        if retry && self.is_spent() {
            self.not_before = Some(now + self.backoff.failed());
        }
    }

    fn is_spent(&self) -> bool {
        self.spent > BUDGET - REFUSED
    }

    /// Whether some wait, as of lately.
    pub fn wait(&self, now: Instant) -> bool {
        self.is_spent() && self.held.is_some_and(|held| now.duration_since(held) <= RETRY_INTERVAL + RETRY_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends so many and every one that fails once more, as often as that is allowed; gives what was sent in all.
    fn sends(firsts: u32, fails: impl Fn(u32) -> bool, cost: fn(&mut Retries, bool, Instant)) -> u32 {
        let (mut retries, mut waiting, mut sent, mut now) = (Retries::default(), 0, 0, Instant::now());
        for _ in 0..firsts {
            now += Duration::from_millis(10);
            let retry = waiting > 0 && retries.begin(now).is_ok();
            for retry in [Some(false), retry.then_some(true)].into_iter().flatten() {
                sent += 1;
                waiting -= u32::from(retry);
                if fails(sent) {
                    cost(&mut retries, retry, now);
                    waiting += 1;
                } else {
                    retries.answered(retry);
                }
                if retry {
                    retries.end();
                }
            }
        }
        sent
    }

    #[test]
    fn retries_are_a_part_of_what_is_sent_however_much_fails() {
        for (fails, cost, range, why) in [
            (
                (|_| false) as fn(u32) -> bool,
                Retries::refused as fn(&mut Retries, bool, Instant),
                10_000..=10_000,
                "none",
            ),
            (|n| n % 5 == 0, Retries::refused, 12_495..=12_500, "a fifth refused: each is sent again"),
            (|n| n % 5 == 0, Retries::unanswered, 12_495..=12_500, "a fifth lost: each is sent again"),
            (|n| n.wrapping_mul(2_654_435_761) >> 31 == 0, Retries::refused, 10_100..=15_500, "half of them"),
            (|_| true, Retries::refused, 10_010..=10_130, "an outage is not multiplied"),
            (|_| true, Retries::unanswered, 10_010..=10_090, "nor a silent one"),
        ] {
            let sent = sends(10_000, fails, cost);
            assert!(range.contains(&sent), "{why}: {sent}");
        }
    }

    #[test]
    fn what_waits_goes_one_at_a_time_and_all_at_once_when_the_endpoint_is_well() {
        let (mut retries, mut now) = (Retries::default(), Instant::now());
        (0..200).for_each(|_| retries.refused(false, now));
        assert_eq!(retries.begin(now), Ok(()), "one is let through");
        assert!(retries.begin(now).is_err() && retries.wait(now), "and no second one beside it");
        retries.refused(true, now);
        retries.end();
        let again = retries.begin(now).unwrap_err();
        assert!(again > now, "it failed: a pause");
        now = again;
        assert_eq!(retries.begin(now), Ok(()));
        retries.answered(true);
        retries.answered(false);
        assert_eq!((retries.begin(now), retries.begin(now), retries.wait(now)), (Ok(()), Ok(()), false));
    }
}
