//! `hotset plan`.

use chrono::TimeDelta;
use hotset::clock;
use sim::{Bucket, Entry, Outage, Side, Sim};

use super::{Desk, MIB, fields, shows};

/// One object, or two, for every reason to leave some out.
fn odds_and_ends() -> Bucket {
    let hours = |hours| clock::now() - TimeDelta::hours(hours);
    let new = |mib| Entry::sized(mib * MIB).modified(hours(5));
    Bucket::new()
        .object("d/1-newest.tar", Entry::sized(100 * MIB).modified(hours(3)))
        .object("d/2-second.tar", Entry::sized(100 * MIB).modified(hours(4)))
        .object("d/3-third.tar", new(100))
        .object("d/_tmp/part-0", new(10))
        .object("d/_tmp/part-1", new(10))
        .object("d/old.tar", Entry::sized(64 * MIB).modified(hours(24 * 40)))
        .object("d/being-written.tar", Entry::sized(64 * MIB).modified(hours(0)))
        .object("d/small.json", new(0).class("STANDARD").modified(hours(5)))
        .object("d/index.json", Entry::sized(900).modified(hours(5)))
        .object("d/huge.tar", Entry::sized(5000 * MIB).modified(hours(5)))
        .object("d/archived.tar", new(64).class("GLACIER"))
        .object("d/", Entry::sized(0))
        .object("other/unmatched.bin", new(1))
}

const EVERY_RULE: &str = r#"
[profile.nightly]
objects = ["s3://training/d/**"]
exclude = ["s3://training/**/_tmp/**"]
newer_than = "30d"
older_than = "1h"
min_size = "4 MB"
max_size = "1 GiB"
max_bytes = "250 MiB"
"#;

const PRICED: &str = "capacity = \"100 GiB\"\nprices = { hot = 0.06, warm = 0.03, cold = 0.015 }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_object_left_out_has_a_reason_and_the_cap_that_cut_is_named() {
    let desk = Desk::start(Sim::builder().bucket("training", odds_and_ends())).await;
    desk.configure(PRICED, EVERY_RULE);
    let by_bytes = desk.run("plan");
    desk.configure("", &format!("{EVERY_RULE}max_objects = 1"));
    let by_objects = desk.run("plan nightly");
    desk.configure("", &EVERY_RULE.replace("250 MiB", "1 TiB"));
    let not_cut = desk.run("plan");
    desk.configure("", &EVERY_RULE.replace("250 MiB", "unlimited"));
    let unlimited = desk.run("plan");
    shows("plan", &[by_bytes, by_objects, not_cut, unlimited]);
    assert_eq!(desk.sim.counters().cache.total(), 0, "a plan contacts the list endpoint only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_plan_warns_of_what_warms_badly() {
    let single = Entry::sized(2048 * MIB).etag("0123456789abcdef0123456789abcdef");
    let small = (0..600).fold(Bucket::new(), |bucket, i| bucket.object(format!("d/{i}.json"), Entry::sized(1000)));
    let desk =
        Desk::start(Sim::builder().bucket("training", small).bucket("models", Bucket::new().object("m/big", single)));
    let desk = desk.await;
    desk.configure(
        "capacity = \"1 GiB\"",
        "[defaults]\nmax_bytes = \"500 MiB\"\n[profile.small]\nobjects = [\"s3://training/d/**\"]\n\
         [profile.big]\nobjects = [\"s3://models/m/**\"]\nmax_bytes = \"3 GiB\"",
    );
    shows("plan_warnings", &[desk.run("plan")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_json_of_a_plan_has_every_field_of_the_contract() {
    const FIELDS: [&str; 24] = [
        "at",
        "cost",
        "cutoff",
        "endpoint",
        "fingerprint",
        "fresh",
        "groups",
        "left_out",
        "list_requests",
        "listed",
        "manifest",
        "matched",
        "max_bytes",
        "more_groups",
        "outcome",
        "over_cap",
        "profile",
        "reason",
        "selected",
        "share",
        "to_warm",
        "v",
        "wanted",
        "warnings",
    ];
    let desk = Desk::start(Sim::builder().bucket("training", odds_and_ends())).await;
    desk.configure(PRICED, EVERY_RULE);
    let full = desk.json("plan --json", 0).remove(0);
    assert_eq!(fields(&full), FIELDS);
    assert_eq!(fields(&full["cost"]), ["usd_month_max", "usd_once_max"]);
    assert_eq!(fields(&full["cutoff"]), ["key", "last_modified"]);
    assert_eq!(fields(&full["left_out"]["too_large"]), ["bytes", "objects", "sample"]);
    let mut reasons = fields(&full["left_out"]);
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            "empty",
            "excluded",
            "folder_marker",
            "over_cap",
            "storage_class",
            "too_large",
            "too_new",
            "too_old",
            "too_small"
        ]
    );

    desk.configure("", "[profile.bare]\nobjects = [\"s3://training/d/[0-9]*\"]\nmax_bytes = \"unlimited\"");
    let bare = desk.json("plan --json", 0).remove(0);
    assert_eq!(fields(&bare), FIELDS, "what is not known is null, not absent");
    for name in ["cost", "cutoff", "manifest", "max_bytes", "reason", "share"] {
        assert!(bare[name].is_null(), "{name}");
    }
    assert_eq!(bare["to_warm"], serde_json::json!({"objects": 3, "bytes": 300 * MIB}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn objects_are_written_in_rank_order_to_a_file_or_to_standard_output() {
    let desk = Desk::with_shards(3).await;
    desk.nightly("order = \"smallest\"");
    let table_on_stdout = desk.run("plan --objects keys.jsonl");
    let keys = std::fs::read_to_string(desk.path("keys.jsonl")).unwrap();
    let table_on_stderr = desk.run("plan --objects -");
    assert_eq!(table_on_stderr.out, keys);
    let both = desk.run("plan --json --objects -");
    let nowhere = desk.run("plan --objects missing/keys.jsonl");
    shows("plan_objects", &[table_on_stdout, table_on_stderr, both, nowhere]);
    let line: serde_json::Value = serde_json::from_str(keys.lines().next().unwrap()).unwrap();
    assert_eq!(fields(&line), ["bucket", "etag", "group", "key", "last_modified", "profile", "size"]);

    desk.nightly("on_excess = \"refuse\"\nmax_objects = 1");
    assert_eq!(desk.run("plan --objects keys.jsonl").code, 4);
    assert_eq!(std::fs::read_to_string(desk.path("keys.jsonl")).unwrap(), "", "what is refused names no objects");
}

const SEVERAL: &str = r#"
[defaults]
max_bytes = "1 GiB"
[profile.datasets]
objects = ["s3://training/d/**"]
[profile.models]
objects = ["s3://training/m/**"]
[profile.resting]
objects = ["s3://training/d/0*"]
paused = true
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn several_profiles_are_planned_one_after_the_other_and_paused_ones_by_name_only() {
    let desk = Desk::with_shards(3).await;
    desk.configure("", SEVERAL);
    let lines = desk.json("plan --json", 3);
    let names: Vec<_> = lines.iter().map(|line| line["profile"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasets", "models"]);
    shows(
        "plan_several",
        &[desk.run("plan"), desk.run("plan resting"), desk.run("plan dataset"), desk.run("plan zebra")],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_plan_that_is_refused_says_why_and_exits_with_4() {
    let desk = Desk::with_shards(3).await;
    let mut ran = Vec::new();
    desk.configure("", "[profile.nothing]\nobjects = [\"s3://training/e/**\"]\nmax_bytes = \"1 GiB\"");
    ran.push(desk.run("plan"));
    desk.configure("", "[profile.no-match]\nobjects = [\"s3://training/d/*.parquet\"]\nmax_bytes = \"1 GiB\"");
    ran.push(desk.run("plan"));
    desk.nightly("on_excess = \"refuse\"\nmax_objects = 2");
    ran.push(desk.run("plan"));
    desk.configure("", "[profile.tiny]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 MiB\"");
    ran.push(desk.run("plan"));
    desk.configure("", "[profile.no-bucket]\nobjects = [\"s3://trainin/d/**\"]\nmax_bytes = \"1 GiB\"");
    ran.push(desk.run("plan"));
    desk.configure(
        "",
        "[profile.latest]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\ncheckpoint = { layout = \"hf-trainer\" }",
    );
    ran.push(desk.run("plan"));
    desk.nightly("");
    desk.write("secret", "wrong");
    ran.push(desk.run("plan"));
    assert!(ran.iter().all(|ran| ran.code == 4));
    shows("plan_refused", &ran);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_list_endpoint_that_is_away_is_a_failure_within_bounded_time() {
    let desk = Desk::with_shards(3).await;
    desk.nightly("");
    desk.sim.set_outage(Side::List, Outage::Refused);
    let ran = desk.run("plan");
    assert_eq!(ran.code, 5, "{ran}");
    let line = desk.run("plan --json -q");
    assert!(line.out.contains("\"outcome\":\"failed\"") && line.code == 5, "{line}");
    assert!(ran.out.contains("failed: list s3://training/d/: unreachable"), "{ran}");
    assert!(ran.out.lines().count() == 3 && ran.err.lines().count() == 1, "said once: {ran}");
    assert!(ran.err.starts_with("warning: cannot reach training.localhost:"), "and when it began: {ran}");
}
