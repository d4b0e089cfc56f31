//! The queue of one run: objects never sent, retries that are due, and last tries after `unknown`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::merge_queue::MergeQueue;
use super::order::WarmingOrder;
use crate::report::End;
use model::object::Object;
use s3::Via;

/// An object on its way.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub object: Arc<Object>,
    pub sends: u32,
    /// Tries that found no connection while the endpoint was not known to be away.
    pub unsent: u32,
    /// Tries that met a used connection which the server had ended.
    pub idle_resets: u32,
    /// It was `unknown` once; the next such end is its last.
    pub retried_unknown: bool,
    /// What it would end as if nothing more came.
    pub last: Option<End>,
    /// When it was last sent, by the wall clock.
    pub sent: DateTime<Utc>,
}

impl Pending {
    fn new(object: Object) -> Self {
        let object = Arc::new(object);
        Self {
            object,
            sends: 0,
            unsent: 0,
            idle_resets: 0,
            retried_unknown: false,
            last: None,
            sent: DateTime::UNIX_EPOCH,
        }
    }

    /// Sending it counts against the endpoint's budget of retries. Again on a new connection where an idle one had been closed
    /// does not: the endpoint has seen nothing.
    pub fn is_retry(&self) -> bool {
        self.sends > 0 && (self.retried_unknown || !matches!(self.last, Some(End::Unknown(_))))
    }

    /// Which connection it goes out on, once it is counted as sent. A server may end connections behind each answer without
    /// saying so: what met two of these, or one before its last try, is not left to a third.
    pub fn via(&self, retries: u32) -> Via {
        let is_last = self.sends > retries;
        if self.idle_resets > 1 || (self.idle_resets > 0 && is_last) { Via::Own } else { Via::Pool }
    }

    /// A request was sent, and its answer never came: whatever was not sent since does not change that.
    pub fn unknown(&mut self) -> Option<End> {
        self.last.take_if(|end| matches!(end, End::Unknown(_)))
    }
}

/// Retries that are due come first, then what was never tried, then what is to be tried once more at the very end.
#[derive(Debug, Default)]
pub(super) struct Queue {
    merge_queue: MergeQueue,
    soon: Waiting,
    last: Waiting,
}

/// What may be sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    First,
    /// What may go while the first one has no room.
    Instead,
}

impl Queue {
    pub fn new(objects: WarmingOrder) -> Self {
        Self { merge_queue: MergeQueue::new(objects), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.merge_queue.largest().is_none() && self.soon.entries.is_empty() && self.last.entries.is_empty()
    }

    pub fn feed(&mut self, objects: WarmingOrder) {
        self.merge_queue.add(objects);
    }

    /// What `take` would give at `now`.
    pub fn next(&mut self, which: Which, now: Instant) -> Option<&Object> {
        if which == Which::Instead {
            return self.merge_queue.smallest();
        }
        let soon = self.soon.ready(now).map(|pending| &*pending.object);
        soon.or(self.merge_queue.largest()).or_else(|| self.last.ready(now).map(|pending| &*pending.object))
    }

    pub fn take(&mut self, which: Which, now: Instant) -> Option<Pending> {
        if which == Which::Instead {
            return self.merge_queue.take_smallest().map(Pending::new);
        }
        if let Some(pending) = self.soon.take(now) {
            return Some(pending);
        }
        self.merge_queue.take_largest().map(Pending::new).or_else(|| self.last.take(now))
    }

    /// When the next waiting object is due.
    pub fn next_ready(&self) -> Option<Instant> {
        [&self.soon, &self.last].into_iter().filter_map(|waiting| Some(waiting.entries.first_key_value()?.0.0)).min()
    }

    pub fn put_first(&mut self, pending: Pending, not_before: Instant) {
        self.soon.put(pending, not_before);
    }

    pub fn put_last(&mut self, pending: Pending, not_before: Instant) {
        self.last.put(pending, not_before);
    }

    /// Empties the queue; gives what had been tried.
    pub fn drain_tried(&mut self) -> impl Iterator<Item = Pending> {
        let Self { soon, last, .. } = std::mem::take(self);
        soon.entries.into_values().chain(last.entries.into_values())
    }
}

/// Objects that wait for another try, by when that is due, and in turn among equals.
#[derive(Debug, Default)]
struct Waiting {
    entries: BTreeMap<(Instant, u64), Pending>,
    count: u64,
}

impl Waiting {
    fn put(&mut self, pending: Pending, not_before: Instant) {
        self.count += 1;
        self.entries.insert((not_before, self.count), pending);
    }

    fn ready(&self, now: Instant) -> Option<&Pending> {
        let ((not_before, _), pending) = self.entries.first_key_value()?;
        (*not_before <= now).then_some(pending)
    }

    fn take(&mut self, now: Instant) -> Option<Pending> {
        self.ready(now)?;
        self.entries.pop_first().map(|(_, pending)| pending)
    }
}
