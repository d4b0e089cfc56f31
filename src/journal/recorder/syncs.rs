//! When what is written goes to the disk. To wait for that takes as much as to write hundreds of entries, and nobody who kills
//! a process undoes what it has written: only a power cut does.

use std::time::Duration;

use tokio::time::Instant;

use super::LINGER;
use crate::journal::schema::ToDisk;

/// What of a recorder's writing is on the disk.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    /// When all was.
    last: Option<Instant>,
    owed: bool,
}

impl Syncs {
    /// Whether something is written that is not on the disk.
    pub fn are_owed(&self) -> bool {
        self.owed
    }

    /// How long that may wait for something else to be written.
    pub fn patience(&self) -> Duration {
        if self.owed { self.left() } else { Duration::MAX }
    }

    /// What the next transaction has to do.
    pub fn next(&self) -> ToDisk {
        if self.left().is_zero() { ToDisk::AtCommit } else { ToDisk::Later }
    }

    pub fn wrote(&mut self, to_disk: ToDisk) {
        self.owed = to_disk == ToDisk::Later;
        if !self.owed {
            self.last = Some(Instant::now());
        }
    }

    fn left(&self) -> Duration {
        self.last.map(|last| LINGER.saturating_sub(last.elapsed())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_written_is_on_the_disk_before_a_second_is_over() {
        let mut syncs = Syncs::default();
        assert_eq!((syncs.next(), syncs.patience()), (ToDisk::AtCommit, Duration::MAX), "the first is there at once");
        syncs.wrote(ToDisk::AtCommit);
        assert!(!syncs.are_owed());
        for wait in [100, 400] {
            advance(Duration::from_millis(wait)).await;
            assert_eq!(syncs.next(), ToDisk::Later);
            syncs.wrote(ToDisk::Later);
        }
        assert_eq!(
            (syncs.are_owed(), syncs.patience()),
            (true, Duration::from_millis(250)),
            "counted from the last one"
        );
        advance(syncs.patience()).await;
        assert_eq!((syncs.next(), syncs.patience()), (ToDisk::AtCommit, Duration::ZERO));
        syncs.wrote(ToDisk::AtCommit);
        assert_eq!((syncs.are_owed(), syncs.patience()), (false, Duration::MAX));
    }
}
