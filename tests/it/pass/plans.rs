use hotset::report::Outcome;
use hotset::report::Progress;
use hotset::run::{self, Connections};
use hotset::warm::StopSignal;
use model::api::ObjectLine;
use model::select::plan::Verdict;
use sim::{Bucket, Entry, Side};

use super::stage::{bucket, builder, count, ends, plan_json, profile, snapshot, stage};

#[tokio::test]
async fn a_plan_talks_to_the_list_endpoint_only() {
    let objects = bucket("data/", 20).object("data/empty", Entry::sized(0)).object("data/", Entry::sized(0));
    let endpoint = "capacity = \"100 kB\"\nprices = { hot = 0.06, warm = 0.03, cold = 0.015 }";
    let stage = stage(
        builder().bucket("training", objects),
        endpoint,
        &profile("\"s3://training/data/**\"", "max_objects = 15\norder = \"key\""),
    )
    .await;
    let plan = stage.plan("p").await;
    assert_eq!((plan.verdict.clone(), plan.to_warm(), plan.over_cap()), (Verdict::Ready, count(15), true));
    let counters = stage.sim.counters();
    assert_eq!((counters.cache.connections, counters.cache.total()), (0, 0));
    assert_eq!(counters.list.total(), 1);
    snapshot("plan-trimmed", &plan_json(&plan));
    let line = serde_json::to_string(&ObjectLine::new("p", &plan.selection.selected.get(0).unwrap(), None)).unwrap();
    snapshot("plan-object", &line);
}

#[tokio::test]
async fn a_plan_and_a_warm_come_to_the_same() {
    let sim = builder().bucket("training", bucket("data/", 20));
    let stage = stage(sim, "", &profile("\"s3://training/data/**\"", "max_objects = 15\norder = \"key\"")).await;
    let plan = stage.plan("p").await;
    let report = stage.warm("p").await;
    assert_eq!(report.totals.warmed, plan.to_warm());
    assert!(plan.selection.selected.iter().all(|object| stage.sim.is_warm("training", object.key.as_bytes())));
    assert_eq!(stage.warm_keys(), 15);
}

#[tokio::test]
async fn what_does_not_fit_was_wanted_unless_it_is_said_that_it_was_not() {
    for (lines, outcome, warmed, ratio) in [
        ("", Outcome::Partial, 5, 5.0 / 9.0),
        ("on_excess = \"partial\"", Outcome::Partial, 5, 5.0 / 9.0),
        ("max_objects = 6", Outcome::Partial, 5, 5.0 / 6.0),
        ("max_objects = 5", Outcome::Complete, 5, 1.0),
        ("max_objects = 3", Outcome::Complete, 3, 1.0),
        ("max_objects = 3\nmin_warm = \"99%\"", Outcome::Complete, 3, 1.0),
        ("min_warm = \"55%\"", Outcome::Complete, 5, 5.0 / 9.0),
        ("min_warm = \"56%\"", Outcome::Partial, 5, 5.0 / 9.0),
        ("on_excess = \"trim\"", Outcome::Complete, 5, 1.0),
        ("on_excess = \"trim\"\nmin_warm = \"99%\"", Outcome::Complete, 5, 1.0),
        ("on_excess = \"refuse\"", Outcome::Refused, 0, 0.0),
    ] {
        let tables = format!("[profile.p]\nobjects = [\"s3://training/**\"]\nmax_bytes = \"5 kB\"\n{lines}\n");
        let stage = stage(builder().bucket("training", bucket("", 9)), "", &tables).await;
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, report.totals.warmed), (outcome, count(warmed)), "{lines}: {:?}", report.reason);
        assert_eq!((stage.heads(), report.plan.over_cap()), (warmed, true), "{lines}");
        assert!((report.warm_ratio().lower() - ratio).abs() < 1e-9, "{lines}: {:?}", report.warm_ratio());
        if outcome == Outcome::Refused {
            snapshot("plan-refused-over-its-cap", &plan_json(&report.plan));
        }
    }
}

#[tokio::test]
async fn a_cap_that_nothing_fits_is_refused() {
    let tables = "[profile.p]\nobjects = [\"s3://training/**\"]\nmax_bytes = \"999 B\"\n";
    let stage = stage(builder().bucket("training", bucket("", 9)), "", tables).await;
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, stage.heads()), (Outcome::Refused, 0));
    assert_eq!(report.reason.unwrap(), "the caps leave nothing: not even the first of 9 candidates fits");
}

#[tokio::test]
async fn nothing_that_matches_is_refused_unless_it_is_allowed() {
    for (lines, outcome) in [("", Outcome::Refused), ("allow_empty = true", Outcome::Complete)] {
        let stage =
            stage(builder().bucket("training", bucket("", 9)), "", &profile("\"s3://training/elsewhere/**\"", lines))
                .await;
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, ends(&report), stage.heads()), (outcome, [0; 5], 0), "{lines}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_refused() {
    for (objects, why) in [
        ("\"s3://missing/**\"", "list s3://missing/: not found: 404 NoSuchBucket"),
        ("\"s3://miss*/**\"", "no bucket matches, among those that the credentials may use"),
    ] {
        let stage = stage(builder().bucket("training", bucket("", 9)), "", &profile(objects, "")).await;
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, stage.heads()), (Outcome::Refused, 0));
        let reason = report.reason.unwrap();
        assert!(reason.starts_with(why), "{reason}");
    }
}

#[tokio::test]
async fn a_pattern_steers_the_listing_by_folders_and_the_plan_says_what_that_took() {
    let parts = ["optimizer", "weights"];
    let keys = (0..30)
        .flat_map(|run| parts.map(|part| (0..40).map(move |n| format!("ckpt/{run:02}/{part}/{n:02}"))))
        .flatten();
    let objects = keys.fold(Bucket::new(), |bucket, key| bucket.object(key, Entry::sized(1000)));
    let tables = profile("\"s3://training/ckpt/*/weights/**\"", "");
    let stage = stage(builder().bucket("training", objects), "", &tables).await;
    let plan = stage.plan("p").await;
    assert_eq!((plan.selection.listed.objects, plan.selected), (2400, count(1200)));
    let took = 3 + 2..=3 + 2 + 2;
    assert!(
        took.contains(&plan.list_requests),
        "a page holds many of these folders, is looked at twice, and two more requests at the most list in parts, not {}",
        plan.list_requests
    );
    stage.sim.set_listing(|listing| listing.max_page = 20);
    let before = stage.lists();
    let plan = stage.plan("p").await;
    assert_eq!((plan.selection.listed.objects, plan.selected), (1200, count(1200)));
    assert_eq!((plan.list_requests, stage.lists() - before), (2 + 2 + 8 + 30 * 2, plan.list_requests));
}

#[tokio::test]
async fn several_profiles_are_planned_over_one_listing() {
    let sim = builder().bucket("training", bucket("data/", 20).object("data/b/x", Entry::sized(1000)));
    let tables = "[profile.a]\nobjects = [\"s3://training/data/**\"]\nmax_bytes = \"1 TiB\"\n\
                  [profile.b]\nobjects = [\"s3://training/data/b/*\"]\nmax_bytes = \"1 TiB\"\n";
    let stage = stage(sim, "", tables).await;
    let tasks = [stage.task("a"), stage.task("b")];
    let connection = Connections::default().open(&tasks[0].profile).await;
    let plans = run::plan_together(&tasks, &connection, &Progress::default().into(), &StopSignal::default()).await;
    assert_eq!(plans.iter().map(|plan| plan.selected.objects).collect::<Vec<_>>(), [21, 1]);
    assert_eq!(stage.lists(), 1);
}

#[tokio::test]
async fn keys_that_the_store_does_not_accept_are_refused() {
    let stage = stage(builder().bucket("training", bucket("", 9)), "", &profile("\"s3://training/**\"", "")).await;
    stage.sim.set_credentials(vec![sim::Credentials {
        access_key: "AK".to_owned(),
        secret_key: "another".to_owned(),
        session_token: None,
    }]);
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, stage.heads()), (Outcome::Refused, 0));
    assert!(report.reason.unwrap().starts_with("list s3://training/: denied: 403 SignatureDoesNotMatch"));
}

#[tokio::test]
async fn a_store_that_is_away_is_a_failure_worth_another_try() {
    for outage in [sim::Outage::Refused, sim::Outage::Silent] {
        let endpoint = "outage_wait = \"300ms\"\nbase_timeout = \"200ms\"";
        let stage =
            stage(builder().bucket("training", Bucket::new()), endpoint, &profile("\"s3://training/**\"", "")).await;
        stage.sim.set_outage(Side::List, outage);
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, stage.heads()), (Outcome::Failed, 0), "{outage:?}: {:?}", report.reason);
    }
}

#[tokio::test]
async fn a_profile_whose_manifest_is_away_takes_no_other_down() {
    let sim = builder().bucket("training", bucket("data/", 20));
    let tables = "[profile.a]\nmanifest = \"s3://missing/list.jsonl\"\nmax_bytes = \"1 TiB\"\n\
                  [profile.b]\nobjects = [\"s3://training/**\"]\nmax_bytes = \"1 TiB\"\n";
    let stage = stage(sim, "", tables).await;
    let tasks = [stage.task("a"), stage.task("b")];
    let connection = Connections::default().open(&tasks[0].profile).await;
    let plans = run::plan_together(&tasks, &connection, &Progress::default().into(), &StopSignal::default()).await;
    assert!(
        matches!(&plans[0].verdict, Verdict::Refused(why) if why.text.contains("NoSuchBucket")),
        "{:?}",
        plans[0].verdict
    );
    assert_eq!((&plans[1].verdict, plans[1].selected), (&Verdict::Ready, count(20)));
}
