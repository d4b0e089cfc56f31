use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::fake::{Fake, SECOND, Scene, many, object, warmed};
use crate::object::Object;
use crate::report::Cut;
use crate::warm::{Ended, WarmingOrder};

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
async fn nothing_behind_is_asked_for_before_all_others_are_sent() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let (sender, more) = mpsc::channel(1);
    let scene = Scene { more: Some(more), ..Scene::of(1) };
    let fed = tokio::spawn(async move {
        for n in 0..3 {
            sender.send(vec![object(&format!("{n}-a")), object(&format!("{n}-b"))].into()).await.unwrap();
        }
    });
    let gone = scene.run(&fake, many(2)).await;
    fed.await.unwrap();
    assert_eq!((gone.ended, gone.totals.planned.objects), (Ended::Done, 8));
    assert_eq!(gone.took, 8 * SECOND);
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
    assert_eq!((gone.ended, gone.took), (Ended::Stopped(Cut::Told), 5 * SECOND));
    assert!(sender.is_closed());
}
