//! The priority queue of the runs that wait for a permit: higher priorities first, round robin among equals.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A run that was just let in, or whose wait was interrupted, asks again within this time if it has more to send. Until then
/// lower priorities wait.
pub(super) const BACK_WITHIN: Duration = Duration::from_millis(2);
/// Others may pass a request whose bytes do not fit for this long. Then room is reserved for it, so that it does not starve.
pub(super) const PASSED_FOR: Duration = Duration::from_secs(1);

/// The runs that share a limit. There are few: each waits for one request at a time.
#[derive(Debug, Default)]
pub(super) struct PriorityQueue {
    entries: Vec<Entry>,
    /// Counts entries and turns.
    count: u64,
}

#[derive(Debug)]
struct Entry {
    id: u64,
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
    /// Waits for a permit for this many bytes.
    Room(u64),
    /// Is expected to ask (again) until then.
    Back(Instant),
}

/// What stands before a entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    Nobody,
    /// One whose bytes do not fit: it may be passed.
    Passed,
    /// One that has been passed for long enough: this many bytes are reserved for it.
    Reserved(u64),
    /// It is woken when they are through.
    Somebody,
    /// Whoever is expected, until then.
    Expected(Instant),
}

impl PriorityQueue {
    pub fn enter(&mut self, priority: i64) -> (u64, Arc<Notify>) {
        self.count += 1;
        let woken = Arc::new(Notify::new());
        let (id, turn) = (self.count, self.count);
        self.entries.push(Entry { id, priority, turn, wants: Wants::Nothing, since: None, woken: woken.clone() });
        (id, woken)
    }

    pub fn leave(&mut self, id: u64) {
        self.entries.retain(|entry| entry.id != id);
    }

    pub fn ask(&mut self, id: u64, bytes: u64, now: Instant) {
        if let Some(entry) = self.get(id) {
            entry.wants = Wants::Room(bytes);
            entry.since.get_or_insert(now);
        }
    }

    /// Its next turn is after all others of its priority. `instead`: what it asked for goes on waiting.
    pub fn let_in(&mut self, id: u64, instead: bool, now: Instant) {
        self.count += 1;
        let turn = self.count;
        if let Some(entry) = self.get(id) {
            (entry.turn, entry.wants) = (turn, Wants::Back(now + BACK_WITHIN));
            entry.since.take_if(|_| !instead);
        }
    }

    /// False where it did not wait.
    pub fn give_up(&mut self, id: u64, now: Instant) -> bool {
        let waiting = self.get(id).filter(|entry| matches!(entry.wants, Wants::Room(_)));
        waiting.map(|entry| entry.wants = Wants::Back(now + BACK_WITHIN)).is_some()
    }

    /// False where nobody waited on its account.
    pub fn rest(&mut self, id: u64) -> bool {
        let Some(entry) = self.get(id) else { return false };
        entry.since = None;
        std::mem::replace(&mut entry.wants, Wants::Nothing) != Wants::Nothing
    }

    /// What stands before `id`. `fits` says whether a request of that many bytes has room.
    pub fn ahead(&self, id: u64, now: Instant, fits: impl Fn(u64) -> bool) -> Ahead {
        let Some(own) = self.entries.iter().find(|entry| entry.id == id) else { return Ahead::Nobody };
        let (mut expected, mut passed, mut reserved) = (None, false, 0);
        for other in self.entries.iter().filter(|other| other.priority >= own.priority && other.id != id) {
            let ahead = other.rank() < own.rank();
            match other.wants {
                Wants::Room(bytes) if fits(bytes) => {
                    if ahead {
                        return Ahead::Somebody;
                    }
                }
                Wants::Room(bytes) if !other.may_be_passed(now) && other.seniority() < own.seniority() => {
                    reserved = reserved.max(bytes);
                }
                Wants::Room(_) => passed |= ahead,
                Wants::Back(by) if other.priority > own.priority && now < by => expected = expected.max(Some(by)),
                Wants::Nothing | Wants::Back(_) => {}
            }
        }
        match expected {
            Some(by) => Ahead::Expected(by),
            None if reserved > 0 => Ahead::Reserved(reserved),
            None if passed => Ahead::Passed,
            None => Ahead::Nobody,
        }
    }

    /// Wakes the first that waits, and whoever may pass it.
    pub fn wake(&self, fits: impl Fn(u64) -> bool) {
        let mut after = None;
        while let Some((entry, bytes)) = self.next_waiting(after) {
            entry.woken.notify_one();
            if fits(bytes) {
                break;
            }
            after = Some(entry.rank());
        }
    }

    fn next_waiting(&self, after: Option<Rank>) -> Option<(&Entry, u64)> {
        let waiting = self.entries.iter().filter(|entry| after.is_none_or(|after| entry.rank() > after));
        waiting.filter_map(|entry| Some((entry, entry.bytes()?))).min_by_key(|(entry, _)| entry.rank())
    }

    fn get(&mut self, id: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }
}

type Rank = (Reverse<i64>, u64);
type Seniority = (Reverse<i64>, Option<Instant>, u64);

impl Entry {
    fn rank(&self) -> Rank {
        (Reverse(self.priority), self.turn)
    }

    /// Who has waited for longer. Turns do not count: small requests take theirs while a large one of their run waits.
    fn seniority(&self) -> Seniority {
        (Reverse(self.priority), self.since, self.id)
    }

    fn bytes(&self) -> Option<u64> {
        if let Wants::Room(bytes) = self.wants { Some(bytes) } else { None }
    }

    fn may_be_passed(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) < PASSED_FOR)
    }
}
