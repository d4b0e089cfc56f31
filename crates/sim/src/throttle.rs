//! Decides when the simulator answers SlowDown.

use std::time::Duration;

/// Above these an endpoint answers 503 SlowDown. Nothing is set by default.
#[derive(Clone, Debug, Default)]
pub struct Throttle {
    /// Requests a second, with as many saved up.
    pub per_second: Option<u32>,
    /// Requests open at once.
    pub in_flight: Option<usize>,
    /// Sent as `Retry-After`, in whole seconds.
    pub retry_after: Option<Duration>,
}

/// A token bucket. Pure: `now` is a parameter.
#[derive(Debug, Default)]
pub struct TokenBucket {
    /// Billionths of a token taken and not yet grown back.
    debt: u128,
    at: Duration,
}

const NANO: u128 = 1_000_000_000;

impl TokenBucket {
    /// Takes a token if there is one. `per_second` of them grow back in a second, and no more are saved up.
    pub fn take(&mut self, now: Duration, per_second: u32) -> bool {
        let grown = now.saturating_sub(self.at).as_nanos() * u128::from(per_second);
        self.at = self.at.max(now);
        self.debt = self.debt.saturating_sub(grown);
        let room = self.debt + NANO <= u128::from(per_second) * NANO;
        if room {
            self.debt += NANO;
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_tokens_is_saved_up_and_grows_back_evenly() {
        let mut bucket = TokenBucket::default();
        let mut taken = |ms: u64| (0..100).filter(|_| bucket.take(Duration::from_millis(ms), 10)).count();
        assert_eq!(taken(0), 10);
        assert_eq!(taken(50), 0);
        assert_eq!(taken(100), 1);
        assert_eq!(taken(400), 3);
        assert_eq!(taken(9_000), 10);
    }
}
