//! What a limit lets through, and when. Time is tokio's, paused.

mod outages;
mod priorities;
mod scenarios;
mod world;

use super::*;

impl Waiter {
    pub(crate) async fn admit(&mut self, bytes: u64) -> Permit {
        self.admit_either(bytes, None).await
    }
}

impl Limit {
    /// A run of one request.
    async fn admit(&self, bytes: u64) -> Permit {
        self.waiter(0).admit(bytes).await
    }
}

fn limits() -> Limits {
    Limits {
        start_in_flight: 4,
        max_in_flight: 8,
        max_in_flight_bytes: 100,
        list_in_flight: 4,
        max_requests_per_second: None,
        connect_timeout: Duration::from_secs(1),
        base_timeout: Duration::from_secs(60),
        min_fill_rate: 10,
        retries: 4,
        outage_wait: Duration::from_secs(300),
    }
}

async fn now_or_never(limit: &Limit, bytes: u64) -> Option<Permit> {
    tokio::time::timeout(Duration::from_millis(1), limit.admit(bytes)).await.ok()
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_admitted_than_allowed() {
    let limit = Limit::new(&limits());
    let mut held = Vec::new();
    while let Some(permit) = now_or_never(&limit, 1).await {
        held.push(permit);
    }
    assert_eq!(held.len(), 4);
    held.pop();
    assert!(now_or_never(&limit, 1).await.is_some(), "a dropped permit makes room");
}

#[tokio::test(start_paused = true)]
async fn bytes_in_flight_are_bounded_and_a_giant_goes_alone() {
    let limit = Limit::new(&limits());
    let giant = now_or_never(&limit, 1000).await.expect("alone");
    assert!(now_or_never(&limit, 1).await.is_none(), "nothing beside it");
    drop(giant);
    let half = now_or_never(&limit, 60).await.unwrap();
    assert!(now_or_never(&limit, 41).await.is_none());
    assert!(now_or_never(&limit, 40).await.is_some());
    drop(half);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_counts_all_the_bytes_in_flight() {
    let limit = Limit::new(&limits());
    let _one = limit.admit(30).await;
    let _two = limit.admit(20).await;
    let third = limit.admit(0).await;
    assert_eq!(third.deadline(), Duration::from_secs(60 + 5));
}

/// Rounds of fills that take a second each, whatever is beside them.
async fn rounds(limit: &Limit, n: usize) -> Vec<u32> {
    let mut allowed = vec![limit.snapshot().allowed];
    for _ in 0..n {
        let mut round = Vec::new();
        while round.len() < limit.snapshot().allowed as usize {
            round.push(limit.admit(1).await);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        round.into_iter().for_each(|permit| permit.settle(Verdict::Filled));
        allowed.push(limit.snapshot().allowed);
    }
    allowed
}

async fn throttle(limit: &Limit, requests: usize) {
    let mut round = Vec::new();
    for _ in 0..requests {
        round.push(limit.admit(1).await);
    }
    tokio::time::advance(Duration::from_millis(1)).await;
    round.into_iter().for_each(|permit| permit.settle(Verdict::Throttled { retry_after: None }));
}

#[tokio::test(start_paused = true)]
async fn fills_that_bring_more_raise_the_limit_to_its_maximum() {
    let limit = Limit::new(&Limits { start_in_flight: 16, max_in_flight: 100, ..limits() });
    assert_eq!(rounds(&limit, 5).await.last(), Some(&100));
}

#[tokio::test(start_paused = true)]
async fn fills_that_take_long_are_not_waited_for() {
    let limit = Limit::new(&Limits { start_in_flight: 16, max_in_flight: 100, ..limits() });
    let start = Instant::now();
    let mut held = Vec::new();
    while held.len() < 100 {
        held.push(limit.admit(1).await);
    }
    assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(now_or_never(&limit, 1).await.is_none(), "and no further");
}

#[tokio::test(start_paused = true)]
async fn one_or_two_refusals_are_an_accident_and_a_burst_lowers_the_limit_once() {
    let limit = Limit::new(&Limits { start_in_flight: 40, max_in_flight: 40, max_in_flight_bytes: 1000, ..limits() });
    throttle(&limit, 2).await;
    assert_eq!(limit.snapshot().allowed, 40);
    tokio::time::advance(Duration::from_secs(1)).await;
    let held: Vec<_> = [limit.admit(1).await, limit.admit(1).await, limit.admit(1).await].into();
    let below: Vec<_> = [limit.admit(1).await, limit.admit(1).await].into();
    let mut above = Vec::new();
    while let Some(permit) = now_or_never(&limit, 1).await {
        above.push(permit);
    }
    let above = above.split_off(27);
    assert_eq!(above.len(), 8);
    above.into_iter().for_each(|permit| permit.settle(Verdict::Throttled { retry_after: None }));
    assert_eq!(limit.snapshot().allowed, 32, "the lowest level that was refused is 33");
    assert!(matches!(limit.snapshot().reason, Reason::Throttled { at: 33, .. }), "{:?}", limit.snapshot());
    drop((held, below));
}

#[tokio::test(start_paused = true)]
async fn requests_keep_to_the_rate() {
    let limit = Limit::new(&Limits { max_requests_per_second: Some(10), ..limits() });
    let start = Instant::now();
    for _ in 0..21 {
        limit.admit(1).await.settle(Verdict::Answered);
    }
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn after_throttling_the_limit_stays_below_that_level() {
    let limit = Limit::new(&Limits { start_in_flight: 40, max_in_flight: 100, max_in_flight_bytes: 1000, ..limits() });
    let _accepted = [limit.admit(1).await, limit.admit(1).await];
    throttle(&limit, 38).await;
    let least = limit.snapshot().allowed;
    assert!(least <= 20, "refused from the third on, and not cut by more than half at once: {least}");
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_fill_is_spread_so_that_bursts_dissolve() {
    let limit = Limit::new(&Limits { start_in_flight: 100, max_in_flight: 100, ..limits() });
    let first = limit.admit(1).await;
    let start = Instant::now();
    drop([limit.admit(1).await, limit.admit(1).await]);
    assert_eq!(start.elapsed(), Duration::ZERO, "nothing is known yet");
    tokio::time::sleep(Duration::from_millis(100)).await;
    first.settle(Verdict::Filled);
    let (start, mut held) = (Instant::now(), vec![]);
    for _ in 0..100 {
        held.push(limit.admit(1).await);
    }
    // Half a fill's time for all that is allowed.
    assert_eq!(start.elapsed(), Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn new_limits_hold_at_once() {
    let limit = Limit::new(&limits());
    let held = [limit.admit(1).await, limit.admit(1).await, limit.admit(1).await, limit.admit(1).await];
    limit.set(&Limits { max_in_flight: 2, retries: 9, ..limits() });
    assert_eq!((limit.snapshot().allowed, limit.snapshot().max, limit.limits().retries), (2, 2, 9));
    let [first, second, third, fourth] = held;
    drop((first, second));
    assert!(now_or_never(&limit, 1).await.is_none(), "two are still under way");
    drop(third);
    assert!(now_or_never(&limit, 1).await.is_some());
    limit.set(&Limits { max_in_flight: 3, start_in_flight: 3, ..limits() });
    assert_eq!(limit.snapshot().allowed, 2, "more is reached by fills only");
    drop(fourth);
    assert_eq!(rounds(&limit, 20).await.last(), Some(&3));
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_lifted_holds_nobody_back() {
    let limit = Limit::new(&Limits { max_requests_per_second: Some(1), ..limits() });
    drop(limit.admit(1).await);
    limit.set(&limits());
    assert!(now_or_never(&limit, 1).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn processes_divide_an_endpoint_and_each_keeps_at_least_one() {
    let whole = Limits { max_requests_per_second: Some(9), ..limits() };
    let limit = Limit::new(&whole);
    limit.share(2);
    let half = limit.limits();
    assert_eq!((half.max_in_flight, half.max_in_flight_bytes, half.max_requests_per_second), (4, 50, Some(4)));
    assert_eq!(half.min_fill_rate, 5, "half the cache fills for us");
    limit.set(&Limits { max_in_flight: 6, ..whole.clone() });
    assert_eq!(limit.limits().max_in_flight, 3, "a reload does not forget the others");
    limit.share(1000);
    let least = limit.limits();
    assert_eq!((least.max_in_flight, least.max_in_flight_bytes, least.max_requests_per_second), (1, 1, Some(1)));
    assert_eq!(limit.snapshot().allowed, 1);
    assert!(now_or_never(&limit, 100).await.is_some());
    limit.share(0);
    limit.set(&whole);
    assert_eq!(limit.limits(), whole);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_counts_what_was_sent_and_what_was_throttled() {
    let limit = Limit::new(&limits());
    limit.admit(1).await.settle(Verdict::Answered);
    limit.admit(1).await.settle(Verdict::Throttled { retry_after: None });
    limit.admit(1).await.settle(Verdict::Unanswered);
    drop(limit.admit(1).await);
    let Snapshot { requests_total, throttled_total, max, .. } = limit.snapshot();
    assert_eq!((requests_total, throttled_total, max), (3, 1, 8));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_asked_twice_to_be_a_retry_holds_up_no_other() {
    let limit = Limit::new(&limits());
    let mut permit = limit.admit(1).await;
    assert_eq!((permit.retry(), permit.retry()), (Ok(()), Ok(())));
    permit.settle(Verdict::Filled);
    for _ in 0..200 {
        limit.admit(1).await.settle(Verdict::Erred);
    }
    let (mut first, mut second) = (limit.admit(1).await, limit.admit(1).await);
    assert_eq!(first.retry(), Ok(()), "the budget is spent, and none is under way");
    assert!(second.retry().is_err() && limit.snapshot().retries_wait);
}
