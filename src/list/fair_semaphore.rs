//! A fair, adaptive semaphore: how many requests all listings of one endpoint may have under way together.
//!
//! It admits as many as the configuration allows, and fewer while the endpoint cannot keep up (additive increase,
//! multiplicative decrease). The next permit goes to the run with the fewest requests under way, then to the one that had its
//! last turn the longest ago.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::sync;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// An idle endpoint is back at its configured number this long after the latest cut.
const CUT_FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

/// The permits of one list endpoint. Clones share them.
#[derive(Clone, Debug)]
pub struct FairSemaphore(Arc<Mutex<State>>);

/// The share of one run, whatever it lists.
#[derive(Debug)]
pub struct Share {
    semaphore: FairSemaphore,
    id: u64,
}

/// A request's turn in the queue. Dropped, it waits no more.
#[derive(Debug)]
pub(super) struct Ticket(oneshot::Receiver<Permit>);

/// The permit to send one request. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    semaphore: FairSemaphore,
    /// Of its listing.
    id: u64,
    cuts: u64,
    is_taken: bool,
}

#[derive(Debug, Default)]
struct State {
    most: usize,
    allowed: usize,
    taken: usize,
    /// How often the number was cut. What was sent before the latest cut says nothing of it.
    cuts: u64,
    cut_at: Option<Instant>,
    /// Answers since the number was changed.
    good: usize,
    /// As many answers as there are permits came since the latest cut.
    is_calm: bool,
    listings: BTreeMap<u64, Listing>,
    next_id: u64,
    turns: u64,
}

#[derive(Debug, Default)]
struct Listing {
    taken: usize,
    /// The number of its last one, or of what came before it.
    turn: u64,
    /// First come, first served.
    waiting: VecDeque<oneshot::Sender<Permit>>,
}

impl FairSemaphore {
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        Self(Arc::new(Mutex::new(State { most, allowed: most, is_calm: true, ..State::default() })))
    }

    /// Whether somebody lists, or is about to.
    pub fn in_use(&self) -> bool {
        !self.state().listings.is_empty()
    }

    /// Applies a new number, also to listings that are under way.
    pub fn set_most(&self, most: usize) {
        let mut state = self.state();
        let is_cut = state.allowed < state.most;
        state.most = most.max(1);
        state.allowed = if is_cut { state.allowed.min(state.most) } else { state.most };
        self.let_in(&mut state);
    }

    pub fn share(&self) -> Share {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        let listing = Listing { turn: state.turns, ..Listing::default() };
        state.listings.insert(id, listing);
        Share { semaphore: self.clone(), id }
    }

    /// Gives free permits to those who wait.
    fn let_in(&self, state: &mut State) {
        while state.taken < state.allowed {
            let waiting =
                state.listings.iter_mut().filter_map(|(id, listing)| listing.waits().then_some((*id, listing)));
            let Some((id, next)) = waiting.min_by_key(|(_, listing)| (listing.taken, listing.turn)) else { return };
            let Some(turn) = next.waiting.pop_front() else { return };
            match turn.send(Permit { semaphore: self.clone(), id, cuts: state.cuts, is_taken: true }) {
                Ok(()) => {
                    state.turns += 1;
                    (next.taken, next.turn) = (next.taken + 1, state.turns);
                    state.taken += 1;
                }
                // Nobody waits any more. To give it back would take the lock that is held here.
                Err(mut permit) => permit.is_taken = false,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        sync::lock(&self.0)
    }
}

impl State {
    /// Permits of each run where all want more than that.
    fn fair(&mut self) -> usize {
        let active = self.listings.values_mut().filter_map(|listing| (listing.wants() > 0).then_some(())).count();
        (self.allowed / active.max(1)).max(1)
    }

    fn recover(&mut self) {
        if self.taken == 0 && self.cut_at.is_some_and(|at| at.elapsed() >= CUT_FORGOTTEN_AFTER) {
            (self.allowed, self.good, self.is_calm, self.cut_at) = (self.most, 0, true, None);
        }
    }
}

impl Listing {
    /// Whether anybody does. Of those who gave up, the ones that would be next are forgotten here; the others are when they are.
    fn waits(&mut self) -> bool {
        while self.waiting.pop_front_if(|turn| turn.is_closed()).is_some() {}
        !self.waiting.is_empty()
    }

    /// Requests that it has under way, or would have.
    fn wants(&mut self) -> usize {
        self.taken + if self.waits() { self.waiting.len() } else { 0 }
    }
}

impl Share {
    /// The most permits that all runs may have together.
    pub fn most(&self) -> usize {
        self.semaphore.state().most
    }

    /// Whether one more request would get a permit at once, or is within the fair share of this run.
    pub(super) fn has_room(&self) -> bool {
        let mut state = self.semaphore.state();
        state.recover();
        let is_free = state.taken < state.allowed && !state.listings.values_mut().any(Listing::waits);
        let fair = state.fair();
        is_free || state.listings.get_mut(&self.id).is_some_and(|own| own.wants() < fair)
    }

    /// Whether the endpoint keeps up, so that more may be asked of it.
    pub(super) fn is_calm(&self) -> bool {
        self.semaphore.state().is_calm
    }

    /// Queues one request for a permit.
    pub(super) fn ticket(&self) -> Ticket {
        let (turn, ticket) = oneshot::channel();
        let mut state = self.semaphore.state();
        state.recover();
        state.listings.entry(self.id).or_default().waiting.push_back(turn);
        self.semaphore.let_in(&mut state);
        Ticket(ticket)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.semaphore.state().listings.remove(&self.id);
    }
}

impl Ticket {
    pub async fn permit(self) -> Permit {
        self.0.await.unwrap_or_else(|_| unreachable!("a listing's share outlives its requests"))
    }
}

impl Permit {
    /// A page came. After as many as there are permits the number grows by an eighth.
    pub fn went_well(self) {
        let mut state = self.semaphore.state();
        if state.cuts != self.cuts {
            return;
        }
        state.good += 1;
        if state.good >= state.allowed {
            (state.good, state.is_calm) = (0, true);
            state.allowed += (state.allowed / 8).max(1).min(state.most - state.allowed);
        }
    }

    /// The endpoint could not answer: halves the number, once for all that are under way.
    pub fn went_badly(self) {
        let mut state = self.semaphore.state();
        if state.cuts == self.cuts {
            state.allowed = (state.taken.min(state.allowed) / 2).max(1);
            (state.good, state.is_calm, state.cut_at) = (0, false, Some(Instant::now()));
            state.cuts += 1;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_taken {
            return;
        }
        let mut state = self.semaphore.state();
        state.taken -= 1;
        if let Some(listing) = state.listings.get_mut(&self.id) {
            listing.taken -= 1;
        }
        self.semaphore.let_in(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use tokio::time::advance;

    use super::*;

    impl Ticket {
        fn now(&mut self) -> Option<Permit> {
            self.0.try_recv().ok()
        }
    }

    /// As many as are free.
    fn taken(share: &Share) -> Vec<Permit> {
        iter::from_fn(|| share.ticket().now()).collect()
    }

    /// The tickets of a listing that wants so many, and those of them that have a permit.
    fn ticket(share: &Share, many: usize) -> (Vec<Ticket>, Vec<Permit>) {
        let mut tickets: Vec<_> = (0..many).map(|_| share.ticket()).collect();
        let permits = tickets.iter_mut().filter_map(Ticket::now).collect();
        (tickets, permits)
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_fail_together_halve_it_once() {
        let share = FairSemaphore::new(64).share();
        taken(&share).into_iter().for_each(Permit::went_badly);
        assert_eq!((taken(&share).len(), share.is_calm()), (32, false));
        taken(&share).into_iter().take(1).for_each(Permit::went_badly);
        assert_eq!(taken(&share).len(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_half_of_what_was_in_use() {
        let share = FairSemaphore::new(64).share();
        let few: Vec<Permit> = taken(&share).into_iter().take(8).collect();
        few.into_iter().for_each(Permit::went_badly);
        assert_eq!(taken(&share).len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_always_left() {
        let share = FairSemaphore::new(3).share();
        for _ in 0..5 {
            taken(&share).into_iter().for_each(Permit::went_badly);
        }
        assert_eq!(taken(&share).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn it_grows_again_with_pages_up_to_what_is_allowed() {
        let share = FairSemaphore::new(20).share();
        taken(&share).into_iter().for_each(Permit::went_badly);
        let mut levels = Vec::new();
        while levels.last() != Some(&20) {
            let round = taken(&share);
            levels.push(round.len());
            round.into_iter().for_each(Permit::went_well);
        }
        assert_eq!(levels, [10, 11, 12, 13, 14, 15, 16, 18, 20]);
        assert!(share.is_calm());
        taken(&share).into_iter().for_each(Permit::went_well);
        assert_eq!(taken(&share).len(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_is_not_called_back_and_counts() {
        let share = FairSemaphore::new(8).share();
        let mut round = taken(&share);
        round.pop().into_iter().for_each(Permit::went_badly);
        assert_eq!(taken(&share).len(), 0, "seven are under way");
        round.truncate(4);
        assert_eq!(taken(&share).len(), 0, "four are");
        round.truncate(3);
        assert_eq!(taken(&share).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_cut_is_forgotten_once_nothing_is_asked_for() {
        let share = FairSemaphore::new(64).share();
        taken(&share).into_iter().for_each(Permit::went_badly);
        advance(CUT_FORGOTTEN_AFTER - Duration::from_secs(1)).await;
        assert_eq!(taken(&share).len(), 32, "not yet");
        advance(CUT_FORGOTTEN_AFTER).await;
        assert_eq!((taken(&share).len(), share.is_calm()), (64, true));
    }

    #[tokio::test(start_paused = true)]
    async fn listings_together_take_no_more_than_there_are_and_share_evenly() {
        let permits = FairSemaphore::new(64);
        let (large, small, other) = (permits.share(), permits.share(), permits.share());
        let (mut wanted, mut all) = ticket(&large, 100);
        assert_eq!(all.len(), 64, "alone it has all of them");
        assert!(!large.has_room() && small.has_room(), "the other one has a right to half of them");
        let (mut poll, none) = ticket(&small, 1);
        assert!(none.is_empty());
        all.pop();
        assert!(poll[0].now().is_some(), "whoever has fewest comes first, and does not wait for the hundred");
        // Where all want more than there is, each comes to have its part.
        let (mut second, mut third) = (ticket(&small, 100).0, ticket(&other, 100).0);
        let mut held = [all, Vec::new(), Vec::new()];
        for _ in 0..200 {
            let most = held.iter_mut().max_by_key(|held| held.len()).unwrap();
            most.pop();
            for (held, tickets) in held.iter_mut().zip([&mut wanted, &mut second, &mut third]) {
                held.extend(tickets.iter_mut().filter_map(Ticket::now));
            }
            assert!(held.iter().map(Vec::len).sum::<usize>() <= 64);
        }
        let mut each = held.map(|held| held.len());
        each.sort_unstable();
        assert_eq!(each, [21, 21, 22]);
    }

    #[tokio::test(start_paused = true)]
    async fn of_more_listings_than_places_none_waits_for_the_others_to_end() {
        for allowed in 1..4 {
            let permits = FairSemaphore::new(allowed);
            let shares: Vec<Share> = (0..10).map(|_| permits.share()).collect();
            let mut tickets: Vec<Vec<Ticket>> =
                shares.iter().map(|share| (0..10).map(|_| share.ticket()).collect()).collect();
            let (mut held, mut turns) = (VecDeque::new(), [0; 10]);
            for _ in 0..30 {
                for (tickets, turns) in tickets.iter_mut().zip(&mut turns) {
                    let permits: Vec<Permit> = tickets.iter_mut().filter_map(Ticket::now).collect();
                    *turns += permits.len();
                    held.extend(permits);
                }
                assert!(held.pop_front().is_some());
            }
            // The first one had all permits before there were others.
            assert!(turns.iter().all(|turns| (2..=3 + allowed).contains(turns)), "{allowed} permits: {turns:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_no_trace() {
        let permits = FairSemaphore::new(1);
        let (first, second) = (permits.share(), permits.share());
        let held = taken(&first);
        let (given_up, _) = ticket(&second, 1);
        let (mut waits, _) = ticket(&first, 1);
        drop(given_up);
        drop(held);
        let permit = waits[0].now();
        assert!(permit.is_some());
        let (let_in, _) = ticket(&second, 1);
        drop(second);
        drop(permit);
        drop(let_in);
        assert_eq!(taken(&first).len(), 1);
        drop(first);
        assert!(!permits.in_use());
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_number_holds_at_once() {
        let permits = FairSemaphore::new(4);
        let share = permits.share();
        let (mut tickets, mut held) = ticket(&share, 8);
        permits.set_most(6);
        held.extend(tickets.iter_mut().filter_map(Ticket::now));
        assert_eq!((held.len(), share.most()), (6, 6));
        permits.set_most(2);
        held.truncate(2);
        assert_eq!(tickets.iter_mut().filter_map(Ticket::now).count(), 0);
        held.pop();
        held.extend(tickets.iter_mut().filter_map(Ticket::now));
        assert_eq!(held.len(), 2);
    }
}
