use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::fake::{Answer, Fake, Scene, existing, fails, silence, throttled, warmed};
use crate::warm::Ended;
use s3::Class;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reply {
    Warm,
    Fails(Class),
    Throttled(u64),
    Silence,
}

impl Reply {
    fn answer(self) -> Answer {
        match self {
            Self::Warm => warmed(),
            Self::Fails(class) => fails(class),
            Self::Throttled(seconds) => throttled(Duration::from_secs(seconds)),
            Self::Silence => silence(),
        }
    }
}

fn reply() -> impl Strategy<Value = (Reply, u64)> {
    let class = prop::sample::select(vec![
        Class::NotFound,
        Class::Truncated,
        Class::Denied,
        Class::Throttled,
        Class::ServerError,
        Class::Rejected,
        Class::Unreachable,
        Class::Lost,
        Class::IdleReset,
        Class::Malformed,
    ]);
    let what = prop_oneof![
        4 => Just(Reply::Warm),
        6 => class.prop_map(Reply::Fails),
        1 => (0_u64..100).prop_map(Reply::Throttled),
        1 => Just(Reply::Silence),
    ];
    // Whatever is answered at all is answered before the shortest deadline.
    (what, 0_u64..59_000)
}

#[derive(Clone, Debug)]
struct World {
    /// By object; the last reply is repeated.
    scripts: Vec<Vec<(Reply, u64)>>,
    still_listed: bool,
    retries: u32,
    in_flight: u32,
    deadline: Option<u64>,
    drain: Option<u64>,
}

fn world() -> impl Strategy<Value = World> {
    let scripts = prop::collection::vec(prop::collection::vec(reply(), 1..7), 1..30);
    let timer = || prop::option::weighted(0.2, 0_u64..400);
    (scripts, any::<bool>(), 0_u32..5, 1_u32..6, timer(), timer()).prop_map(
        |(scripts, still_listed, retries, in_flight, deadline, drain)| World {
            scripts,
            still_listed,
            retries,
            in_flight,
            deadline,
            drain,
        },
    )
}

async fn play(world: World) -> Result<(), TestCaseError> {
    let scripts = world.scripts.clone();
    let script = move |key: &str, nth: u32| -> (Reply, u64) {
        let script = &scripts[key[1..].parse::<usize>().unwrap()];
        script[script.len().min(nth as usize) - 1]
    };
    let told = script.clone();
    let still_listed = world.still_listed;
    let fake = Fake::new(move |call| {
        let (reply, ms) = script(&call.key, call.nth);
        reply.answer().after(Duration::from_millis(ms))
    });
    let fake = Arc::new(fake.listing(move |_| Ok(still_listed.then(|| existing("listed")))));
    let mut scene = Scene::default();
    scene.limits.retries = world.retries;
    (scene.limits.start_in_flight, scene.limits.max_in_flight) = (1, world.in_flight);
    if let Some(deadline) = world.deadline {
        scene.deadline = Duration::from_secs(deadline);
    }
    if let Some(drain) = world.drain {
        let token = scene.stop.drain.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(drain)).await;
            token.cancel();
        });
    }
    // What holds of every run is checked by the scene, and the fake fails on two open requests for one object.
    let gone = scene.run(&fake, super::fake::many(world.scripts.len())).await;

    let mut sends: HashMap<String, u32> = HashMap::new();
    let mut answered_2xx = 0;
    for call in fake.calls() {
        let (reply, _) = told(&call.key, call.nth);
        answered_2xx += u64::from(reply == Reply::Warm);
        *sends.entry(call.key).or_default() += u32::from(reply != Reply::Fails(Class::Unreachable));
    }
    prop_assert!(sends.values().all(|n| *n <= world.retries + 1), "{sends:?}");
    prop_assert!(fake.most_open() <= world.in_flight as usize);
    let [warmed, _, _, unknown] = gone.ends();
    prop_assert!(warmed <= answered_2xx, "warmed without an answer that says so");
    if matches!(gone.ended, Ended::Done) && unknown == 0 {
        prop_assert_eq!(warmed, answered_2xx, "every answer that says so counts");
    }
    let tried = fake.calls().into_iter().map(|call| call.key).collect::<std::collections::HashSet<_>>().len() as u64;
    if matches!(gone.ended, Ended::Deadline | Ended::Stopped(_) | Ended::Outage(_) | Ended::Malformed(..)) {
        prop_assert!(gone.totals.ended().objects >= tried, "what was sent has an end: {:?}", gone.totals);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(80) })]
    #[test]
    fn whatever_the_cache_answers_every_object_has_one_end_and_no_two_requests(world in world()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(world))?;
    }
}
