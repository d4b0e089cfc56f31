//! Several runs through one limit.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::fake::{Fake, MINUTE, SECOND, Scene, fails, objects, silence, sized, warmed, warmed_as};
use crate::limit::Limit;
use crate::report::{Progress, StopReason, Totals};
use crate::warm::{Ended, SingleFlight, StopSignal, Warming, warm};
use model::config::endpoint::Limits;
use model::object::Object;
use s3::Class;

/// A run's end, and when it came.
struct End {
    totals: Totals,
    ended: Ended,
    took: Duration,
}

/// `n` objects of a bucket.
fn bucket(name: &str, n: usize) -> Vec<Object> {
    let keys: Vec<_> = (0..n).map(|n| format!("{name}/{name}{n:03}")).collect();
    objects(&keys.iter().map(String::as_str).collect::<Vec<_>>())
}

fn four_at_once() -> Limits {
    Limits { max_in_flight: 4, ..Scene::default().limits }
}

async fn run(fake: &Arc<Fake>, limit: &Limit, priority: i64, all: Vec<Object>) -> End {
    let crew = Crew { fake: fake.clone(), limit: limit.clone(), single_flight: SingleFlight::default() };
    crew.run(priority, StopSignal::default(), all).await
}

/// What several runs share.
struct Crew {
    fake: Arc<Fake>,
    limit: Limit,
    single_flight: SingleFlight,
}

impl Crew {
    fn new(fake: Fake) -> Self {
        let limit = Limit::new(&Limits { start_in_flight: 8, ..Scene::default().limits });
        Self { fake: Arc::new(fake), limit, single_flight: SingleFlight::default() }
    }

    async fn run(&self, priority: i64, stop: StopSignal, all: Vec<Object>) -> End {
        let start = Instant::now();
        let progress = Arc::new(Progress::default());
        let warming = Warming {
            wire: self.fake.clone(),
            limit: self.limit.clone(),
            single_flight: self.single_flight.clone(),
            first_wait: Duration::MAX,
            priority,
            deadline: start + 600 * MINUTE,
            stop,
            progress: progress.clone(),
            notes: None,
            more: None,
        };
        let (totals, ended) = warm(all.into(), warming).await;
        assert_eq!(progress.ended_objects.load(Ordering::Relaxed), totals.ended().objects);
        if ended == Ended::Done {
            assert_eq!(totals.ended(), totals.planned, "every object has one end");
        }
        End { totals, ended, took: start.elapsed() }
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_run_of_a_higher_priority_does_not_wait_for_a_large_one() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let limit = Limit::new(&four_at_once());
    let late = async {
        tokio::time::sleep(10 * SECOND + SECOND / 2).await;
        run(&fake, &limit, 5, bucket("small", 40)).await
    };
    let (large, small) = tokio::join!(run(&fake, &limit, 0, bucket("large", 400)), late);
    assert_eq!((large.totals.warmed.objects, small.totals.warmed.objects), (400, 40));
    // 40 objects, 4 at once, a second each, and what was under way when it came.
    assert!(small.took <= 11 * SECOND, "{:?}", small.took);
    assert!(large.took >= 110 * SECOND, "{:?}", large.took);
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_one_priority_share_alike() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let limit = Limit::new(&four_at_once());
    let (large, small) =
        tokio::join!(run(&fake, &limit, 0, bucket("large", 400)), run(&fake, &limit, 0, bucket("small", 40)));
    assert_eq!((large.totals.warmed.objects, small.totals.warmed.objects), (400, 40));
    assert!((19 * SECOND..=22 * SECOND).contains(&small.took), "half of four a second: {:?}", small.took);
}

#[tokio::test(start_paused = true)]
async fn a_lower_priority_goes_on_while_a_higher_one_waits_for_its_retries() {
    let fake = Fake::new(|call| match call.bucket.as_str() {
        "high" => fails(Class::Throttled).after(SECOND),
        _ => warmed().after(SECOND),
    });
    let fake = Arc::new(fake);
    let limit = Limit::new(&Limits { retries: 30, ..four_at_once() });
    let (high, low) = tokio::join!(run(&fake, &limit, 9, bucket("high", 1)), run(&fake, &limit, 0, bucket("low", 100)));
    assert_eq!((high.ended, high.totals.failed.objects), (Ended::Done, 1));
    assert_eq!((low.ended, low.totals.warmed.objects), (Ended::Done, 100));
    assert!(low.took < high.took, "{:?} {:?}", low.took, high.took);
}

#[tokio::test(start_paused = true)]
async fn new_limits_reach_a_run_that_is_under_way() {
    let fake = Arc::new(Fake::new(|_| fails(Class::Throttled).after(SECOND)));
    let limit = Limit::new(&Limits { retries: 1_000_000, ..four_at_once() });
    let reload = async {
        tokio::time::sleep(MINUTE).await;
        limit.set(&Limits { retries: 0, ..four_at_once() });
    };
    let (end, ()) = tokio::join!(run(&fake, &limit, 0, bucket("b", 3)), reload);
    assert_eq!((end.ended, end.totals.failed.objects), (Ended::Done, 3));
    assert!(end.took < 2 * MINUTE, "{:?}", end.took);
}

/// Requests for one key never overlap: the fake fails the test where they do.
#[tokio::test(start_paused = true)]
async fn two_runs_that_come_to_the_same_objects_at_once_send_each_once() {
    let mut crew = Crew::new(Fake::new(|call| warmed().after(SECOND * (1 + call.key.len() as u32))));
    // Room for all: what has ended by the time that the other comes to it is sent again, which fills nothing.
    crew.limit = Limit::new(&Limits { start_in_flight: 100, max_in_flight: 100, ..Scene::default().limits });
    let (a, b) = tokio::join!(
        crew.run(0, StopSignal::default(), bucket("b", 60)),
        crew.run(0, StopSignal::default(), [bucket("c", 20), bucket("b", 60)].concat())
    );
    assert_eq!(crew.fake.calls().len(), 80);
    for end in [&a, &b] {
        assert_eq!((&end.ended, end.totals.warmed + end.totals.fresh), (&Ended::Done, end.totals.planned));
    }
    assert_eq!(a.totals.fresh.objects + b.totals.fresh.objects, 60, "what one sends is fresh for the other");
    assert_eq!(a.totals.sends + b.totals.sends, 80);
    assert_eq!((crew.limit.snapshot().in_flight, crew.single_flight.in_use()), (0, false));
}

#[tokio::test(start_paused = true)]
async fn whatever_the_answers_no_object_has_two_open_requests() {
    let script = |call: &super::fake::Call| match (call.key.len() * 7 + call.nth as usize * 3) % 5 {
        0 => silence(),
        1 => fails(Class::Lost).after(3 * SECOND),
        2 => fails(Class::Throttled).after(SECOND),
        _ => warmed().after(2 * SECOND),
    };
    let crew = Crew::new(Fake::new(script));
    // The last of them may be silent, each for its deadline.
    crew.limit.set(&Limits { outage_wait: 60 * MINUTE, ..Scene::default().limits });
    let all = || (0..50).map(|n| sized(&format!("b/{n}{}", "x".repeat(n % 9)), 10 * (n as u64 % 4))).collect();
    let (a, b, c) = tokio::join!(
        crew.run(0, StopSignal::default(), all()),
        crew.run(1, StopSignal::default(), all()),
        crew.run(0, StopSignal::default(), all())
    );
    for end in [a, b, c] {
        assert_eq!(end.ended, Ended::Done);
    }
    assert_eq!((crew.limit.snapshot().in_flight, crew.limit.snapshot().bytes_in_flight), (0, 0));
    assert!(!crew.single_flight.in_use(), "no claim is left behind");
}

#[tokio::test(start_paused = true)]
async fn what_another_run_has_open_takes_no_room_and_is_awaited() {
    let crew = Crew::new(Fake::new(|call| warmed().after(if call.key == "slow" { 30 * SECOND } else { SECOND })));
    crew.limit.set(&Limits { max_in_flight: 2, ..Scene::default().limits });
    let second = async {
        tokio::time::sleep(SECOND / 2).await;
        crew.run(0, StopSignal::default(), objects(&["slow", "a", "b", "c"])).await
    };
    let (first, second) = tokio::join!(crew.run(0, StopSignal::default(), objects(&["slow"])), second);
    assert_eq!((first.totals.warmed.objects, first.took), (1, 30 * SECOND));
    let times: Vec<_> = ["a", "b", "c"].iter().flat_map(|key| crew.fake.times(key)).collect();
    assert_eq!(times, [0, 1, 2].map(|n| SECOND / 2 + n * SECOND), "beside the slow one");
    assert_eq!((second.totals.warmed.objects, second.totals.fresh.objects, second.totals.sends), (3, 1, 3));
    assert_eq!(second.took, 30 * SECOND - SECOND / 2, "at once when the other ends");
}

#[tokio::test(start_paused = true)]
async fn what_another_run_could_not_warm_is_sent_by_this_one() {
    for (name, first, sends) in [
        ("refused", fails(Class::Rejected).after(10 * SECOND), 2),
        ("answered under another ETag than this run has listed", warmed_as("newer").after(10 * SECOND), 2),
        ("warmed", warmed().after(10 * SECOND), 1),
    ] {
        let answer = first.clone();
        let crew = Crew::new(Fake::new(move |call| if call.nth == 1 { answer.clone() } else { warmed() }));
        let second = async {
            tokio::time::sleep(SECOND).await;
            crew.run(0, StopSignal::default(), objects(&["a"])).await
        };
        let (_, second) = tokio::join!(crew.run(0, StopSignal::default(), objects(&["a"])), second);
        assert_eq!(crew.fake.sends("a"), sends, "{name}");
        assert_eq!((second.ended, second.took), (Ended::Done, 9 * SECOND), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_quits_hands_on_what_it_had_open() {
    let crew = Crew::new(Fake::new(|call| if call.nth == 1 { silence() } else { warmed() }));
    let stop = StopSignal::default();
    let second = async {
        tokio::time::sleep(SECOND).await;
        crew.run(0, StopSignal::default(), objects(&["a"])).await
    };
    let quit = async {
        tokio::time::sleep(5 * SECOND).await;
        stop.quit.cancel();
    };
    let (first, second, ()) = tokio::join!(crew.run(0, stop.clone(), objects(&["a"])), second, quit);
    assert_eq!(first.totals.unknown.objects, 1);
    assert_eq!((second.ended, second.totals.warmed.objects, second.took), (Ended::Done, 1, 4 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_leaves_what_it_had_put_aside_unsent() {
    let crew = Crew::new(Fake::new(|_| warmed().after(30 * SECOND)));
    let stop = StopSignal::default();
    let second = async {
        tokio::time::sleep(SECOND).await;
        crew.run(0, stop.clone(), objects(&["a"])).await
    };
    let cut = async {
        tokio::time::sleep(5 * SECOND).await;
        stop.stop(StopReason::Cancelled);
    };
    let (first, second, ()) = tokio::join!(crew.run(0, StopSignal::default(), objects(&["a"])), second, cut);
    assert_eq!(first.totals.warmed.objects, 1);
    assert_eq!((second.ended, second.totals.ended().objects), (Ended::Stopped(StopReason::Cancelled), 0));
    assert_eq!(second.took, 4 * SECOND);
}
