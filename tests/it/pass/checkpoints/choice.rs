//! Which checkpoints a pass takes, and from where.

use hotset::report::Outcome;
use sim::{Bucket, Entry, Kind};

use super::poller::{ago, entry, members, poller, profile, run_of, saved, steps};
use crate::pass::stage::builder;

/// The newest lacks a shard.
fn torn() -> Bucket {
    ["model-part-00001-of-00002.safetensors", "trainer_state.json"]
        .into_iter()
        .fold(steps(&[100]), |bucket, name| bucket.object(format!("run/checkpoint-200/{name}"), entry(5)))
}

#[tokio::test]
async fn what_cannot_be_chosen_is_refused_and_nothing_is_sent() {
    let nothing_saved = || Bucket::new().object("run/logs/0.txt", entry(5));
    let incomplete = "s3://training/run/checkpoint-200, is not";
    for (bucket, checkpoint, lines, why) in [
        (torn(), ", on_incomplete = \"refuse\"", "", format!("the newest checkpoint, {incomplete} complete")),
        (
            torn(),
            ", count = 5",
            "",
            format!(
                "no checkpoint is complete; the newest, {incomplete}: `model-part-00002-of-00002.safetensors` is missing"
            ),
        ),
        (
            nothing_saved(),
            "",
            "",
            "nothing matched: no object belongs to a checkpoint of this layout (1 listed)".to_owned(),
        ),
        (Bucket::new(), "", "", "nothing matched".to_owned()),
    ] {
        let tables = profile("\"s3://training/**\"", checkpoint, lines);
        let poll = poller(builder().bucket("training", bucket), "", &tables).await.poll().await;
        assert_eq!((poll.report.outcome, poll.counts(), poll.heads.len()), (Outcome::Refused, [0; 5], 0), "{why}");
        assert!(poll.reason().starts_with(&why), "{}: {why}", poll.reason());
    }
}

#[tokio::test]
async fn no_checkpoint_at_all_may_be_allowed() {
    let bucket = Bucket::new().object("run/logs/0.txt", entry(5));
    let tables = profile("\"s3://training/**\"", "", "allow_empty = true");
    let poll = poller(builder().bucket("training", bucket), "", &tables).await.poll().await;
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, [0; 5]), "{}", poll.reason());
}

#[tokio::test]
async fn runs_that_are_over_leave_nothing_to_do() {
    let tables = profile("\"s3://training/**\"", ", active_within = \"1d\"", "");
    let bucket = saved(saved(Bucket::new(), "over/checkpoint-9", 5_000), "live/checkpoint-1", 50);
    let poll = poller(builder().bucket("training", bucket), "", &tables).await.poll().await;
    assert_eq!((poll.report.outcome, poll.heads), (Outcome::Complete, members("live/checkpoint-1")));
    let bucket = saved(Bucket::new(), "over/checkpoint-9", 5_000);
    let poll = poller(builder().bucket("training", bucket), "", &tables).await.poll().await;
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, [0; 5]), "{}", poll.reason());
}

/// Three checkpoints of DeepSpeed, the last of which the pointer has not named yet.
fn deepspeed(pointer: &str) -> Bucket {
    let files = ["mp_rank_00_model_states.pt", "zero_pp_rank_0_mp_rank_00_optim_states.pt"];
    let bucket = [100, 200, 300].into_iter().fold(Bucket::new(), |bucket, step| {
        files.iter().fold(bucket, |bucket, file| bucket.object(format!("run/global_step{step}/{file}"), entry(60)))
    });
    bucket.object("run/latest", Entry::bytes(pointer.to_owned()).modified(ago(60)))
}

#[tokio::test]
async fn a_pointer_is_read_at_the_list_endpoint_and_counts_as_no_listing() {
    for (pointer, parts, chosen, warmed) in [
        ("global_step200\n", "", "run/global_step200", 2),
        ("global_step300", ", parts = \"weights\"", "run/global_step300", 1),
    ] {
        let checkpoint = format!(", keep = 1{parts}");
        let tables = profile("\"s3://training/run/**\"", &checkpoint, "").replace("hf-trainer", "deepspeed");
        let poller = poller(builder().bucket("training", deepspeed(pointer)), "", &tables).await;
        let poll = poller.poll().await;
        assert_eq!((poll.report.outcome, poll.counts()[1]), (Outcome::Complete, warmed), "{}", poll.reason());
        assert_eq!(poll.chosen(), [chosen]);
        let counters = poller.stage.sim.counters();
        assert_eq!((counters.list.count(Kind::Get), counters.cache.count(Kind::Get)), (1, 0));
        assert_eq!((counters.list.count(Kind::PlainHead), counters.cache.count(Kind::PlainHead)), (0, 0));
        assert_eq!(poll.report.plan.list_requests, counters.list.count(Kind::List));
        assert!(poll.heads.iter().all(|key| key.starts_with(chosen)), "{:?}", poll.heads);
    }
}

#[tokio::test]
async fn a_pointer_that_names_nothing_makes_nothing_complete() {
    let tables = profile("\"s3://training/run/**\"", "", "").replace("hf-trainer", "deepspeed");
    let bucket = deepspeed("<html>not found</html>");
    let poll = poller(builder().bucket("training", bucket), "", &tables).await.poll().await;
    assert_eq!((poll.report.outcome, poll.heads.len()), (Outcome::Refused, 0));
    let why = "`run/latest` has to name it, and holds `<html>not found</html>`";
    assert!(poll.reason().ends_with(why), "{}", poll.reason());
}

#[tokio::test]
async fn a_glob_for_buckets_finds_the_runs_of_several() {
    let of = |run: &str| run_of(Bucket::new(), run, &[1, 2]);
    let sim = builder().bucket("ckpt-a", of("x")).bucket("ckpt-b", of("x")).bucket("training", of("y"));
    let poller = poller(sim, "", &profile("\"s3://ckpt-*/**\"", "", "")).await;
    let poll = poller.poll().await;
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, [8, 8, 0, 0, 0]), "{}", poll.reason());
    assert_eq!(poll.chosen(), ["x/checkpoint-2", "x/checkpoint-2"], "runs of the same name in two buckets are two");
    for bucket in ["ckpt-a", "ckpt-b"] {
        assert!(members("x/checkpoint-2").iter().all(|key| poller.stage.sim.is_warm(bucket, key)), "{bucket}");
    }
    assert_eq!(poller.stage.sim.counters().list.count(Kind::ListBuckets), 1);
}
