//! Plans whose part on disk cannot be read any more.

use std::cell::Cell;
use std::fs::{self, OpenOptions};
use std::path::Path;

use hotset::report::{Outcome, Report};
use hotset::run::{self, Connection, Connections, Pass};
use model::select::plan::Verdict;
use sim::Kind;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::stage::{Stage, bucket, builder, stage};
use crate::patience::until;

/// Makes everything shorter that this process has open in a folder and that has no name any more. Tells how many that are.
fn truncate(folder: &Path) -> usize {
    let is_in = |file: &Path| fs::read_link(file).is_ok_and(|target| target.starts_with(folder));
    let files = fs::read_dir("/proc/self/fd").unwrap().map(|file| file.unwrap().path());
    files
        .filter(|file| is_in(file))
        .map(|file| OpenOptions::new().write(true).open(file).unwrap().set_len(0).unwrap())
        .count()
}

/// A stage with so many objects, and a connection of its profile that keeps nothing of a plan in memory.
async fn spilling(objects: usize, caps: &str) -> (Stage, Connection, TempDir) {
    let table = format!("[profile.p]\nobjects = [\"s3://data/**\"]\n{caps}\n");
    let one = "start_in_flight = 1\nmax_in_flight = 1\nlist_in_flight = 1";
    let stage = stage(builder().bucket("data", bucket("", objects)), one, &table).await;
    let folder = tempfile::tempdir().unwrap();
    let connections = Connections::spilling_beyond(0, folder.path().to_owned());
    let connection = connections.open(&stage.task("p").profile).await;
    (stage, connection, folder)
}

fn is_told(why: &str, folder: &Path) {
    let told = format!("what was listed and put into {} cannot be read any more: ", folder.display());
    assert!(why.starts_with(&told), "{why}");
}

/// Warms, and makes the plan's files shorter while `held` holds the run, once `is_time`. Tells how many files that were.
async fn warm(
    (stage, connection, folder): &(Stage, Connection, TempDir),
    held: CancellationToken,
    is_time: impl Fn() -> bool,
) -> (Report, usize) {
    let task = stage.task("p");
    let pass = Pass::once(&task, stage.stop.clone(), stage.progress.clone());
    let is_over = Cell::new(false);
    let run = async {
        let report = run::pass(&task, connection, pass).await;
        is_over.set(true);
        report
    };
    futures::join!(run, async {
        until(|| is_time() || is_over.get()).await;
        let truncated = truncate(folder.path());
        held.cancel();
        truncated
    })
}

#[tokio::test]
async fn a_warm_whose_objects_cannot_be_read_any_more_has_failed() {
    let scene = spilling(100, "max_bytes = \"unlimited\"").await;
    let (stage, folder) = (&scene.0, scene.2.path());
    let held = stage.hold(|rule| rule.on(Kind::RangedHead));
    let (report, truncated) = warm(&scene, held, || stage.progress(|progress| &progress.planned_objects) > 0).await;
    assert_eq!((report.outcome, truncated > 0), (Outcome::Failed, true), "{:?}", report.reason);
    is_told(&report.reason.unwrap(), folder);
    assert!(stage.heads() < 10, "{} were sent", stage.heads());
}

#[tokio::test]
async fn a_plan_of_which_something_cannot_be_read_any_more_has_failed_and_warms_nothing() {
    let scene = spilling(7_500, "max_bytes = \"1 TiB\"\nmax_objects = 7_000").await;
    let (stage, folder) = (&scene.0, scene.2.path());
    let held = stage.hold(|rule| rule.on(Kind::List).nth(7));
    let (report, truncated) = warm(&scene, held, || stage.lists() == 7).await;
    assert_eq!((report.outcome, truncated, stage.heads()), (Outcome::Failed, 1, 0), "{:?}", report.reason);
    is_told(&report.reason.unwrap(), folder);
    assert!(matches!(report.plan.verdict, Verdict::Failed(_)), "{:?}", report.plan.verdict);
}
