//! The budget of retries, as a run meets it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::fake::{Answer, Call, Fake, MINUTE, SECOND, Scene, fails, many, silence, warmed};
use crate::warm::Ended;
use s3::Class;

const MS: Duration = Duration::from_millis(1);

fn chance(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&call.key, call.nth).hash(&mut hasher);
    hasher.finish() % 15
}

fn a_fifth_fails(call: &Call) -> Answer {
    match chance(call) {
        0 => fails(Class::Throttled).after(MS),
        1 => fails(Class::Lost).after(20 * MS),
        2 => silence(),
        _ => warmed().after(50 * MS),
    }
}

fn wide() -> Scene {
    let mut scene = Scene::default();
    (scene.limits.start_in_flight, scene.limits.max_in_flight) = (32, 300);
    (scene.limits.base_timeout, scene.limits.min_fill_rate) = (SECOND, 1 << 40);
    scene
}

#[tokio::test(start_paused = true)]
async fn where_a_fifth_of_all_requests_fails_every_object_has_its_tries_and_its_end() {
    let n = 20_000;
    let fake = Arc::new(Fake::new(a_fifth_fails));
    let gone = wide().run(&fake, many(n)).await;
    let mut tries: HashMap<String, Vec<u64>> = HashMap::new();
    for call in fake.calls() {
        tries.entry(call.key.clone()).or_default().push(chance(&call));
    }
    let warmed = tries.values().filter(|tries| *tries.last().unwrap() > 2).count() as u64;
    let unknown = tries.values().filter(|tries| (1..=2).contains(tries.last().unwrap())).count() as u64;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Done, [warmed, 0, n as u64 - warmed - unknown, unknown]));
    for tries in tries.values().filter(|tries| *tries.last().unwrap() == 0) {
        assert_eq!(tries.len(), 5, "as often as allowed");
    }
    assert!(tries.values().all(|tries| tries.len() <= 5) && tries.len() == n);
    assert!(gone.took < 3 * MINUTE, "20,000 of 50 ms: {:?}", gone.took);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_throttles_everything_for_minutes_is_not_flooded_and_loses_few() {
    let away = |call: &Call| (10 * SECOND..3 * MINUTE).contains(&call.at);
    let fake =
        Fake::new(move |call| if away(call) { fails(Class::Throttled).after(MS) } else { warmed().after(50 * MS) });
    let fake = Arc::new(fake);
    let gone = wide().run(&fake, many(100_000)).await;
    let refused = fake.calls().iter().filter(|call| away(call)).count();
    assert!(refused < 2_000, "{refused}");
    let [warmed, _, failed, _] = gone.ends();
    assert_eq!((gone.ended, warmed + failed), (Ended::Done, 100_000));
    assert!(failed <= 5, "{failed}");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_throttles_everything_for_longer_than_the_wait_ends_the_run() {
    let fake = Arc::new(Fake::new(|_| fails(Class::Throttled).after(MS)));
    let gone = wide().run(&fake, many(10_000)).await;
    assert_eq!(gone.ended, Ended::Throttled(5 * MINUTE));
    assert!((5 * MINUTE..6 * MINUTE).contains(&gone.took), "{:?}", gone.took);
    assert!(fake.calls().len() < 2_000, "{}", fake.calls().len());
}
