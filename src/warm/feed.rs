//! Objects that come while others are warmed: a listing may still be going on.

use tokio::sync::mpsc::{Receiver, error::TryRecvError};

use super::WarmingOrder;

/// Portions of them, until it is over.
#[derive(Debug)]
pub(super) struct Feed(Option<Receiver<WarmingOrder>>);

impl Feed {
    pub fn new(portions: Option<Receiver<WarmingOrder>>) -> Self {
        Self(portions)
    }

    /// Known only once it has been asked for more than there was.
    pub fn is_over(&self) -> bool {
        self.0.is_none()
    }

    /// What is there already.
    pub fn try_next(&mut self) -> Option<WarmingOrder> {
        match self.0.as_mut()?.try_recv() {
            Ok(objects) => Some(objects),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.0 = None;
                None
            }
        }
    }

    /// What comes next; `None` once, when it ends, and never anything after that. Cancel safe.
    pub async fn next(&mut self) -> Option<WarmingOrder> {
        let Some(portions) = &mut self.0 else { return std::future::pending().await };
        let next = portions.recv().await;
        if next.is_none() {
            self.0 = None;
        }
        next
    }
}
