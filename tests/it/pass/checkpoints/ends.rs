//! Searches and warms that do not come to their end.

use std::time::Duration;

use hotset::report::{Outcome, RunInfo, StopReason, Trigger};
use hotset::run::Pass;
use hotset::warm::StopSignal;
use sim::{Fault, Kind, Rule};

use super::poller::{Poller, poller, profile, run_of, steps};
use crate::pass::stage::builder;
use crate::patience::{leap, until};

const HOUR: Duration = Duration::from_hours(1);

async fn two_runs(endpoint: &str) -> Poller {
    let sim = builder().bucket("training", run_of(steps(&[100, 200]), "other", &[7]));
    poller(sim, endpoint, &profile("\"s3://training/**\"", "", "")).await
}

#[tokio::test]
async fn a_search_that_is_stopped_or_out_of_time_warms_nothing() {
    for (cut, outcome, why) in [
        (Some(StopReason::Shutdown), Outcome::Interrupted, "the daemon was stopped while listing"),
        (Some(StopReason::Window), Outcome::Failed, "its window closed while listing"),
        (None, Outcome::Failed, "the run's deadline came before the listing was done"),
    ] {
        let poller = two_runs("base_timeout = \"1d\"").await;
        let lists = poller.stage.plan("p").await.list_requests;
        // The last listing of all: the groups were found.
        let stall = poller.stage.sim.faults().push(Rule::new(Fault::Stall).on(Kind::List).nth(lists));
        let stop = StopSignal::default();
        let pass = |pass| match cut {
            Some(_) => Pass { stop: stop.clone(), ..pass },
            None => Pass { deadline: HOUR, ..pass },
        };
        let told = async {
            until(|| poller.stage.sim.faults().struck(stall) > 0).await;
            match cut {
                Some(reason) => {
                    stop.stop(reason);
                }
                None => leap(HOUR).await,
            }
        };
        let (poll, ()) = futures::join!(poller.pass(pass), told);
        assert_eq!((poll.report.outcome, poll.reason(), poll.heads.len()), (outcome, why, 0));
        assert_eq!(poll.counts(), [0; 5]);
    }
}

#[tokio::test]
async fn a_listing_that_fails_half_way_fails_the_search() {
    let poller = two_runs("").await;
    let lists = poller.stage.plan("p").await.list_requests;
    let faults = poller.stage.sim.faults();
    for nth in 1..=lists {
        for fault in [Fault::status(500, "InternalError"), Fault::status(503, "SlowDown")] {
            faults.push(Rule::new(fault).on(Kind::List).nth(nth));
            let poll = poller.poll().await;
            faults.clear();
            assert_eq!((poll.report.outcome, poll.heads.len()), (Outcome::Failed, 0), "LIST {nth}: {}", poll.reason());
            assert!(poll.reason().starts_with("list s3://training/"), "{}", poll.reason());
        }
    }
    faults.push(Rule::new(Fault::status(403, "AccessDenied")).on(Kind::List));
    let poll = poller.poll().await;
    assert_eq!((poll.report.outcome, poll.heads.len()), (Outcome::Refused, 0), "{}", poll.reason());
}

#[tokio::test]
async fn a_pointer_that_cannot_be_read_fails_the_search() {
    let sim = builder().bucket("training", run_of(steps(&[100]), "other", &[7]));
    let tables = profile("\"s3://training/**\"", ", pointer = \"latest\"", "");
    let poller = poller(sim, "", &tables).await;
    poller.stage.sim.faults().push(Rule::new(Fault::status(500, "InternalError")).on(Kind::Get).key("other/latest"));
    let poll = poller.poll().await;
    assert_eq!((poll.report.outcome, poll.heads.len()), (Outcome::Failed, 0), "{}", poll.reason());
    assert!(poll.reason().starts_with("read s3://training/other/latest: "), "{}", poll.reason());
}

#[tokio::test]
async fn a_run_that_was_interrupted_in_a_checkpoint_is_taken_up_where_it_was_left() {
    let poller = two_runs(super::poller::ONE_AT_A_TIME).await;
    let release = poller.stage.hold(|rule| rule.on(Kind::RangedHead).nth(3));
    let stop = StopSignal::default();
    let sim = &poller.stage.sim;
    let told = async {
        until(|| sim.counters().cache.status(200) == 2 && sim.counters().cache.open == 1).await;
        stop.stop(StopReason::Shutdown);
        release.cancel();
    };
    let (cut, ()) = futures::join!(poller.pass(|pass| Pass { stop: stop.clone(), ..pass }), told);
    let warmed = cut.report.totals.warmed;
    assert_eq!((cut.report.outcome, warmed.objects), (Outcome::Interrupted, 3));
    let info = RunInfo { trigger: Trigger::Resume, resumes: 1, ..cut.report.info };
    let rest = poller.pass(|pass| Pass { info, resumed_with: Some(warmed), ..pass }).await;
    assert_eq!((rest.report.outcome, rest.counts()), (Outcome::Complete, [8, 8, 0, 0, 0]), "{}", rest.reason());
    assert_eq!((cut.heads.len() + rest.heads.len(), rest.heads.len() as u64), (8, 8 - warmed.objects));
    assert!(cut.heads.iter().all(|key| !rest.heads.contains(key)), "nothing is sent twice");
}
