//! What a user sees of checkpoints: `plan`, `warm`, `runs`, `explain`, `check` and `plan --against`.

use chrono::TimeDelta;
use hotset::clock;
use serde_json::{Value, json};
use sim::{Bucket, Entry, Sim};

use super::{Desk, MIB, fields, shows};

const GROUP: [&str; 10] =
    ["age_s", "bucket", "bytes", "last_modified", "name", "objects", "run", "state", "step", "why"];

/// `iter_STEP`, written `hours` and a half ago: four shards, and what says that they are all there.
fn iter(bucket: Bucket, name: &str, (hours, complete): (i64, bool)) -> Bucket {
    let entry = || Entry::sized(100 * MIB).modified(clock::now() - TimeDelta::minutes(60 * hours + 30));
    let bucket =
        (0..4).fold(bucket, |bucket, n| bucket.object(format!("{name}/{n:02}.pt"), entry().etag(&etag(name, n))));
    if complete { bucket.object(format!("{name}/.metadata"), entry()) } else { bucket }
}

fn etag(name: &str, n: usize) -> String {
    format!("{:032x}-2", 100 * name.bytes().map(usize::from).sum::<usize>() + n)
}

/// Two runs: the newest checkpoint of one is not complete.
fn two_runs() -> Bucket {
    let llama = (1..5)
        .fold(Bucket::new(), |bucket, n| iter(bucket, &format!("llama/70b/iter_{:07}", 100 * n), (30 - 5 * n, true)));
    let llama = iter(llama, "llama/70b/iter_0000500", (3, false));
    iter(iter(llama, "qwen/iter_0000007", (6, true)), "qwen/iter_0000008", (4, true))
}

async fn desk(bucket: Bucket) -> Desk {
    Desk::start(Sim::builder().bucket("ckpt", bucket)).await
}

/// The profile `latest` with these keys of its own, and these of its `checkpoint`.
fn latest(keys: &str, checkpoint: &str) -> String {
    format!(
        "[profile.latest]\nobjects = [\"s3://ckpt/*/**\"]\n{keys}\ncheckpoint = {{ layout = \"custom\", \
         group = '^(?<run>.*)/iter_(?<step>[0-9]+)/', require = [\".metadata\"]{checkpoint} }}\n"
    )
}

const CAP: &str = "max_bytes = \"1 TiB\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_plan_shows_which_checkpoints_are_taken_and_why_the_newest_is_not() {
    let desk = desk(two_runs()).await;
    let mut ran = Vec::new();
    for (keys, checkpoint) in [
        (CAP, ""),
        (CAP, ", keep = 2, active_within = \"4h\""),
        ("max_bytes = \"600 MiB\"\non_excess = \"trim\"", ""),
        ("max_bytes = \"100 MiB\"", ""),
        (CAP, ", on_incomplete = \"refuse\""),
    ] {
        desk.configure("", &latest(keys, checkpoint));
        ran.push(desk.run("plan -q"));
    }
    desk.configure("", &latest(CAP, "").replace("ckpt/*/**", "ckpt/llama/70b/iter_0000500/**"));
    ran.push(desk.run("plan -q"));
    desk.configure("", &latest(CAP, "").replace("iter_", "step_"));
    ran.push(desk.run("plan -q"));
    shows("checkpoints_plan", &ran);
    assert_eq!(desk.sim.counters().cache.total(), 0, "a plan contacts the list endpoint only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_run_of_many_checkpoints_and_many_runs_are_readable() {
    let old = (1..=150).fold(Bucket::new(), |bucket, n| {
        bucket
            .object(format!("a/iter_{n}/.metadata"), Entry::sized(MIB).modified(clock::now() - TimeDelta::minutes(330)))
    });
    let long = iter(old, &format!("{}\t\u{1b}[31m/iter_7", "long-name-".repeat(9)), (5, true));
    let desk = desk(long).await;
    desk.configure("", &latest(CAP, ", count = \"any\""));
    let one = desk.run("plan -q");
    let many = (0..30).fold(Bucket::new(), |bucket, n| {
        iter(iter(bucket, &format!("r-{n:02}/iter_2"), (5, true)), &format!("r-{n:02}/iter_3"), (4, n % 2 == 0))
    });
    let desk = Desk::start(Sim::builder().bucket("ckpt", many)).await;
    desk.configure("", &latest(CAP, ""));
    shows("checkpoints_many", &[one, desk.run("plan -q")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_json_of_a_plan_has_its_checkpoints_and_its_objects_name_theirs() {
    let desk = desk(two_runs()).await;
    desk.configure("", &latest(CAP, ""));
    let plan = desk.json("plan -q --json", 0).remove(0);
    let groups = plan["groups"].as_array().unwrap();
    assert!(groups.iter().all(|group| fields(group) == GROUP), "{plan:#}");
    let seen: Vec<_> = groups.iter().take(3).map(|group| [&group["name"], &group["state"], &group["why"]]).collect();
    assert_eq!(
        json!(seen),
        json!([
            ["iter_0000500", "incomplete", "`.metadata` is missing"],
            ["iter_0000400", "chosen", null],
            ["iter_0000300", "older", null]
        ])
    );
    assert_eq!(plan["more_groups"], 0);
    let ran = desk.run("plan -q --objects -");
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 10);
    assert!(lines.iter().any(|line| line["run"] == "llama/70b" && line["group"] == "iter_0000400"), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_was_warmed_is_on_record() {
    let desk = desk(two_runs()).await;
    desk.configure("", &latest(CAP, ""));
    let warm = desk.run("warm -q --state-dir state");
    let line = desk.json("runs -q --state-dir state --json", 0).remove(0);
    let groups: Vec<_> = line["groups"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
    assert_eq!(groups, ["iter_0000500", "iter_0000400", "iter_0000008"], "{line:#}");
    let id = line["run"].as_str().unwrap();
    let one = desk.run(&format!("runs -q {id} --state-dir state"));
    desk.configure("", &latest("max_bytes = \"100 MiB\"", ""));
    let refused = desk.run("warm -q");
    shows("checkpoints_warm", &[warm, one, refused]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_key_is_explained_and_a_profile_is_checked() {
    let desk = desk(two_runs()).await;
    let weights = "[profile.weights]\nobjects = [\"s3://ckpt/hf/**\"]\nmax_bytes = \"1 TiB\"\n\
                   exclude = [\"s3://ckpt/**/*.tmp\"]\ncheckpoint = { layout = \"hf-trainer\", parts = \"weights\" }\n\
                   [profile.loose]\nobjects = [\"s3://ckpt/dcp/**\"]\nmax_bytes = \"1 TiB\"\n\
                   checkpoint = { layout = \"torch-dcp\", keep = 3 }\n";
    desk.configure("", &format!("{}{weights}", latest(CAP, "")));
    let explained = [
        "llama/70b/iter_0000400/00.pt",
        "llama/70b/notes.txt",
        "hf/checkpoint-5/model.safetensors",
        "hf/checkpoint-5/optimizer.pt",
        "hf/checkpoint-5/x.tmp",
        "dcp/step-5/__0_0.distcp",
        "dcp/step-5/train.json",
    ]
    .map(|key| desk.run(&format!("explain s3://ckpt/{key} -q")));
    shows("checkpoints_explain", &explained);
    let mut checked = desk.run("check");
    // The rest is what it says of any profile.
    let keeps: Vec<_> = checked.out.lines().filter(|line| line.starts_with("  keeps ")).collect();
    checked.out = format!("{}\n", keeps.join("\n"));
    shows("checkpoints_check", &[checked]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_comparison_names_the_checkpoints_that_enter_and_leave() {
    let desk = desk(two_runs()).await;
    desk.configure("", &latest(CAP, ", keep = 2"));
    std::fs::rename(desk.path("hotset.toml"), desk.path("before.toml")).unwrap();
    desk.configure("", &latest(CAP, ", keep = 3").replace("ckpt/*/**", "ckpt/llama/**"));
    shows(
        "checkpoints_against",
        &[desk.run("plan -q --against before.toml"), desk.run("plan -q --against before.toml --format markdown")],
    );
    let line = desk.json("plan -q --against before.toml --json", 0).remove(0);
    assert_eq!(fields(&line["enters"]), ["bytes", "groups", "more_groups", "objects", "sample"]);
    assert_eq!(
        line["enters"]["groups"],
        json!([{ "bucket": "ckpt", "run": "llama/70b", "name": "iter_0000200", "step": 200,
                 "objects": 5, "bytes": 500 * MIB }])
    );
    assert_eq!(line["leaves"]["groups"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_says_which_checkpoints_it_keeps_hot() {
    let desk = desk(two_runs()).await;
    let tables = "[daemon]\nlisten = \"127.0.0.1:0\"\nstate_dir = \"state\"\n";
    desk.configure("", &format!("{tables}{}", latest(CAP, "").replace("latest]", "latest]\non_start = \"always\"")));
    let why = "llama/70b/iter_0000500 is not complete: `.metadata` is missing; iter_0000400 is taken";
    let mut daemon = desk.daemon("").await;
    let said = |line: &Value| line["groups"].as_array().unwrap().iter().map(|group| group["name"].clone()).collect();
    let names: Vec<Value> = said(&daemon.ended("complete").await);
    assert_eq!(names, ["iter_0000500", "iter_0000400", "iter_0000008"]);
    assert_eq!(daemon.said().matches(why).count(), 1, "{}", daemon.said());
    let page = daemon.get("/").unwrap();
    assert!(page.as_str().unwrap().contains(why) && page.as_str().unwrap().contains("qwen/iter_0000008"), "{page}");
    daemon.send("-TERM");
    daemon.exits().await;

    desk.configure("", &format!("{tables}{}", latest(CAP, "")));
    let daemon = desk.daemon("").await;
    let restored: Vec<Value> = said(&daemon.status()["profiles"][0]["last"]);
    assert_eq!(restored, names, "a restart remembers");
}

/// With what a checkpoint of torch.distributed has to hold.
fn sharded(bucket: Bucket, folder: &str, hours: i64) -> Bucket {
    let entry =
        || Entry::sized(100 * MIB).modified(clock::now() - TimeDelta::minutes(60 * hours + 30)).etag(&etag(folder, 0));
    bucket.object(format!("{folder}/.metadata"), entry()).object(format!("{folder}/__0_0.distcp"), entry())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_layout_that_may_be_the_wrong_one_is_told() {
    let steps = sharded(sharded(Bucket::new(), "titan/step-100", 5), "titan/step-200", 4);
    let epochs =
        (1..4).fold(Bucket::new(), |bucket, n| sharded(bucket, &format!("a/epoch-{n}/iter_{}", 100 * n), 9 - n));
    let desk = Desk::start(Sim::builder().bucket("ckpt", steps).bucket("epochs", epochs)).await;
    let finds = "layout = \"torch-dcp\" or \"torchtitan\" finds a whole one";
    let lone = "3 runs hold a single step each and differ by numbers alone, as `a/epoch-1`";
    let custom = "layout = \"custom\", group = '^(?<run>.*)/iter_(?<step>[0-9]+)/', require = [\".metadata\"]";
    for (bucket, checkpoint, told, verbs, because) in [
        ("ckpt", "layout = \"nemo\"", finds, &["plan", "check --online=list"][..], "no group at all"),
        ("ckpt", "layout = \"levanter\"", finds, &["plan"], "groups by their names, which lack what it requires"),
        ("epochs", custom, lone, &["plan", "check --online=list"], "each a run of its own"),
    ] {
        let profile = format!("objects = [\"s3://{bucket}/**\"]\n{CAP}\ncheckpoint = {{ {checkpoint} }}\n");
        desk.configure("", &format!("[profile.latest]\n{profile}"));
        for verb in verbs {
            let ran = desk.run(verb);
            let said = ran.out + &ran.err;
            assert!(said.contains(told), "{verb}, {because}: {said}");
        }
    }
}
