use std::time::Duration;

use hotset::journal::Journal;
use hotset::report::{Outcome, RunInfo, Trigger};
use hotset::run::{self, Connections, Pass};
use model::object::Count;
use sim::{Fault, Kind, Outage, Rule, Side};

use super::stage::{Stage, bucket, builder, ends, profile, run_json, snapshot, stage};
use crate::patience::{leap, until};

const HOUR: Duration = Duration::from_hours(1);
/// A request outlasts any run here.
const PATIENT: &str = "base_timeout = \"1d\"";

/// Ten objects of 1,000 bytes, two at a time.
async fn two_at_a_time() -> Stage {
    let sim = builder().bucket("training", bucket("", 10));
    let endpoint = format!("start_in_flight = 2\nmax_in_flight = 2\n{PATIENT}");
    stage(sim, &endpoint, &profile("\"s3://training/**\"", "")).await
}

#[tokio::test]
async fn a_stall_ends_unknown_at_the_deadline_of_the_run() {
    let sim = builder().bucket("training", bucket("", 10));
    let mut stage = stage(sim, PATIENT, &profile("\"s3://training/**\"", "")).await;
    stage.deadline = HOUR;
    let stall = stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::RangedHead).key("03"));
    let (report, ()) = futures::join!(stage.warm("p"), async {
        until(|| stage.progress(|progress| &progress.ended_objects) == 9 && stage.sim.faults().struck(stall) == 1)
            .await;
        leap(HOUR).await;
    });
    assert_eq!((report.outcome, ends(&report)), (Outcome::Partial, [10, 9, 0, 0, 1]));
    snapshot("warm-deadline", &run_json(&report));
}

#[tokio::test]
async fn a_listing_that_outlasts_the_run_is_a_failure() {
    let sim = builder().bucket("training", bucket("", 10));
    let mut stage = stage(sim, PATIENT, &profile("\"s3://training/**\"", "")).await;
    stage.deadline = HOUR;
    stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::List));
    let (report, ()) = futures::join!(stage.warm("p"), async {
        until(|| stage.lists() > 0).await;
        leap(HOUR).await;
    });
    assert_eq!((report.outcome, stage.heads()), (Outcome::Failed, 0));
    assert_eq!(report.reason.unwrap(), "the run's deadline came before the listing was done");
}

#[tokio::test]
async fn told_to_stop_a_run_ends_what_it_began_and_nothing_more() {
    let stage = two_at_a_time().await;
    let release = stage.hold(|rule| rule.on(Kind::RangedHead));
    let (report, ()) = futures::join!(stage.warm("p"), async {
        until(|| stage.heads() == 2).await;
        stage.stop.drain.cancel();
        release.cancel();
    });
    assert_eq!((report.outcome, ends(&report)), (Outcome::Interrupted, [10, 2, 0, 0, 0]));
    assert_eq!(stage.heads(), 2);
    assert_eq!(report.reason.unwrap(), "told to stop; 8 not tried of 10 objects");
}

#[tokio::test]
async fn told_to_quit_a_run_leaves_what_it_began_unknown() {
    let stage = two_at_a_time().await;
    stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::RangedHead));
    let (report, ()) = futures::join!(stage.warm("p"), async {
        until(|| stage.heads() == 2).await;
        stage.stop.drain.cancel();
        stage.stop.quit.cancel();
    });
    assert_eq!((report.outcome, ends(&report)), (Outcome::Interrupted, [10, 0, 0, 0, 2]));
}

#[tokio::test]
async fn told_to_stop_while_it_lists_a_run_is_interrupted() {
    let sim = builder().bucket("training", bucket("", 10));
    let stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::List));
    let (report, ()) = futures::join!(stage.warm("p"), async {
        until(|| stage.lists() > 0).await;
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
        until(|| stage.progress(|progress| &progress.silent_ms) > 0).await;
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
    let stage = two_at_a_time().await;
    let task = stage.task("p");
    let connection = Connections::default().open(&task.profile).await;
    for (degraded, outcome) in [(false, Outcome::Refused), (true, Outcome::Complete)] {
        let once = Pass::once(&task, stage.stop.clone(), stage.progress.clone());
        let info = RunInfo { resumes: 1, ..RunInfo::new(Trigger::Resume, once.info.started) };
        let (journal, resumed_with) = (Some(Journal::memory(100).unwrap()), Some(Count::default()));
        let report = run::pass(&task, &connection, Pass { info, journal, resumed_with, degraded, ..once }).await;
        assert_eq!(report.outcome, outcome);
    }
}
