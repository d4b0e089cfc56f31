//! What the process takes of the machine, as Linux tells it, under the names that every client of Prometheus has for it.

use std::time::Duration;

use super::Kind::{Counter, Gauge};
use super::table::one;
use super::{Metric, Number};

/// At one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    /// User and system time of all threads.
    pub cpu: Duration,
    /// Bytes in memory.
    pub resident: u64,
    pub threads: u64,
    pub open_fds: u64,
    /// `None`: unlimited.
    pub max_fds: Option<u64>,
}

pub(super) const METRICS: &[Metric<Usage>] = &[
    Metric {
        name: "process_cpu_seconds_total",
        kind: Counter,
        unit: "seconds",
        labels: &[],
        help: "User and system time of the process.",
        read: |usage| one(Number::Real(usage.cpu.as_secs_f64())),
    },
    Metric {
        name: "process_resident_memory_bytes",
        kind: Gauge,
        unit: "bytes",
        labels: &[],
        help: "What the process holds in memory.",
        read: |usage| one(Number::Whole(usage.resident)),
    },
    Metric {
        name: "process_threads",
        kind: Gauge,
        unit: "threads",
        labels: &[],
        help: "Threads of the process.",
        read: |usage| one(Number::Whole(usage.threads)),
    },
    Metric {
        name: "process_open_fds",
        kind: Gauge,
        unit: "handles",
        labels: &[],
        help: "File descriptors that are open: each connection takes one.",
        read: |usage| one(Number::Whole(usage.open_fds)),
    },
    Metric {
        name: "process_max_fds",
        kind: Gauge,
        unit: "handles",
        labels: &[],
        help: "File descriptors that may be open; absent where they are not limited.",
        read: |usage| usage.max_fds.map(Number::Whole).map_or_else(Vec::new, one),
    },
];

/// `None` where it cannot be told: not on Linux, or without `/proc`.
pub(super) fn usage() -> Option<Usage> {
    #[cfg(target_os = "linux")]
    return linux::read().inspect_err(|error| tracing::debug!("/proc/self: {error}")).ok();
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use procfs::process::{LimitValue, Process};
    use procfs::{ProcResult, WithCurrentSystemInfo as _, ticks_per_second};

    use super::Usage;

    pub fn read() -> ProcResult<Usage> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        #[expect(clippy::cast_precision_loss, reason = "ticks of a hundredth of a second, in years")]
        let cpu = (stat.utime + stat.stime) as f64 / ticks_per_second() as f64;
        Ok(Usage {
            cpu: Duration::from_secs_f64(cpu),
            resident: stat.rss_bytes().get(),
            threads: u64::try_from(stat.num_threads).unwrap_or(0),
            open_fds: process.fd_count()? as u64,
            max_fds: match process.limits()?.max_open_files.soft_limit {
                LimitValue::Value(most) => Some(most),
                LimitValue::Unlimited => None,
            },
        })
    }

    #[cfg(test)]
    mod tests {
        use std::fs::File;

        use super::*;

        #[test]
        fn what_is_taken_is_seen() {
            let before = read().unwrap();
            let memory = vec![1_u8; 64 << 20];
            let files: [File; 20] = std::array::from_fn(|_| File::open("/dev/null").unwrap());
            let now = read().unwrap();
            assert!(now.resident > memory.len() as u64, "{now:?}");
            assert!(now.open_fds >= files.len() as u64 + 3 && now.threads > 0, "{now:?}");
            assert!(
                now.cpu >= before.cpu && now.max_fds.is_none_or(|most| most >= now.open_fds),
                "{before:?}, {now:?}"
            );
        }
    }
}
