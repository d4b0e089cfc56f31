//! Profiles of one endpoint share its limit: alike within a priority, and a higher one first.

use std::sync::Arc;

use hotset::report::{Outcome, Progress, Report, StopReason};
use hotset::run::Connections;
use sim::{Kind, Series};

use super::stage::{Stage, bucket, builder, profile, stage};
use super::together::{pass, planned, watched};
use crate::patience::{at_one_instant, until};

/// As many at once.
const AT_ONCE: usize = 4;

/// Profiles of one bucket each, with their number of objects and their priority. What comes last in the log ended last.
async fn profiles(of: &[(&str, u64, i64)]) -> Stage {
    let held = |n| bucket("", 0).series(Series::new("", n, "").size(1000));
    let sim = of.iter().fold(builder(), |sim, (name, objects, _)| sim.bucket(name, held(*objects)));
    let tables: Vec<_> = of
        .iter()
        .map(|(name, _, priority)| {
            let table = profile(&format!("\"s3://{name}/**\""), &format!("priority = {priority}"));
            table.replace("profile.p", &format!("profile.{name}"))
        })
        .collect();
    let endpoint = format!("start_in_flight = {AT_ONCE}\nmax_in_flight = {AT_ONCE}");
    stage(sim, &endpoint, &tables.concat()).await
}

/// The buckets whose objects were warmed, one after another.
fn warmed(stage: &Stage) -> Vec<String> {
    let heads = stage.sim.log().into_iter().filter(|logged| logged.kind == Kind::RangedHead);
    heads.map(|logged| logged.host.split('.').next().unwrap_or_default().to_owned()).collect()
}

/// Begins the run of `first`, and when it sends also that of `second`. Nothing is answered before that one knows what it wants.
async fn one_after_another(stage: &Stage, first: &str, second: &str) -> (Report, Report) {
    let connections = Connections::default();
    let shown: Arc<Progress> = Arc::default();
    let first = pass(stage, &connections, first).await;
    let second = watched(stage, &connections, (second, shown.clone())).await;
    let release = stage.hold(|rule| rule.on(Kind::RangedHead));
    let late = async {
        until(|| stage.heads() == AT_ONCE as u64).await;
        let known = async {
            planned(&shown).await;
            release.cancel();
        };
        futures::join!(second, known).0
    };
    Box::pin(at_one_instant(async { futures::join!(first, late) })).await
}

#[tokio::test]
async fn two_profiles_of_one_priority_are_warmed_alike() {
    let stage = profiles(&[("left", 150, 0), ("right", 150, 0)]).await;
    let (left, right) = one_after_another(&stage, "left", "right").await;
    assert_eq!((left.outcome, right.outcome), (Outcome::Complete, Outcome::Complete));
    let order = warmed(&stage);
    let begins = order.iter().position(|name| name == "right").unwrap();
    let together = &order[begins..order.iter().rposition(|name| name == "left").unwrap()];
    let lefts = together.iter().filter(|name| *name == "left").count();
    let rights = together.len() - lefts;
    assert!(together.len() > 100, "they ran beside each other: {}", together.len());
    assert!(lefts.abs_diff(rights) <= 2 * AT_ONCE, "{lefts} and {rights}");
}

#[tokio::test]
async fn a_profile_of_a_higher_priority_is_warmed_before_what_is_left_of_another() {
    let stage = profiles(&[("low", 150, 0), ("high", 100, 5)]).await;
    let (low, high) = one_after_another(&stage, "low", "high").await;
    assert_eq!((low.outcome, high.outcome), (Outcome::Complete, Outcome::Complete));
    let order = warmed(&stage);
    let begins = order.iter().position(|name| name == "high").unwrap();
    let ends = order.iter().rposition(|name| name == "high").unwrap();
    let slipped = order[begins..ends].iter().filter(|name| *name == "low").count();
    assert!(slipped <= AT_ONCE, "{slipped} that were not yet under way");
    assert!(order.len() - ends > AT_ONCE, "there was something left of the other");
}

#[tokio::test]
async fn five_objects_of_a_higher_priority_do_not_wait_for_twenty_thousand() {
    let stage = profiles(&[("bulk", 20_000, 0), ("urgent", 5, 9)]).await;
    let connections = Connections::default();
    let bulk = pass(&stage, &connections, "bulk").await;
    let urgent = pass(&stage, &connections, "urgent").await;
    let late = async {
        until(|| stage.heads() >= 50).await;
        let urgent = urgent.await;
        stage.stop.stop(StopReason::Cancelled);
        urgent
    };
    let (bulk, urgent) = Box::pin(at_one_instant(async { futures::join!(bulk, late) })).await;
    assert_eq!((urgent.outcome, urgent.totals.warmed.objects), (Outcome::Complete, 5));
    assert_eq!((bulk.outcome, bulk.totals.planned.objects), (Outcome::Interrupted, 20_000));
    let order = warmed(&stage);
    let begins = order.iter().position(|name| name == "urgent").unwrap();
    let ends = order.iter().rposition(|name| name == "urgent").unwrap();
    assert!(ends - begins < 5 + AT_ONCE, "{:?}", &order[begins..=ends]);
}
