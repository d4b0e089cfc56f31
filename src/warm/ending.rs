//! Ends a run: drains or gives up what is in flight, and gives every object its outcome.

use std::sync::atomic::Ordering;

use tokio::time::{Instant, sleep, sleep_until};

use super::queue::Pending;
use super::{Ended, MONITOR_INTERVAL, Run, Wires};
use crate::report::{End, Fault};

/// The class of what was in flight when the run ended.
const ABANDONED: &str = "abandoned";

impl<W: Wires> Run<W> {
    /// Sends nothing new, and sees to everything that is not over.
    pub(super) async fn wind_up(&mut self, ended: &Ended) {
        self.waiter.rest();
        self.requests.close();
        if matches!(ended, Ended::Stopped(_)) {
            self.drain().await;
        }
        // Answers that are here already are not lost to the clock.
        self.take_back();
        while let Some(finished) = self.requests.take_ended() {
            self.finish(finished).await;
        }
        self.abandon();
        if let Some(notes) = &mut self.warming.notes {
            // Whoever records is waited for in any case.
            notes.hand_over().await;
        }
    }

    /// Lets what is in flight end, until it is told to quit; deadlines still hold.
    async fn drain(&mut self) {
        while !self.requests.is_empty() {
            tokio::select! {
                biased;
                () = self.warming.stop.quit.cancelled() => return,
                Some(finished) = self.requests.next() => self.finish(finished).await,
                () = sleep_until(self.warming.deadline) => return,
                () = sleep(MONITOR_INTERVAL) => {}
            }
            self.hand_over_if_due(Instant::now());
        }
    }

    /// Its request was not begun.
    pub(super) fn unsend(&mut self, mut pending: Pending) {
        pending.sends -= 1;
        self.totals.sends -= 1;
        self.queue.put_first(pending, Instant::now());
    }

    /// What is still in flight is unknown, what waited for another try keeps its last end, what was never sent has none.
    fn abandon(&mut self) {
        let abandoned: Vec<_> = self.requests.abandon().collect();
        self.warming.progress.in_flight.store(0, Ordering::Relaxed);
        let message = "the run ended before the answer came";
        for (pending, begun) in abandoned {
            if begun {
                self.end(&pending, &End::Unknown(Fault { class: ABANDONED, message: message.to_owned() }));
            } else {
                self.unsend(pending);
            }
        }
        let tried: Vec<_> = self.queue.drain_tried().chain(self.aside.drain()).collect();
        for mut pending in tried {
            if let Some(end) = pending.last.take() {
                self.end(&pending, &end);
            }
        }
    }
}
