//! What a limit lets through, and when. Time is tokio's, paused.

mod scenarios;
mod world;

use super::places::{BACK_WITHIN, PASSED_FOR};
use super::state::LONGEST_HOLD;
use super::*;

impl Limit {
    /// A run of one request.
    async fn admit(&self, bytes: u64) -> Permit {
        self.place(0).admit(bytes).await
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
async fn a_retry_after_holds_the_endpoint_back() {
    let limit = Limit::new(&limits());
    let hold = Some(Duration::from_secs(7));
    limit.admit(1).await.settle(Verdict::Throttled { retry_after: hold });
    let start = Instant::now();
    drop(limit.admit(1).await);
    assert_eq!(start.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn silence_opens_the_circuit_and_one_answer_closes_it() {
    let limit = Limit::new(&limits());
    for _ in 0..OPEN_AFTER {
        limit.admit(1).await.settle(Verdict::Unanswered);
    }
    assert!(limit.open_since().is_some());
    let probe = limit.admit(1).await;
    let second = tokio::time::timeout(Duration::from_secs(60), limit.admit(1)).await;
    assert!(second.is_err(), "one probe at a time");
    probe.settle(Verdict::Unanswered);
    let start = Instant::now();
    let probe = limit.admit(1).await;
    assert_eq!(start.elapsed(), Duration::from_secs(1), "the pause doubles");
    probe.settle(Verdict::Answered);
    assert!(limit.open_since().is_none());
    assert!(now_or_never(&limit, 1).await.is_some());
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

/// A limit whose circuit has just opened.
async fn away() -> Limit {
    let limit = Limit::new(&limits());
    for _ in 0..OPEN_AFTER {
        limit.admit(1).await.settle(Verdict::Unanswered);
    }
    limit
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_makes_room_for_another() {
    let limit = away().await;
    drop(limit.admit(1).await);
    assert!(now_or_never(&limit, 1).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_straggler_from_before_the_outage_that_is_answered_ends_it() {
    let limit = Limit::new(&limits());
    let straggler = limit.admit(1).await;
    for _ in 0..OPEN_AFTER {
        limit.admit(1).await.settle(Verdict::Unanswered);
    }
    assert!(limit.snapshot().circuit_open);
    straggler.settle(Verdict::Answered);
    assert!(!limit.snapshot().circuit_open);
}

#[tokio::test(start_paused = true)]
async fn a_straggler_that_is_not_answered_lets_no_second_probe_through() {
    let limit = Limit::new(&limits());
    let straggler = limit.admit(1).await;
    for _ in 0..OPEN_AFTER {
        limit.admit(1).await.settle(Verdict::Unanswered);
    }
    let _probe = limit.admit(1).await;
    straggler.settle(Verdict::Unanswered);
    assert!(tokio::time::timeout(Duration::from_secs(60), limit.admit(1)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_an_earlier_outage_lets_no_second_probe_through() {
    for verdict in [Verdict::Unanswered, Verdict::Neutral] {
        let limit = Limit::new(&limits());
        let straggler = limit.admit(1).await;
        for _ in 0..OPEN_AFTER {
            limit.admit(1).await.settle(Verdict::Unanswered);
        }
        let earlier = limit.admit(1).await;
        straggler.settle(Verdict::Answered);
        for _ in 0..10 {
            if let Some(permit) = now_or_never(&limit, 1).await {
                permit.settle(Verdict::Answered);
            }
        }
        for _ in 0..OPEN_AFTER {
            limit.admit(1).await.settle(Verdict::Unanswered);
        }
        let _probe = limit.admit(1).await;
        earlier.settle(verdict);
        let second = tokio::time::timeout(Duration::from_secs(60), limit.admit(1)).await;
        assert!(second.is_err(), "{verdict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_any_length_holds_the_endpoint_back_for_half_a_minute_at_most() {
    let limit = Limit::new(&limits());
    let hold = Some(Duration::from_secs(u64::MAX));
    limit.admit(1).await.settle(Verdict::Throttled { retry_after: hold });
    let start = Instant::now();
    drop(limit.admit(1).await);
    assert_eq!(start.elapsed(), LONGEST_HOLD);
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
async fn a_limit_falls_to_one_and_asks_now_and_then_while_even_that_is_too_much() {
    let limit = Limit::new(&limits());
    let start = Instant::now();
    for _ in 0..60 {
        limit.admit(1).await.settle(Verdict::Throttled { retry_after: None });
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(limit.snapshot().allowed, 1);
    assert!(matches!(limit.snapshot().reason, Reason::Circuit { throttled: true, .. }), "{:?}", limit.snapshot());
    assert!(limit.open_since().is_some() && start.elapsed() > Duration::from_secs(100), "{:?}", start.elapsed());
    limit.admit(1).await.settle(Verdict::Filled);
    assert!(limit.open_since().is_none() && now_or_never(&limit, 1).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_let_in_when_room_is_made() {
    let limit = Limit::new(&limits());
    let held: Vec<_> = [limit.admit(1).await, limit.admit(1).await, limit.admit(1).await, limit.admit(1).await].into();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let limit = limit.clone();
                async move { limit.admit(1).await.settle(Verdict::Answered) }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(held);
    for task in waiting {
        tokio::time::timeout(Duration::from_secs(1), task).await.expect("nobody is forgotten").unwrap();
    }
    assert_eq!(limit.snapshot().in_flight, 0);
}

async fn let_in(place: &mut Place, bytes: u64) -> Option<Permit> {
    tokio::time::timeout(Duration::from_millis(1), place.admit(bytes)).await.ok()
}

/// Lets in one after another, each when the one before has ended, until nobody is left; gives their names.
async fn order(limit: &Limit, held: Permit, waiting: &[(&'static str, i64)]) -> Vec<&'static str> {
    let (sender, mut admitted) = tokio::sync::mpsc::channel(100);
    let mut tasks = tokio::task::JoinSet::new();
    for (name, priority) in waiting {
        let (mut place, sender, name) = (limit.place(*priority), sender.clone(), *name);
        tasks.spawn(async move {
            let permit = place.admit(1).await;
            sender.send((name, permit)).await.unwrap();
        });
        tokio::task::yield_now().await;
    }
    drop((held, sender));
    let mut names = Vec::new();
    while let Some((name, permit)) = admitted.recv().await {
        names.push(name);
        drop(permit);
    }
    names
}

#[tokio::test(start_paused = true)]
async fn a_higher_priority_is_let_in_first_and_equals_in_the_order_of_asking() {
    let limit = Limit::new(&Limits { max_in_flight: 1, ..limits() });
    let held = limit.admit(1).await;
    let waiting = [("low", -5), ("first", 0), ("second", 0), ("high", 7), ("third", 0)];
    assert_eq!(order(&limit, held, &waiting).await, ["high", "first", "second", "third", "low"]);
}

#[tokio::test(start_paused = true)]
async fn runs_of_one_priority_take_turns() {
    let limit = Limit::new(&Limits { max_in_flight: 1, ..limits() });
    let (sender, mut admitted) = tokio::sync::mpsc::channel(1);
    let mut runs = tokio::task::JoinSet::new();
    for name in ["a", "b", "c"] {
        let (mut place, sender) = (limit.place(3), sender.clone());
        runs.spawn(async move {
            for _ in 0..10 {
                let permit = place.admit(1).await;
                sender.send(name).await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
                drop(permit);
            }
        });
    }
    drop(sender);
    let mut names = Vec::new();
    while let Some(name) = admitted.recv().await {
        names.push(name);
    }
    for turn in names.chunks(3) {
        assert_eq!(turn.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{names:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_keeps_nobody_out() {
    let limit = Limit::new(&Limits { max_in_flight: 1, ..limits() });
    let held = limit.admit(1).await;
    let (mut high, mut low) = (limit.place(9), limit.place(0));
    assert!(let_in(&mut high, 1).await.is_none(), "waits, and is cancelled");
    drop(held);
    let start = Instant::now();
    drop(low.admit(1).await);
    assert!(start.elapsed() <= BACK_WITHIN, "{:?}", start.elapsed());
    let held = low.admit(1).await;
    assert!(let_in(&mut high, 1).await.is_none());
    drop(held);
    high.rest();
    assert!(let_in(&mut low, 1).await.is_some(), "nothing more to send: at once");
    let _ = let_in(&mut high, 1).await;
    drop(high);
    assert!(let_in(&mut low, 1).await.is_some(), "its run is over: at once");
}

#[tokio::test(start_paused = true)]
async fn no_lower_priority_slips_in_while_a_higher_one_comes_back_for_more() {
    let limit = Limit::new(&Limits { max_in_flight: 1, ..limits() });
    let (mut high, low) = (limit.place(1), limit.place(0));
    let held = high.admit(1).await;
    let mut lower = tokio::task::JoinSet::new();
    lower.spawn(async move {
        let mut low = low;
        low.admit(1).await
    });
    tokio::task::yield_now().await;
    drop(held);
    // The lower run's task is woken, and takes its chance where there is one.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(lower.try_join_next().is_none());
    let held = high.admit(1).await;
    drop((held, high));
    assert!(lower.join_next().await.is_some(), "and is let in when the higher one is over");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_bytes_do_not_fit_is_passed_for_a_moment_and_then_waited_for() {
    let limit = Limit::new(&limits());
    let held = limit.admit(60).await;
    let (large, mut small) = (limit.place(0), limit.place(0));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut large = large;
        large.admit(90).await
    });
    tokio::task::yield_now().await;
    assert!(let_in(&mut small, 30).await.is_some(), "room that it cannot use is not kept");
    tokio::time::sleep(PASSED_FOR).await;
    assert!(let_in(&mut small, 11).await.is_none(), "else small ones keep it out for ever");
    assert!(let_in(&mut small, 10).await.is_some(), "beside these it has its room when what is before it ends");
    let beside = let_in(&mut small, 10).await;
    drop(held);
    assert_eq!(tasks.join_next().await.unwrap().unwrap().bytes(), 90);
    drop(beside);
    assert!(let_in(&mut small, 1).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_small_request_goes_in_place_of_a_large_one_of_its_run_that_does_not_fit_and_leaves_its_room() {
    let limit = Limit::new(&limits());
    let held = limit.admit(60).await;
    let (mut run, mut other) = (limit.place(0), limit.place(0));
    let small = run.admit_either(90, Some(7)).await;
    assert_eq!(small.bytes(), 7, "what fits goes");
    let waits = tokio::time::timeout(Duration::from_millis(1), run.admit_either(90, Some(4))).await;
    assert!(waits.is_err(), "beside 7 and 4 there would be no 90");
    tokio::time::sleep(PASSED_FOR).await;
    let second = run.admit_either(90, Some(3)).await;
    assert_eq!(second.bytes(), 3);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { run.admit_either(90, None).await });
    tokio::task::yield_now().await;
    assert!(
        let_in(&mut other, 1).await.is_none(),
        "it waits for as long as before, and the room is kept from others too"
    );
    drop(held);
    assert_eq!(tasks.join_next().await.unwrap().unwrap().bytes(), 90, "what is before it ends and it has its room");
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
async fn who_waits_is_let_in_when_the_limits_are_raised() {
    let limit = Limit::new(&Limits { max_in_flight_bytes: 10, ..limits() });
    let _held = limit.admit(10).await;
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn({
        let limit = limit.clone();
        async move { limit.admit(10).await }
    });
    tokio::task::yield_now().await;
    limit.set(&Limits { max_in_flight_bytes: 20, ..limits() });
    let let_in = tokio::time::timeout(Duration::from_secs(1), tasks.join_next()).await;
    assert!(let_in.unwrap().unwrap().is_ok());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_forgotten_where_many_come_give_up_and_come_again() {
    let limit = Limit::new(&Limits { max_in_flight: 3, max_in_flight_bytes: 10, ..limits() });
    let mut runs = tokio::task::JoinSet::new();
    for run in 0..8_u64 {
        let limit = limit.clone();
        runs.spawn(async move {
            let mut place = limit.place(i64::try_from(run % 3).unwrap());
            let mut admitted = 0;
            while admitted < 300 {
                let bytes = (run + admitted) % 12;
                tokio::select! {
                    biased;
                    permit = place.admit(bytes) => {
                        admitted += 1;
                        tokio::task::yield_now().await;
                        permit.settle(Verdict::Answered);
                    }
                    // Something else comes up, now and then.
                    () = tokio::task::yield_now(), if (run + admitted) % 5 == 0 => {}
                }
                if admitted % 7 == 0 {
                    place.rest();
                }
            }
        });
    }
    let all = tokio::time::timeout(Duration::from_secs(60), runs.join_all()).await;
    assert_eq!(all.expect("nobody hangs").len(), 8);
    assert_eq!((limit.snapshot().in_flight, limit.snapshot().bytes_in_flight), (0, 0));
    assert_eq!(limit.snapshot().requests_total, 2400);
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
