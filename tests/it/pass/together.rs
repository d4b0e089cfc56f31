//! Several passes of one cache at once, as a daemon runs them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hotset::clock;
use hotset::report::{Outcome, Progress, Report, RunInfo, StopReason, Trigger};
use hotset::run::{self, Connections, Pass};
use hotset::warm::StopSignal;
use sim::Kind;

use super::stage::{Stage, bucket, builder, count, profile, stage};
use crate::patience::{at_one_instant, until};

pub async fn pass(stage: &Stage, connections: &Connections, name: &str) -> impl Future<Output = Report> + use<> {
    watched(stage, connections, (name, Arc::default())).await
}

/// The same, with what it shows of its progress.
pub async fn watched(
    stage: &Stage,
    connections: &Connections,
    (name, progress): (&str, Arc<Progress>),
) -> impl Future<Output = Report> + use<> {
    let task = stage.task(name);
    let connection = connections.open(&task.profile).await;
    let pass = Pass {
        info: RunInfo::new(Trigger::Schedule, clock::now()),
        deadline: stage.deadline,
        ..Pass::once(&task, stage.stop.clone(), progress)
    };
    async move { run::pass(&task, &connection, pass).await }
}

/// Until it is known what is to be warmed.
pub async fn planned(progress: &Progress) {
    until(|| progress.planned_objects.load(Ordering::Relaxed) > 0).await;
}

/// Two profiles of the same twenty objects.
async fn two() -> Stage {
    let sim = builder().bucket("training", bucket("", 20));
    let both =
        profile("\"s3://training/**\"", "") + &profile("\"s3://training/**\"", "").replace("profile.p", "profile.q");
    stage(sim, "", &both).await
}

#[tokio::test]
async fn two_profiles_of_the_same_objects_never_have_one_open_twice() {
    let stage = two().await;
    let connections = Connections::default();
    let shown: [Arc<Progress>; 2] = Default::default();
    let p = watched(&stage, &connections, ("p", shown[0].clone())).await;
    let q = watched(&stage, &connections, ("q", shown[1].clone())).await;
    // What is asked for first is answered when both know what they want.
    let release = stage.hold(|rule| rule.on(Kind::RangedHead));
    let both = async {
        planned(&shown[0]).await;
        planned(&shown[1]).await;
        release.cancel();
    };
    let (p, q, ()) = at_one_instant(Box::pin(async { futures::join!(p, q, both) })).await;
    for report in [&p, &q] {
        assert_eq!(report.outcome, Outcome::Complete);
        assert_eq!(report.totals.warmed + report.totals.fresh, count(20));
    }
    let counters = stage.sim.counters();
    assert_eq!(counters.cache.most_open_one_key, 1);
    assert_eq!(counters.cache.count(Kind::RangedHead), p.totals.sends + q.totals.sends);
    assert!(p.totals.fresh.objects + q.totals.fresh.objects > 0, "what one fills, the other does not ask for");
}

#[tokio::test]
async fn a_run_whose_window_closes_says_so_and_is_partial() {
    let stage = two().await;
    let release = stage.hold(|rule| rule.on(Kind::RangedHead));
    let connections = Connections::default();
    let run = pass(&stage, &connections, "p").await;
    connections.limit("cache").unwrap().share(1_000);
    let (report, ()) = futures::join!(run, async {
        until(|| stage.heads() > 0).await;
        stage.stop.stop(StopReason::Window);
        release.cancel();
    });
    assert_eq!(report.outcome, Outcome::Partial);
    assert_eq!(report.reason.unwrap(), "its window closed; 19 not tried of 20 objects");
}

#[tokio::test]
async fn a_run_that_is_stopped_while_it_lists_says_why() {
    for (stopped, outcome, reason) in [
        (StopReason::Removed, Outcome::Interrupted, "the profile was removed while listing"),
        (StopReason::Window, Outcome::Failed, "its window closed while listing"),
    ] {
        let mut stage = two().await;
        stage.stop = StopSignal::default();
        stage.stop.stop(stopped);
        let run = pass(&stage, &Connections::default(), "p").await;
        let report = run.await;
        assert_eq!((report.outcome, report.reason.as_deref()), (outcome, Some(reason)));
    }
}
