//! Rotation deletes between LIST and HEAD.

use hotset::report::{Outcome, StopReason};
use hotset::run::Pass;
use hotset::warm::StopSignal;
use model::select::group::State;
use sim::{Fault, Kind, Rule, RuleId, Side};

use super::poller::{Poll, Poller, entry, members, poller, profile, steps};
use crate::pass::stage::builder;
use crate::patience::until;

async fn rotated(checkpoint: &str, lines: &str) -> Poller {
    let tables = profile("\"s3://training/**\"", checkpoint, lines);
    poller(builder().bucket("training", steps(&[100, 200, 300])), "", &tables).await
}

/// Deletes what begins so when the cache is asked for it.
fn delete(poller: &Poller, prefix: &str) -> RuleId {
    poller.stage.sim.faults().push(Rule::new(Fault::Deleted).on(Kind::RangedHead).prefix(prefix))
}

fn is_warm(poller: &Poller, folder: &str) -> bool {
    members(folder).iter().all(|key| poller.stage.sim.is_warm("training", key))
}

fn states(poll: &Poll) -> Vec<(String, State)> {
    poll.report.plan.selection.groups.iter().map(|group| (group.name.to_string(), group.state)).collect()
}

#[tokio::test]
async fn a_checkpoint_that_was_rotated_away_is_replaced_by_the_one_before_it() {
    let poller = rotated("", "").await;
    let lists = poller.stage.plan("p").await.list_requests;
    delete(&poller, "run/checkpoint-300/");
    let poll = poller.poll().await;
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, [8, 4, 0, 4, 0]), "{}", poll.reason());
    assert_eq!(poll.heads, [members("run/checkpoint-200"), members("run/checkpoint-300")].concat());
    assert!(is_warm(&poller, "run/checkpoint-200") && poll.report.warm_ratio().reaches(1.0));
    let expected = [("checkpoint-200".to_owned(), State::Chosen), ("checkpoint-100".to_owned(), State::Older)];
    assert_eq!(states(&poll), expected, "the plan is the new one");
    let counters = poller.stage.sim.counters();
    assert_eq!((counters.cache.status(404), counters.list.count(Kind::PlainHead)), (4, 4), "each was confirmed");
    assert_eq!(poll.report.plan.list_requests, poll.lists, "of both plans");
    assert!(poll.lists <= 2 * lists);
    let next = poller.poll().await;
    assert_eq!((next.report.outcome, next.counts()), (Outcome::Complete, [4, 0, 4, 0, 0]), "it was recorded");
}

#[tokio::test]
async fn one_member_that_is_gone_is_enough_and_what_was_warmed_is_not_asked_for_again() {
    let poller = rotated(", keep = 2", "").await;
    delete(&poller, "run/checkpoint-200/optimizer.pt");
    let poll = poller.poll().await;
    // The other three are still there: of the trainer's state and the shards nothing is missing, but their number tells.
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, [12, 11, 0, 1, 0]), "{}", poll.reason());
    assert_eq!(poll.chosen(), ["run/checkpoint-300", "run/checkpoint-100"]);
    assert_eq!(poll.heads.len(), 12, "each once");
}

#[tokio::test]
async fn what_is_fresh_of_the_second_selection_is_not_sent() {
    let poller = rotated("", "").await;
    let first = poller.pass(|pass| pass).await;
    assert_eq!(first.chosen(), ["run/checkpoint-300"]);
    for key in members("run/checkpoint-400") {
        poller.stage.sim.put("training", key, entry(5));
    }
    delete(&poller, "run/checkpoint-400/");
    let poll = poller.poll().await;
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, [8, 0, 4, 4, 0]), "{}", poll.reason());
    assert_eq!(poll.heads, members("run/checkpoint-400"));
}

#[tokio::test]
async fn a_member_that_was_written_again_meanwhile_is_warmed_as_it_is_now() {
    let poller = rotated(", settle = \"0s\"", "").await;
    delete(&poller, "run/checkpoint-300/optimizer.pt");
    let lists = poller.stage.plan("p").await.list_requests;
    let sim = &poller.stage.sim;
    // The second plan waits until the object is there again.
    let release = poller.stage.hold(|rule| rule.on(Kind::List).nth(lists + 1));
    let again = async {
        until(|| sim.counters().list.count(Kind::List) == lists + 1).await;
        sim.faults().clear();
        sim.put("training", "run/checkpoint-300/optimizer.pt", entry(5).etag("another"));
        release.cancel();
    };
    let (poll, ()) = futures::join!(poller.poll(), again);
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, [5, 4, 0, 1, 0]), "{}", poll.reason());
    assert_eq!(sim.key_counters("training", "run/checkpoint-300/optimizer.pt").ranged_heads, 2);
    assert_eq!((poll.report.totals.sends, poll.chosen()), (5, vec!["run/checkpoint-300".to_owned()]));
}

#[tokio::test]
async fn a_run_that_loses_its_checkpoints_twice_is_not_complete() {
    let poller = rotated("", "").await;
    delete(&poller, "run/");
    let poll = poller.poll().await;
    let why = "a checkpoint was selected anew, and has lost 4 objects as well; all that was just listed, 8 objects, is 404 at \
               both addresses: cache_url and list_url may not be of one store";
    assert_eq!((poll.report.outcome, poll.counts(), poll.reason()), (Outcome::Failed, [8, 0, 0, 8, 0], why));
    assert!(!poll.heads.iter().any(|key| key.starts_with("run/checkpoint-100/")), "no third plan");
    poller.stage.sim.faults().clear();
    let next = poller.poll().await;
    assert_eq!((next.report.outcome, next.heads), (Outcome::Complete, members("run/checkpoint-100")));
}

#[tokio::test]
async fn half_of_the_second_checkpoint_is_not_complete_whatever_share_is_asked_for() {
    for lines in ["", "min_warm = \"50%\""] {
        let poller = rotated("", lines).await;
        delete(&poller, "run/checkpoint-300/");
        delete(&poller, "run/checkpoint-200/optimizer.pt");
        let poll = poller.poll().await;
        let why = "a checkpoint was selected anew, and has lost 1 object as well";
        assert_eq!((poll.report.outcome, poll.counts(), poll.reason()), (Outcome::Partial, [8, 3, 0, 5, 0], why));
    }
}

#[tokio::test]
async fn an_object_that_is_listed_and_not_there_does_not_pass_for_a_whole_checkpoint() {
    let poller = rotated("", "").await;
    for (kind, side) in [(Kind::RangedHead, Side::Cache), (Kind::PlainHead, Side::List)] {
        let rule = Rule::new(Fault::status(404, "NoSuchKey")).on(kind).side(side);
        poller.stage.sim.faults().push(rule.key("run/checkpoint-300/optimizer.pt"));
    }
    let poll = poller.poll().await;
    let why = "a checkpoint was selected anew, and has lost 1 object as well";
    assert_eq!((poll.report.outcome, poll.counts(), poll.reason()), (Outcome::Partial, [4, 3, 0, 1, 0], why));
}

#[tokio::test]
async fn where_none_can_be_selected_anew_the_reason_says_why() {
    let why = |text: &str| format!("a checkpoint has lost 1 object, and none could be selected anew: {text}");
    // Nothing complete is left.
    let tables = profile("\"s3://training/**\"", "", "");
    let poller = poller(builder().bucket("training", steps(&[100])), "", &tables).await;
    delete(&poller, "run/checkpoint-100/model-part-00001");
    let poll = poller.poll().await;
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Partial, [4, 3, 0, 1, 0]));
    let text = "no checkpoint is complete; the newest, s3://training/run/checkpoint-100, is not: \
                `model-part-00001-of-00002.safetensors` is missing";
    assert_eq!(poll.reason(), why(text));
    assert_eq!(poll.chosen(), ["run/checkpoint-100"], "the plan is the first one");
    // The store says no more.
    let poller = rotated("", "").await;
    let lists = poller.stage.plan("p").await.list_requests;
    delete(&poller, "run/checkpoint-300/optimizer.pt");
    poller.stage.sim.faults().push(Rule::new(Fault::status(500, "InternalError")).on(Kind::List).nth(lists + 1));
    let poll = poller.poll().await;
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Partial, [4, 3, 0, 1, 0]));
    let text = why("list s3://training/: server error: 500 InternalError");
    assert!(poll.reason().starts_with(&text), "{}", poll.reason());
}

#[tokio::test]
async fn told_to_stop_while_it_selects_anew_a_run_is_interrupted() {
    let poller = rotated("", "").await;
    let lists = poller.stage.plan("p").await.list_requests;
    delete(&poller, "run/checkpoint-300/optimizer.pt");
    let faults = poller.stage.sim.faults();
    let stall = faults.push(Rule::new(Fault::Stall).on(Kind::List).nth(lists + 1));
    let stop = StopSignal::default();
    let told = async {
        until(|| faults.struck(stall) > 0).await;
        stop.stop(StopReason::Shutdown);
    };
    let (poll, ()) = futures::join!(poller.pass(|pass| Pass { stop: stop.clone(), ..pass }), told);
    assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Interrupted, [4, 3, 0, 1, 0]));
    assert!(poll.reason().ends_with("the daemon was stopped while listing"), "{}", poll.reason());
}

#[tokio::test]
async fn a_profile_without_checkpoints_lists_once_whatever_is_gone() {
    let tables = "[profile.p]\nobjects = [\"s3://training/**\"]\nmax_bytes = \"1 TiB\"\n";
    let poller = poller(builder().bucket("training", steps(&[100, 200])), "", tables).await;
    delete(&poller, "run/checkpoint-200/");
    let poll = poller.poll().await;
    assert_eq!((poll.report.outcome, poll.counts(), poll.lists), (Outcome::Complete, [8, 4, 0, 4, 0], 1));
}
