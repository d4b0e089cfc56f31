//! Several runs through one limit.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::fake::{Fake, MINUTE, SECOND, Scene, fails, objects, warmed};
use crate::config::endpoint::Limits;
use crate::limit::Limit;
use crate::object::Object;
use crate::report::Totals;
use crate::s3::Class;
use crate::warm::{Ended, Stop, Warming, warm};

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
    let start = Instant::now();
    let warming = Warming {
        wire: fake.clone(),
        limit: limit.clone(),
        priority,
        deadline: start + 600 * MINUTE,
        stop: Stop::default(),
        progress: Arc::default(),
        completions: None,
    };
    let (totals, ended) = warm(all, warming).await;
    End { totals, ended, took: start.elapsed() }
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
