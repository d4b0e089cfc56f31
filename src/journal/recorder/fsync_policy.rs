//! When what is written is synced to the disk. An fsync costs as much as writing hundreds of entries, and only a power cut undoes
//! what was written without it: `kill -9` does not.

use std::time::Duration;

use tokio::time::Instant;

use super::LINGER_TIME;
use crate::journal::schema::Durability;

/// Syncs a recorder's writes once in [`LINGER_TIME`].
#[derive(Debug, Default)]
pub(super) struct FsyncPolicy {
    /// The last sync.
    last: Option<Instant>,
    owed: bool,
}

impl FsyncPolicy {
    /// Whether something is written that is not on the disk.
    pub fn are_owed(&self) -> bool {
        self.owed
    }

    /// How long that may wait for something else to be written.
    pub fn max_wait(&self) -> Duration {
        if self.owed { self.left() } else { Duration::MAX }
    }

    /// What the next transaction has to do.
    pub fn next(&self) -> Durability {
        if self.left().is_zero() { Durability::AtCommit } else { Durability::Deferred }
    }

    pub fn wrote(&mut self, durability: Durability) {
        self.owed = durability == Durability::Deferred;
        if !self.owed {
            self.last = Some(Instant::now());
        }
    }

    fn left(&self) -> Duration {
        self.last.map(|last| LINGER_TIME.saturating_sub(last.elapsed())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_written_is_on_the_disk_before_a_second_is_over() {
        let mut fsyncs = FsyncPolicy::default();
        assert_eq!(
            (fsyncs.next(), fsyncs.max_wait()),
            (Durability::AtCommit, Duration::MAX),
            "the first is there at once"
        );
        fsyncs.wrote(Durability::AtCommit);
        assert!(!fsyncs.are_owed());
        for wait in [100, 400] {
            advance(Duration::from_millis(wait)).await;
            assert_eq!(fsyncs.next(), Durability::Deferred);
            fsyncs.wrote(Durability::Deferred);
        }
        assert_eq!(
            (fsyncs.are_owed(), fsyncs.max_wait()),
            (true, Duration::from_millis(250)),
            "counted from the last one"
        );
        advance(fsyncs.max_wait()).await;
        assert_eq!((fsyncs.next(), fsyncs.max_wait()), (Durability::AtCommit, Duration::ZERO));
        fsyncs.wrote(Durability::AtCommit);
        assert_eq!((fsyncs.are_owed(), fsyncs.max_wait()), (false, Duration::MAX));
    }
}
