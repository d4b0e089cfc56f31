//! plan → outcomes. Sends each planned object's ranged HEAD, waits for the fill, and says what became of every one.
//!
//! One loop owns the queue; requests run beside it, each under a permit of the endpoint's limit and its own deadline.

mod flights;
mod order;
mod queue;
mod refusals;
mod request;
mod stop;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::mpsc::Sender;
use tokio::task::{Id, JoinError, JoinSet, yield_now};
use tokio::time::{Instant, sleep_until};

use crate::clock;
use crate::config::endpoint::Limits;
use crate::limit::{Limit, OPEN_AFTER, Permit, Place};
use crate::object::{Object, Roll};
use crate::report::{Completion, Cut, End, Fault, Progress, Totals};
use crate::s3::{Class, RequestError};

use flights::Aside;
pub use flights::Flights;
pub use order::warming_order;
use queue::{Pending, Queue};
use refusals::{Buckets, Denial};
use request::Sent;
pub use request::{Wire, Wires};
pub use stop::Stop;

/// The first pause before a retry; it doubles, jittered, up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(20));
/// The class of what was in flight when the run ended.
const ABANDONED: &str = "abandoned";
/// How often a waiting loop looks at deadlines and at the endpoint's circuit.
const LOOK: Duration = Duration::from_millis(250);
/// How many objects of buckets that were given up are ended before anything else is looked at.
const AT_ONCE: usize = 1_000;

/// What a warm runs with.
pub struct Warming<W> {
    pub wire: Arc<W>,
    /// Says, too, how often an object is tried and how long an endpoint may answer nothing; read anew each time.
    pub limit: Limit,
    /// Shared by all runs of the cache: an object that another one has open is not sent.
    pub flights: Flights,
    /// Among the runs that share the limit, higher first.
    pub priority: i64,
    /// When the run must be over.
    pub deadline: Instant,
    pub stop: Stop,
    pub progress: Arc<Progress>,
    /// Is told of every object that was warmed, before the run counts it. Gone means that nobody wants to know any more.
    pub completions: Option<Sender<Completion>>,
}

/// Why a warm ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every object was seen to.
    Done,
    /// Told to stop.
    Stopped(Cut),
    /// The run's deadline came first.
    Deadline,
    /// The endpoint answered nothing for so long.
    Outage(Duration),
}

/// Warms `objects`, which are in warming order with the next one last.
pub async fn warm<W: Wires>(objects: Roll, warming: Warming<W>) -> (Totals, Ended) {
    let totals = Totals { planned: objects.count(), ..Totals::default() };
    let run = Run {
        queue: Queue::new(objects),
        buckets: Buckets::default(),
        requests: JoinSet::new(),
        in_flight: HashMap::new(),
        totals,
        started: Instant::now(),
        place: warming.limit.place(warming.priority),
        aside: Aside::new(warming.flights.clone()),
        warming,
    };
    run.carry_out().await
}

/// One request's end, on its way back to the loop.
struct Finished {
    sent: Sent,
    permit: Permit,
    generation: u32,
    deadline: Duration,
}

struct Run<W> {
    queue: Queue,
    buckets: Buckets,
    requests: JoinSet<Finished>,
    in_flight: HashMap<Id, Pending>,
    totals: Totals,
    started: Instant,
    place: Place,
    aside: Aside,
    warming: Warming<W>,
}

impl<W: Wires> Run<W> {
    async fn carry_out(mut self) -> (Totals, Ended) {
        let ended = loop {
            if self.queue.is_empty() && self.requests.is_empty() && self.aside.is_empty() {
                break Ended::Done;
            }
            if let Some(ended) = self.overdue() {
                break ended;
            }
            self.step().await;
        };
        self.place.rest();
        if matches!(ended, Ended::Stopped(_)) {
            self.drain().await;
        }
        // Answers that are here already are not lost to the clock.
        self.take_back();
        while let Some(finished) = self.requests.try_join_next_with_id() {
            self.finish(finished).await;
        }
        self.abandon();
        (self.totals, ended)
    }

    /// Waits for one thing to happen: room for the next object, an end, or time to look again.
    async fn step(&mut self) {
        let now = Instant::now();
        if self.give_up_denied(now) {
            // There may be millions of them, and others wait for this thread.
            return yield_now().await;
        }
        let look = (now + LOOK).min(self.warming.deadline);
        let next = self.queue.next(now).map(|object| object.size);
        if next.is_none() {
            self.place.rest();
        }
        tokio::select! {
            biased;
            () = self.warming.stop.told() => {}
            Some(finished) = self.requests.join_next_with_id() => self.finish(finished).await,
            () = self.aside.came() => self.take_back(),
            permit = self.place.admit(next.unwrap_or_default()), if next.is_some() => self.send(permit, now),
            () = sleep_until(self.queue.next_ready().map_or(look, |ready| ready.clamp(now, look))), if next.is_none() => {}
            () = sleep_until(look) => {}
        }
    }

    /// Ends what comes next and belongs to a bucket that was given up: it is not sent, so it needs no room. False where
    /// there is none.
    fn give_up_denied(&mut self, now: Instant) -> bool {
        let mut any = false;
        for _ in 0..AT_ONCE {
            let denied = self.queue.next(now).and_then(|object| self.buckets.denied(&object.bucket)).cloned();
            let Some((denied, mut pending)) = denied.and_then(|denied| Some((denied, self.queue.take(now)?))) else {
                break;
            };
            let end = pending.unknown().unwrap_or(End::Failed(denied));
            self.end(&pending, &end);
            any = true;
        }
        any
    }

    /// Why the run must end before all is done.
    fn overdue(&self) -> Option<Ended> {
        let now = Instant::now();
        let silent_since = self.warming.limit.open_since().map(|since| since.max(self.started));
        let silent = silent_since.map_or(Duration::ZERO, |since| now.duration_since(since));
        let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        self.warming.progress.silent_ms.store(silent_ms, Ordering::Relaxed);
        let outage_wait = silent_since.map(|_| self.warming.limit.limits().outage_wait);
        if self.warming.stop.is_told() {
            Some(Ended::Stopped(self.warming.stop.why()))
        } else if now >= self.warming.deadline {
            Some(Ended::Deadline)
        } else {
            outage_wait.filter(|wait| silent >= *wait && self.requests.is_empty()).map(Ended::Outage)
        }
    }

    /// Sends the next object that no other run has open.
    fn send(&mut self, mut permit: Permit, now: Instant) {
        let (mut pending, mut claim) = loop {
            let sendable =
                |object: &Object| object.size <= permit.bytes() && self.buckets.denied(&object.bucket).is_none();
            if !self.queue.next(now).is_some_and(sendable) {
                return;
            }
            let Some(next) = self.queue.take(now) else { return };
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
        let deadline = self.warming.limit.deadline();
        let generation = self.buckets.generation();
        let object = pending.object.clone();
        let task = self.requests.spawn(async move {
            let sent = request::send(&*wire, &object, deadline).await;
            if let Sent::Warmed { etag, .. } = &sent {
                claim.warmed(etag.clone());
            }
            drop(claim);
            Finished { sent, permit, generation, deadline }
        });
        self.in_flight.insert(task.id(), pending);
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

    async fn finish(&mut self, finished: Result<(Id, Finished), JoinError>) {
        // A request's task panics only on a fault of hotset itself, which must not pass for an object's.
        let (id, finished) = finished.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let Finished { sent, permit, generation, deadline } = finished;
        let Some(pending) = self.in_flight.remove(&id) else { return };
        self.warming.progress.in_flight.fetch_sub(1, Ordering::Relaxed);
        permit.settle(sent.verdict());
        match sent {
            Sent::Warmed { changed, etag, size } => {
                self.buckets.answered(&pending.object.bucket);
                let (object, at) = (pending.object.clone(), clock::now());
                self.report(Completion { object, etag, size, sent: pending.sent, at }).await;
                self.end(&pending, &End::Warmed { changed });
            }
            Sent::Gone => self.end(&pending, &End::Gone),
            Sent::Failed(error) if error.class == Class::Denied => self.denied(pending, &error, generation).await,
            Sent::Failed(error) => self.failed(pending, &error, deadline),
        }
    }

    fn failed(&mut self, mut pending: Pending, error: &RequestError, deadline: Duration) {
        let Limits { retries, outage_wait, .. } = self.warming.limit.limits();
        let spent = pending.sends > retries;
        let now = Instant::now();
        match error.class {
            Class::TimedOut | Class::Lost if spent || pending.doubted => {
                self.end(&pending, &End::Unknown(fault(error)));
            }
            Class::TimedOut | Class::Lost => {
                pending.doubted = true;
                pending.last = Some(End::Unknown(fault(error)));
                let not_before = self.after(deadline);
                self.queue.put_last(pending, not_before);
            }
            Class::IdleReset if spent => self.end(&pending, &End::Unknown(fault(error))),
            Class::IdleReset => {
                pending.last = Some(End::Unknown(fault(error)));
                self.queue.put_first(pending, now);
            }
            Class::Unreachable => self.unreached(pending, error),
            _ if error.transient() && !spent => {
                pending.last = Some(End::Failed(fault(error)));
                let asked = error.retry_after.unwrap_or_default().min(outage_wait);
                let not_before = self.after(back_off(pending.sends).max(asked));
                self.queue.put_first(pending, not_before);
            }
            // The cache does not know what the list endpoint has: the one error that is worth asking about again.
            Class::NotFound if !spent => {
                pending.last = Some(End::Failed(fault(error)));
                let not_before = self.after(back_off(pending.sends));
                self.queue.put_first(pending, not_before);
            }
            _ => self.end(&pending, &End::Failed(fault(error))),
        }
    }

    /// Nothing was sent. While the circuit is open it is the outage's wait that counts; until then there are tries enough
    /// to open it.
    fn unreached(&mut self, mut pending: Pending, error: &RequestError) {
        pending.sends -= 1;
        self.totals.sends -= 1;
        let end = pending.unknown().unwrap_or_else(|| End::Failed(fault(error)));
        let pause = if self.warming.limit.open_since().is_some() {
            Duration::ZERO
        } else {
            pending.unsent += 1;
            back_off(pending.unsent)
        };
        if pending.unsent > self.warming.limit.limits().retries.max(OPEN_AFTER) {
            return self.end(&pending, &end);
        }
        pending.last = Some(end);
        let not_before = self.after(pause);
        self.queue.put_first(pending, not_before);
    }

    /// What is beyond all clocks is not before the run's end.
    fn after(&self, pause: Duration) -> Instant {
        Instant::now().checked_add(pause).unwrap_or(self.warming.deadline)
    }

    async fn denied(&mut self, mut pending: Pending, error: &RequestError, generation: u32) {
        let bucket = pending.object.bucket.clone();
        match self.buckets.judge(&bucket, generation) {
            Denial::Reread => {
                tracing::info!(%bucket, %error, "denied; reading the credentials again");
                self.reread_keys().await;
            }
            Denial::Stale => {}
            Denial::Object => return self.end(&pending, &End::Failed(fault(error))),
            Denial::Bucket => {
                if self.buckets.deny(&bucket, fault(error)) {
                    tracing::warn!(%bucket, %error, "denied with credentials just read; giving up on this bucket");
                }
                return self.end(&pending, &End::Failed(fault(error)));
            }
        }
        if pending.sends > self.warming.limit.limits().retries {
            return self.end(&pending, &End::Failed(fault(error)));
        }
        pending.last = Some(End::Failed(fault(error)));
        self.queue.put_first(pending, Instant::now());
    }

    /// A slow source of keys must not keep a run from ending.
    async fn reread_keys(&mut self) {
        tokio::select! {
            biased;
            () = self.warming.stop.told() => {}
            () = sleep_until(self.warming.deadline) => {}
            read = self.warming.wire.reread_keys() => {
                if let Err(why) = read {
                    tracing::warn!(error = why, "could not read the credentials again");
                }
                self.buckets.reread();
            }
        }
    }

    /// A recorder that is behind holds the run up: what is warmed and not recorded is bounded. It does not keep it from
    /// ending.
    async fn report(&mut self, completion: Completion) {
        let Some(completions) = &self.warming.completions else { return };
        let gone = tokio::select! {
            biased;
            sent = completions.send(completion) => sent.is_err(),
            () = self.warming.stop.quit.cancelled() => false,
            () = sleep_until(self.warming.deadline) => false,
        };
        if gone {
            self.warming.completions = None;
        }
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

    /// Lets what is in flight end, until it is told to quit; deadlines still hold.
    async fn drain(&mut self) {
        while !self.requests.is_empty() {
            tokio::select! {
                biased;
                () = self.warming.stop.quit.cancelled() => return,
                Some(finished) = self.requests.join_next_with_id() => self.finish(finished).await,
                () = sleep_until(self.warming.deadline) => return,
            }
        }
    }

    /// What is still in flight is unknown, what waited for another try keeps its last end, what was never sent has none.
    fn abandon(&mut self) {
        self.requests = JoinSet::new();
        self.warming.progress.in_flight.store(0, Ordering::Relaxed);
        let message = "the run ended before the answer came";
        for (_, pending) in std::mem::take(&mut self.in_flight) {
            self.end(&pending, &End::Unknown(Fault { class: ABANDONED, message: message.to_owned() }));
        }
        let tried: Vec<_> = self.queue.drain_tried().chain(self.aside.drain()).collect();
        for mut pending in tried {
            if let Some(end) = pending.last.take() {
                self.end(&pending, &end);
            }
        }
    }
}

fn fault(error: &RequestError) -> Fault {
    Fault { class: error.class.name(), message: error.message.clone() }
}

/// Full jitter: anything between nothing and the doubled pause.
fn back_off(sends: u32) -> Duration {
    let ceiling = BACK_OFF.0.saturating_mul(1 << sends.clamp(1, 16)).min(BACK_OFF.1);
    rand::rng().random_range(Duration::ZERO..=ceiling)
}

#[cfg(test)]
mod tests;
