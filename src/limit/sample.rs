//! A sample of goodput at one level of concurrency, so that two levels can be compared.

/// One fill that ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fill {
    pub bytes: u64,
    /// Seconds from the send to the answer.
    pub took: f64,
    /// The sum of what was in flight over that time, in request-seconds: divided by `took`, what it was beside on average.
    pub beside: f64,
}

/// Fills that were sent at one level. Their goodput is judged by what each was beside (Little's law: in flight / time in
/// flight), so that it is known without waiting for bytes to pass a window, in which whole rounds end together or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    fills: u32,
    bytes: f64,
    took: f64,
    beside: f64,
    /// The shortest fill, in seconds.
    quickest: f64,
    /// Of one fill, in bytes a second.
    fastest: f64,
}

/// The shortest time, in seconds, that an answer counts as: goodput is a quotient by it.
const MIN_TOOK: f64 = 1e-6;

impl Sample {
    #[expect(clippy::cast_precision_loss, reason = "a rate is not exact to the byte")]
    pub fn add(&mut self, fill: Fill) {
        let took = fill.took.max(MIN_TOOK);
        let bytes = fill.bytes as f64;
        self.quickest = if self.fills == 0 { took } else { self.quickest.min(took) };
        self.fastest = self.fastest.max(bytes / took);
        self.fills += 1;
        self.bytes += bytes;
        self.took += took;
        self.beside += fill.beside.max(took);
    }

    pub fn fills(&self) -> u32 {
        self.fills
    }

    /// Requests in flight beside the average fill, itself included.
    pub fn level(&self) -> f64 {
        self.beside / self.took
    }

    /// How much more this one brought than `before`, as a factor. The work of a fill is a request plus its bytes, each
    /// weighed by the least time that the two rounds saw it take: where requests bind, answers count, where the bandwidth
    /// does, bytes, and a change of sizes between the two is not taken for a change of speed.
    pub fn over(&self, before: &Self) -> f64 {
        let request = self.quickest.min(before.quickest);
        let fastest = self.fastest.max(before.fastest).max(f64::MIN_POSITIVE);
        let goodput = |of: &Self| (request * f64::from(of.fills) + of.bytes / fastest) / of.took * of.level();
        goodput(self) / goodput(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many fills of a cache with a floor of 50 ms and 1 GB/s a fill, at a level, slowed down by a factor.
    fn sample(fills: u32, bytes: u64, level: f64, slower: f64) -> Sample {
        let mut sample = Sample::default();
        let took = (0.05 + bytes as f64 / 1e9) * slower;
        (0..fills).for_each(|_| sample.add(Fill { bytes, took, beside: level * took }));
        sample
    }

    #[test]
    fn goodput_is_compared_by_what_binds() {
        let base = sample(40, 500_000_000, 32.0, 1.0);
        for (sample, factor, why) in [
            (sample(40, 500_000_000, 64.0, 1.0), 2.0, "twice as many at the same speed"),
            (sample(7, 500_000_000, 64.0, 1.0), 2.0, "however many of them were seen"),
            (sample(40, 500_000_000, 64.0, 2.0), 1.0, "twice as many at half the speed"),
            (sample(40, 500_000_000, 32.0, 2.0), 0.5, "a cache that slowed down"),
        ] {
            assert!((sample.over(&base) - factor).abs() < 0.01, "{why}: {}", sample.over(&base));
        }
        let base = sample(40, 100_000, 32.0, 1.0);
        assert!(
            (sample(40, 100_000, 300.0, 1.0).over(&base) - 300.0 / 32.0).abs() < 0.01,
            "tiny ones count as answers"
        );
        let base = sample(40, 500_000_000, 64.0, 1.3);
        let smaller = sample(40, 450_000_000, 64.0, 1.3).over(&base);
        assert!((0.95..1.05).contains(&smaller), "sizes that change little change little: {smaller}");
    }
}
