use std::collections::BTreeMap;

use chrono::TimeDelta;
use hotset::clock;
use hotset::report::Outcome;
use model::select::Reason;
use sim::{Bucket, Entry, Fault, Kind, Listing, Rule, Side};

use super::stage::{bucket, builder, classes, count, ends, profile, run_json, snapshot, stage};

#[tokio::test]
async fn a_pass_warms_every_object_with_one_request() {
    let listing = Listing { max_page: 7, ..Listing::default() };
    let sim = builder().bucket("training", bucket("data/", 20)).listing(listing);
    let stage = stage(sim, "", &profile("\"s3://training/data/**\"", "")).await;
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Complete, None));
    assert_eq!((ends(&report), report.totals.warmed), ([20, 20, 0, 0, 0], count(20)));
    assert_eq!((stage.warm_keys(), stage.heads(), stage.lists(), report.plan.list_requests), (20, 20, 3, 3));
    assert_eq!(stage.sim.counters().list.total(), 3, "no plain HEAD where nothing is in doubt");
    snapshot("warm-complete", &run_json(&report));
}

#[tokio::test]
async fn what_cannot_or_should_not_be_warmed_is_left_out_under_its_reason() {
    let now = clock::now;
    let objects = Bucket::new()
        .object("d/", Entry::sized(0))
        .object("d/_SUCCESS", Entry::sized(0))
        .object("d/archived", Entry::sized(1000).class("GLACIER"))
        .object("d/infrequent", Entry::sized(1000).class("STANDARD_IA"))
        .object("d/excluded.tmp", Entry::sized(1000))
        .object("d/small", Entry::sized(10))
        .object("d/large", Entry::sized(10_000))
        .object("d/old", Entry::sized(1000).modified(now() - TimeDelta::days(3)))
        .object("d/kept", Entry::sized(1000).modified(now() - TimeDelta::hours(3)))
        .object("d/named", Entry::sized(1000).modified(now() - TimeDelta::hours(3)).class("STANDARD"))
        .object("d/new", Entry::sized(1000).modified(now()))
        .object("other", Entry::sized(1000));
    let lines = "exclude = [\"s3://*/**/*.tmp\"]\nmin_size = \"100 B\"\nmax_size = \"5 kB\"\n\
                 newer_than = \"2d\"\nolder_than = \"1h\"";
    let stage = stage(builder().bucket("training", objects), "", &profile("\"s3://training/d/**\"", lines)).await;
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [2, 2, 0, 0, 0]));
    let left: BTreeMap<_, _> =
        report.plan.selection.left_out.iter().map(|(reason, left)| (*reason, left.count.objects)).collect();
    let expected = [
        (Reason::Excluded, 1),
        (Reason::TooOld, 1),
        (Reason::TooNew, 1),
        (Reason::TooSmall, 1),
        (Reason::TooLarge, 1),
        (Reason::Empty, 1),
        (Reason::FolderMarker, 1),
        (Reason::StorageClass, 2),
    ];
    assert_eq!(left, expected.into());
    assert!(stage.sim.is_warm("training", "d/kept") && stage.sim.is_warm("training", "d/named"));
    assert_eq!(stage.warm_keys(), 2);
}

#[tokio::test]
async fn hostile_keys_are_warmed_like_any_other() {
    let keys = ["//", "/x", "a/../b", "..", "a b+c%2F", "new\nline", "\r\n", "🔥", "\u{1}", "?", "#", "back\\slash"];
    let objects = keys.iter().fold(Bucket::new(), |bucket, key| bucket.object(*key, Entry::sized(1000)));
    let stage = stage(builder().bucket("training", objects), "", &profile("\"s3://training/**\"", "")).await;
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [12, 12, 0, 0, 0]));
    assert!(keys.iter().all(|key| stage.sim.is_warm("training", key)));
}

#[tokio::test]
async fn an_object_deleted_since_the_listing_is_gone_and_the_run_complete() {
    let sim = builder().bucket("training", bucket("", 10));
    let stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::Deleted).on(Kind::RangedHead).key("03"));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report), classes(&report)), (Outcome::Complete, [10, 9, 1, 0, 0], vec![]));
    assert_eq!(stage.sim.key_counters("training", "03").plain_heads, 1, "confirmed at the list endpoint");
    assert!(report.warm_ratio().reaches(1.0));
}

#[tokio::test]
async fn an_object_that_the_cache_does_not_know_and_the_store_does_has_failed() {
    let sim = builder().bucket("training", bucket("", 10));
    let stage = stage(sim, "retries = 1", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::status(404, "NoSuchKey")).on(Kind::RangedHead).key("03"));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Partial, [10, 9, 0, 1, 0]));
    assert_eq!(classes(&report), [("not_found", 1)]);
}

#[tokio::test]
async fn an_object_that_changed_since_the_listing_is_warmed_and_said() {
    let sim = builder().bucket("training", bucket("", 10));
    let stage = stage(sim, "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.faults().push(Rule::new(Fault::Overwritten).on(Kind::RangedHead).key("03"));
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [10, 10, 0, 0, 0]));
    assert_eq!(classes(&report), [("changed", 1)]);
}

#[tokio::test]
async fn ages_are_by_the_servers_clock() {
    let now = clock::now();
    let objects = Bucket::new()
        .object("old", Entry::sized(1000).modified(now - TimeDelta::hours(30)))
        .object("young", Entry::sized(1000).modified(now - TimeDelta::hours(10)));
    for (skew_hours, warmed) in [(0, ["young"].as_slice()), (-10, &["old", "young"]), (20, &[])] {
        let lines = "newer_than = \"24h\"";
        let sim = builder().bucket("training", objects.clone());
        let stage = stage(sim, "", &profile("\"s3://training/**\"", lines)).await;
        stage.sim.faults().push(Rule::new(Fault::SkewedDate(skew_hours * 3600)).side(Side::List));
        let before = clock::now();
        let report = stage.warm("p").await;
        assert_eq!(report.outcome, Outcome::Complete, "what is left out by age is nothing missing");
        let found: Vec<_> = ["old", "young"].into_iter().filter(|key| stage.sim.is_warm("training", key)).collect();
        assert_eq!(found, warmed, "the server is {skew_hours} hours ahead");
        let here = report.plan.at - TimeDelta::hours(skew_hours);
        // A server tells whole seconds.
        let told = before - TimeDelta::seconds(1)..=clock::now() + TimeDelta::seconds(1);
        assert!(told.contains(&here), "{here}, within {told:?}");
    }
}

#[tokio::test]
async fn a_bucket_glob_finds_the_buckets_that_the_credentials_may_use() {
    let sim = builder()
        .bucket("ckpt-a", bucket("x/", 2))
        .bucket("ckpt-b", bucket("x/", 3))
        .bucket("ckpt-private", bucket("x/", 4))
        .bucket("training", bucket("x/", 5));
    let stage = stage(sim, "", &format!("buckets = [\"ckpt-?\"]\n{}", profile("\"s3://ckpt-*/x/**\"", ""))).await;
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [5, 5, 0, 0, 0]));
    let log = stage.sim.log();
    let asked = |bucket: &str| log.iter().any(|logged| format!("{}{}", logged.host, logged.target).contains(bucket));
    assert!(asked("ckpt-a") && asked("ckpt-b") && !asked("ckpt-private") && !asked("training"));
}

#[tokio::test]
async fn a_region_is_learned_from_the_listing_before_any_request_to_the_cache() {
    for objects in ["\"s3://training/a/**\", \"s3://training/b/**\", \"s3://training/c/**\"", "\"s3://train*/**\""] {
        let keys = ["a/1", "b/1", "c/1"];
        let elsewhere = keys.iter().fold(Bucket::new(), |bucket, key| bucket.object(*key, Entry::sized(1000)));
        let sim = builder().bucket("training", elsewhere.region("eu-north-05a"));
        let stage = stage(sim, "", &profile(objects, "")).await;
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [3, 3, 0, 0, 0]), "{objects}");
        assert_eq!(stage.sim.counters().cache.status(400), 0, "{objects}");
    }
}
