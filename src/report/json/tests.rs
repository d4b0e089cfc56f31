use std::sync::Arc;

use super::*;
use crate::report::{Begun, Identity};
use crate::select::Selection;
use crate::select::group::State;

fn group(name: &'static [u8], state: State) -> Group {
    let incomplete = state == State::Incomplete;
    Group {
        bucket: Bucket::new("ckpt"),
        run: Key::from("llama/70b"),
        name: Key::from_bytes(name),
        step: Some(400),
        count: Some(Count { objects: 3, bytes: 1 << 40 }),
        newest: DateTime::from_timestamp(90, 0),
        state,
        why: incomplete.then(|| "`.metadata` is missing".to_owned()),
    }
}

fn report(groups: Vec<Group>) -> Report {
    let at = DateTime::from_timestamp(100, 0).unwrap();
    let plan = Plan {
        profile: Arc::from("latest"),
        endpoint: Arc::from("lota"),
        fingerprint: "f".to_owned(),
        at,
        verdict: Verdict::Ready,
        selection: Selection { groups, more_groups: 7, ..Selection::default() },
        selected: Count::default(),
        fresh: Count::default(),
        max_bytes: Cap::Unlimited,
        share: None,
        cost: None,
        list_requests: 0,
        warnings: Vec::new(),
    };
    Report {
        identity: Identity::new(Trigger::Cli, at),
        begun: Begun::Yes,
        ended: None,
        outcome: Outcome::Complete,
        reason: None,
        plan,
        totals: Totals::default(),
    }
}

#[test]
fn a_line_of_a_run_names_what_was_chosen_and_what_could_not_be() {
    let states = [State::Incomplete, State::Chosen, State::OverCap, State::Older];
    let report = report(states.map(|state| group(b"iter_0000400", state)).to_vec());
    let line = serde_json::to_string(&RunLine::from(&report)).unwrap();
    let read = Summary::read(&line).unwrap().groups;
    let seen: Vec<_> = read.iter().map(|group| (group.state, group.age_s, group.objects)).collect();
    assert_eq!(seen, [State::Incomplete, State::Chosen, State::OverCap].map(|state| (state, Some(10), Some(3))));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["more_groups"], 0, "older ones are none of it");
    insta::assert_snapshot!(line["groups"][0], @r#"{"age_s":10,"bucket":"ckpt","bytes":1099511627776,"last_modified":"1970-01-01T00:01:30Z","name":"iter_0000400","objects":3,"run":"llama/70b","state":"incomplete","step":400,"why":"`.metadata` is missing"}"#);
}

#[test]
fn a_line_of_a_run_is_bounded() {
    let groups = (0..120).map(|_| group(b"iter_0000400", State::Chosen)).collect();
    let line = serde_json::to_value(RunLine::from(&report(groups))).unwrap();
    assert_eq!((line["groups"].as_array().unwrap().len(), &line["more_groups"]), (50, &json!(70)));
}

#[test]
fn a_name_that_is_no_text_is_escaped() {
    let report = report(vec![group(b"\xff\n", State::Chosen)]);
    let plan = serde_json::to_value(PlanLine::from(&report.plan)).unwrap();
    assert_eq!(plan["groups"][0]["name"], "\\xff\\n");
    assert_eq!(plan["more_groups"], 7);
}

#[test]
fn a_line_of_before_there_were_checkpoints_has_none() {
    let mut line = serde_json::to_value(RunLine::from(&report(Vec::new()))).unwrap();
    line.as_object_mut().unwrap().retain(|field, _| !field.contains("groups"));
    assert_eq!(Summary::read(&line.to_string()).unwrap().groups, []);
}
