//! How many pages are asked for at the same time: as many as the configuration allows, and fewer for as long as the endpoint
//! cannot keep up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Debug)]
pub(super) struct Places {
    /// First come, first served.
    free: Arc<Semaphore>,
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    allowed: usize,
    /// So many places are gone as soon as they are given back.
    owed: usize,
    /// How often the number was cut. What was sent before the latest cut says nothing of it.
    cuts: u64,
    /// Answers since the number was changed.
    good: usize,
    /// As many answers as there are places came since the latest cut.
    is_calm: bool,
}

/// The right to send one request.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    permit: Option<OwnedSemaphorePermit>,
    cuts: u64,
}

impl Places {
    pub fn new(most: usize) -> Arc<Self> {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let state = State { allowed: most, owed: 0, cuts: 0, good: 0, is_calm: true };
        Arc::new(Self { free: Arc::new(Semaphore::new(most)), most, state: Mutex::new(state) })
    }

    /// One, if it is free and nobody waits for it.
    pub fn try_take(self: &Arc<Self>) -> Option<Place> {
        self.free.clone().try_acquire_owned().ok().map(|permit| self.place(Some(permit)))
    }

    pub async fn take(self: &Arc<Self>) -> Place {
        // It is never closed.
        let permit = self.free.clone().acquire_owned().await.ok();
        self.place(permit)
    }

    /// The endpoint keeps up: more may be asked of it.
    pub fn is_calm(&self) -> bool {
        self.state().is_calm
    }

    fn place(self: &Arc<Self>, permit: Option<OwnedSemaphorePermit>) -> Place {
        Place { places: self.clone(), permit, cuts: self.state().cuts }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// A page came: after as many as there are places there is one more for every eight.
    pub fn went_well(self) {
        let mut state = self.places.state();
        state.good += 1;
        if state.cuts != self.cuts || state.good < state.allowed {
            return;
        }
        (state.good, state.is_calm) = (0, true);
        let more = (state.allowed / 8).max(1).min(self.places.most - state.allowed);
        let kept = more.min(state.owed);
        state.allowed += more;
        state.owed -= kept;
        self.places.free.add_permits(more - kept);
    }

    /// The endpoint could not answer: half as many from now on, once for all that are under way.
    pub fn went_badly(self) {
        let mut state = self.places.state();
        if state.cuts != self.cuts {
            return;
        }
        let taken = (state.allowed + state.owed).saturating_sub(self.places.free.available_permits());
        let fewer = (taken.min(state.allowed) / 2).max(1);
        let gone = state.allowed - fewer;
        state.owed += gone - self.places.free.forget_permits(gone);
        (state.allowed, state.good, state.is_calm) = (fewer, 0, false);
        state.cuts += 1;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.state();
        if state.owed > 0 {
            state.owed -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(places: &Arc<Places>) -> Vec<Place> {
        std::iter::from_fn(|| places.try_take()).collect()
    }

    #[test]
    fn all_that_fail_together_halve_it_once() {
        let places = Places::new(64);
        taken(&places).into_iter().for_each(Place::went_badly);
        assert_eq!((taken(&places).len(), places.is_calm()), (32, false));
        taken(&places).into_iter().take(1).for_each(Place::went_badly);
        assert_eq!(taken(&places).len(), 16);
    }

    #[test]
    fn it_is_half_of_what_was_in_use() {
        let places = Places::new(64);
        let few: Vec<Place> = taken(&places).into_iter().take(8).collect();
        few.into_iter().for_each(Place::went_badly);
        assert_eq!(taken(&places).len(), 4);
    }

    #[test]
    fn one_is_always_left() {
        let places = Places::new(3);
        for _ in 0..5 {
            taken(&places).into_iter().for_each(Place::went_badly);
        }
        assert_eq!(taken(&places).len(), 1);
    }

    #[test]
    fn it_grows_again_with_pages_up_to_what_is_allowed() {
        let places = Places::new(20);
        taken(&places).into_iter().for_each(Place::went_badly);
        let mut levels = Vec::new();
        while levels.last() != Some(&20) {
            let round = taken(&places);
            levels.push(round.len());
            round.into_iter().for_each(Place::went_well);
        }
        assert_eq!(levels, [10, 11, 12, 13, 14, 15, 16, 18, 20]);
        assert!(places.is_calm());
        taken(&places).into_iter().for_each(Place::went_well);
        assert_eq!(taken(&places).len(), 20);
    }

    #[test]
    fn what_is_under_way_is_not_called_back_and_counts() {
        let places = Places::new(8);
        let mut round = taken(&places);
        round.pop().into_iter().for_each(Place::went_badly);
        assert_eq!(taken(&places).len(), 0, "seven are under way");
        round.truncate(4);
        assert_eq!(taken(&places).len(), 0, "four are");
        round.truncate(3);
        assert_eq!(taken(&places).len(), 1);
    }
}
