use std::sync::Arc;

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::report::{Outcome, RunInfo, Totals, Trigger};
use model::api::{ObjectLine, PlanLine};
use model::object::{Bucket, Count, ETag, Key, Object};
use model::select::group::Group;
use model::select::group::State;
use model::select::plan::Plan;
use model::select::plan::Verdict;
use model::select::{Cap, Selection};

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
        manifest: None,
        warnings: Vec::new(),
    };
    Report {
        info: RunInfo::new(Trigger::Cli, at),
        ended: None,
        outcome: Outcome::Complete,
        reason: None,
        reason_class: None,
        plan,
        totals: Totals::default(),
    }
}

#[test]
fn a_line_of_a_run_names_what_was_chosen_and_what_could_not_be() {
    let states = [State::Incomplete, State::Chosen, State::OverCap, State::Older];
    let report = report(states.map(|state| group(b"iter_0000400", state)).to_vec());
    let line = serde_json::to_string(&RunLine::from(&report)).unwrap();
    let read = serde_json::from_str::<RunLine>(&line).unwrap().groups;
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
fn a_line_reads_back_and_says_which_field_it_misses() {
    let report = Report { ended: DateTime::from_timestamp(160, 0), ..report(vec![group(b"x", State::Chosen)]) };
    let line = RunLine::from(&report);
    let mut value = serde_json::to_value(&line).unwrap();
    value["of_a_newer_version"] = json!({ "a": [1] });
    assert_eq!(serde_json::from_value::<RunLine>(value.clone()).unwrap(), line);
    value.as_object_mut().unwrap().remove("warm_ratio");
    let error = serde_json::from_value::<RunLine>(value).unwrap_err();
    assert_eq!(error.to_string(), "missing field `warm_ratio`");
}

mod fed_back {
    use proptest::prelude::*;

    use super::*;
    use model::manifest::Decoder;
    use model::pattern::Pattern;
    use model::select::{OnExcess, Order, Rules, Selector};

    /// Keys of any bytes, few times, sizes and classes, to the millisecond that a plan writes.
    fn objects() -> impl Strategy<Value = Vec<Object>> {
        let key = prop_oneof!["[ab/]{1,3}", "[\\PC]{1,6}"].prop_map(String::into_bytes);
        let key = prop_oneof![key, prop::collection::vec(any::<u8>(), 1..8)];
        let etag = prop::option::of("[0-9a-f]{32}(-[0-9]{1,3})?");
        let class = prop::sample::select(vec![None, Some("STANDARD"), Some("GLACIER")]);
        let one =
            ("[ab]", key, 0..9_u64, 0..9_000_i64, etag, class).prop_map(|(bucket, key, size, millis, etag, class)| {
                Object {
                    bucket: Bucket::new(&bucket),
                    key: Key::from_bytes(key),
                    size,
                    etag: etag.as_deref().map(ETag::new),
                    last_modified: DateTime::from_timestamp_millis(millis).unwrap(),
                    storage_class: class.map(Arc::from),
                }
            });
        prop::collection::vec(one, 0..60).prop_map(|mut objects| {
            objects.sort_by(|a, b| (&a.bucket, &a.key).cmp(&(&b.bucket, &b.key)));
            objects.dedup_by(|a, b| (&a.bucket, &a.key) == (&b.bucket, &b.key));
            objects
        })
    }

    fn rules() -> impl Strategy<Value = Rules> {
        let seconds = |seconds: u64| std::time::Duration::from_secs(seconds);
        let order =
            prop::sample::select(vec![Order::Newest, Order::Oldest, Order::Key, Order::Largest, Order::Smallest]);
        let caps = (prop::option::of(0..40_u64), prop::option::of(0..200_u64), order);
        let limits = (prop::option::of(1..9_u64), prop::option::of(0..5_u64), prop::option::of(5..9_u64));
        let classes = prop::sample::select(vec![vec!["STANDARD"], vec!["STANDARD", "GLACIER"], vec!["GLACIER"]]);
        (caps, limits, classes).prop_map(move |((objects, bytes, order), (newer, min, max), classes)| Rules {
            patterns: vec![Pattern::parse("s3://{a,b}/**").unwrap()],
            named: false,
            exclude: vec![Pattern::parse("s3://b/a*").unwrap()],
            newer_than: newer.map(seconds),
            older_than: None,
            min_size: min,
            max_size: max,
            max_objects: objects,
            max_bytes: bytes.map_or(Cap::Unlimited, Cap::Bytes),
            on_excess: OnExcess::Trim,
            order,
            storage_classes: classes.into_iter().map(Arc::from).collect(),
            allow_empty: true,
        })
    }

    fn select(rules: &Rules, objects: impl IntoIterator<Item = Object>) -> Selection {
        let mut selector = Selector::new(Arc::new(rules.clone()), DateTime::from_timestamp(9, 0).unwrap());
        objects.into_iter().for_each(|object| selector.offer(object.row()));
        selector.finish()
    }

    proptest! {
        #[test]
        fn what_a_plan_writes_is_selected_again_when_it_is_read(objects in objects(), rules in rules()) {
            let listed = select(&rules, objects);
            let line = |object| serde_json::to_string(&ObjectLine::new("p", &object, None)).unwrap() + "\n";
            let text: String = listed.selected.iter().map(line).collect();
            let mut decoder = Decoder::default();
            let mut entries = decoder.push(text.as_bytes()).unwrap();
            entries.extend(decoder.finish().unwrap());
            prop_assert!(entries.iter().all(model::manifest::Entry::is_complete));
            let named = Rules { patterns: Vec::new(), named: true, ..rules };
            let read = select(&named, entries.into_iter().map(model::manifest::Entry::into_object));
            let standard = |object: Object| {
                let class = object.storage_class.clone().filter(|class| **class != *"STANDARD");
                Object { storage_class: class, ..object }
            };
            prop_assert!(read.left_out.is_empty(), "{:?}", read.left_out);
            prop_assert!(read.selected.iter().map(standard).eq(listed.selected.iter().map(standard)));
        }
    }
}
