//! The requests that one run has open. No task runs beside them: the run drives its own, all that have something to do at
//! one go.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};

use super::queue::Pending;
use super::request::Sent;
use crate::limit::Permit;

/// One request's end.
pub(super) struct Finished {
    pub pending: Pending,
    pub answer: Answer,
}

/// What came of a request.
pub(super) struct Answer {
    pub sent: Sent,
    pub permit: Permit,
    /// Of the keys that it was sent with.
    pub generation: u32,
    pub deadline: Duration,
}

/// The requests of one run.
#[derive(Default)]
pub(super) struct Requests(FuturesUnordered<Request>);

/// An object, and what is sent for it.
struct Request {
    /// Until it has ended.
    pending: Option<Pending>,
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

impl Requests {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing is sent before the next look at any of them.
    pub fn open(&mut self, pending: Pending, answer: impl Future<Output = Answer> + Send + 'static) {
        self.0.push(Request { pending: Some(pending), answer: Box::pin(answer) });
    }

    /// The next to end; `None` where there are none. Cancel safe.
    pub async fn next(&mut self) -> Option<Finished> {
        self.0.next().await
    }

    /// One that has ended. Whoever goes on to wait must look at them anew: nothing wakes for what this has not found.
    pub fn try_next(&mut self) -> Option<Finished> {
        self.0.next().now_or_never().flatten()
    }

    /// Closes all, and gives their objects.
    pub fn abandon(&mut self) -> impl Iterator<Item = Pending> {
        std::mem::take(&mut self.0).into_iter().filter_map(|request| request.pending)
    }
}

impl Future for Request {
    type Output = Finished;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Finished> {
        let answer = ready!(self.answer.as_mut().poll(cx));
        match self.pending.take() {
            Some(pending) => Poll::Ready(Finished { pending, answer }),
            None => Poll::Pending,
        }
    }
}
