use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::fake::{Fake, SECOND, Scene, fails, objects, rejected, warmed};
use crate::warm::Ended;
use s3::Class;

#[tokio::test(start_paused = true)]
async fn old_keys_are_read_again_once_and_everything_goes_on() {
    let fake = Arc::new(Fake::new(|call| {
        let answer = if call.rereads == 0 { fails(Class::Denied) } else { warmed() };
        answer.after(SECOND)
    }));
    let gone = Scene::of(4).run(&fake, objects(&["a", "b", "c", "d", "e", "f"])).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Done, [6, 0, 0, 0]));
    assert_eq!(fake.rereads(), 1);
    assert!(["a", "b", "c", "d"].iter().all(|key| fake.sends(key) == 2), "those that were under way, once more");
    assert!(["e", "f"].iter().all(|key| fake.sends(key) == 1));
}

#[tokio::test(start_paused = true)]
async fn a_400_that_says_no_more_may_be_keys_that_are_over() {
    let keys = ["a", "b", "c", "d"];
    let over = Fake::new(|call| {
        let answer = if call.rereads == 0 { rejected("400") } else { warmed() };
        answer.after(SECOND)
    });
    let gone = Scene::of(4).run(&Arc::new(over), objects(&keys)).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Done, [4, 0, 0, 0]));
    for (message, sends, rereads) in [("400", 2, 1), ("301", 1, 0)] {
        let fake = Arc::new(Fake::new(move |_| rejected(message).after(SECOND)));
        let gone = Scene::of(4).run(&fake, objects(&keys)).await;
        assert_eq!((gone.ends(), gone.classes()), ([0, 0, 4, 0], vec![("rejected", 4)]), "{message}");
        assert!(keys.iter().all(|key| fake.sends(key) == sends), "{message}");
        assert_eq!(fake.rereads(), rereads, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_reads_the_keys_itself_does_not_keep_the_run_from_reading_them() {
    let fake = Arc::new(Fake::new(|call| match (call.key.as_str(), call.rereads) {
        ("reader", _) => warmed().after(2 * SECOND).reading_keys(),
        (_, 0) => fails(Class::Denied).after(SECOND),
        _ => warmed(),
    }));
    let gone = Scene::default().run(&fake, objects(&["a", "reader", "b", "c"])).await;
    assert_eq!((gone.ended.clone(), gone.ends(), fake.rereads()), (Ended::Done, [4, 0, 0, 0], 1));
    assert!(gone.took < 3 * SECOND && fake.sends("reader") == 1, "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_still_refuses_is_given_up_and_others_go_on() {
    let fake = Arc::new(Fake::new(|call| {
        let answer = if call.bucket == "shut" { fails(Class::Denied) } else { warmed() };
        answer.after(SECOND)
    }));
    let mut keys: Vec<String> = (0..100).map(|n| format!("shut/{n:03}")).collect();
    keys.extend((0..10).map(|n| format!("open/{n:03}")));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let gone = Scene::default().run(&fake, objects(&keys)).await;
    assert_eq!((gone.ends(), gone.classes()), ([10, 0, 100, 0], vec![("denied", 100)]));
    let shut = fake.calls().iter().filter(|call| call.bucket == "shut").count();
    assert!(shut <= 16, "two rounds of what was in flight, and no more: {shut}");
    assert_eq!(fake.rereads(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_object_that_the_keys_may_not_touch_does_not_give_up_its_bucket() {
    let fake = Arc::new(Fake::new(|call| {
        let answer = if call.key == "secret" { fails(Class::Denied) } else { warmed() };
        answer.after(SECOND)
    }));
    let mut keys: Vec<String> = (0..50).map(|n| format!("{n:03}")).collect();
    keys.insert(10, "secret".to_owned());
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let gone = Scene::default().run(&fake, objects(&keys)).await;
    assert_eq!((gone.ends(), gone.classes()), ([50, 0, 1, 0], vec![("denied", 1)]));
    assert!(fake.sends("secret") <= 5, "{}", fake.sends("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_whose_rights_are_taken_away_is_given_up() {
    let fake = Arc::new(Fake::new(|call| {
        let answer = if call.at >= 10 * SECOND { fails(Class::Denied) } else { warmed() };
        answer.after(SECOND)
    }));
    let gone = Scene::default().run(&fake, super::fake::many(1000)).await;
    let [warmed, _, failed, _] = gone.ends();
    assert_eq!((warmed + failed, gone.classes()), (1000, vec![("denied", failed)]));
    assert!(fake.calls().len() < 250, "{}", fake.calls().len());
    assert_eq!(fake.rereads(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_that_expire_in_a_long_run_are_read_again_whichever_bucket_sees_it_first() {
    let fake = Arc::new(Fake::new(|call| {
        let good = (call.rereads == 1 && call.at < 500 * SECOND) || call.rereads == 2;
        let answer = if good { warmed() } else { fails(Class::Denied) };
        answer.after(50 * SECOND)
    }));
    let mut keys: Vec<String> = (0..80).map(|n| format!("first/{n:03}")).collect();
    keys.extend((0..80).map(|n| format!("second/{n:03}")));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let gone = Scene::default().run(&fake, objects(&keys)).await;
    assert_eq!((gone.ends(), fake.rereads()), ([160, 0, 0, 0], 2));
}

#[tokio::test(start_paused = true)]
async fn giving_up_a_bucket_takes_no_room_from_others() {
    let fake = Arc::new(Fake::new(|call| if call.bucket == "shut" { fails(Class::Denied) } else { warmed() }));
    let mut all = objects(&["open/a"]);
    all.extend((0..5000).map(|n| super::fake::object(&format!("shut/{n:04}"))));
    let mut scene = Scene::default();
    scene.limits.max_requests_per_second = Some(10);
    let gone = scene.run(&fake, all).await;
    assert_eq!(gone.ends(), [1, 0, 5000, 0]);
    assert!(gone.took < 5 * SECOND, "what is not sent needs no rate: {:?}", gone.took);
}

/// On the clock of the machine: whoever looks on is never idle.
#[tokio::test]
async fn giving_up_a_bucket_of_many_objects_lets_others_have_the_thread_and_answers_be_seen() {
    const MANY: usize = 50_000;
    let fake = Arc::new(Fake::new(|call| match call.bucket.as_str() {
        "open" => warmed().after(Duration::from_millis(2)),
        _ => fails(Class::Denied),
    }));
    let scene = Scene::default();
    let progress = scene.progress.clone();
    let looks = async {
        let (mut seen, mut answered_at) = (BTreeSet::new(), None);
        while seen.last().is_none_or(|ended| *ended <= MANY as u64) {
            tokio::task::yield_now().await;
            let ended = progress.ended_objects.load(Ordering::Relaxed);
            if ended > 1_000 && progress.in_flight.load(Ordering::Relaxed) == 0 {
                answered_at.get_or_insert(ended);
            }
            seen.insert(ended);
        }
        (seen.len(), answered_at)
    };
    let mut all: Vec<_> = (0..MANY).map(|n| super::fake::object(&format!("shut/{n}"))).collect();
    all.push(super::fake::object("open/a"));
    let (gone, (looks, answered_at)) = tokio::join!(scene.run(&fake, all), looks);
    assert_eq!(gone.ends(), [1, 0, MANY as u64, 0]);
    // A thousand at once; who looks on comes first or second by turns.
    assert!(looks >= 20, "{looks}");
    assert!(answered_at.is_some_and(|ended| ended < MANY as u64), "{answered_at:?}");
}
