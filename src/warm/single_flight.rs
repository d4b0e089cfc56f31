//! Single flight: no two requests for one object at once, across all runs of one cache.
//!
//! A run claims an object before it sends. An object that another run has open is put aside until that request ends.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::queue::Pending;
use crate::sync;
use model::object::{ETag, Object};

/// The open requests of one cache. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct SingleFlight(Arc<Mutex<HashMap<Name, Vec<Waiting>>>>);

impl SingleFlight {
    /// Whether somebody else holds them too.
    pub fn in_use(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Name, Vec<Waiting>>> {
        sync::lock(&self.0)
    }
}

/// An object by what it is called, whatever else a listing said of it.
#[derive(Clone, Debug)]
struct Name(Arc<Object>);

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        (&self.0.bucket, &self.0.key) == (&other.0.bucket, &other.0.key)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0.bucket, &self.0.key).hash(state);
    }
}

/// The right to send for one object; ends when it is dropped, however that comes.
#[derive(Debug)]
pub(super) struct Claim {
    single_flight: SingleFlight,
    name: Name,
    end: FlightEnd,
}

impl Claim {
    /// The cache answered, under this ETag where it names another one than the listing.
    pub fn warmed(&mut self, etag: Option<ETag>) {
        self.end = FlightEnd::Warmed(etag);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let waiting = self.single_flight.open().remove(&self.name).unwrap_or_default();
        if !waiting.is_empty()
            && let FlightEnd::Warmed(etag @ None) = &mut self.end
        {
            etag.clone_from(&self.name.0.etag);
        }
        for Waiting { mailbox, ticket } in waiting {
            mailbox.put(ticket, self.end.clone());
        }
    }
}

/// How somebody else's request ended.
#[derive(Clone, Debug)]
enum FlightEnd {
    Warmed(Option<ETag>),
    Otherwise,
}

impl FlightEnd {
    /// Whether that is the object as it was listed, as far as anybody said.
    fn is(&self, object: &Object) -> bool {
        match self {
            Self::Warmed(etag) => etag.as_ref().zip(object.etag.as_ref()).is_none_or(|(now, listed)| now == listed),
            Self::Otherwise => false,
        }
    }
}

/// A run that wants to know.
#[derive(Debug)]
struct Waiting {
    mailbox: Arc<Mailbox>,
    ticket: u64,
}

/// Where a run learns of the ends that it waits for.
#[derive(Debug, Default)]
struct Mailbox {
    ended: Mutex<Vec<(u64, FlightEnd)>>,
    came: Notify,
}

impl Mailbox {
    fn put(&self, ticket: u64, end: FlightEnd) {
        sync::lock(&self.ended).push((ticket, end));
        self.came.notify_one();
    }
}

/// The objects that one run has put aside: no more than others have open.
#[derive(Debug, Default)]
pub(super) struct Aside {
    single_flight: SingleFlight,
    mailbox: Arc<Mailbox>,
    waiting: HashMap<u64, Pending>,
    tickets: u64,
}

impl Aside {
    pub fn new(single_flight: SingleFlight) -> Self {
        Self { single_flight, ..Self::default() }
    }

    /// Claims the object of `pending`, or puts it aside.
    pub fn claim(&mut self, pending: Pending) -> Option<(Pending, Claim)> {
        let name = Name(pending.object.clone());
        match self.single_flight.open().entry(name.clone()) {
            Entry::Vacant(free) => drop(free.insert(Vec::new())),
            Entry::Occupied(mut taken) => {
                self.tickets += 1;
                taken.get_mut().push(Waiting { mailbox: self.mailbox.clone(), ticket: self.tickets });
                self.waiting.insert(self.tickets, pending);
                return None;
            }
        }
        Some((pending, Claim { single_flight: self.single_flight.clone(), name, end: FlightEnd::Otherwise }))
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Until there is something to take back.
    pub async fn came(&self) {
        self.mailbox.came.notified().await;
    }

    /// What others have ended, and whether it is warm by that.
    pub fn take_back(&mut self) -> Vec<(Pending, bool)> {
        let ended = std::mem::take(&mut *sync::lock(&self.mailbox.ended));
        let known = ended.into_iter().filter_map(|(ticket, end)| Some((self.waiting.remove(&ticket)?, end)));
        known
            .map(|(pending, end)| {
                let warm = end.is(&pending.object);
                (pending, warm)
            })
            .collect()
    }

    pub fn drain(&mut self) -> impl Iterator<Item = Pending> {
        self.waiting.drain().map(|(_, pending)| pending)
    }
}
