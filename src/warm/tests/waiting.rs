use std::sync::Arc;
use std::time::Duration;

use super::fake::{Fake, MINUTE, SECOND, Scene, fails, many, objects, silence, sized, warmed};
use crate::warm::Ended;
use s3::{Class, Via};

/// The base of 60 s and 100 bytes at 10 bytes a second.
const DEADLINE: Duration = Duration::from_secs(70);

#[tokio::test(start_paused = true)]
async fn an_answer_is_awaited_until_the_deadline_and_no_longer() {
    for (after, sends) in [(DEADLINE - Duration::from_millis(2), 1), (DEADLINE + Duration::from_millis(2), 2)] {
        let fake = Fake::new(move |call| if call.nth == 1 { warmed().after(after) } else { warmed() });
        let fake = Arc::new(fake);
        let gone = Scene::default().run(&fake, objects(&["a"])).await;
        assert_eq!((gone.ends(), fake.sends("a")), ([1, 0, 0, 0], sends), "answered after {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_beside_it_prolongs_a_deadline() {
    // The second is sent while 1,000 bytes are under way: 60 s + 1,100 bytes / 10 bytes a second.
    let fake = Arc::new(Fake::new(|call| match (call.key.as_str(), call.nth) {
        ("small", 1) => warmed().after(169 * SECOND),
        ("large", 1) => warmed().after(100 * SECOND),
        _ => fails(Class::Rejected),
    }));
    let gone = Scene::default().run(&fake, vec![sized("small", 100), sized("large", 1000)]).await;
    assert_eq!(gone.ends(), [2, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_without_an_answer_goes_to_the_end_and_is_tried_once_more_after_its_deadline() {
    let fake = Arc::new(Fake::new(|call| match (call.key.as_str(), call.nth) {
        ("a", 1) => silence(),
        _ => warmed().after(SECOND),
    }));
    let mut scene = Scene::default();
    (scene.limits.start_in_flight, scene.limits.max_in_flight) = (1, 1);
    let gone = scene.run(&fake, objects(&["a", "b", "c"])).await;
    assert_eq!(gone.ends(), [3, 0, 0, 0]);
    let order: Vec<_> = fake.calls().into_iter().map(|call| call.key).collect();
    assert_eq!(order, ["a", "b", "c", "a"]);
    let times = fake.times("a");
    assert!(times[1] >= DEADLINE + DEADLINE, "{times:?}");
    assert!(times[1] < DEADLINE + DEADLINE + SECOND, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn an_object_without_an_answer_twice_is_unknown() {
    for (class, answer) in [("timed_out", silence()), ("lost", fails(Class::Lost))] {
        let script = answer.clone();
        let fake = Fake::new(move |call| if call.key == "a" { script.clone() } else { warmed() });
        let fake = Arc::new(fake);
        let gone = Scene::default().run(&fake, objects(&["a", "b"])).await;
        assert_eq!((gone.ends(), gone.classes()), ([1, 0, 0, 1], vec![(class, 1)]));
        assert_eq!(fake.sends("a"), 2, "{class}");
        assert_eq!(gone.ended, Ended::Done);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_end_is_the_one_that_counts() {
    for (class, ends) in [(Class::Truncated, [0, 0, 1, 0]), (Class::NotFound, [0, 1, 0, 0])] {
        let fake = Fake::new(move |call| if call.nth == 1 { fails(Class::Lost) } else { fails(class) });
        let fake = Arc::new(fake);
        let gone = Scene::default().run(&fake, objects(&["a"])).await;
        assert_eq!(gone.ends(), ends, "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_retries_a_lost_request_is_unknown_at_once() {
    for answer in [silence(), fails(Class::Lost), fails(Class::IdleReset)] {
        let fake = Arc::new(Fake::new(move |_| answer.clone()));
        let mut scene = Scene::default();
        scene.limits.retries = 0;
        let gone = scene.run(&fake, objects(&["a"])).await;
        assert_eq!((gone.ends(), fake.sends("a")), ([0, 0, 0, 1], 1));
    }
}

#[tokio::test(start_paused = true)]
async fn doubt_and_refusals_together_stay_within_the_retries() {
    let fake = Arc::new(Fake::new(|call| fails(if call.nth == 2 { Class::Lost } else { Class::Throttled })));
    let gone = Scene::default().run(&fake, objects(&["a"])).await;
    assert_eq!((gone.ends(), fake.sends("a")), ([0, 0, 1, 0], 5));
}

#[tokio::test(start_paused = true)]
async fn an_idle_reset_is_sent_again_at_once_and_is_no_sign_of_an_outage() {
    let fake = Arc::new(Fake::new(|call| if call.nth <= 2 { fails(Class::IdleReset) } else { warmed() }));
    let gone = Scene::default().run(&fake, many(40)).await;
    assert_eq!((gone.ends(), gone.took), ([40, 0, 0, 0], Duration::ZERO));
    assert_eq!(fake.calls().len(), 120);
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_connections_are_ended_under_it_goes_out_on_one_of_its_own() {
    for (retries, sends, ends) in
        [(4, 3, [40, 0, 0, 0]), (2, 3, [40, 0, 0, 0]), (1, 2, [40, 0, 0, 0]), (0, 1, [0, 0, 0, 40])]
    {
        let fake = Fake::new(|call| if call.via == Via::Own { warmed() } else { fails(Class::IdleReset) });
        let (fake, mut scene) = (Arc::new(fake), Scene::default());
        scene.limits.retries = retries;
        let gone = scene.run(&fake, many(40)).await;
        assert_eq!((gone.ends(), gone.totals.sends), (ends, 40 * sends), "{retries} retries");
    }
}

#[tokio::test(start_paused = true)]
async fn only_idle_resets_end_as_unknown() {
    let fake = Arc::new(Fake::new(|_| fails(Class::IdleReset)));
    let gone = Scene::default().run(&fake, objects(&["a"])).await;
    assert_eq!((gone.ends(), fake.sends("a"), gone.classes()), ([0, 0, 0, 1], 5, vec![("idle_reset", 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_long_fill_is_waited_for() {
    let fake = Arc::new(Fake::new(|_| warmed().after(20 * MINUTE)));
    let gone = Scene::default().run(&fake, vec![sized("large", 12_000)]).await;
    assert_eq!((gone.ends(), fake.sends("large")), ([1, 0, 0, 0], 1));
}
