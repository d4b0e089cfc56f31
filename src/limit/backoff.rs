//! Exponential backoff with equal jitter: how long whoever failed waits before it asks again.

use std::time::Duration;

use rand::RngExt;

/// The ceiling of the first pause. It doubles with every failure, up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Counts failures in a row. Start anew after a success.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts one more failure, and gives the pause before the next try.
    pub fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        Self::after(self.failures)
    }

    /// The pause after so many failures in a row: at random between half of its ceiling and all of it, so that requests which
    /// failed together do not come back together, and none comes back at once. Whoever has a deadline cuts it there.
    pub fn after(failures: u32) -> Duration {
        let ceiling = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(MAX_PAUSE);
        rand::rng().random_range(ceiling / 2..=ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_none_is_shorter_than_half_of_its_ceiling() {
        let mut backoff = Backoff::default();
        for (failures, ceiling) in (1..).zip([300, 600, 1_200, 2_400, 4_800, 9_600, 10_000, 10_000]) {
            let allowed = Duration::from_millis(ceiling / 2)..=Duration::from_millis(ceiling);
            assert!(allowed.contains(&backoff.failed()), "after {failures}");
            assert!((0..100).all(|_| allowed.contains(&Backoff::after(failures))), "after {failures}");
        }
        assert!(Backoff::after(0) <= FIRST_PAUSE && Backoff::after(u32::MAX) <= MAX_PAUSE);
    }

    #[test]
    fn what_failed_together_does_not_come_back_together() {
        let pauses: std::collections::BTreeSet<Duration> = (0..100).map(|_| Backoff::after(3)).collect();
        assert!(pauses.len() > 90, "{} of 100 differ", pauses.len());
    }
}
