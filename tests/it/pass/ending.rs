use std::time::Duration;

use hotset::journal::Journal;
use hotset::report::{Begun, Identity, Outcome, Trigger};
use hotset::run::{self, Connections, Pass};
use model::object::Count;
use sim::{Fault, Kind, Lota, Outage, Rule, Side};

use super::stage::{Stage, bucket, builder, ends, profile, run_json, snapshot, stage};

/// Ten objects of 1,000 bytes, two at a time, with fills of 50 ms each.
async fn slow() -> Stage {
    let lota = Lota { floor: Duration::from_millis(50), ..Lota::default() };
    let sim = builder().bucket("training", bucket("", 10)).cache(lota);
    stage(sim, "start_in_flight = 2\nmax_in_flight = 2", &profile("\"s3://training/**\"", "")).await
}

/// Until the cache has been asked for something.
async fn asked(stage: &Stage) {
    while stage.heads() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_stall_ends_unknown_at_the_deadline_of_the_run() {
    let sim = builder().bucket("training", bucket("", 10));
    let mut stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.deadline = Duration::from_millis(1500);
    stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::RangedHead).key("03"));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Partial, [10, 9, 0, 0, 1]));
    snapshot("warm-deadline", &run_json(&report));
}

#[tokio::test]
async fn a_listing_that_outlasts_the_run_is_a_failure() {
    let sim = builder().bucket("training", bucket("", 10));
    let mut stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.deadline = Duration::from_millis(300);
    stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::List));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, stage.heads()), (Outcome::Failed, 0));
    assert_eq!(report.reason.unwrap(), "the run's deadline came before the listing was done");
}

#[tokio::test]
async fn told_to_stop_a_run_ends_what_it_began_and_nothing_more() {
    let stage = slow().await;
    let (report, ()) = futures::join!(stage.warm("p"), async {
        asked(&stage).await;
        stage.stop.drain.cancel();
    });
    let warmed = report.totals.warmed.objects;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Interrupted, [10, warmed, 0, 0, 0]));
    assert!((1..=2).contains(&warmed) && stage.heads() == warmed, "{warmed}");
    assert_eq!(report.reason.unwrap(), format!("told to stop; {} not tried of 10 objects", 10 - warmed));
}

#[tokio::test]
async fn told_to_quit_a_run_leaves_what_it_began_unknown() {
    let stage = slow().await;
    stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::RangedHead));
    let (report, ()) = futures::join!(stage.warm("p"), async {
        asked(&stage).await;
        stage.stop.drain.cancel();
        stage.stop.quit.cancel();
    });
    let sent = stage.heads();
    assert_eq!((report.outcome, ends(&report)), (Outcome::Interrupted, [10, 0, 0, 0, sent]));
}

#[tokio::test]
async fn told_to_stop_while_it_lists_a_run_is_interrupted() {
    let sim = builder().bucket("training", bucket("", 10));
    let stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::List));
    let (report, ()) = futures::join!(stage.warm("p"), async {
        while stage.lists() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stage.stop.drain.cancel();
    });
    assert_eq!((report.outcome, stage.heads()), (Outcome::Interrupted, 0));
}

#[tokio::test]
async fn a_cache_that_is_away_fails_the_run_after_the_wait() {
    let sim = builder().bucket("training", bucket("", 10));
    let stage = stage(sim, "outage_wait = \"700ms\"", &profile("\"s3://training/**\"", "")).await;
    stage.sim.set_outage(Side::Cache, Outage::Refused);
    let report = stage.warm("p").await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.totals.sends, 0);
    let reason = report.reason.unwrap();
    assert!(reason.starts_with("the endpoint answered nothing for 700ms"), "{reason}");
}

#[tokio::test]
async fn a_cache_that_comes_back_in_time_is_warmed() {
    let sim = builder().bucket("training", bucket("", 10));
    let stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.set_outage(Side::Cache, Outage::Refused);
    let (report, ()) = futures::join!(stage.warm("p"), async {
        while stage.progress.silent_ms.load(std::sync::atomic::Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stage.sim.set_outage(Side::Cache, Outage::None);
    });
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [10, 10, 0, 0, 0]));
}

#[tokio::test]
async fn a_deadline_beyond_all_clocks_is_no_deadline() {
    let sim = builder().bucket("training", bucket("", 10));
    let mut stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.deadline = Duration::MAX;
    assert_eq!(stage.warm("p").await.outcome, Outcome::Complete);
}

#[tokio::test]
async fn a_run_that_only_the_disk_knows_is_taken_up_while_memory_stands_in_for_it() {
    let stage = slow().await;
    let task = stage.task("p");
    let connection = Connections::default().open(&task.profile).await;
    for (stand_in, begun) in [(false, Begun::Done), (true, Begun::Yes)] {
        let once = Pass::once(&task, stage.stop.clone(), stage.progress.clone());
        let identity = Identity { resumes: 1, ..Identity::new(Trigger::Resume, once.identity.started) };
        let (journal, again) = (Some(Journal::memory(100).unwrap()), Some(Count::default()));
        let report = run::pass(&task, &connection, Pass { identity, journal, again, stand_in, ..once }).await;
        assert_eq!((report.begun, report.outcome == Outcome::Complete), (begun, stand_in));
    }
}
