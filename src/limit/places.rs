//! Who waits for room, and who is next: by priority, and in turn among equals.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A run that was just let in, or whose wait was interrupted, is back within so long if it has more to send. Until then no
/// lower priority slips in.
pub(super) const BACK_WITHIN: Duration = Duration::from_millis(2);
/// For so long others may pass a request whose bytes do not fit; then what ends makes room for it alone.
pub(super) const PASSED_FOR: Duration = Duration::from_secs(1);

/// The runs that share a limit. There are few: each waits for one request at a time.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: BTreeMap<u64, Place>,
    /// Counts places and turns.
    count: u64,
}

#[derive(Debug)]
struct Place {
    priority: i64,
    /// The lower one comes first among equals; renewed when it is let in.
    turn: u64,
    wants: Wants,
    /// Since when it waits for the request that it has now.
    since: Option<Instant>,
    woken: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Nothing,
    /// Waits for so many bytes.
    Room(u64),
    /// Is expected to ask (again) until then.
    Back(Instant),
}

/// What stands before a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    Nobody,
    /// It is woken when they are through.
    Somebody,
    /// Whoever is expected, until then.
    Expected(Instant),
}

impl Places {
    pub fn enter(&mut self, priority: i64) -> (u64, Arc<Notify>) {
        self.count += 1;
        let woken = Arc::new(Notify::new());
        let place = Place { priority, turn: self.count, wants: Wants::Nothing, since: None, woken: woken.clone() };
        self.places.insert(self.count, place);
        (self.count, woken)
    }

    pub fn leave(&mut self, id: u64) {
        self.places.remove(&id);
    }

    pub fn ask(&mut self, id: u64, bytes: u64, now: Instant) {
        if let Some(place) = self.places.get_mut(&id) {
            place.wants = Wants::Room(bytes);
            place.since.get_or_insert(now);
        }
    }

    /// Its next turn is after all others of its priority.
    pub fn let_in(&mut self, id: u64, now: Instant) {
        self.count += 1;
        if let Some(place) = self.places.get_mut(&id) {
            (place.turn, place.wants, place.since) = (self.count, Wants::Back(now + BACK_WITHIN), None);
        }
    }

    /// False where it did not wait.
    pub fn give_up(&mut self, id: u64, now: Instant) -> bool {
        let waiting = self.places.get_mut(&id).filter(|place| matches!(place.wants, Wants::Room(_)));
        waiting.map(|place| place.wants = Wants::Back(now + BACK_WITHIN)).is_some()
    }

    /// False where nobody waited on its account.
    pub fn rest(&mut self, id: u64) -> bool {
        let Some(place) = self.places.get_mut(&id) else { return false };
        place.since = None;
        std::mem::replace(&mut place.wants, Wants::Nothing) != Wants::Nothing
    }

    /// What stands before `id`. `fits` says whether so many bytes would.
    pub fn ahead(&self, id: u64, now: Instant, fits: impl Fn(u64) -> bool) -> Ahead {
        let Some(own) = self.places.get(&id) else { return Ahead::Nobody };
        let mut expected = None;
        for other in self.places.values().filter(|other| other.rank() < own.rank()) {
            match other.wants {
                Wants::Room(bytes) if fits(bytes) || !other.may_be_passed(now) => return Ahead::Somebody,
                Wants::Back(by) if other.priority > own.priority && now < by => expected = expected.max(Some(by)),
                Wants::Nothing | Wants::Room(_) | Wants::Back(_) => {}
            }
        }
        expected.map_or(Ahead::Nobody, Ahead::Expected)
    }

    /// Wakes the first that waits, and whoever may pass it.
    pub fn wake(&self, fits: impl Fn(u64) -> bool) {
        let mut waiting: Vec<_> = self.places.values().filter_map(|place| Some((place, place.bytes()?))).collect();
        waiting.sort_unstable_by_key(|(place, _)| place.rank());
        for (place, bytes) in waiting {
            place.woken.notify_one();
            if fits(bytes) {
                break;
            }
        }
    }
}

impl Place {
    fn rank(&self) -> (Reverse<i64>, u64) {
        (Reverse(self.priority), self.turn)
    }

    fn bytes(&self) -> Option<u64> {
        if let Wants::Room(bytes) = self.wants { Some(bytes) } else { None }
    }

    fn may_be_passed(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) < PASSED_FOR)
    }
}
