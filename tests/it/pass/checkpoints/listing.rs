//! What a poll costs in LISTs, and who shares them.

use hotset::report::Progress;
use hotset::run::{self, Connections};
use hotset::warm::StopSignal;
use model::select::plan::Verdict;
use sim::{Bucket, Kind, Series};

use super::poller::{ago, poller, profile, run_of, steps};
use crate::pass::stage::{Stage, builder, stage};

async fn plans(stage: &Stage, names: &[&str]) -> (Vec<u64>, u64) {
    let tasks: Vec<_> = names.iter().map(|name| stage.task(name)).collect();
    let connection = Connections::default().open(&tasks[0].profile).await;
    stage.sim.reset_counters();
    let plans = run::plan_together(&tasks, &connection, &Progress::default().into(), &StopSignal::default()).await;
    assert!(plans.iter().all(|plan| plan.verdict == Verdict::Ready), "{plans:?}");
    let counters = stage.sim.counters();
    let asked = counters.list.count(Kind::List) + counters.list.count(Kind::ListBuckets);
    (plans.iter().map(|plan| plan.selected.objects).collect(), asked)
}

#[tokio::test]
async fn profiles_that_are_planned_together_share_their_listings() {
    let named = |name: &str, checkpoint: &str, objects: &str| {
        profile(objects, checkpoint, "").replace("profile.p", &format!("profile.{name}"))
    };
    let objects = "\"s3://train*/**\"";
    let tables = named("one", "", objects)
        + &named("two", ", keep = 2", objects)
        + &format!("[profile.all]\nobjects = [{objects}]\nmax_bytes = \"1 TiB\"\n");
    let sim = builder().bucket("training", run_of(steps(&[1, 2, 3]), "other", &[5]));
    let stage = stage(sim, "", &tables).await;
    let (one, lists_of_one) = plans(&stage, &["one"]).await;
    let (two, lists_of_two) = plans(&stage, &["two"]).await;
    let (all, lists_of_all) = plans(&stage, &["all"]).await;
    assert_eq!((one, two, all), (vec![8], vec![12], vec![16]));
    let (together, lists) = plans(&stage, &["one", "all", "two"]).await;
    assert_eq!(together, [8, 16, 12]);
    assert!(lists_of_one <= lists_of_two);
    assert_eq!(lists, lists_of_two + lists_of_all, "all that `one` needs, `two` does, too");
}

/// 1,000 checkpoints with 1,500 files each, of which the newest `torn` have no marker.
fn thousand(torn: u64) -> Bucket {
    (1..=1000).fold(Bucket::new(), |bucket, step| {
        let folder = format!("run/checkpoint-{step}");
        let files = Series::new(format!("{folder}/model-"), 1500, ".bin")
            .size(1000)
            .modified(ago(60), chrono::TimeDelta::zero());
        let bucket = bucket.series(files);
        match step > 1000 - torn {
            true => bucket,
            false => bucket.object(format!("{folder}/trainer_state.json"), super::poller::entry(60)),
        }
    })
}

#[tokio::test]
async fn a_poll_of_a_thousand_checkpoints_costs_a_handful_of_lists() {
    // Of the bucket and of the run's folder the first page and the page of folders, and two pages for each checkpoint that is looked into: those that are
    // chosen, the three before each, and those that turn out to be incomplete.
    for (torn, keep, lists) in [(0, 1, 4 + 2 * 4), (0, 3, 4 + 2 * 6), (2, 1, 4 + 2 * 6), (2, 3, 4 + 2 * 8)] {
        let tables = profile("\"s3://training/**\"", &format!(", keep = {keep}"), "");
        let poller = poller(builder().bucket("training", thousand(torn)), "", &tables).await;
        let plan = poller.stage.plan("p").await;
        let chosen = plan.selection.groups.iter().filter(|group| group.state == model::select::group::State::Chosen);
        let names: Vec<_> = chosen.map(|group| group.step.unwrap()).collect();
        assert_eq!(names, (0..keep).map(|n| 1000 - torn - n).collect::<Vec<_>>());
        assert_eq!((plan.selected.objects, plan.list_requests), (1501 * keep, lists), "{torn} torn, keep {keep}");
        assert_eq!(poller.stage.lists(), lists);
    }
}
