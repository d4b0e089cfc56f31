use hotset::report::Outcome;
use model::select::Reason;
use model::select::group::State;
use sim::Bucket;

use super::poller::{Poll, members, poller, profile, run_of, saved, steps};
use crate::pass::stage::{builder, count};

/// Three runs with two checkpoints of four objects each, `a` the oldest run.
fn three_runs() -> Bucket {
    let mut bucket = Bucket::new();
    for (run, minutes) in [("a", 3_000), ("b", 2_000), ("c", 1_000)] {
        for step in [1, 2] {
            bucket = saved(bucket, &format!("{run}/checkpoint-{step}"), minutes - step);
        }
    }
    bucket
}

async fn capped(cap: &str, lines: &str) -> Poll {
    let tables = profile("\"s3://training/**\"", ", keep = 2", lines).replace("1 TiB", cap);
    poller(builder().bucket("training", three_runs()), "", &tables).await.poll().await
}

#[tokio::test]
async fn the_newest_of_every_run_comes_before_the_second_newest_of_any() {
    for (cap, selected, over) in [("12 kB", 12, 12), ("15999 B", 12, 12), ("16 kB", 16, 8), ("24 kB", 24, 0)] {
        let poll = capped(cap, "on_excess = \"trim\"").await;
        assert_eq!((poll.report.outcome, poll.counts()[1]), (Outcome::Complete, selected), "{cap}: {}", poll.reason());
        let selection = &poll.report.plan.selection;
        assert_eq!((selection.over_cap(), poll.report.plan.over_cap()), (count(over), over > 0), "{cap}");
        assert_eq!(poll.heads.len() as u64, selected, "whole groups");
    }
}

#[tokio::test]
async fn older_checkpoints_that_do_not_fit_were_wanted_unless_it_is_said_that_they_were_not() {
    let why = |n: u64, size: &str| {
        format!(
            "max_bytes has no room for {n} of 24 wanted objects ({size}); on_excess = \"trim\" takes what fits as enough"
        )
    };
    for (cap, lines, outcome, selected, why) in [
        ("16 kB", "on_excess = \"partial\"", Outcome::Partial, 16, why(8, "7.8 KiB")),
        ("12 kB", "on_excess = \"partial\"", Outcome::Partial, 12, why(12, "11.7 KiB")),
        ("24 kB", "on_excess = \"partial\"", Outcome::Complete, 24, String::new()),
        ("24 kB", "on_excess = \"partial\"\nmax_objects = 19", Outcome::Complete, 16, String::new()),
    ] {
        let poll = capped(cap, lines).await;
        assert_eq!((poll.report.outcome, poll.counts()[1]), (outcome, selected), "{cap} {lines}: {}", poll.reason());
        assert_eq!(poll.reason(), why, "{cap} {lines}");
    }
}

#[tokio::test]
async fn a_cap_cuts_the_oldest_runs_and_then_the_outcome_is_partial() {
    let poll = capped("11 kB", "on_excess = \"trim\"").await;
    let why = "s3://training/a/checkpoint-2 does not fit the caps, and is the newest complete checkpoint of its run";
    assert_eq!((poll.report.outcome, poll.counts(), poll.reason()), (Outcome::Partial, [8, 8, 0, 0, 0], why));
    assert_eq!(poll.heads, [members("b/checkpoint-2"), members("c/checkpoint-2")].concat());
    let selection = &poll.report.plan.selection;
    assert_eq!((selection.over_cap(), selection.unmet), (count(16), count(4)), "the newest is wanted whatever is said");
    let poll = capped("7 kB", "on_excess = \"trim\"").await;
    let why = "s3://training/b/checkpoint-2 does not fit the caps, and is the newest complete checkpoint of its run; \
               the same of 1 more run";
    assert_eq!((poll.report.outcome, poll.counts(), poll.reason()), (Outcome::Partial, [4, 4, 0, 0, 0], why));
}

#[tokio::test]
async fn a_share_that_is_asked_for_replaces_the_rule_of_the_newest() {
    for (excess, share, outcome) in [
        ("partial", "33%", Outcome::Complete),
        ("partial", "34%", Outcome::Partial),
        ("trim", "66%", Outcome::Complete),
        ("trim", "67%", Outcome::Partial),
    ] {
        let poll = capped("11 kB", &format!("on_excess = \"{excess}\"\nmin_warm = \"{share}\"")).await;
        assert_eq!((poll.report.outcome, poll.counts()), (outcome, [8, 8, 0, 0, 0]), "{share}: {}", poll.reason());
    }
}

#[tokio::test]
async fn without_a_word_an_excess_is_refused() {
    for (cap, lines, why) in [
        ("23999 B", "", "not all candidates fit the caps, and on_excess is \"refuse\""),
        ("23999 B", "on_excess = \"refuse\"", "not all candidates fit the caps, and on_excess is \"refuse\""),
        ("3 kB", "on_excess = \"trim\"", "the caps leave nothing: not even the first of 24 candidates fits"),
    ] {
        let poll = capped(cap, lines).await;
        assert_eq!((poll.report.outcome, poll.heads.len(), poll.reason()), (Outcome::Refused, 0, why));
    }
}

#[tokio::test]
async fn a_number_of_objects_does_not_split_a_checkpoint_either() {
    let tables = profile("\"s3://training/**\"", ", keep = 2", "on_excess = \"trim\"\nmax_objects = 7");
    let poll = poller(builder().bucket("training", steps(&[1, 2])), "", &tables).await.poll().await;
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, [4, 4, 0, 0, 0]), "{}", poll.reason());
    let states: Vec<_> = poll.report.plan.selection.groups.iter().map(|group| group.state).collect();
    assert_eq!(states, [State::Chosen, State::OverCap]);
}

#[tokio::test]
async fn what_is_excluded_is_neither_warmed_nor_missed() {
    let lines = "exclude = [\"s3://training/**/optimizer.pt\"]";
    let bucket = run_of(steps(&[1, 2]), "other", &[7]);
    let tables = profile("\"s3://training/**\"", "", lines).replace("1 TiB", "6 kB");
    let poll = poller(builder().bucket("training", bucket), "", &tables).await.poll().await;
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, [6, 6, 0, 0, 0]), "{}", poll.reason());
    assert!(!poll.heads.iter().any(|key| key.ends_with("optimizer.pt")));
    let left = &poll.report.plan.selection.left_out[&Reason::Excluded];
    assert_eq!(left.count, count(2), "and no room is kept for it");
}
