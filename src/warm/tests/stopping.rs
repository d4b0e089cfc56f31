use std::sync::Arc;
use std::time::Duration;

use ulid::Ulid;

use super::fake::{Fake, MINUTE, SECOND, Scene, fails, many, silence, warmed};
use crate::journal::{Begun, Journal, NewRun, OpenRun};
use crate::report::{RunInfo, StopReason, Trigger};
use crate::warm::{Ended, StopSignal};
use model::api::RunLine;
use s3::Class;

/// Cancels after a while.
fn later(wait: Duration, token: &tokio_util::sync::CancellationToken) {
    let token = token.clone();
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        token.cancel();
    });
}

#[tokio::test(start_paused = true)]
async fn at_its_deadline_a_run_ends_with_what_is_in_flight_unknown_and_the_rest_unsent() {
    let fake =
        Arc::new(Fake::new(
            |call| if call.nth == 1 && call.at < 5 * SECOND { warmed().after(SECOND) } else { silence() },
        ));
    let scene = Scene { deadline: 30 * SECOND, ..Scene::default() };
    let gone = scene.run(&fake, many(200)).await;
    assert_eq!(gone.ended, Ended::Deadline);
    assert!((30 * SECOND..31 * SECOND).contains(&gone.took), "{:?}", gone.took);
    let sent = fake.calls().len() as u64;
    let [warmed, _, failed, unknown] = gone.ends();
    assert_eq!((warmed + unknown, failed), (sent, 0));
    assert_eq!(gone.classes(), [("abandoned", unknown)]);
    assert!(sent < 200);
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_what_waits_for_another_try_keeps_its_last_end() {
    for (class, ends) in
        [(Class::Throttled, [0, 0, 1, 0]), (Class::Lost, [0, 0, 0, 1]), (Class::ServerError, [0, 0, 1, 0])]
    {
        let fake = Arc::new(Fake::new(move |_| fails(class).after(SECOND)));
        let mut scene = Scene { deadline: Duration::from_millis(1_001), ..Scene::default() };
        scene.limits.retries = 1000;
        let gone = scene.run(&fake, many(1)).await;
        if gone.totals.sends == 1 {
            assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Deadline, ends), "{class}");
        }
    }
}

/// An open run of a journal in memory.
fn begun(journal: &Journal) -> OpenRun {
    let info = RunInfo { id: Ulid(1), ..RunInfo::new(Trigger::Cli, chrono::DateTime::UNIX_EPOCH) };
    let line = RunLine::begun("p", "e", "f", info);
    let new = NewRun { line, claim: "p".to_owned(), rewarm: false, watermark: None };
    match journal.begin(&new).unwrap() {
        Begun::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_warm_is_recorded_while_the_rest_is_waited_for() {
    for told_after in [60 * SECOND, SECOND / 2] {
        let journal = Journal::memory(1_000).unwrap();
        let run = begun(&journal);
        let recorder = journal.record(&run, "http://cache.test/");
        let recorded = || journal.run(Ulid(1)).unwrap().unwrap().warmed.objects;
        let fake = Arc::new(Fake::new(|call| warmed().after(if call.key == "k000" { SECOND } else { 5 * MINUTE })));
        let scene = Scene { notes: Some(recorder.buffer()), ..Scene::of(2) };
        later(told_after, &scene.stop.drain);
        let (going, after) = tokio::join!(scene.run(&fake, many(9)), async {
            tokio::time::sleep(3 * SECOND).await;
            recorded()
        });
        assert_eq!((after, going.ended), (1, Ended::Stopped(StopReason::Told)), "told after {told_after:?}");
        recorder.finish().await;
        assert_eq!(recorded(), going.totals.warmed.objects, "the rest at the end");
    }
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_a_run_sends_nothing_new_and_waits_for_what_is_under_way() {
    let fake = Arc::new(Fake::new(|_| warmed().after(10 * SECOND)));
    let scene = Scene::of(4);
    later(5 * SECOND, &scene.stop.drain);
    let gone = scene.run(&fake, many(100)).await;
    assert_eq!(
        (gone.ended.clone(), gone.ends(), gone.took),
        (Ended::Stopped(StopReason::Told), [4, 0, 0, 0], 10 * SECOND)
    );
    assert_eq!(fake.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_a_run_does_not_begin_what_it_has_let_in() {
    for (in_flight, quit) in [(4, false), (4, true), (1, false)] {
        let scene = Scene::of(in_flight);
        let token = if quit { &scene.stop.quit } else { &scene.stop.drain }.clone();
        let fake = Arc::new(Fake::new(move |call| {
            if call.key == "k002" {
                token.cancel();
            }
            warmed()
        }));
        let gone = scene.run(&fake, many(100)).await;
        assert_eq!(
            (gone.ended.clone(), gone.ends()),
            (Ended::Stopped(StopReason::Told), [3, 0, 0, 0]),
            "{in_flight}, {quit}"
        );
        assert_eq!(fake.calls().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_with_the_deadline_are_not_lost_however_many() {
    let fake = Arc::new(Fake::new(|_| warmed().after(SECOND)));
    let scene = Scene { deadline: SECOND, ..Scene::of(500) };
    let gone = scene.run(&fake, many(600)).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Deadline, [500, 0, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_a_run_does_not_try_again_what_is_refused_meanwhile() {
    let fake = Arc::new(Fake::new(|_| fails(Class::Throttled).after(10 * SECOND)));
    let scene = Scene::of(4);
    later(5 * SECOND, &scene.stop.drain);
    let gone = scene.run(&fake, many(100)).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Stopped(StopReason::Told), [0, 0, 4, 0]));
    assert_eq!(fake.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn told_to_quit_a_run_waits_for_nothing() {
    let fake = Arc::new(Fake::new(|_| warmed().after(MINUTE)));
    let scene = Scene::of(4);
    later(5 * SECOND, &scene.stop.drain);
    later(7 * SECOND, &scene.stop.quit);
    let gone = scene.run(&fake, many(100)).await;
    assert_eq!(
        (gone.ended.clone(), gone.ends(), gone.took),
        (Ended::Stopped(StopReason::Told), [0, 0, 0, 4], 7 * SECOND)
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_at_the_deadline_of_the_run() {
    let fake = Arc::new(Fake::new(|_| warmed().after(MINUTE)));
    let scene = Scene { deadline: 20 * SECOND, ..Scene::of(4) };
    later(5 * SECOND, &scene.stop.drain);
    let gone = scene.run(&fake, many(100)).await;
    assert_eq!((gone.ends(), gone.took), ([0, 0, 0, 4], 20 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_told_before_it_began_sends_nothing() {
    let fake = Arc::new(Fake::new(|_| warmed()));
    let stop = StopSignal::default();
    stop.drain.cancel();
    let gone = Scene { stop, ..Scene::default() }.run(&fake, many(10)).await;
    assert_eq!(
        (gone.ended.clone(), gone.ends(), fake.calls().len()),
        (Ended::Stopped(StopReason::Told), [0, 0, 0, 0], 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_met_an_idle_reset_is_not_unsent() {
    let fake = Arc::new(Fake::new(|_| fails(Class::IdleReset).after(10 * SECOND)));
    let scene = Scene::of(4);
    later(5 * SECOND, &scene.stop.drain);
    let gone = scene.run(&fake, many(1)).await;
    assert_eq!((gone.ended.clone(), gone.ends()), (Ended::Stopped(StopReason::Told), [0, 0, 0, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_run_can_be_stopped_while_the_keys_are_read_again() {
    for quit in [false, true] {
        let fake = Arc::new(Fake::new(|_| fails(Class::Denied).after(SECOND)).reread_takes(MINUTE));
        let scene = Scene::of(4);
        later(5 * SECOND, if quit { &scene.stop.quit } else { &scene.stop.drain });
        let gone = scene.run(&fake, many(1)).await;
        assert_eq!(
            (gone.ended.clone(), gone.ends(), gone.took),
            (Ended::Stopped(StopReason::Told), [0, 0, 1, 0], 5 * SECOND)
        );
    }
    let fake = Arc::new(Fake::new(|_| fails(Class::Denied).after(SECOND)).reread_takes(MINUTE));
    let gone = Scene { deadline: 5 * SECOND, ..Scene::default() }.run(&fake, many(1)).await;
    assert_eq!((gone.ended.clone(), gone.ends(), gone.took), (Ended::Deadline, [0, 0, 1, 0], 5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn told_only_to_quit_a_run_ends_at_once() {
    let fake = Arc::new(Fake::new(|_| silence()));
    let scene = Scene::of(4);
    later(5 * SECOND, &scene.stop.quit);
    let gone = scene.run(&fake, many(10)).await;
    assert_eq!(
        (gone.ended.clone(), gone.ends(), gone.took),
        (Ended::Stopped(StopReason::Told), [0, 0, 0, 4], 5 * SECOND)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_says_why() {
    let fake = Arc::new(Fake::new(|_| warmed()));
    let stop = StopSignal::default();
    stop.stop(StopReason::Replaced);
    let gone = Scene { stop, ..Scene::default() }.run(&fake, many(10)).await;
    assert_eq!((gone.ended, fake.calls().len()), (Ended::Stopped(StopReason::Replaced), 0));
}
