//! A cache that is a formula, and a run that sends through a real limit. Events only: no task, no socket, no clock.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::limit::Verdict;
use crate::limit::state::{Admission, Admitted, State, Want};
use model::config::endpoint::Limits;

pub const GB: f64 = 1e9;
/// How soon a throttled request is answered.
const REFUSED_AFTER: f64 = 0.001;

/// What the cache is like, in seconds and bytes a second.
#[derive(Clone)]
pub struct Cache {
    pub floor: f64,
    pub bandwidth: f64,
    pub per_fill: f64,
    /// Answers 503 where so many others are in flight.
    pub throttle: Option<u32>,
    /// From when on it does so no more.
    pub lifted: f64,
    /// Answers 503 to more requests a second, with a second of them saved up.
    pub rate: Option<f64>,
    /// From when on the bandwidth is another one.
    pub changes: Option<(f64, f64)>,
    /// Of what is sent when, the share that is refused whatever the load.
    pub refuses: fn(f64) -> f64,
    /// Half of those are lost, a second each.
    pub loses: bool,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            floor: 0.05,
            bandwidth: 50.0 * GB,
            per_fill: 1.0 * GB,
            throttle: None,
            lifted: f64::INFINITY,
            rate: None,
            changes: None,
            refuses: |_| 0.0,
            loses: false,
        }
    }
}

/// How a run went.
#[derive(Debug)]
pub struct Went {
    /// Seconds, until the last object was filled.
    pub took: f64,
    pub sends: u32,
    pub throttled: u32,
    /// Of those sent after the first five seconds.
    pub late_sends: u32,
    pub late_throttled: u32,
    /// (second, allowed, in flight), ten times a second.
    pub course: Vec<(f64, u32, u32)>,
}

impl Went {
    /// The least and the most that was allowed between two seconds.
    pub fn range(&self, from: f64, to: f64) -> (u32, u32) {
        let within = self.course.iter().filter(|(at, ..)| (from..to).contains(at)).map(|(_, allowed, _)| *allowed);
        within.fold((u32::MAX, 0), |(least, most), allowed| (least.min(allowed), most.max(allowed)))
    }

    pub fn late_share(&self) -> f64 {
        f64::from(self.late_throttled) / f64::from(self.late_sends.max(1))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Refused(usize),
    Lost(usize),
    Filling(usize),
    Back(u64),
    Look,
}

#[derive(PartialEq)]
struct At(f64, u64, Event);

impl Eq for At {}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// One run against one cache.
pub struct World {
    cache: Cache,
    state: State,
    start: Instant,
    now: f64,
    events: BinaryHeap<Reverse<At>>,
    /// Bytes moved by every fill since the start, and the fills by when they have what they need.
    moved: f64,
    fills: BinaryHeap<Reverse<At>>,
    requests: Vec<Admitted>,
    free: Vec<usize>,
    /// What is in flight, as the cache sees it.
    open: u32,
    tokens: f64,
    tokens_at: f64,
    random: u64,
    serial: u64,
    went: Went,
    waiter: u64,
}

impl World {
    pub fn new(cache: Cache, limits: &Limits) -> Self {
        let mut state = State::new(limits);
        let (waiter, _) = state.queue.enter(0);
        Self {
            cache,
            state,
            start: Instant::now(),
            now: 0.0,
            events: BinaryHeap::new(),
            moved: 0.0,
            fills: BinaryHeap::new(),
            requests: Vec::new(),
            free: Vec::new(),
            open: 0,
            tokens: 0.0,
            tokens_at: -1.0,
            random: 0x9E37_79B9_7F4A_7C15,
            serial: 0,
            went: Went { took: 0.0, sends: 0, throttled: 0, late_sends: 0, late_throttled: 0, course: vec![] },
            waiter,
        }
    }

    /// Warms objects of these sizes, in this order; what is refused is sent again.
    pub fn run(mut self, sizes: Vec<u64>) -> Went {
        let mut queue: VecDeque<u64> = sizes.into();
        let mut looked = None;
        loop {
            self.send_all(&mut queue, &mut looked);
            if queue.is_empty() && self.open == 0 && self.events.iter().all(|Reverse(at)| at.2 == Event::Look) {
                assert_eq!((self.state.in_flight, self.state.bytes), (0, 0), "all room is given back");
                return self.went;
            }
            match self.next() {
                Event::Back(bytes) => queue.push_front(bytes),
                Event::Look => looked = None,
                Event::Filling(_) | Event::Refused(_) | Event::Lost(_) => {}
            }
            assert!(self.now < 100_000.0, "the run does not end: {:?}", self.state.snapshot(self.instant()));
        }
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_secs_f64(self.now)
    }

    fn send_all(&mut self, queue: &mut VecDeque<u64>, looked: &mut Option<f64>) {
        while let Some(bytes) = queue.front() {
            let want = Want { bytes: *bytes, instead: queue.back().copied().filter(|_| queue.len() > 1) };
            match self.state.admit(self.waiter, want, self.instant()) {
                Admission::Now(admitted) => {
                    if admitted.bytes == want.bytes {
                        queue.pop_front()
                    } else {
                        queue.pop_back()
                    };
                    self.send(admitted);
                }
                Admission::Full => break,
                Admission::NotBefore(instant) => {
                    let at = instant.duration_since(self.start).as_secs_f64().max(self.now) + 1e-9;
                    if looked.is_none_or(|look| at < look) {
                        *looked = Some(at);
                        self.at(at, Event::Look);
                    }
                    break;
                }
            }
        }
        if queue.is_empty() {
            self.state.rest(self.waiter);
        }
        let limits = &self.state.limits;
        assert!(self.state.in_flight <= limits.max_in_flight);
        assert!(self.state.in_flight <= 1 || self.state.bytes <= limits.max_in_flight_bytes);
    }

    fn send(&mut self, admitted: Admitted) {
        let late = self.now >= 5.0;
        self.went.sends += 1;
        self.went.late_sends += u32::from(late);
        let id = self.free.pop().unwrap_or(self.requests.len());
        if id == self.requests.len() {
            self.requests.push(admitted);
        } else {
            self.requests[id] = admitted;
        }
        let full = self.now < self.cache.lifted && self.cache.throttle.is_some_and(|most| self.open >= most);
        let full = full || !self.take_token();
        self.open += 1;
        if full || self.chance() < (self.cache.refuses)(self.now) {
            self.went.throttled += 1;
            self.went.late_throttled += u32::from(late);
            let lost = !full && self.cache.loses && self.chance() < 0.5;
            self.at(
                self.now + if lost { 1.0 } else { REFUSED_AFTER },
                if lost { Event::Lost(id) } else { Event::Refused(id) },
            );
        } else {
            self.at(self.now + self.cache.floor, Event::Filling(id));
        }
    }

    fn take_token(&mut self) -> bool {
        let Some(rate) = self.cache.rate else { return true };
        self.tokens = (self.tokens + (self.now - self.tokens_at) * rate).min(rate);
        self.tokens_at = self.now;
        let taken = self.tokens >= 1.0;
        self.tokens -= if taken { 1.0 } else { 0.0 };
        taken
    }

    fn chance(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn at(&mut self, at: f64, event: Event) {
        self.serial += 1;
        self.events.push(Reverse(At(at, self.serial, event)));
    }

    /// Bytes a second of each fill.
    fn speed(&self) -> f64 {
        let bandwidth = match self.cache.changes {
            Some((at, bandwidth)) if self.now >= at => bandwidth,
            _ => self.cache.bandwidth,
        };
        (bandwidth / self.fills.len().max(1) as f64).min(self.cache.per_fill)
    }

    /// Goes on to the next thing that happens.
    fn next(&mut self) -> Event {
        let event = self.events.peek().map_or(f64::INFINITY, |Reverse(at)| at.0);
        let change = self.cache.changes.map(|(at, _)| at).filter(|at| *at > self.now).unwrap_or(f64::INFINITY);
        let filled =
            self.fills.peek().map_or(f64::INFINITY, |Reverse(at)| self.now + (at.0 - self.moved) / self.speed());
        let to = event.min(filled.max(self.now)).min(change);
        self.moved += (to - self.now) * if self.fills.is_empty() { 0.0 } else { self.speed() };
        self.note(to);
        self.now = to;
        if filled <= to {
            let Reverse(At(.., fill)) = self.fills.pop().unwrap();
            let Event::Filling(id) = fill else { unreachable!() };
            self.end(id, Verdict::Filled);
            self.went.took = self.now;
            return fill;
        }
        if change <= to {
            return Event::Filling(0);
        }
        let Reverse(At(_, _, event)) = self.events.pop().unwrap();
        match event {
            Event::Filling(id) => {
                self.serial += 1;
                let end = self.moved + self.requests[id].bytes as f64;
                self.fills.push(Reverse(At(end, self.serial, event)));
            }
            Event::Refused(id) | Event::Lost(id) => {
                let lost = matches!(event, Event::Lost(_));
                self.end(id, if lost { Verdict::Unanswered } else { Verdict::Throttled { retry_after: None } });
                let pause = 0.2 * self.chance();
                self.at(self.now + pause, Event::Back(self.requests[id].bytes));
            }
            Event::Back(_) | Event::Look => {}
        }
        event
    }

    fn end(&mut self, id: usize, verdict: Verdict<'_>) {
        self.open -= 1;
        self.free.push(id);
        self.state.settle(&self.requests[id], verdict, self.instant());
    }

    fn note(&mut self, to: f64) {
        while self.went.course.len() as f64 / 10.0 <= to && self.went.course.len() < 1_000_000 {
            let at = self.went.course.len() as f64 / 10.0;
            self.went.course.push((at, self.state.concurrency.allowed(), self.state.in_flight));
        }
    }
}
