use hotset::report::Outcome;
use sim::{Bucket, Entry};

use super::poller::{ONE_AT_A_TIME, Poll, Poller, ago, entry, members, poller, profile, saved, steps};
use crate::pass::stage::builder;

/// Puts another complete checkpoint beside those that are there.
fn save(poller: &Poller, folder: &str, minutes: i64) {
    for key in members(folder) {
        assert!(poller.stage.sim.put("training", key, entry(minutes)));
    }
}

async fn training(bucket: Bucket, checkpoint: &str) -> Poller {
    poller(builder().bucket("training", bucket), "", &profile("\"s3://training/**\"", checkpoint, "")).await
}

fn is_complete(poll: &Poll, counts: [u64; 5]) {
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, counts), "{}", poll.reason());
    assert!(poll.report.warm_ratio().reaches(1.0));
}

#[tokio::test]
async fn what_was_warmed_is_not_asked_for_again_and_a_new_checkpoint_is() {
    let poller = training(steps(&[100, 200]), "").await;
    let first = poller.poll().await;
    is_complete(&first, [4, 4, 0, 0, 0]);
    assert_eq!(
        (first.heads.as_slice(), first.chosen()),
        (&members("run/checkpoint-200")[..], vec!["run/checkpoint-200".into()])
    );
    let second = poller.poll().await;
    is_complete(&second, [4, 0, 4, 0, 0]);
    assert!(second.heads.is_empty() && second.lists == first.lists, "{:?}", second.heads);
    save(&poller, "run/checkpoint-300", 5);
    let third = poller.poll().await;
    is_complete(&third, [4, 4, 0, 0, 0]);
    assert_eq!((third.heads, third.report.plan.selection.groups.len()), (members("run/checkpoint-300"), 3));
}

#[tokio::test]
async fn with_two_kept_the_older_one_stays_fresh_beside_a_new_one() {
    let poller = training(steps(&[100, 200]), ", keep = 2").await;
    is_complete(&poller.poll().await, [8, 8, 0, 0, 0]);
    save(&poller, "run/checkpoint-300", 5);
    let next = poller.poll().await;
    is_complete(&next, [8, 4, 4, 0, 0]);
    assert_eq!(next.heads, members("run/checkpoint-300"));
    assert_eq!(next.chosen(), ["run/checkpoint-300", "run/checkpoint-200"]);
}

#[tokio::test]
async fn a_shard_that_was_written_again_is_warmed_alone() {
    let poller = training(steps(&[100, 200]), ", settle = \"0s\"").await;
    poller.poll().await;
    let shard = "run/checkpoint-200/model-part-00002-of-00002.safetensors";
    assert!(poller.stage.sim.overwrite("training", shard));
    let next = poller.poll().await;
    is_complete(&next, [4, 1, 3, 0, 0]);
    assert_eq!(next.heads, [shard]);
    assert!(poller.stage.sim.is_warm("training", shard));
}

#[tokio::test]
async fn while_a_shard_was_just_written_again_the_checkpoint_before_stays_and_then_it_is_warmed_alone() {
    let poller = training(steps(&[100, 200]), ", keep = 2").await;
    is_complete(&poller.poll().await, [8, 8, 0, 0, 0]);
    let shard = "run/checkpoint-200/model-part-00002-of-00002.safetensors";
    let put = |minutes| poller.stage.sim.put("training", shard, entry(minutes).etag("another"));
    assert!(put(0));
    let meanwhile = poller.poll().await;
    is_complete(&meanwhile, [4, 0, 4, 0, 0]);
    assert_eq!((meanwhile.heads.len(), meanwhile.chosen()), (0, vec!["run/checkpoint-100".to_owned()]));
    assert!(put(3));
    let next = poller.poll().await;
    is_complete(&next, [8, 1, 7, 0, 0]);
    assert_eq!(next.heads, [shard]);
}

#[tokio::test]
async fn a_checkpoint_is_warmed_once_it_has_been_quiet() {
    let bucket = saved(steps(&[100]), "run/checkpoint-200", 1);
    let poller = training(bucket, "").await;
    let first = poller.poll().await;
    is_complete(&first, [4, 4, 0, 0, 0]);
    assert_eq!(first.heads, members("run/checkpoint-100"));
    let why = first.report.plan.selection.groups[0].why.as_deref().unwrap();
    assert!(why.starts_with("changed ") && why.ends_with(" ago, settle is 2m"), "{why}");
    // The last change to the newest one, three minutes ago.
    save(&poller, "run/checkpoint-200", 3);
    let second = poller.poll().await;
    is_complete(&second, [4, 4, 0, 0, 0]);
    assert_eq!(second.heads, members("run/checkpoint-200"));
}

#[tokio::test]
async fn while_the_newest_is_not_complete_the_one_before_it_stays_fresh() {
    let poller = training(steps(&[100, 200]), "").await;
    poller.poll().await;
    for name in ["model-part-00001-of-00002.safetensors", "trainer_state.json"] {
        poller.stage.sim.put("training", format!("run/checkpoint-300/{name}"), entry(5));
    }
    let poll = poller.poll().await;
    is_complete(&poll, [4, 0, 4, 0, 0]);
    assert!(poll.heads.is_empty());
    let newest = &poll.report.plan.selection.groups[0];
    let why = "`model-part-00002-of-00002.safetensors` is missing";
    assert_eq!((newest.name.to_string(), newest.why.as_deref()), ("checkpoint-300".into(), Some(why)));
    poller.stage.sim.put("training", "run/checkpoint-300/model-part-00002-of-00002.safetensors", entry(5));
    poller.stage.sim.put("training", "run/checkpoint-300/optimizer.pt", Entry::sized(1000).modified(ago(4)));
    let poll = poller.poll().await;
    is_complete(&poll, [4, 4, 0, 0, 0]);
    assert_eq!(poll.heads, members("run/checkpoint-300"));
}

#[tokio::test]
async fn groups_are_warmed_one_after_the_other_the_newest_of_every_run_first() {
    let mut bucket = Bucket::new();
    for (run, minutes) in [("old", 500), ("young", 50)] {
        for (step, size) in [(1, 5000), (2, 2500)] {
            let folder = format!("{run}/checkpoint-{step}");
            // The oldest group holds the largest object.
            let large = Entry::sized(size).modified(ago(minutes));
            bucket = saved(bucket, &folder, minutes + 5 - step).object(format!("{folder}/large"), large);
        }
    }
    let tables = profile("\"s3://training/**\"", ", keep = 2", "");
    let poller = poller(builder().bucket("training", bucket), ONE_AT_A_TIME, &tables).await;
    is_complete(&poller.poll().await, [20, 20, 0, 0, 0]);
    assert_eq!(poller.folders(), ["young/checkpoint-2", "old/checkpoint-2", "young/checkpoint-1", "old/checkpoint-1"]);
}
