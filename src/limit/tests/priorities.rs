//! Who is let in first, of several that wait.

use super::*;
use crate::limit::priority_queue::{BACK_WITHIN, PASSED_FOR};

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

async fn let_in(place: &mut Waiter, bytes: u64) -> Option<Permit> {
    tokio::time::timeout(Duration::from_millis(1), place.admit(bytes)).await.ok()
}

/// Lets in one after another, each when the one before has ended, until nobody is left; gives their names.
async fn order(limit: &Limit, held: Permit, waiting: &[(&'static str, i64)]) -> Vec<&'static str> {
    let (sender, mut admitted) = tokio::sync::mpsc::channel(100);
    let mut tasks = tokio::task::JoinSet::new();
    for (name, priority) in waiting {
        let (mut place, sender, name) = (limit.waiter(*priority), sender.clone(), *name);
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
        let (mut place, sender) = (limit.waiter(3), sender.clone());
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
    let (mut high, mut low) = (limit.waiter(9), limit.waiter(0));
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
    let (mut high, low) = (limit.waiter(1), limit.waiter(0));
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
    let (large, mut small) = (limit.waiter(0), limit.waiter(0));
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
    let (mut run, mut other) = (limit.waiter(0), limit.waiter(0));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_forgotten_where_many_come_give_up_and_come_again() {
    let limit = Limit::new(&Limits { max_in_flight: 3, max_in_flight_bytes: 10, ..limits() });
    let mut runs = tokio::task::JoinSet::new();
    for run in 0..8_u64 {
        let limit = limit.clone();
        runs.spawn(async move {
            let mut place = limit.waiter(i64::try_from(run % 3).unwrap());
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
