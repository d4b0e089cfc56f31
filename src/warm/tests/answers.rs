use std::sync::Arc;
use std::time::Duration;

use super::fake::{
    Fake, MINUTE, SECOND, Scene, error, existing, fails, many, objects, sized, throttled, warmed, warmed_as,
};
use crate::warm::Ended;
use s3::{Class, Existing};

#[tokio::test(start_paused = true)]
async fn all_that_the_cache_answers_for_is_warmed_with_one_request_each() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let gone = Scene::default().run(&fake, many(100)).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Done, [100, 0, 0, 0]));
    assert_eq!((fake.calls().len(), gone.classes()), (100, vec![]));
    assert_eq!(gone.totals.warmed.bytes, 100 * 100);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_warm_is_done_at_once() {
    let fake = Arc::new(Fake::new(|_| warmed()));
    let gone = Scene::default().run(&fake, vec![]).await;
    assert_eq!((gone.ended, gone.took), (Ended::Done, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_changed_since_the_listing_is_warmed_and_said() {
    let fake = Fake::new(|call| if call.key == "a" { warmed_as("newer") } else { warmed() });
    let fake = Arc::new(fake.listing(|_| Ok(Some(existing("newer")))));
    let gone = Scene::default().run(&fake, objects(&["a", "b"])).await;
    assert_eq!((gone.ends(), gone.classes()), ([2, 0, 0, 0], vec![("changed", 1)]));
    assert_eq!(fake.asked(), 1, "the list endpoint is asked about what it does not explain");
}

#[tokio::test(start_paused = true)]
async fn a_new_etag_that_the_list_endpoint_does_not_have_is_another_service() {
    let malformed = "206 from a fake: the ETag `page`, and the list endpoint has";
    for (answer, ends, class, said) in [
        (Ok(Some(existing("listed"))), [0, 0, 1, 0], "malformed", format!("{malformed} `listed`")),
        (Ok(Some(Existing { etag: None })), [0, 0, 1, 0], "malformed", format!("{malformed} none")),
        (Err(error(Class::Malformed)), [0, 0, 1, 0], "malformed", "malformed, by script".to_owned()),
        (
            Err(error(Class::Denied)),
            [0, 0, 1, 0],
            "server_error",
            "206 from a fake: another ETag than the listed one, and the list endpoint could not be asked: denied: denied, \
             by script"
                .to_owned(),
        ),
        (Ok(None), [0, 1, 0, 0], "", String::new()),
    ] {
        let fake = Arc::new(Fake::new(|_| warmed_as("page")).listing(move |_| answer.clone()));
        let gone = Scene::of(1).run(&fake, objects(&["a"])).await;
        assert_eq!(gone.ends(), ends, "{said}");
        assert_eq!(gone.totals.errors.get(class).map(|errors| &*errors.sample[0].message), Some(&*said).filter(|_| !class.is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_that_is_no_proof_at_the_list_endpoint_either_has_failed_at_once() {
    let fake = Fake::new(|_| fails(Class::NotFound)).listing(|_| Err(error(Class::Malformed)));
    let fake = Arc::new(fake);
    let gone = Scene::default().run(&fake, objects(&["a", "b"])).await;
    assert_eq!((gone.ends(), gone.classes()), ([0, 0, 2, 0], vec![("malformed", 2)]));
    assert_eq!(fake.sends("a"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_object_is_gone_when_the_list_endpoint_agrees() {
    let fake = Arc::new(Fake::new(|call| if call.key == "a" { fails(Class::NotFound) } else { warmed() }));
    let gone = Scene::default().run(&fake, objects(&["a", "b"])).await;
    assert_eq!((gone.ends(), gone.classes()), ([1, 1, 0, 0], vec![]));
    assert_eq!((fake.sends("a"), fake.asked()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_still_listed_is_asked_for_again() {
    let fake = Fake::new(|call| if call.nth == 1 { fails(Class::NotFound) } else { warmed() })
        .listing(|_| Ok(Some(existing("listed"))));
    let fake = Arc::new(fake);
    let gone = Scene::default().run(&fake, objects(&["a"])).await;
    assert_eq!((gone.ends(), fake.sends("a")), ([1, 0, 0, 0], 2));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_the_cache_never_finds_has_failed_and_is_not_gone() {
    for exists in [Ok(Some(existing("listed"))), Err(error(Class::Denied)), Err(error(Class::Lost))] {
        let answer = exists.clone();
        let fake = Arc::new(Fake::new(|_| fails(Class::NotFound)).listing(move |_| answer.clone()));
        let gone = Scene::default().run(&fake, objects(&["a"])).await;
        assert_eq!((gone.ends(), gone.classes()), ([0, 0, 1, 0], vec![("not_found", 1)]), "{exists:?}");
        assert_eq!(fake.sends("a"), 5, "{exists:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_asking_again_would_not_change_is_asked_once() {
    for class in [Class::Truncated, Class::Rejected, Class::Malformed] {
        let fake = Arc::new(Fake::new(move |call| if call.key == "a" { fails(class) } else { warmed() }));
        let gone = Scene::default().run(&fake, objects(&["a", "b"])).await;
        assert_eq!((gone.ends(), gone.classes()), ([1, 0, 1, 0], vec![(class.name(), 1)]), "{class}");
        assert_eq!(fake.sends("a"), 1, "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_object_is_sent_again_as_often_as_allowed_and_then_has_failed() {
    for class in [Class::Throttled, Class::ServerError] {
        for retries in [0, 1, 4] {
            let fake = Arc::new(Fake::new(move |call| if call.key == "a" { fails(class) } else { warmed() }));
            let mut scene = Scene::default();
            scene.limits.retries = retries;
            let gone = scene.run(&fake, objects(&["a", "b"])).await;
            assert_eq!((gone.ends(), gone.classes()), ([1, 0, 1, 0], vec![(class.name(), 1)]), "{class} {retries}");
            assert_eq!(fake.sends("a"), retries as usize + 1, "{class} {retries}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_before_a_retry_grows_and_is_bounded() {
    let fake = Arc::new(Fake::new(|_| fails(Class::ServerError)));
    let mut scene = Scene::default();
    scene.limits.retries = 60;
    let gone = scene.run(&fake, objects(&["a"])).await;
    let times = fake.times("a");
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let early: Duration = pauses[..3].iter().sum();
    let ceilings = 300 + 600 + 1_200;
    assert!((ceilings / 2..ceilings + 10).contains(&early.as_millis()), "{early:?}");
    assert!(pauses.iter().all(|pause| *pause <= 11 * SECOND), "{pauses:?}");
    assert!(gone.took > MINUTE, "60 retries are not a burst: {:?}", gone.took);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_honoured() {
    let fake = Arc::new(Fake::new(|call| if call.nth == 1 { throttled(45 * SECOND) } else { warmed() }));
    let gone = Scene::default().run(&fake, objects(&["a"])).await;
    let times = fake.times("a");
    assert_eq!((gone.ends(), times.len()), ([1, 0, 0, 0], 2));
    assert!(times[1] - times[0] >= 45 * SECOND, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_holds_the_others_back_too() {
    let fake = Arc::new(Fake::new(|call| {
        let first = call.key == "k000" && call.nth == 1;
        if first { throttled(7 * SECOND) } else { warmed().after(SECOND) }
    }));
    let gone = Scene::default().run(&fake, many(20)).await;
    assert_eq!(gone.ends(), [20, 0, 0, 0]);
    let mut late = fake.calls().into_iter().filter(|call| call.at > Duration::ZERO);
    assert!(late.clone().count() >= 16 && late.clone().all(|call| call.at >= 7 * SECOND), "{:?}", late.next_back());
}

#[tokio::test(start_paused = true)]
async fn requests_and_bytes_in_flight_are_bounded() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    Scene::default().run(&fake, many(200)).await;
    assert_eq!(fake.most_open(), 8, "grows to the maximum and stays there");

    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let mut scene = Scene::default();
    scene.limits.max_in_flight_bytes = 250;
    scene.run(&fake, many(20)).await;
    assert_eq!(fake.most_open(), 2, "two of 100 bytes fit into 250");
}

#[tokio::test(start_paused = true)]
async fn a_giant_goes_alone() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let mut scene = Scene::default();
    scene.limits.max_in_flight_bytes = 250;
    let gone = scene.run(&fake, vec![sized("small", 1), sized("giant", 1000)]).await;
    assert_eq!((gone.ends(), fake.most_open()), ([2, 0, 0, 0], 1));
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept() {
    let fake = Arc::new(Fake::new(|_| warmed()));
    let mut scene = Scene::default();
    scene.limits.max_requests_per_second = Some(10);
    let gone = scene.run(&fake, many(51)).await;
    assert!((5 * SECOND..6 * SECOND).contains(&gone.took), "{:?}", gone.took);
    let calls = fake.calls();
    assert!(calls.windows(12).all(|window| window[11].at - window[0].at >= SECOND), "in every second");
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_all_reason_is_not_waited_for() {
    for wait in [Duration::from_secs(u64::MAX), Duration::from_secs(86_400 * 365)] {
        let fake = Arc::new(Fake::new(move |call| if call.nth == 1 { throttled(wait) } else { warmed() }));
        let gone = Scene::default().run(&fake, objects(&["a"])).await;
        assert_eq!((gone.ends(), fake.sends("a")), ([1, 0, 0, 0], 2));
        assert!(gone.took <= 6 * MINUTE, "no longer than an outage: {:?}", gone.took);
    }
}

#[tokio::test(start_paused = true)]
async fn sizes_beyond_all_reason_break_nothing() {
    let fake = Arc::new(Fake::new(|call| if call.nth == 1 { fails(Class::Lost) } else { warmed().after(SECOND) }));
    let mut scene = Scene { deadline: 10 * MINUTE, ..Scene::default() };
    scene.limits.min_fill_rate = 1;
    scene.limits.max_in_flight_bytes = u64::MAX;
    let gone = scene.run(&fake, vec![sized("a", u64::MAX), sized("b", u64::MAX), sized("c", 1)]).await;
    assert_eq!(gone.ended, Ended::Deadline, "they could fill for longer than there is time");
}
