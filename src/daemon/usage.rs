//! What the process takes of the machine, as Linux tells it.

use std::time::Duration;

/// At one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// User and system time of all threads.
    pub cpu: Duration,
    /// Bytes in memory.
    pub resident: u64,
    pub threads: u64,
    pub open_fds: u64,
    /// `None`: unlimited.
    pub max_fds: Option<u64>,
}

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
