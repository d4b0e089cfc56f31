//! Warming that begins before all is listed, where no cap can cut anything.

use std::time::Duration;

use hotset::journal::Journal;
use hotset::report::Outcome;
use hotset::run::{self, Connections, Pass};
use model::object::Count;
use sim::{Fault, Kind, Outage, Rule, Side};

use super::stage::{Stage, bucket, builder, count, ends, stage};
use crate::patience::{leap, until};

const UNCAPPED: &str =
    "[profile.p]\nobjects = [\"s3://one/**\", \"s3://two/**\"]\nmax_bytes = \"unlimited\"\nexclude = [\"s3://*/*9\"]\n";

/// Ten objects in each of two buckets, of which one is excluded; `text` configures the profile.
async fn two(endpoint: &str, text: &str) -> Stage {
    let sim = builder().bucket("one", bucket("", 10)).bucket("two", bucket("", 10));
    stage(sim, endpoint, text).await
}

fn stalled_list() -> Rule {
    Rule::new(Fault::Stall).on(Kind::List).bucket("two")
}

/// Until so many objects are warm.
async fn warm(stage: &Stage, objects: u64) {
    until(|| stage.progress(|progress| &progress.warmed_objects) == objects).await;
}

#[tokio::test]
async fn what_was_listed_first_is_warm_while_the_rest_is_still_listed() {
    let stage = two("", UNCAPPED).await;
    stage.sim.faults().push(stalled_list());
    let (report, ()) = futures::join!(stage.warm("p"), async {
        warm(&stage, 9).await;
        stage.stop.drain.cancel();
    });
    assert_eq!((report.outcome, ends(&report)), (Outcome::Interrupted, [9, 9, 0, 0, 0]));
    assert_eq!(report.reason.unwrap(), "told to stop while listing");
}

#[tokio::test]
async fn with_a_cap_nothing_is_sent_before_all_is_listed() {
    let stage = two("", &UNCAPPED.replace("unlimited", "1 TiB")).await;
    let stall = stage.sim.faults().push(stalled_list());
    let (report, ()) = futures::join!(stage.warm("p"), async {
        until(|| stage.sim.faults().struck(stall) > 0 && stage.lists() == 2).await;
        stage.stop.drain.cancel();
    });
    assert_eq!((report.outcome, stage.heads()), (Outcome::Interrupted, 0));
}

#[tokio::test]
async fn it_comes_to_what_a_cap_that_cuts_nothing_comes_to() {
    let mut reports = Vec::new();
    for text in [UNCAPPED, &UNCAPPED.replace("unlimited", "1 TiB")] {
        let stage = two("", text).await;
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [18, 18, 0, 0, 0]));
        let plan = &report.plan;
        let counts = (plan.selected, plan.fresh, plan.selection.listed, plan.selection.matched, plan.list_requests);
        reports.push((counts, plan.selection.left_out.clone(), plan.warnings.clone(), report.wanted()));
    }
    assert_eq!(reports[0], reports[1]);
}

#[tokio::test]
async fn a_listing_that_cannot_be_finished_leaves_what_was_warmed_and_says_so() {
    let stage = two("base_timeout = \"10m\"\noutage_wait = \"1h\"", UNCAPPED).await;
    let stall = stage.sim.faults().push(stalled_list());
    let (report, ()) = futures::join!(stage.warm("p"), async {
        warm(&stage, 9).await;
        stage.sim.faults().remove(stall);
        stage.sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).on(Kind::List).bucket("two"));
        leap(Duration::from_mins(11)).await;
    });
    assert_eq!((report.outcome, ends(&report)), (Outcome::Partial, [9, 9, 0, 0, 0]));
    let reason = report.reason.unwrap();
    assert!(reason.starts_with("list s3://two/: ") && reason.contains("AccessDenied"), "{reason}");
}

#[tokio::test]
async fn nothing_that_matches_is_refused_and_nothing_is_sent() {
    let stage = two("", &UNCAPPED.replace("/**\"", "/none/**\"")).await;
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, stage.heads()), (Outcome::Refused, 0));
    assert!(report.reason.unwrap().starts_with("nothing matched"));
}

#[tokio::test]
async fn a_cache_that_is_away_ends_the_listing_too() {
    let stage = two("outage_wait = \"700ms\"", UNCAPPED).await;
    stage.sim.set_outage(Side::Cache, Outage::Refused);
    stage.sim.faults().push(stalled_list());
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, report.totals.sends), (Outcome::Failed, 0));
    let reason = report.reason.unwrap();
    assert_eq!(reason, "the endpoint answered nothing for 700ms; 9 failed of 9 objects (unreachable)");
}

#[tokio::test]
async fn what_the_ledger_knows_is_not_sent_again() {
    let stage = two("", UNCAPPED).await;
    let task = stage.task("p");
    let connection = Connections::default().open(&task.profile).await;
    let journal = Journal::memory(100).unwrap();
    for (heads, fresh) in [(18, 0), (18, 18)] {
        let once = Pass::once(&task, stage.stop.clone(), stage.progress.clone());
        let report = run::pass(&task, &connection, Pass { journal: Some(journal.clone()), ..once }).await;
        assert_eq!((report.outcome, stage.heads()), (Outcome::Complete, heads));
        assert_eq!((report.plan.fresh, report.totals.fresh), (count(fresh), count(fresh)));
    }
}

#[tokio::test]
async fn a_run_that_is_taken_up_counts_what_it_had_warmed() {
    let stage = two("", UNCAPPED).await;
    let task = stage.task("p");
    let connection = Connections::default().open(&task.profile).await;
    let journal = Journal::memory(100).unwrap();
    let once =
        || Pass { journal: Some(journal.clone()), ..Pass::once(&task, stage.stop.clone(), stage.progress.clone()) };
    let first = run::pass(&task, &connection, once()).await;
    assert_eq!(first.totals.warmed, count(18));
    let again = Pass { resumed_with: Some(count(18)), degraded: false, rewarm: true, ..once() };
    let report = run::pass(&task, &connection, again).await;
    assert_eq!((report.totals.warmed, report.totals.fresh), (count(18), Count::default()), "{:?}", report.reason);
}
