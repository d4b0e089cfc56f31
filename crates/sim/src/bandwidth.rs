//! Fair sharing of bandwidth among fills, each no faster than its own cap. Pure arithmetic: `now` is a parameter.

use std::collections::BTreeSet;
use std::time::Duration;

/// Processor sharing. At any instant every fill moves at the same speed, `min(per_fill, bandwidth / fills)`, so one
/// clock of "bytes moved by each" orders all ends. Kept in billionths of a byte, which makes it exact.
#[derive(Debug, Default)]
pub struct Pipe {
    /// Bytes a second, of all fills together.
    bandwidth: Option<u64>,
    /// Bytes a second, of one fill.
    per_fill: Option<u64>,
    moved: u128,
    at: Duration,
    /// By the value of `moved` at which each ends.
    active: BTreeSet<(u128, u64)>,
}

const NANO: u128 = 1_000_000_000;

impl Pipe {
    pub fn new(bandwidth: Option<u64>, per_fill: Option<u64>) -> Self {
        Self { bandwidth, per_fill, ..Self::default() }
    }

    /// Changes the speeds from `now` on. Call [`Pipe::advance`] first.
    pub fn set_rates(&mut self, bandwidth: Option<u64>, per_fill: Option<u64>) {
        self.bandwidth = bandwidth;
        self.per_fill = per_fill;
    }

    /// Starts a fill. Call [`Pipe::advance`] first.
    pub fn join(&mut self, id: u64, bytes: u64) {
        self.active.insert((self.moved + u128::from(bytes) * NANO, id));
    }

    /// Gives a fill up.
    pub fn leave(&mut self, id: u64) {
        self.active.retain(|(_, other)| *other != id);
    }

    /// Moves bytes until `now` and takes out the fills that have ended, in order.
    pub fn advance(&mut self, now: Duration) -> Vec<u64> {
        let mut ended = Vec::new();
        while let Some(end) = self.next_end() {
            if end > now {
                break;
            }
            self.step(end);
            // Rounding a time up to whole nanoseconds can only overshoot: the first is always over here.
            while let Some(&(at, id)) = self.active.first()
                && (at <= self.moved || self.rate().is_none())
            {
                self.active.pop_first();
                ended.push(id);
            }
        }
        self.step(now.max(self.at));
        if self.active.is_empty() {
            self.moved = 0;
        }
        ended
    }

    /// When the next fill ends, if no other starts before. `None` when nothing moves.
    pub fn next_end(&self) -> Option<Duration> {
        let &(end, _) = self.active.first()?;
        let Some(rate) = self.rate() else { return Some(self.at) };
        let left = end.saturating_sub(self.moved) * self.fills();
        let wait = left.div_ceil(rate.max(1));
        Some(self.at + Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX / 2)))
    }

    fn step(&mut self, to: Duration) {
        if let Some(rate) = self.rate()
            && !self.active.is_empty()
        {
            self.moved += rate * to.saturating_sub(self.at).as_nanos() / self.fills();
        }
        self.at = to;
    }

    fn fills(&self) -> u128 {
        self.active.len().max(1) as u128
    }

    /// Bytes a second of all current fills together; `None` is without bounds.
    fn rate(&self) -> Option<u128> {
        let capped = self.per_fill.map(|rate| u128::from(rate) * self.fills());
        match (self.bandwidth.map(u128::from), capped) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn seconds(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    /// Ends of fills that start at the given seconds with the given MiB.
    fn ends(mut pipe: Pipe, starts: &[(f64, u64)]) -> Vec<f64> {
        let mut ends = vec![0.0; starts.len()];
        let mut note = |ended: Vec<u64>, now: Duration| {
            for id in ended {
                ends[usize::try_from(id).unwrap()] = (now.as_secs_f64() * 1000.0).round() / 1000.0;
            }
        };
        for (id, (start, mib)) in starts.iter().enumerate() {
            while let Some(end) = pipe.next_end().filter(|end| *end <= seconds(*start)) {
                note(pipe.advance(end), end);
            }
            note(pipe.advance(seconds(*start)), seconds(*start));
            pipe.join(id as u64, mib * MIB);
        }
        while let Some(end) = pipe.next_end() {
            note(pipe.advance(end), end);
        }
        ends
    }

    #[test]
    fn fills_share_the_bandwidth_and_none_outruns_its_cap() {
        let shared = || Pipe::new(Some(100 * MIB), None);
        let capped = || Pipe::new(None, Some(100 * MIB));
        let both = || Pipe::new(Some(100 * MIB), Some(40 * MIB));
        for (pipe, starts, expected, why) in [
            (shared(), &[(0.0, 100)][..], &[1.0][..], "one fill has it all"),
            (shared(), &[(0.0, 100), (0.0, 100)], &[2.0, 2.0], "two at once take twice as long"),
            (shared(), &[(0.0, 100), (0.0, 50)], &[1.5, 1.0], "the rest speeds up when the short one ends"),
            (shared(), &[(0.0, 100), (0.5, 100)], &[1.5, 2.0], "a late one slows the first"),
            (shared(), &[(0.0, 100), (3.0, 100)], &[1.0, 4.0], "nothing is saved up while idle"),
            (capped(), &[(0.0, 100), (0.0, 100)], &[1.0, 1.0], "caps alone do not interfere"),
            (both(), &[(0.0, 40)], &[1.0], "the cap binds one"),
            (both(), &[(0.0, 40), (0.0, 40)], &[1.0, 1.0], "and two"),
            (both(), &[(0.0, 100), (0.0, 100), (0.0, 100), (0.0, 100)], &[4.0; 4], "the bandwidth binds four"),
            (Pipe::new(None, None), &[(1.0, 100)], &[1.0], "without rates a fill ends as it starts"),
        ] {
            assert_eq!(ends(pipe, starts), expected, "{why}");
        }
    }

    #[test]
    fn a_fill_given_up_frees_its_share() {
        let mut pipe = Pipe::new(Some(100), None);
        pipe.join(1, 100);
        pipe.join(2, 100);
        assert_eq!(pipe.next_end(), Some(seconds(2.0)));
        pipe.leave(2);
        assert_eq!(pipe.next_end(), Some(seconds(1.0)));
    }

    proptest::proptest! {
        /// Whatever the mix, the pipe moves no byte faster than allowed, and idles while there is work never.
        #[test]
        fn the_last_end_is_the_work_over_the_bandwidth(sizes in proptest::collection::vec(1u64..1000, 1..20)) {
            let mut pipe = Pipe::new(Some(1000), None);
            for (id, size) in sizes.iter().enumerate() {
                pipe.join(id as u64, *size);
            }
            let mut last = Duration::ZERO;
            let mut ended = 0;
            while let Some(end) = pipe.next_end() {
                proptest::prop_assert!(end >= last);
                last = end;
                ended += pipe.advance(end).len();
            }
            proptest::prop_assert_eq!(ended, sizes.len());
            let work = Duration::from_millis(sizes.iter().sum());
            proptest::prop_assert!(last >= work && last < work + Duration::from_micros(1));
        }
    }
}
