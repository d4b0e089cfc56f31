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
