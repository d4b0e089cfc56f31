//! The open requests of one run. They are futures that the run drives itself, not tasks, so that many are handled at one wake-up.
//! While the run waits for something else it keeps driving them: one of them may be what it waits for.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::task::coop::unconstrained;

use super::queue::Pending;
use super::request::Sent;
use crate::limit::Permit;

/// One request's end.
pub(super) struct Finished {
    pub pending: Pending,
    /// `None`: it was not begun.
    pub answer: Option<Answer>,
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
pub(super) struct Requests {
    open: FuturesUnordered<Request>,
    /// What has ended while the run waited for something else; no more than were open.
    ended: VecDeque<Finished>,
    closed: Arc<AtomicBool>,
}

/// An object, and what is sent for it.
struct Request {
    /// Until it has ended.
    pending: Option<Pending>,
    begun: bool,
    closed: Arc<AtomicBool>,
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

impl Requests {
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.ended.is_empty()
    }

    /// The request is sent at its first poll.
    pub fn open(&mut self, pending: Pending, answer: impl Future<Output = Answer> + Send + 'static) {
        let closed = self.closed.clone();
        self.open.push(Request { pending: Some(pending), begun: false, closed, answer: Box::pin(answer) });
    }

    /// Requests that were not polled yet are never sent, and finish without an answer.
    pub fn close(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// The next to end; `None` where there are none. Cancel safe.
    pub async fn next(&mut self) -> Option<Finished> {
        match self.ended.pop_front() {
            Some(finished) => Some(finished),
            None => self.open.next().await,
        }
    }

    /// A finished request, without waiting. It registers no waker, and the runtime's budget may hide some: poll `next` before
    /// waiting.
    pub fn try_next(&mut self) -> Option<Finished> {
        self.next().now_or_never().flatten()
    }

    /// A finished request, whatever the runtime's budget.
    pub fn take_ended(&mut self) -> Option<Finished> {
        unconstrained(self.next()).now_or_never().flatten()
    }

    /// Waits for `what`, and drives the requests meanwhile.
    pub async fn drive_until<T>(&mut self, what: impl Future<Output = T>) -> T {
        let mut what = pin!(what);
        loop {
            tokio::select! {
                biased;
                done = &mut what => return done,
                Some(finished) = self.open.next() => self.ended.push_back(finished),
            }
        }
    }

    /// Drops all open requests. Returns each object, and whether its request was sent.
    pub fn abandon(&mut self) -> impl Iterator<Item = (Pending, bool)> {
        let open = std::mem::take(&mut self.open).into_iter();
        open.filter_map(|request| Some((request.pending?, request.begun)))
    }
}

impl Future for Request {
    type Output = Finished;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Finished> {
        self.begun = self.begun || !self.closed.load(Ordering::Relaxed);
        let answer = if self.begun { Some(ready!(self.answer.as_mut().poll(cx))) } else { None };
        match self.pending.take() {
            Some(pending) => Poll::Ready(Finished { pending, answer }),
            None => Poll::Pending,
        }
    }
}
