//! Objects that a manifest names, in place of a listing.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use hotset::report::Outcome;
use hotset::run::{self, Connections};
use model::api::ObjectLine;
use model::select::plan::{Plan, Verdict};
use sim::{Bucket, Entry, Fault, Kind, Outage, Rule, Side};
use tempfile::TempDir;

use super::stage::{Stage, bucket, builder, count, ends, plan_json, snapshot, stage};

/// What `plan --objects` writes.
fn objects_of(plan: &Plan) -> String {
    let line = |object| serde_json::to_string(&ObjectLine::new("p", &object, None)).unwrap() + "\n";
    plan.selection.selected.iter().map(line).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn bare(keys: impl IntoIterator<Item = u32>) -> String {
    keys.into_iter().map(|n| format!("{{\"bucket\":\"training\",\"key\":\"data/{n:02}\"}}\n")).collect()
}

fn full(keys: impl IntoIterator<Item = u32>) -> String {
    let line = |n| {
        format!(
            "{{\"bucket\":\"training\",\"key\":\"data/{n:02}\",\"size\":1000,\"last_modified\":\"2026-01-01T00:00:00Z\"}}\n"
        )
    };
    keys.into_iter().map(line).collect()
}

/// `data/00` to `data/19` of 1,000 bytes, a manifest of this text in the bucket, and a profile `p` that reads it.
async fn of_object(manifest: impl Into<Vec<u8>>, lines: &str) -> Stage {
    let objects = bucket("data/", 20).object("lists/today", Entry::bytes(manifest.into()));
    let table = format!("[profile.p]\nmanifest = \"s3://training/lists/today\"\nmax_bytes = \"1 TiB\"\n{lines}\n");
    stage(builder().bucket("training", objects), "", &table).await
}

/// The same, with the manifest in a file.
async fn of_file(manifest: impl AsRef<[u8]>, lines: &str) -> (Stage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("today");
    std::fs::write(&path, manifest).unwrap();
    let table = format!("[profile.p]\nmanifest = \"file:{}\"\nmax_bytes = \"1 TiB\"\n{lines}\n", path.display());
    (stage(builder().bucket("training", bucket("data/", 20)), "", &table).await, folder)
}

fn refused(plan: &Plan) -> &str {
    match &plan.verdict {
        Verdict::Refused(why) => &why.text,
        other => panic!("{other:?}"),
    }
}

fn failed(plan: &Plan) -> &str {
    match &plan.verdict {
        Verdict::Failed(why) => &why.text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_plan_wrote_is_planned_again_from_a_file_and_from_the_store() {
    let listed = "[profile.p]\nobjects = [\"s3://training/data/**\"]\nmax_bytes = \"1 TiB\"\nmax_objects = 15\n";
    let written = stage(builder().bucket("training", bucket("data/", 20)), "", listed).await.plan("p").await;
    let text = objects_of(&written);
    for packed in [text.clone().into_bytes(), gzip(&text)] {
        let stage = of_object(packed.clone(), "").await;
        let plan = stage.plan("p").await;
        assert_eq!((&plan.verdict, plan.selection.kept()), (&Verdict::Ready, count(15)));
        let names =
            |plan: &Plan| plan.selection.selected.iter().map(|object| (object.key, object.etag)).collect::<Vec<_>>();
        assert_eq!(names(&plan), names(&written), "the same objects in the same order");
        assert_eq!((stage.lists(), plan.list_requests, stage.sim.counters().list.count(Kind::Get)), (0, 1, 1));
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, ends(&report), stage.warm_keys()), (Outcome::Complete, [15, 15, 0, 0, 0], 15));

        let (stage, _folder) = of_file(packed, "").await;
        let plan = stage.plan("p").await;
        assert_eq!((names(&plan), plan.list_requests), (names(&written), 0));
        assert_eq!(stage.sim.counters().list.total(), 0, "nothing is asked for");
        assert_eq!(stage.warm("p").await.outcome, Outcome::Complete);
    }
}

#[tokio::test]
async fn rules_and_caps_apply_to_what_is_named() {
    for (lines, selected, because) in [
        ("", 20, "all of it"),
        ("max_objects = 3", 3, "a cap of objects"),
        ("max_bytes = \"5 kB\"", 5, "a cap of bytes"),
        ("exclude = [\"s3://training/data/0*\"]", 10, "what is excluded"),
        ("objects = [\"s3://training/data/{00..04}\"]", 5, "patterns narrow it"),
        ("objects = [\"s3://train*/data/1*\"]", 10, "and may look at several buckets"),
        ("min_size = \"2 kB\"", 0, "sizes"),
        ("newer_than = \"1h\"", 0, "ages"),
        ("storage_classes = [\"GLACIER\"]", 0, "classes"),
    ] {
        let lines = lines.to_owned();
        let cap = lines.starts_with("max_bytes");
        let table = if cap { lines } else { format!("max_bytes = \"1 TiB\"\n{lines}") };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("m"), full(0..20)).unwrap();
        let table = format!("[profile.p]\nmanifest = \"{}/m\"\n{table}\n", folder.path().display());
        let stage = stage(builder().bucket("training", bucket("data/", 20)), "", &table).await;
        let plan = stage.plan("p").await;
        assert_eq!(
            (&plan.verdict, plan.selected, plan.selection.listed.objects),
            (&Verdict::Ready, count(selected), 20),
            "{because}"
        );
        let report = stage.warm("p").await;
        let outcome = if cap { Outcome::Partial } else { Outcome::Complete };
        assert_eq!((report.outcome, stage.heads()), (outcome, selected), "{because}");
    }
}

#[tokio::test]
async fn what_an_entry_does_not_say_is_asked_for_and_said() {
    let stage = of_object(bare([3, 1, 2, 99]), "").await;
    let plan = stage.plan("p").await;
    assert_eq!((&plan.verdict, plan.selected), (&Verdict::Ready, count(3)));
    assert!(plan.selection.selected.iter().all(|object| object.etag.is_some()), "known as well as by a listing");
    snapshot("plan-of-a-bare-manifest", &plan_json(&plan));
    let counters = stage.sim.counters();
    assert_eq!(
        (counters.list.count(Kind::PlainHead), counters.cache.total()),
        (4, 0),
        "at the list endpoint, and nowhere else"
    );
    let report = stage.warm("p").await;
    assert_eq!((report.outcome, ends(&report)), (Outcome::Complete, [3, 3, 0, 0, 0]));
}

#[tokio::test]
async fn no_object_passes_a_cap_unweighed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m"), bare(0..20)).unwrap();
    for (cap, warmed, outcome) in [
        ("max_bytes = \"5 kB\"", 5, Outcome::Partial),
        ("max_bytes = \"5 kB\"\non_excess = \"trim\"", 5, Outcome::Complete),
        ("max_bytes = \"999 B\"", 0, Outcome::Refused),
        ("max_bytes = \"5 kB\"\non_excess = \"refuse\"", 0, Outcome::Refused),
        ("max_bytes = \"unlimited\"\nmin_size = \"2 kB\"", 0, Outcome::Complete),
        ("max_bytes = \"unlimited\"", 20, Outcome::Complete),
    ] {
        let table = format!("[profile.p]\nmanifest = \"{}/m\"\n{cap}\n", folder.path().display());
        let stage = stage(builder().bucket("training", bucket("data/", 20)), "", &table).await;
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, report.totals.warmed, stage.heads()), (outcome, count(warmed), warmed), "{cap}");
    }
}

#[tokio::test]
async fn what_the_rules_do_not_speak_of_is_not_looked_up() {
    let stage =
        of_object(bare(0..20), "objects = [\"s3://training/data/0*\"]\nexclude = [\"s3://training/data/*0\"]").await;
    let plan = stage.plan("p").await;
    assert_eq!((plan.selected, plan.selection.matched.objects), (count(9), 10));
    assert_eq!(stage.sim.counters().list.count(Kind::PlainHead), 9);
}

#[tokio::test]
async fn an_object_that_is_named_twice_is_one() {
    let stage = of_object(full([1, 2, 1, 1]), "").await;
    let plan = stage.plan("p").await;
    assert_eq!((plan.selected, plan.selection.listed), (count(2), count(2)));
    assert!(
        plan.warnings
            .iter()
            .any(|warning| warning.to_string().starts_with("2 entries of the manifest name an object once more"))
    );
    assert_eq!(ends(&stage.warm("p").await), [2, 2, 0, 0, 0]);
}

#[tokio::test]
async fn a_manifest_that_is_wrong_is_never_a_shorter_plan() {
    for (text, why) in [
        (format!("{}{{\"bucket\":\"training\"\n{}", full(0..3), full(4..6)), "line 4: "),
        (format!("{}nonsense", full(0..3)), "line 4: "),
    ] {
        let stage = of_object(text.clone(), "").await;
        let report = stage.warm("p").await;
        assert_eq!((report.outcome, stage.heads()), (Outcome::Refused, 0));
        let reason = report.reason.unwrap();
        assert!(reason.starts_with(&format!("manifest s3://training/lists/today, {why}")), "{reason}");
        let packed = gzip(&text);
        let (stage, folder) = of_file(&packed, "").await;
        let plan = stage.plan("p").await;
        let place = folder.path().join("today").display().to_string();
        assert!(refused(&plan).starts_with(&format!("manifest {place}, {why}")), "{plan:?}");
        let (stage, _folder) = of_file(&gzip(&full(0..20))[..40], "").await;
        assert!(refused(&stage.plan("p").await).contains("the gzip that it is part of is broken or cut off"));
    }
}

#[tokio::test]
async fn a_manifest_of_nothing_is_refused_unless_that_is_allowed() {
    for text in ["", "\n"] {
        for (lines, outcome) in [("", Outcome::Refused), ("allow_empty = true", Outcome::Complete)] {
            let stage = of_object(text, lines).await;
            let report = stage.warm("p").await;
            assert_eq!((report.outcome, ends(&report), stage.heads()), (outcome, [0; 5], 0), "{text:?} {lines}");
        }
    }
    let stage = of_object(full(0..3), "objects = [\"s3://training/elsewhere/**\"]").await;
    let plan = stage.plan("p").await;
    assert_eq!(refused(&plan), "nothing matched: the manifest names no object that the rules speak of (3 named)");
}

#[tokio::test]
async fn a_manifest_that_is_not_there_is_a_failure_worth_another_try() {
    let tables = "[profile.p]\nmanifest = \"s3://training/lists/today\"\nmax_bytes = \"1 TiB\"\n\
                  [profile.file]\nmanifest = \"/nowhere/today\"\nmax_bytes = \"1 TiB\"\n\
                  [profile.folder]\nmanifest = \"/\"\nmax_bytes = \"1 TiB\"\n\
                  [profile.bucket]\nmanifest = \"s3://missing/today\"\nmax_bytes = \"1 TiB\"\n";
    let stage = stage(builder().bucket("training", bucket("data/", 20)), "", tables).await;
    assert_eq!(failed(&stage.plan("p").await), "manifest s3://training/lists/today: there is no such object");
    let missing = stage.plan("file").await;
    assert!(failed(&missing).starts_with("manifest /nowhere/today: No such file"), "{missing:?}");
    assert_eq!(failed(&stage.plan("folder").await), "manifest /: it is no regular file");
    let bucket = stage.plan("bucket").await;
    assert!(
        refused(&bucket).starts_with("read s3://missing/today: not found: 404 NoSuchBucket"),
        "as a listing of it is"
    );
    let report = stage.warm("file").await;
    assert_eq!((report.outcome, stage.heads()), (Outcome::Failed, 0));
}

#[tokio::test]
async fn a_store_that_is_away_or_says_no_ends_a_plan_as_it_ends_a_listing() {
    for outage in [Outage::Refused, Outage::Silent] {
        let objects = bucket("data/", 20).object("lists/today", Entry::bytes(full(0..3)));
        let table = "[profile.p]\nmanifest = \"s3://training/lists/today\"\nmax_bytes = \"1 TiB\"\n";
        let patience = "outage_wait = \"300ms\"\nbase_timeout = \"200ms\"";
        let stage = stage(builder().bucket("training", objects), patience, table).await;
        stage.sim.set_outage(Side::List, outage);
        assert_eq!(stage.warm("p").await.outcome, Outcome::Failed, "{outage:?}");
    }
    let stage = of_object(bare(0..3), "").await;
    stage.sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).on(Kind::PlainHead));
    let plan = stage.plan("p").await;
    assert!(refused(&plan).starts_with("look up s3://training/data/0"), "{plan:?}");
}

#[tokio::test]
async fn an_entry_in_a_bucket_that_the_keys_are_not_for_is_refused_with_its_line() {
    let other = "{\"bucket\":\"other\",\"key\":\"x\",\"size\":1000,\"last_modified\":\"2026-01-01T00:00:00Z\"}\n";
    for (lines, why) in [
        ("", Some("line 3: credentials `files` are not for bucket `other` (see their `buckets`)")),
        ("objects = [\"s3://training/**\"]", None),
    ] {
        let text = format!("{}{other}", full(0..2));
        let objects = bucket("data/", 20).object("lists/today", Entry::bytes(text));
        let table = format!(
            "buckets = [\"training\"]\n[profile.p]\nmanifest = \"s3://training/lists/today\"\nmax_bytes = \"1 TiB\"\n{lines}\n"
        );
        let sim = builder().bucket("training", objects).bucket("other", Bucket::new().object("x", Entry::sized(1000)));
        let stage = stage(sim, "", &table).await;
        let report = stage.warm("p").await;
        assert!(!stage.sim.is_warm("other", b"x"));
        match why {
            Some(why) => {
                assert_eq!((report.outcome, stage.heads()), (Outcome::Refused, 0));
                assert_eq!(report.reason.unwrap(), format!("manifest s3://training/lists/today, {why}"));
            }
            None => assert_eq!((report.outcome, report.totals.warmed), (Outcome::Complete, count(2))),
        }
    }
}

/// More than one part of text that no two lines of are alike.
fn large() -> String {
    let line = |n| {
        format!(
            "{{\"bucket\":\"training\",\"key\":\"data/{n:02}\",\"size\":1000,\"note\":\"{:0200}\",\"last_modified\":\"2026-01-01T00:00:00Z\"}}\n",
            n * 7
        )
    };
    (0..30_000).map(line).collect()
}

#[tokio::test]
async fn a_large_manifest_is_read_in_parts_of_one_version() {
    let stage = of_object(large(), "max_objects = 20\norder = \"key\"").await;
    let plan = stage.plan("p").await;
    let list = stage.sim.counters().list;
    let parts = list.count(Kind::Get);
    assert!(parts >= 2, "{parts} parts of {} bytes", large().len());
    assert_eq!((&plan.verdict, plan.selection.listed.objects, plan.list_requests), (&Verdict::Ready, 30_000, parts));
    // A part that is lost is asked for again.
    stage.sim.faults().push(Rule::new(Fault::status(500, "InternalError")).on(Kind::Get).times(1));
    assert_eq!(stage.plan("p").await.selection.listed.objects, 30_000);
}

#[tokio::test]
async fn a_manifest_that_is_another_one_by_the_second_part_has_failed() {
    let stage = of_object(large(), "").await;
    stage.sim.faults().push(Rule::new(Fault::status(412, "PreconditionFailed")).on(Kind::Get).nth(2));
    let plan = stage.plan("p").await;
    assert_eq!(failed(&plan), "manifest s3://training/lists/today: it changed while it was read");
    stage.sim.faults().clear();
    stage.sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).on(Kind::Get));
    let plan = stage.plan("p").await;
    assert_eq!(refused(&plan), "read s3://training/lists/today: denied: 403 AccessDenied: a fault was asked for");
}

#[tokio::test]
async fn several_profiles_share_one_reading() {
    let objects = bucket("data/", 20).object("lists/today", Entry::bytes(bare(0..20)));
    let tables = "[defaults]\nmax_bytes = \"1 TiB\"\n\
                  [profile.a]\nmanifest = \"s3://training/lists/today\"\n\
                  [profile.b]\nmanifest = \"s3://training/lists/today\"\nobjects = [\"s3://training/data/0*\"]\n\
                  [profile.c]\nobjects = [\"s3://training/data/*\"]\n";
    let stage = stage(builder().bucket("training", objects), "", tables).await;
    let tasks = ["a", "b", "c"].map(|name| stage.task(name));
    let connection = Connections::default().open(&tasks[0].profile).await;
    let plans = run::plan_together(&tasks, &connection, &stage.progress, &stage.stop).await;
    assert_eq!(plans.iter().map(|plan| plan.selected.objects).collect::<Vec<_>>(), [20, 10, 20]);
    assert_eq!(plans.iter().map(|plan| plan.manifest.is_some()).collect::<Vec<_>>(), [true, true, false]);
    let list = stage.sim.counters().list;
    assert_eq!((list.count(Kind::Get), list.count(Kind::PlainHead), list.count(Kind::List)), (1, 20, 1));
}
