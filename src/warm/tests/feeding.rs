use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::fake::{Fake, SECOND, Scene, many, object, warmed};
use crate::report::StopReason;
use crate::warm::{Ended, WarmingOrder};
use model::object::Object;

/// Sends each of `more` so many seconds after the one before.
fn feed(more: Vec<Vec<Object>>, seconds: u32) -> mpsc::Receiver<WarmingOrder> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for objects in more {
            sleep(seconds * SECOND).await;
            if sender.send(objects.into()).await.is_err() {
                return;
            }
        }
    });
    receiver
}

#[tokio::test(start_paused = true)]
async fn what_comes_behind_is_warmed_too_and_waited_for() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let more = vec![many(3), Vec::new(), vec![object("last")]];
    let scene = Scene { more: Some(feed(more, 10)), ..Scene::of(4) };
    let gone = scene.run(&fake, Vec::new()).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Done, [4, 0, 0, 0]));
    assert_eq!(fake.times("last"), [30 * SECOND]);
    assert_eq!(gone.totals.planned.objects, 4);
}

#[tokio::test(start_paused = true)]
async fn the_largest_that_is_known_goes_first_whenever_it_came() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let sized = |names: &[(&str, u64)]| -> Vec<Object> {
        names.iter().map(|(name, size)| Object { size: *size, ..object(name) }).collect()
    };
    // The second portion comes while the first object is warmed, the third one two seconds later.
    let (sender, more) = mpsc::channel(1);
    let scene = Scene { more: Some(more), ..Scene::of(1) };
    tokio::spawn(async move {
        sleep(SECOND / 2).await;
        sender.send(sized(&[("small", 1), ("giant", 900)]).into()).await.unwrap();
        sleep(2 * SECOND).await;
        sender.send(sized(&[("middle", 40), ("large", 600)]).into()).await.unwrap();
    });
    let gone = scene.run(&fake, sized(&[("first-a", 30), ("first-b", 50), ("first-c", 70)])).await;
    assert_eq!((gone.ended, gone.totals.planned.objects), (Ended::Done, 7));
    let order = ["first-c", "giant", "first-b", "large", "middle", "first-a", "small"];
    assert_eq!(order.map(|name| fake.times(name)[0].as_secs()), [0, 1, 2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_does_not_wait_for_more() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let (sender, more) = mpsc::channel(1);
    let scene = Scene { more: Some(more), ..Scene::of(4) };
    let drain = scene.stop.drain.clone();
    tokio::spawn(async move {
        sleep(5 * SECOND).await;
        drain.cancel();
    });
    let gone = scene.run(&fake, many(2)).await;
    assert_eq!((gone.ended, gone.took), (Ended::Stopped(StopReason::Told), 5 * SECOND));
    assert!(sender.is_closed());
}
