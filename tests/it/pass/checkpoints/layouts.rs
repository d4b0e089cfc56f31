//! Every layout over the wire, by the tree that the manual shows of it: its newest checkpoint is rotated away between LIST and
//! HEAD.

use hotset::report::Outcome;
use model::select::checkpoint::layout::Layout;
use model::select::group::State;
use model::words::Words as _;
use sim::{Bucket, Entry, Fault, Kind, Rule};

use super::poller::{ago, entry, poller, profile};
use crate::pass::stage::builder;

const PAGE: &str = include_str!("../../../../docs/checkpoints.md");

/// The keys of the tree, and the texts of pointers.
fn tree(layout: &str) -> Vec<(&'static str, Option<&'static str>)> {
    let (_, section) = PAGE.split_once(&format!("\n### {layout}\n")).unwrap();
    let lines = section.split("```").nth(1).unwrap().lines().skip(1);
    lines.map(|line| line.split_once(" = ").map_or((line, None), |(key, text)| (key, Some(text)))).collect()
}

/// The last keys are the youngest.
fn bucket(tree: &[(&'static str, Option<&'static str>)]) -> Bucket {
    tree.iter().rev().zip(60..).fold(Bucket::new(), |bucket, ((key, text), minutes)| match text {
        Some(text) => bucket.object(*key, Entry::bytes(*text).modified(ago(minutes))),
        None => bucket.object(*key, entry(minutes)),
    })
}

#[tokio::test]
async fn of_every_layout_the_newest_that_is_rotated_away_is_replaced_by_the_one_before_it() {
    let layouts = Layout::WORDS.iter().filter(|(_, layout)| *layout != Layout::Custom);
    let mut seen = 0;
    for (layout, _) in layouts {
        let tree = tree(layout);
        let tables = profile("\"s3://training/**\"", "", "").replace("hf-trainer", layout);
        let poller = poller(builder().bucket("training", bucket(&tree)), "", &tables).await;
        let plan = poller.stage.plan("p").await;
        let groups = plan.selection.groups.iter().filter(|group| group.state != State::Incomplete);
        let stems: Vec<String> = groups.map(|group| format!("{}/{}", group.run, group.name)).collect();
        let [newest, before] = stems.as_slice() else { panic!("{layout}: {stems:?}") };
        let members = |stem: &str| tree.iter().map(|(key, _)| *key).filter(|key| key.starts_with(stem)).count() as u64;
        let (gone, warmed) = (members(newest), members(before));
        let fault = Rule::new(Fault::Deleted).on(Kind::RangedHead).prefix(newest.as_str());
        poller.stage.sim.faults().push(fault);
        let poll = poller.poll().await;
        let counts = [gone + warmed, warmed, 0, gone, 0];
        assert_eq!((poll.report.outcome, poll.counts()), (Outcome::Complete, counts), "{layout}: {}", poll.reason());
        assert_eq!(poll.chosen(), [before.as_str()], "{layout}");
        let is_of_either = |key: &String| key.starts_with(newest) || key.starts_with(before);
        assert!(poll.heads.iter().all(is_of_either), "{layout}: {:?}", poll.heads);
        assert!(poller.stage.sim.counters().list.count(Kind::PlainHead) >= gone, "{layout}: each was confirmed");
        seen += 1;
    }
    assert_eq!(seen, 14);
}
