//! Fills in progress behind the cache endpoint, and the requests that wait for them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::bandwidth::Pipe;
use super::cache::{ObjectId, Part, Residency, parts};
use super::lock;
use super::lota::Lota;

/// Timers fire at whole milliseconds, after they are due: half of one early they are exact on average.
const HALF_A_TICK: Duration = Duration::from_micros(500);

/// What the fills amounted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FillCounters {
    /// Requests that found every part they asked for.
    pub hits: u64,
    /// Requests that did not.
    pub misses: u64,
    /// Misses that waited for a fill already going on.
    pub joined: u64,
    /// Fills that ended.
    pub fills: u64,
    /// Their bytes.
    pub fill_bytes: u64,
    /// Fills given up because nobody waited any more.
    pub abandoned: u64,
    /// Parts that had to leave for others.
    pub evictions: u64,
    /// Bytes in the cache now.
    pub resident_bytes: u64,
    /// Fills going on now, and the most there ever were at once.
    pub filling: u64,
    pub most_filling: u64,
}

/// What a request wants of the cache.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub id: ObjectId,
    /// Of the whole object.
    pub size: u64,
    pub span: Range<u64>,
}

/// Runs fills. One task ([`Filler::run`]) ends them in time.
#[derive(Debug)]
pub struct Filler {
    started: Instant,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    lota: Arc<Lota>,
    pipe: Pipe,
    residency: Residency,
    fills: HashMap<u64, Fill>,
    by_object: HashMap<ObjectId, u64>,
    next_id: u64,
    counters: FillCounters,
}

#[derive(Debug)]
struct Fill {
    id: ObjectId,
    parts: Vec<Part>,
    watchers: usize,
    ended: CancellationToken,
}

impl Filler {
    pub fn new(lota: Lota) -> Self {
        let state = State {
            pipe: Pipe::new(lota.bandwidth, lota.fill_rate),
            lota: Arc::new(lota),
            residency: Residency::default(),
            fills: HashMap::new(),
            by_object: HashMap::new(),
            next_id: 0,
            counters: FillCounters::default(),
        };
        Self { started: Instant::now(), state: Mutex::new(state), changed: Notify::new() }
    }

    pub fn lota(&self) -> Arc<Lota> {
        lock(&self.state).lota.clone()
    }

    /// Changes the settings; fills going on take the new speeds.
    pub fn set(&self, change: impl FnOnce(&mut Lota)) {
        let mut state = self.up_to_date();
        let mut lota = Lota::clone(&state.lota);
        change(&mut lota);
        state.pipe.set_rates(lota.bandwidth, lota.fill_rate);
        state.residency.shrink_to(lota.capacity.unwrap_or(u64::MAX));
        state.lota = Arc::new(lota);
        drop(state);
        self.changed.notify_one();
    }

    pub fn counters(&self) -> FillCounters {
        let state = self.up_to_date();
        FillCounters {
            evictions: state.residency.evictions(),
            resident_bytes: state.residency.bytes(),
            filling: state.fills.len() as u64,
            ..state.counters
        }
    }

    /// Whether every part is in the cache.
    pub fn is_warm(&self, wanted: &Wanted) -> bool {
        let state = self.up_to_date();
        parts(wanted.size, state.lota.part_size, &wanted.span).all(|part| state.residency.holds(wanted.id, part))
    }

    /// Puts an object into the cache, at once and without counting.
    pub fn preload(&self, wanted: &Wanted) {
        let mut state = self.up_to_date();
        let (part_size, capacity) = (state.lota.part_size, state.lota.capacity);
        for part in parts(wanted.size, part_size, &wanted.span) {
            state.residency.insert(wanted.id, part, capacity);
        }
    }

    /// Drops an object that was overwritten, deleted or evicted by hand.
    pub fn forget(&self, wanted: &Wanted) {
        let mut state = self.up_to_date();
        let part_size = state.lota.part_size;
        state.residency.forget(wanted.id, parts(wanted.size, part_size, &wanted.span));
    }

    /// Waits the floor, then until what is wanted is in the cache.
    pub async fn warm(&self, wanted: &Wanted) {
        let floor = self.lota().floor;
        if !floor.is_zero() {
            tokio::time::sleep(floor.saturating_sub(HALF_A_TICK)).await;
        }
        if let Some((fill, ended)) = self.start(wanted) {
            let _watch = Watch { filler: self, fill };
            ended.cancelled().await;
        }
    }

    /// `None` when there is nothing to wait for.
    fn start(&self, wanted: &Wanted) -> Option<(u64, CancellationToken)> {
        let mut guard = self.up_to_date();
        let state = &mut *guard;
        if wanted.span.is_empty() || wanted.size < state.lota.min_cached {
            return None;
        }
        let mut missing: Vec<Part> = parts(wanted.size, state.lota.part_size, &wanted.span).collect();
        missing.retain(|part| !state.residency.touch(wanted.id, *part));
        if missing.is_empty() {
            state.counters.hits += 1;
            return None;
        }
        state.counters.misses += 1;
        let going_on = state.by_object.get(&wanted.id).filter(|_| state.lota.coalesce).copied();
        if let Some((id, fill)) = going_on.and_then(|id| Some((id, state.fills.get_mut(&id)?))) {
            state.counters.joined += 1;
            fill.watchers += 1;
            return Some((id, fill.ended.clone()));
        }
        let id = state.next_id;
        state.next_id += 1;
        let ended = CancellationToken::new();
        state.pipe.join(id, missing.iter().map(|part| part.size).sum());
        state.fills.insert(id, Fill { id: wanted.id, parts: missing, watchers: 1, ended: ended.clone() });
        state.by_object.insert(wanted.id, id);
        state.counters.most_filling = state.counters.most_filling.max(state.fills.len() as u64);
        drop(guard);
        self.changed.notify_one();
        Some((id, ended))
    }

    /// The state with every fill ended that is due.
    fn up_to_date(&self) -> std::sync::MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        let now = self.started.elapsed();
        for id in state.pipe.advance(now) {
            state.end(id);
        }
        state
    }

    fn unwatch(&self, id: u64) {
        let mut guard = self.up_to_date();
        let state = &mut *guard;
        let Some(fill) = state.fills.get_mut(&id) else { return };
        fill.watchers -= 1;
        if fill.watchers == 0 && state.lota.stop_unwatched {
            state.pipe.leave(id);
            state.remove(id);
            state.counters.abandoned += 1;
            drop(guard);
            self.changed.notify_one();
        }
    }

    /// Ends fills as they fall due; never returns.
    pub async fn run(&self) {
        loop {
            let next = self.up_to_date().pipe.next_end();
            match next {
                None => self.changed.notified().await,
                Some(end) => tokio::select! {
                    () = sleep_until(self.started + end) => {}
                    () = self.changed.notified() => {}
                },
            }
        }
    }
}

impl State {
    fn end(&mut self, id: u64) {
        let Some(fill) = self.remove(id) else { return };
        self.counters.fills += 1;
        self.counters.fill_bytes += fill.parts.iter().map(|part| part.size).sum::<u64>();
        for part in fill.parts {
            self.residency.insert(fill.id, part, self.lota.capacity);
        }
        fill.ended.cancel();
    }

    fn remove(&mut self, id: u64) -> Option<Fill> {
        let fill = self.fills.remove(&id)?;
        if self.by_object.get(&fill.id) == Some(&id) {
            self.by_object.remove(&fill.id);
        }
        Some(fill)
    }
}

/// One request waiting for a fill; dropped when it goes away.
struct Watch<'a> {
    filler: &'a Filler,
    fill: u64,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.filler.unwatch(self.fill);
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    const MIB: u64 = 1 << 20;

    fn wanted(name: &str, size: u64) -> Wanted {
        Wanted { id: ObjectId::new("b", name.as_bytes(), "e"), size, span: 0..size }
    }

    fn filler(lota: Lota) -> Arc<Filler> {
        let filler = Arc::new(Filler::new(lota));
        let running = filler.clone();
        tokio::spawn(async move { running.run().await });
        filler
    }

    /// Seconds until all are warm, asked for at once.
    async fn warm_all(filler: &Arc<Filler>, all: &[Wanted]) -> f64 {
        let start = Instant::now();
        futures::future::join_all(all.iter().map(|wanted| filler.warm(wanted))).await;
        (start.elapsed().as_secs_f64() * 100.0).round() / 100.0
    }

    #[tokio::test(start_paused = true)]
    async fn a_fill_takes_the_floor_and_its_share_of_the_bandwidth() {
        let lota = || Lota { floor: Duration::from_millis(500), bandwidth: Some(100 * MIB), ..Lota::default() };
        let filler = filler(lota());
        let (a, b) = (wanted("a", 100 * MIB), wanted("b", 100 * MIB));
        assert_eq!(warm_all(&filler, &[a.clone(), b.clone()]).await, 2.5);
        assert!(filler.is_warm(&a) && filler.is_warm(&b));
        assert_eq!(warm_all(&filler, &[a, b]).await, 0.5, "warm answers take the floor only");
        let counters = filler.counters();
        assert_eq!((counters.hits, counters.misses, counters.fills), (2, 2, 2));
        assert_eq!(counters.fill_bytes, 200 * MIB);
        assert_eq!(counters.most_filling, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_request_joins_the_fill_or_fills_again() {
        let lota = |coalesce| Lota { bandwidth: Some(100 * MIB), coalesce, ..Lota::default() };
        let twice = [wanted("a", 100 * MIB), wanted("a", 100 * MIB)];
        let joining = filler(lota(true));
        assert_eq!(warm_all(&joining, &twice).await, 1.0);
        assert_eq!((joining.counters().joined, joining.counters().fills), (1, 1));
        let again = filler(lota(false));
        assert_eq!(warm_all(&again, &twice).await, 2.0);
        assert_eq!((again.counters().joined, again.counters().fills), (0, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fill_nobody_waits_for_goes_on_or_ends_as_set() {
        for (stop_unwatched, warm) in [(false, true), (true, false)] {
            let filler = filler(Lota { bandwidth: Some(100 * MIB), stop_unwatched, ..Lota::default() });
            let a = wanted("a", 100 * MIB);
            let left = tokio::time::timeout(Duration::from_millis(500), filler.warm(&a)).await;
            assert!(left.is_err());
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(filler.is_warm(&a), warm);
            assert_eq!(filler.counters().abandoned, u64::from(stop_unwatched));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_missing_parts_are_filled() {
        let filler = filler(Lota { bandwidth: Some(10 * MIB), part_size: 10 * MIB, ..Lota::default() });
        let whole = wanted("a", 100 * MIB);
        let middle = Wanted { span: 15 * MIB..35 * MIB, ..whole.clone() };
        assert_eq!(warm_all(&filler, &[middle]).await, 3.0, "three parts hold these bytes");
        assert!(!filler.is_warm(&whole));
        assert_eq!(warm_all(&filler, std::slice::from_ref(&whole)).await, 7.0);
        assert!(filler.is_warm(&whole));
    }

    #[tokio::test(start_paused = true)]
    async fn small_objects_are_not_cached_where_a_least_size_is_set() {
        let filler = filler(Lota { min_cached: 4 * MIB, ..Lota::default() });
        let (small, large) = (wanted("a", 4 * MIB - 1), wanted("b", 4 * MIB));
        warm_all(&filler, &[small.clone(), large.clone()]).await;
        assert!(!filler.is_warm(&small) && filler.is_warm(&large));
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_fits_evicts_what_was_warm() {
        let filler = filler(Lota { capacity: Some(250 * MIB), part_size: 100 * MIB, ..Lota::default() });
        let all = ["a", "b", "c"].map(|name| wanted(name, 100 * MIB));
        for one in &all {
            filler.warm(one).await;
        }
        assert_eq!(all.each_ref().map(|one| filler.is_warm(one)), [false, true, true]);
        assert_eq!(filler.counters().evictions, 1);
    }
}
