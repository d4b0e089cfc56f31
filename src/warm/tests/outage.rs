use std::sync::Arc;
use std::time::Duration;

use super::fake::{Call, Fake, MINUTE, SECOND, Scene, fails, many, silence, warmed};
use crate::warm::Ended;
use s3::Class;

/// How many were ever open at once from `from` on.
fn most_open_after(fake: &Fake, from: Duration, answer_takes: Duration) -> usize {
    let calls: Vec<_> = fake.calls().into_iter().map(|call| call.at).filter(|at| *at >= from).collect();
    calls
        .iter()
        .map(|at| calls.iter().filter(|other| **other <= *at && **other + answer_takes > *at).count())
        .max()
        .unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_cannot_be_reached_ends_the_run_after_the_wait() {
    let fake = Arc::new(Fake::new(|_| fails(Class::Unreachable).after(SECOND)));
    let gone = Scene::default().run(&fake, many(100)).await;
    assert_eq!(gone.ended, Ended::Outage(5 * MINUTE));
    assert!((5 * MINUTE..6 * MINUTE).contains(&gone.took), "{:?}", gone.took);
    assert_eq!(gone.totals.sends, 0, "nothing was ever sent");
    let [warmed, gone_objects, failed, unknown] = gone.ends();
    assert_eq!((warmed, gone_objects), (0, 0));
    assert!(failed + unknown <= 12, "only those that were tried have an end: {:?}", gone.totals);
    assert_eq!(most_open_after(&fake, 5 * SECOND, SECOND), 1, "one probe at a time");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_falls_silent_ends_the_run_after_the_wait_with_true_counts() {
    let fake = Arc::new(Fake::new(|call| if call.at < 10 * SECOND { warmed().after(SECOND) } else { silence() }));
    let gone = Scene::default().run(&fake, many(200)).await;
    assert_eq!(gone.ended, Ended::Outage(5 * MINUTE));
    let [warmed, _, failed, unknown] = gone.ends();
    let answered = fake.calls().iter().filter(|call| call.at < 10 * SECOND).count() as u64;
    assert_eq!((warmed, failed), (answered, 0));
    let silent: std::collections::HashSet<_> =
        fake.calls().into_iter().filter(|call| call.at >= 10 * SECOND).map(|call| call.key).collect();
    assert_eq!(unknown, silent.len() as u64, "whatever was sent and not answered");
    assert!(warmed + unknown < 200, "what was never sent has no end");
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_when_the_endpoint_comes_back_in_time() {
    let fake = Arc::new(Fake::new(|call| {
        let away = (10 * SECOND..4 * MINUTE).contains(&call.at);
        if away { fails(Class::Unreachable) } else { warmed().after(SECOND) }
    }));
    let gone = Scene::default().run(&fake, many(200)).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Done, [200, 0, 0, 0]));
    assert!(gone.took < 5 * MINUTE, "{:?}", gone.took);
}

#[tokio::test(start_paused = true)]
async fn a_silent_endpoint_that_comes_back_loses_nothing() {
    let fake = Arc::new(Fake::new(|call| {
        let away = (10 * SECOND..4 * MINUTE).contains(&call.at);
        if away { silence() } else { warmed().after(SECOND) }
    }));
    let gone = Scene::default().run(&fake, many(100)).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Done, [100, 0, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_single_object_waits_for_the_endpoint_whatever_its_retries() {
    for retries in [0, 1, 4] {
        let fake = Fake::new(|call| if call.at < 2 * MINUTE { fails(Class::Unreachable) } else { warmed() });
        let fake = Arc::new(fake);
        let mut scene = Scene::default();
        scene.limits.retries = retries;
        let gone = scene.run(&fake, many(1)).await;
        assert_eq!((gone.ended.clone(), gone.ends(), gone.totals.sends), (Ended::Done, [1, 0, 0, 0], 1), "{retries}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_finds_no_connection_where_others_do_has_failed() {
    let fake =
        Fake::new(|call| if call.bucket == "nowhere" { fails(Class::Unreachable) } else { warmed().after(SECOND) });
    let fake = Arc::new(fake);
    let mut all = many(500);
    all.extend(super::fake::objects(&["nowhere/a"]));
    let gone = Scene::default().run(&fake, all).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Done, [500, 0, 1, 0]));
    assert_eq!(gone.classes(), [("unreachable", 1)]);
    assert!(fake.sends("a") <= 6, "{}", fake.sends("a"));
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_once_stays_unknown_though_nothing_can_be_sent_since() {
    let fake = Arc::new(Fake::new(|call| fails(if call.nth == 1 { Class::Lost } else { Class::Unreachable })));
    let gone = Scene::default().run(&fake, many(1)).await;
    assert_eq!((gone.ended.clone(), gone.ends(), gone.totals.sends), (Ended::Outage(5 * MINUTE), [0, 0, 0, 1], 1));
}

#[tokio::test(start_paused = true)]
async fn long_fills_that_go_on_are_not_cut_off_by_connections_lost_beside_them() {
    let first_six = |key: &str| key[1..].parse::<u32>().unwrap() < 6;
    let fake = Arc::new(Fake::new(move |call| match (call.nth, first_six(&call.key)) {
        (1, true) => fails(Class::Lost).after(SECOND),
        _ => warmed().after(20 * MINUTE),
    }));
    let mut scene = Scene::default();
    scene.limits.base_timeout = 60 * MINUTE;
    (scene.limits.start_in_flight, scene.limits.max_in_flight) = (8, 8);
    let gone = scene.run(&fake, many(8)).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Done, [8, 0, 0, 0]));
}

/// A proxy, a bouncer or a login page in the place of the cache.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_not_the_cache_ends_the_run_after_the_wait_and_is_named() {
    let fake = Arc::new(Fake::new(|_| fails(Class::Malformed).after(SECOND)));
    let gone = Scene::default().run(&fake, many(200)).await;
    assert_eq!(gone.ended, Ended::Malformed(5 * MINUTE, "malformed, by script".into()));
    assert!((5 * MINUTE..6 * MINUTE).contains(&gone.took), "{:?}", gone.took);
    let [warmed, _, failed, unknown] = gone.ends();
    assert_eq!((warmed, failed, unknown), (0, gone.totals.sends, 0), "none is asked for again");
    assert!(failed < 60, "one at a time: {failed}");
    assert_eq!(most_open_after(&fake, 5 * SECOND, SECOND), 1, "one probe at a time");
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_another_service_has_gone_is_warmed() {
    let script = |call: &Call| if call.at < MINUTE { fails(Class::Malformed) } else { warmed() };
    let fake = Arc::new(Fake::new(script));
    let gone = Scene::default().run(&fake, many(200)).await;
    let [warmed, _, failed, _] = gone.ends();
    assert_eq!((gone.ended, warmed + failed, gone.totals.sends), (Ended::Done, 200, 200));
    assert!(failed < 30, "{failed}");
}

#[tokio::test(start_paused = true)]
async fn one_of_several_backends_that_is_not_the_cache_costs_its_share_only() {
    let odd = |key: &str| key.ends_with(['1', '4', '7']);
    let fake = Arc::new(Fake::new(move |call| if odd(&call.key) { fails(Class::Malformed) } else { warmed() }));
    let gone = Scene::default().run(&fake, many(200)).await;
    assert_eq!((gone.ended.clone(), gone.ends(), gone.took), (Ended::Done, [140, 0, 60, 0], Duration::ZERO));
}

/// An endpoint that never answered is more likely a slip than an outage.
#[tokio::test(start_paused = true)]
async fn whoever_looks_on_gives_an_endpoint_up_that_has_answered_nothing_yet() {
    let scene = |outage_wait| {
        let mut scene = Scene { first_wait: 20 * SECOND, ..Scene::default() };
        scene.limits.outage_wait = outage_wait;
        scene
    };
    let unreachable = || Arc::new(Fake::new(|_| fails(Class::Unreachable)));
    let gone = scene(5 * MINUTE).run(&unreachable(), many(10)).await;
    assert_eq!(gone.ended, Ended::Outage(20 * SECOND));
    assert!((20 * SECOND..45 * SECOND).contains(&gone.took), "{:?}", gone.took);
    let gone = scene(2 * SECOND).run(&unreachable(), many(10)).await;
    assert_eq!(gone.ended, Ended::Outage(2 * SECOND), "no longer than an outage");
    let fake = Fake::new(|call| if call.at < 10 * SECOND { warmed().after(SECOND) } else { fails(Class::Unreachable) });
    let gone = scene(5 * MINUTE).run(&Arc::new(fake), many(200)).await;
    assert_eq!(gone.ended, Ended::Outage(5 * MINUTE), "one that has answered is waited for");
}

#[tokio::test(start_paused = true)]
async fn what_keeps_answers_from_coming_is_shown_until_one_comes() {
    let scene = Scene::default();
    let progress = scene.progress.clone();
    let fake = Arc::new(Fake::new(|call| if call.at < MINUTE { fails(Class::Unreachable) } else { warmed() }));
    let running = scene.run(&fake, many(3));
    tokio::pin!(running);
    let shown = tokio::select! {
        _ = &mut running => unreachable!("nothing is answered for a minute"),
        () = tokio::time::sleep(30 * SECOND) => progress.trouble(),
    };
    assert_eq!(shown.as_deref(), Some("cannot reach unreachable, by script; trying for 5m"));
    running.await;
    assert_eq!(progress.trouble(), None);
}
