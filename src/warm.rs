//! Warms a plan: sends the ranged HEAD of each object, waits for the fill, and records what became of every one.
//!
//! One loop owns the `queue` and drives the `requests`, each under a permit of the endpoint's limit and under its own deadline.
//! `single_flight` keeps two runs from sending for one object, `auth_policy` decides on 401 and 403, `failures` on retries, and
//! the `endpoint_monitor` on outages.

mod auth_policy;
mod ending;
mod endpoint_monitor;
mod failures;
mod merge_queue;
mod order;
mod queue;
mod request;
mod requests;
mod single_flight;
mod stop_signal;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep_until};

use crate::clock;
use crate::journal::{Completion, RecordBuffer};
use crate::limit::{Limit, Permit, Waiter};
use crate::report::{Asked, End, Fault, Progress, StopReason, Totals};
use model::object::{ETag, Object};
use s3::{Class, RequestError};

use auth_policy::AuthPolicy;
use endpoint_monitor::EndpointMonitor;
pub use order::{WarmingOrder, warming_order};
use queue::{Pending, Queue, Which};
use request::Sent;
pub(crate) use request::confirm_change;
pub use request::{Wire, Wires};
use requests::{Answer, Finished, Requests};
use single_flight::Aside;
pub use single_flight::SingleFlight;
pub use stop_signal::StopSignal;

/// How often a waiting loop checks deadlines and the circuit of the endpoint.
const MONITOR_INTERVAL: Duration = Duration::from_millis(250);
/// Objects of denied buckets that one step ends. There may be millions, and others wait for the thread.
const MAX_DENIED_A_STEP: usize = 1_000;
/// Answers that one step handles, of those that are there already.
const MAX_ENDS_A_STEP: usize = 64;

/// The parameters of a warm.
pub struct Warming<W> {
    pub wire: Arc<W>,
    /// Also has the number of retries and `outage_wait`, which are read anew each time.
    pub limit: Limit,
    /// Shared by all runs of the cache: an object that another one has open is not sent.
    pub single_flight: SingleFlight,
    /// Bounds `outage_wait` for an endpoint that has answered nothing yet.
    pub first_wait: Duration,
    /// Among the runs that share the limit: higher first.
    pub priority: i64,
    /// When the run must be over.
    pub deadline: Instant,
    pub stop: StopSignal,
    pub progress: Arc<Progress>,
    /// Records every object that was warmed, before the run counts it. `None` once the receiver was dropped.
    pub notes: Option<RecordBuffer>,
    /// More objects, until it is closed.
    pub more: Option<mpsc::Receiver<WarmingOrder>>,
}

impl<W> Warming<W> {
    /// How long the endpoint may answer nothing.
    fn outage_wait(&self) -> Duration {
        let wait = self.limit.limits().outage_wait;
        if self.progress.has_answered(Asked::Cache) { wait } else { wait.min(self.first_wait) }
    }
}

/// Why a warm ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every object was seen to.
    Done,
    /// Told to stop.
    Stopped(StopReason),
    /// The run's deadline came first.
    Deadline,
    /// The endpoint answered nothing for this long.
    Outage(Duration),
    /// The endpoint throttled every request for this long, though there was one at a time.
    Throttled(Duration),
    /// What answers is no such cache; for how long, and its latest answer.
    Malformed(Duration, Arc<str>),
}

/// Warms `objects`, and what comes behind them.
pub async fn warm<W: Wires>(objects: WarmingOrder, mut warming: Warming<W>) -> (Totals, Ended) {
    let totals = Totals { planned: objects.count(), ..Totals::default() };
    let run = Run {
        queue: Queue::new(objects),
        auth: AuthPolicy::default(),
        requests: Requests::default(),
        totals,
        monitor: EndpointMonitor::new(Instant::now()),
        more: warming.more.take().unwrap_or_else(|| mpsc::channel(1).1),
        waiter: warming.limit.waiter(warming.priority),
        aside: Aside::new(warming.single_flight.clone()),
        warming,
    };
    // A task of its own: whoever calls may be no worker of the runtime, and to wake it would take a system call each time.
    let mut task = JoinSet::new();
    task.spawn(run.execute());
    match task.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        None => unreachable!("there is one task"),
    }
}

struct Run<W> {
    queue: Queue,
    auth: AuthPolicy,
    requests: Requests,
    totals: Totals,
    monitor: EndpointMonitor,
    /// Portions of objects that come while others are warmed: a listing may still be going on.
    more: mpsc::Receiver<WarmingOrder>,
    waiter: Waiter,
    aside: Aside,
    warming: Warming<W>,
}

impl<W: Wires> Run<W> {
    async fn execute(mut self) -> (Totals, Ended) {
        let ended = loop {
            while let Ok(objects) = self.more.try_recv() {
                self.take_more(objects);
            }
            let is_empty = self.queue.is_empty() && self.requests.is_empty() && self.aside.is_empty();
            if is_empty && self.has_all() {
                break Ended::Done;
            }
            let now = Instant::now();
            if let Some(ended) = self.overdue(now) {
                break ended;
            }
            self.hand_over_if_due(now);
            self.step(now).await;
        };
        self.wind_up(&ended).await;
        (self.totals, ended)
    }

    /// No more objects come.
    fn has_all(&self) -> bool {
        self.more.is_closed() && self.more.is_empty()
    }

    fn take_more(&mut self, objects: WarmingOrder) {
        self.totals.planned = self.totals.planned + objects.count();
        self.queue.feed(objects);
    }

    /// Waits for one thing to happen: room for the next object, an end, or time to look again.
    async fn step(&mut self, now: Instant) {
        if self.give_up_denied(now) {
            // There may be millions of them, and others wait for this thread.
            tokio::select! {
                biased;
                Some(finished) = self.requests.next() => self.finish(finished).await,
                () = yield_now() => {}
            }
            return;
        }
        let look = (now + MONITOR_INTERVAL).min(self.warming.deadline);
        let [next, instead] = self.sizes(now);
        if next.is_none() {
            self.waiter.rest();
        }
        tokio::select! {
            biased;
            () = self.warming.stop.told() => {}
            // Before ends are looked at: of many that come together each frees its place for the next request at once.
            permit = self.waiter.admit_either(next.unwrap_or_default(), instead), if next.is_some() => self.send(permit, now),
            Some(finished) = self.requests.next() => self.finish_all(finished).await,
            () = self.aside.came() => self.take_back(),
            more = self.more.recv(), if !self.has_all() => more.into_iter().for_each(|more| self.take_more(more)),
            () = sleep_until(self.queue.next_ready().map_or(look, |ready| ready.clamp(now, look))), if next.is_none() => {}
            () = sleep_until(look) => {}
        }
    }

    /// Of what may be sent next, and of what may go in its stead.
    fn sizes(&mut self, now: Instant) -> [Option<u64>; 2] {
        [Which::First, Which::Instead].map(|which| self.queue.next(which, now).map(|object| object.size))
    }

    /// Sees to an end, and to those that are there already; the room that each one frees is taken at once.
    async fn finish_all(&mut self, first: Finished) {
        let (mut next, mut left) = (Some(first), MAX_ENDS_A_STEP);
        while let Some(finished) = next {
            self.finish(finished).await;
            // It may have waited, and what comes next may be of a bucket that was given up.
            let now = Instant::now();
            if self.warming.stop.is_told() || now >= self.warming.deadline || self.auth.any_is_denied() {
                return;
            }
            if let [Some(bytes), instead] = self.sizes(now)
                && let Some(permit) = self.waiter.try_admit_either(bytes, instead, now)
            {
                self.send(permit, now);
            }
            left -= 1;
            next = if left > 0 { self.requests.try_next() } else { None };
        }
    }

    /// Ends what comes next and belongs to a bucket that was given up: it is not sent, so it needs no room. False where
    /// there is none.
    fn give_up_denied(&mut self, now: Instant) -> bool {
        let mut any = false;
        for _ in 0..MAX_DENIED_A_STEP {
            let Some((denied, mut pending)) = self.next_denied(now) else { break };
            let end = pending.unknown().unwrap_or(End::Failed(denied));
            self.end(&pending, &end);
            any = true;
        }
        any
    }

    fn next_denied(&mut self, now: Instant) -> Option<(Fault, Pending)> {
        [Which::First, Which::Instead].into_iter().find_map(|which| {
            let denied = self.auth.denied(&self.queue.next(which, now)?.bucket)?.clone();
            Some((denied, self.queue.take(which, now)?))
        })
    }

    /// Why the run must end before all is done.
    fn overdue(&mut self, now: Instant) -> Option<Ended> {
        if self.warming.stop.is_told() {
            return Some(Ended::Stopped(self.warming.stop.reason().unwrap_or(StopReason::Told)));
        }
        if now >= self.warming.deadline {
            return Some(Ended::Deadline);
        }
        self.monitor.look(now, &self.warming, self.requests.is_empty())
    }

    /// Sends the next object that no other run has open.
    fn send(&mut self, mut permit: Permit, now: Instant) {
        let (mut pending, mut claim) = loop {
            let sendable =
                |object: &Object| object.size <= permit.bytes() && self.auth.denied(&object.bucket).is_none();
            let next = [Which::First, Which::Instead].into_iter().find_map(|which| {
                self.queue.next(which, now).is_some_and(sendable).then(|| self.queue.take(which, now)).flatten()
            });
            let Some(next) = next else { return };
            if next.is_retry()
                && let Err(not_before) = permit.retry()
            {
                self.put_back(next, not_before);
                continue;
            }
            if let Some(claimed) = self.aside.claim(next) {
                break claimed;
            }
        };
        permit.shrink(pending.object.size);
        pending.sends += 1;
        pending.sent = clock::now();
        self.totals.sends += 1;
        self.warming.progress.in_flight.fetch_add(1, Ordering::Relaxed);
        let wire = self.warming.wire.clone();
        let deadline = permit.deadline();
        let generation = self.auth.generation();
        let (object, via) = (pending.object.clone(), pending.via(self.warming.limit.limits().retries));
        self.requests.open(pending, async move {
            let sent = request::send(&*wire, &object, via, deadline).await;
            if let Sent::Warmed { etag, .. } = &sent {
                claim.warmed(etag.clone());
            }
            drop(claim);
            Answer { sent, permit, generation, deadline }
        });
    }

    /// What another run has warmed meanwhile is warm; the rest is sent by this one.
    fn take_back(&mut self) {
        let now = Instant::now();
        for (pending, warm) in self.aside.take_back() {
            if warm {
                self.end(&pending, &End::Fresh);
            } else {
                self.queue.put_first(pending, now);
            }
        }
    }

    async fn finish(&mut self, finished: Finished) {
        let Finished { pending, answer } = finished;
        self.warming.progress.in_flight.fetch_sub(1, Ordering::Relaxed);
        let Some(Answer { sent, permit, generation, deadline }) = answer else { return self.unsend(pending) };
        permit.settle(sent.verdict());
        match &sent {
            // Of a connection that the server had closed.
            Sent::Failed(error) if error.class == Class::IdleReset => {}
            Sent::Failed(error) if !error.answered() => self.unanswered(error),
            _ => self.warming.progress.answered(Asked::Cache),
        }
        match sent {
            Sent::Warmed { changed, etag, size } => {
                self.auth.answered(&pending.object.bucket);
                self.note(&pending, etag.as_ref(), size).await;
                self.end(&pending, &End::Warmed { changed });
            }
            Sent::Gone => self.end(&pending, &End::Gone),
            Sent::Failed(error) if error.may_be_of_the_keys() => {
                self.denied(pending, &error, (generation, deadline)).await;
            }
            Sent::Failed(error) => self.failed(pending, &error, deadline),
        }
    }

    fn unanswered(&self, error: &RequestError) {
        let wait = self.warming.outage_wait();
        self.warming.progress.unanswered(Asked::Cache, &error.why_unanswered(), wait);
    }

    async fn note(&mut self, pending: &Pending, etag: Option<&ETag>, size: u64) {
        let Some(notes) = &mut self.warming.notes else { return };
        let object = &*pending.object;
        notes.note(&Completion { object, etag: etag.or(object.etag.as_ref()), size, sent: pending.sent });
        if notes.is_full() {
            self.hand_over().await;
        }
    }

    /// A recorder that is behind holds the run up: what is warmed and not recorded is bounded. It does not keep it from
    /// ending.
    async fn hand_over(&mut self) {
        let Warming { notes, stop, deadline, .. } = &mut self.warming;
        let Some(notes) = notes else { return };
        let handed = async {
            tokio::select! {
                biased;
                handed = notes.hand_over() => handed,
                () = stop.quit.cancelled() => true,
                () = sleep_until(*deadline) => true,
            }
        };
        if !self.requests.drive_until(handed).await {
            self.warming.notes = None;
        }
    }

    fn hand_over_if_due(&mut self, now: Instant) {
        self.warming.notes.take_if(|notes| !notes.hand_over_if_due(now));
    }

    fn end(&mut self, pending: &Pending, end: &End) {
        let object = &pending.object;
        match end {
            End::Failed(fault) | End::Unknown(fault) => {
                tracing::debug!(bucket = %object.bucket, key = %object.key, class = fault.class, error = fault.message, "not warmed");
            }
            End::Gone => tracing::debug!(bucket = %object.bucket, key = %object.key, "gone since it was listed"),
            End::Warmed { .. } | End::Fresh => {}
        }
        self.totals.add(&object.bucket, &object.key, object.size, end);
        self.warming.progress.end(object.size, end);
    }
}

#[cfg(test)]
mod tests;
