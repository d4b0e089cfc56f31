//! `hotset plan --against`.

use sim::{Bucket, Entry, Kind, Sim};

use super::{Desk, MIB, fields, shows};

fn bucket() -> Bucket {
    let odd = "d/`quo|ted`\n</details>.tar";
    super::shards(6).object(odd, Entry::sized(64 * MIB).etag("ffffffffffffffffffffffffffffffff-2"))
}

const PRICED: &str = "capacity = \"10 GiB\"\nprices = { hot = 0.06, warm = 0.03, cold = 0.015 }\n";

const BEFORE: &str = r#"
[defaults]
max_bytes = "1 GiB"
[profile.datasets]
objects = ["s3://training/d/0[0-3].tar"]
[profile.same]
objects = ["s3://training/d/00.tar"]
[profile.old]
objects = ["s3://training/d/05.tar"]
"#;

const AFTER: &str = r#"
[defaults]
max_bytes = "1 GiB"
[profile.datasets]
objects = ["s3://training/d/**"]
exclude = ["s3://training/d/00.tar"]
[profile.same]
objects = ["s3://training/d/00.tar"]
[profile.nothing]
objects = ["s3://training/e/**"]
[profile.new]
objects = ["s3://training/d/04.tar"]
"#;

async fn desk() -> Desk {
    let desk = Desk::start(Sim::builder().bucket("training", bucket())).await;
    desk.configure(PRICED, BEFORE);
    std::fs::rename(desk.path("hotset.toml"), desk.path("before.toml")).unwrap();
    desk.configure(PRICED, AFTER);
    desk
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_comparison_shows_what_enters_leaves_and_costs() {
    let desk = desk().await;
    shows(
        "against",
        &[
            desk.run("plan --against before.toml"),
            desk.run("plan --against before.toml same --format table"),
            desk.run("plan --against before.toml sane"),
            desk.run("plan --format markdown"),
        ],
    );
    shows("against_markdown", &[desk.run("plan --against before.toml --format markdown")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn both_sides_of_a_profile_are_planned_over_one_listing() {
    let desk = desk().await;
    let ran = desk.run("plan --against before.toml datasets");
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(desk.sim.counters().list.count(Kind::List), 1);
    assert_eq!(desk.sim.counters().cache.total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_comparison_is_one_json_line_a_profile() {
    let desk = desk().await;
    let lines = desk.json("plan --against before.toml --format json", 3);
    let names: Vec<_> =
        lines.iter().map(|line| (line["profile"].as_str().unwrap(), line["change"].as_str().unwrap())).collect();
    assert_eq!(
        names,
        [("datasets", "changed"), ("new", "added"), ("nothing", "added"), ("old", "removed"), ("same", "same")]
    );
    for line in &lines {
        assert_eq!(fields(line), ["after", "before", "change", "enters", "leaves", "profile", "v"]);
        assert_eq!(fields(&line["after"]), ["bytes", "objects", "outcome", "reason", "share", "usd_month_max"]);
        assert_eq!(fields(&line["enters"]), ["bytes", "groups", "more_groups", "objects", "sample"]);
    }
    assert_eq!(lines[0]["leaves"]["sample"][0]["key"], "d/00.tar");
    assert_eq!(desk.json("plan --against before.toml --json", 3), lines, "--json means the same");
}

const GRANTED: &str =
    "[team.vision]\nprofiles = [\"TEAM\"]\nendpoints = [\"lota\"]\nbuckets = [\"training\"]\nbudget = \"1 GiB\"\n";
const NIGHTLY: &str = "[profile.nightly]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n";

/// A store of somebody else's, which notes who asks it.
async fn collector() -> Sim {
    Sim::builder().bucket("training", super::shards(2)).start().await.unwrap()
}

fn asked(sim: &Sim) -> u64 {
    sim.counters().list.total() + sim.counters().cache.total()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_change_is_followed_to_no_new_place_unless_that_is_asked_for() {
    let (desk, collector) = (Desk::with_shards(2).await, collector().await);
    desk.configure("", NIGHTLY);
    std::fs::rename(desk.path("hotset.toml"), desk.path("before.toml")).unwrap();
    let elsewhere = desk.endpoint().replace(&*desk.sim.list_url(), &collector.list_url());
    let elsewhere = elsewhere.replace(&*desk.sim.cache_url(), &collector.cache_url());
    desk.write("hotset.toml", &format!("{elsewhere}{NIGHTLY}"));
    let lines = ["", " --format markdown"].map(|more| desk.run(&format!("plan --against before.toml{more}")));
    assert!(lines.iter().all(|ran| ran.code == 4), "{}", lines[0]);
    shows("against_another_place", &lines);
    let json = desk.run("plan --against before.toml --json");
    let json: Vec<serde_json::Value> = json.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, reach) = json.split_last().unwrap();
    assert_eq!((&last["change"], &last["after"]["outcome"]), (&"changed".into(), &"refused".into()));
    assert!(reach.iter().all(|line| fields(line) == ["after", "before", "key", "table", "v"]) && reach.len() == 2);
    assert_eq!((asked(&desk.sim), asked(&collector)), (0, 0), "nobody is asked anything");
    let told = desk.run("plan --against before.toml --trust-new");
    assert!(collector.counters().list.total() > 0, "{told}");
    assert_eq!(collector.counters().cache.total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_change_uses_no_keys_and_no_grant_that_are_not_in_force() {
    let desk = Desk::with_shards(2).await;
    let team = |name: &str, grant: &str| {
        desk.write(
            &format!("{name}/main.toml"),
            &format!(
                "{}{}",
                desk.endpoint(),
                GRANTED.replace("TEAM", "t.toml").replace("buckets = [\"training\"]", grant)
            ),
        );
        desk.write(&format!("{name}/t.toml"), NIGHTLY);
    };
    team("before", "buckets = [\"training\"]");
    for (sentence, change, why) in [
        (
            "a file of keys that the runner can read",
            desk.endpoint().replace("/id\"", "/platform-id\"") + NIGHTLY,
            "[credentials.files] are new, or have changed",
        ),
        (
            "the runner's own keys",
            desk.endpoint().replace("credentials = \"files\"\n", "") + NIGHTLY,
            "the usual AWS credentials are new, or have changed",
        ),
        ("a profile that leaves its team", desk.endpoint() + NIGHTLY, "it was [team.vision]'s"),
    ] {
        desk.write("after/main.toml", &change);
        let ran = desk.run("plan --config after/main.toml --against before/main.toml");
        assert!(ran.code == 4 && ran.out.contains(why), "{sentence}: {ran}");
    }
    team("after", "buckets = [\"*\"]");
    let ran = desk.run("plan --config after/main.toml --against before/main.toml");
    assert!(ran.code == 4 && ran.out.contains("[team.vision] has changed"), "{ran}");
    assert_eq!(asked(&desk.sim), 0, "nobody is asked anything");
    team("after", "buckets = [\"training\"]");
    let ran = desk.run("plan --config after/main.toml --against before/main.toml");
    assert_eq!((ran.code, desk.sim.counters().list.total()), (0, 1), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_change_lists_no_bucket_that_nobody_lists_by_now() {
    let desk = Desk::with_shards(2).await;
    desk.write("before.toml", &(desk.endpoint() + NIGHTLY));
    for profiles in [
        NIGHTLY.replace("training/d", "salaries"),
        NIGHTLY.replace("[\"s3://training", "[\"s3://salaries/**\", \"s3://training"),
        NIGHTLY.replace("nightly", "other").replace("training/d", "salaries"),
        "[profile.nightly]\nmanifest = \"s3://salaries/all.jsonl\"\nmax_bytes = \"1 GiB\"\n".to_owned(),
    ] {
        desk.write("after.toml", &(desk.endpoint() + &profiles));
        let ran = desk.run("plan --config after.toml --against before.toml");
        let why = "s3://salaries is listed by no profile with these keys by now";
        assert!(ran.code == 4 && ran.out.contains(why), "{ran}");
    }
    assert_eq!(asked(&desk.sim), 1, "the old profile of the third, which is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_change_reads_no_file_through_a_link() {
    let desk = Desk::with_shards(2).await;
    let profile = "[profile.named]\nmanifest = \"file:lists/today.jsonl\"\nmax_bytes = \"1 GiB\"\n";
    for side in ["before", "after"] {
        desk.write(&format!("{side}/main.toml"), &(desk.endpoint() + profile));
    }
    desk.write("before/lists/today.jsonl", "{\"bucket\":\"training\",\"key\":\"d/00.tar\"}\n");
    desk.write("outside.jsonl", "{\"bucket\":\"training\",\"key\":\"of-the-victim\"}\n");
    std::fs::create_dir(desk.path("after/lists")).unwrap();
    std::os::unix::fs::symlink(desk.path("outside.jsonl"), desk.path("after/lists/today.jsonl")).unwrap();
    let ran = desk.run("plan --config after/main.toml --against before/main.toml");
    assert!(ran.out.contains("a link leads out of") && !ran.to_string().contains("of-the-victim"), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_change_asks_for_no_object_of_a_bucket_that_only_its_manifest_names() {
    let desk = Desk::with_shards(2).await;
    let named = "[profile.named]\nmanifest = \"file:m.jsonl\"\nmax_bytes = \"1 GiB\"\n";
    let entry = |bucket: &str| format!("{{\"bucket\":\"{bucket}\",\"key\":\"d/00.tar\"}}\n");
    for (before, entries) in
        [(NIGHTLY, entry("salaries")), (NIGHTLY, entry("training") + &entry("salaries")), (named, entry("salaries"))]
    {
        desk.write("before/main.toml", &(desk.endpoint() + before));
        desk.write("before/m.jsonl", &entry("training"));
        desk.write("after/main.toml", &(desk.endpoint() + named));
        desk.write("after/m.jsonl", &entries);
        let asked_before = asked(&desk.sim);
        let ran = desk.run("plan --config after/main.toml --against before/main.toml named");
        assert!(ran.code == 4 && ran.out.contains("are not for bucket `salaries`"), "{ran}");
        let of_base = u64::from(before == named);
        assert_eq!(asked(&desk.sim) - asked_before, of_base, "{ran}");
    }
    // What the base names, by patterns or in the file that stood there, may be asked for.
    for before in [NIGHTLY, named] {
        desk.write("before/main.toml", &(desk.endpoint() + before));
        desk.write("after/m.jsonl", &entry("training"));
        let ran = desk.run("plan --config after/main.toml --against before/main.toml named");
        assert_eq!(ran.code, 0, "{ran}");
    }
}
