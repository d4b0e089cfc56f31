//! `hotset warm`.

use sim::{Fault, Kind, Outage, Rule, Side};

use super::{Desk, Ran, fields, hotset, out_of_time, shows};

const FIELDS: [&str; 27] = [
    "due",
    "ended",
    "endpoint",
    "errors",
    "failed",
    "fingerprint",
    "fresh",
    "gone",
    "groups",
    "left_out",
    "matched",
    "missed",
    "more_groups",
    "outcome",
    "planned",
    "profile",
    "reason",
    "resumes",
    "run",
    "started",
    "trigger",
    "unknown",
    "v",
    "version",
    "wanted",
    "warm_ratio",
    "warmed",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_complete_run_says_so_and_the_cache_has_it() {
    let desk = Desk::with_shards(4).await;
    desk.nightly("");
    let ran = desk.run("warm nightly");
    shows("warm_complete", &[ran]);
    assert!((0..4).all(|i| desk.sim.is_warm("training", format!("d/{i:02}.tar"))));
    let line = desk.json("warm --json", 0).remove(0);
    assert_eq!(fields(&line), FIELDS);
    assert_eq!((line["outcome"].as_str(), line["trigger"].as_str()), (Some("complete"), Some("cli")));
    assert!(line["due"].is_null() && line["reason"].is_null());
    assert_eq!(fields(&line["warm_ratio"]), ["bytes", "objects"]);
}

/// It answers 200 to everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_page_of_a_bouncer_is_no_warm_cache_and_is_not_remembered_as_one() {
    let desk = Desk::with_shards(4).await;
    desk.nightly("");
    let page =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 5620\r\nServer: nginx\r\n\r\n";
    desk.sim.faults().push(Rule::new(Fault::Raw { status: 200, answer: page.into() }).on(Kind::RangedHead));
    let behind = desk.run("warm --state-dir state");
    desk.sim.faults().clear();
    shows("warm_another_service", &[behind, desk.run("warm --state-dir state")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_went_wrong_is_counted_and_named_by_class() {
    let desk = Desk::with_shards(6).await;
    desk.nightly("max_objects = 5\norder = \"key\"");
    let faults = desk.sim.faults();
    faults.push(Rule::new(Fault::status(500, "InternalError")).on(Kind::RangedHead).key("d/00.tar"));
    faults.push(Rule::new(Fault::Deleted).on(Kind::RangedHead).key("d/01.tar"));
    faults.push(Rule::new(Fault::Overwritten).on(Kind::RangedHead).key("d/02.tar"));
    let ran = desk.run("warm");
    let over_cap_only = {
        faults.clear();
        desk.run("warm")
    };
    shows("warm_partial", &[ran, over_cap_only]);

    faults.push(Rule::new(Fault::status(500, "InternalError")).on(Kind::RangedHead).key("d/00.tar"));
    let line = desk.json("warm --json", 3).remove(0);
    assert_eq!(fields(&line), FIELDS);
    assert_eq!(fields(&line["errors"][0]), ["class", "count", "sample"]);
    assert_eq!(fields(&line["errors"][0]["sample"][0]), ["bucket", "key", "message"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_cap_cuts_is_said_and_decides_the_exit_code() {
    let desk = Desk::with_shards(6).await;
    let capped = |keys: &str| {
        let table = "[profile.nightly]\nobjects = [\"s3://training/d/**\"]\norder = \"key\"\nmax_bytes = \"30 MiB\"";
        desk.configure("", &format!("{table}\n{keys}"));
    };
    let mut ran = Vec::new();
    for (keys, code) in [("", 3), ("on_excess = \"trim\"", 0), ("max_objects = 2", 0), ("max_objects = 4", 3)] {
        capped(keys);
        ran.extend([desk.run("plan"), desk.run("warm")]);
        assert_eq!(ran.last().unwrap().code, code, "{keys}");
        let line = desk.json("warm --json", code).remove(0);
        let (wanted, planned, over) = (&line["wanted"], &line["planned"], &line["left_out"]["over_cap"]["objects"]);
        assert_eq!(wanted != planned, code == 3, "{line}");
        assert_eq!(planned["objects"].as_u64().unwrap() + over.as_u64().unwrap(), 6, "{line}");
    }
    capped("");
    ran.push(desk.run("warm s3://training/d/** --endpoint lota --max-bytes 30MiB"));
    assert_eq!(ran.last().unwrap().code, 3, "and without a profile");
    shows("warm_over_cap", &ran);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_that_warms_nothing_is_refused_or_failed() {
    let desk = Desk::with_shards(3).await;
    let mut ran = Vec::new();
    desk.nightly("on_excess = \"refuse\"\nmax_objects = 1");
    ran.push(desk.run("warm"));
    desk.nightly("");
    desk.write("secret", "wrong");
    ran.push(desk.run("warm"));
    desk.write("secret", super::SECRET_KEY);
    desk.sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).side(Side::Cache));
    ran.push(desk.run("warm"));
    shows("warm_refused", &ran);
    assert!(ran.iter().all(|ran| ran.code == 4));

    desk.sim.faults().clear();
    desk.sim.set_outage(Side::Cache, Outage::Refused);
    let ran = desk.run("warm");
    assert_eq!(ran.code, 5, "{ran}");
    assert!(ran.out.contains("because: the endpoint answered nothing for 1s"), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn several_runs_share_one_exit_code() {
    let desk = Desk::with_shards(2).await;
    let none = "[profile.none]\nobjects = [\"s3://training/e/**\"]\nmax_bytes = \"1 GiB\"\n";
    desk.configure("", &format!("{none}[profile.some]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n"));
    shows("warm_several", &[desk.run("warm"), desk.run("warm some none --json -q")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_time_limit_and_a_share_decide_what_is_complete() {
    let desk = Desk::with_shards(4).await;
    let cut = "[profile.nightly]\nobjects = [\"s3://training/d/**\"]\norder = \"key\"\nmax_bytes = \"27 MiB\"";
    desk.configure("", cut);
    let mut ran = vec![
        desk.run("warm --min-warm 50%"),
        desk.run("warm --min-warm 99%"),
        desk.run("warm --min-warm 0.5"),
        desk.run("warm --min-warm 0%"),
        desk.run("warm --timeout 90"),
        desk.run("warm --timeout 0s"),
        desk.run("warm --rewarm --state-dir state"),
    ];
    let stall = desk.sim.faults().push(Rule::new(Fault::Stall).on(Kind::RangedHead).key("d/00.tar"));
    let timed = |limit: &str| desk.run(&format!("warm --timeout {limit}"));
    ran.push(out_of_time(timed, |_| desk.sim.faults().struck(stall) > 0));
    shows("warm_limits", &ran);
    assert!(desk.path("state/journal.db").exists());
}

fn ad_hoc(desk: &Desk, args: &[&str]) -> Ran {
    let mut command = hotset(desk.dir.path(), [&["warm"], args].concat());
    command.env("AWS_ACCESS_KEY_ID", super::ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", super::SECRET_KEY);
    Ran::new(&format!("warm {}", args.join(" ")), command.output().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn patterns_are_warmed_without_a_file() {
    let desk = Desk::with_shards(4).await;
    let (cache, list) = (desk.sim.cache_url(), desk.sim.list_url());
    let place = ["--cache-url", &cache, "--list-url", &list, "--region", "us-east-1"];
    let glob = "s3://training/d/0[0-2].tar";
    let ran = [
        ad_hoc(&desk, &[&[glob, "--max-bytes", "1 TiB"], &place[..]].concat()),
        ad_hoc(&desk, &[&[glob], &place[..]].concat()),
        ad_hoc(&desk, &[glob, "--cache-url", &cache]),
        ad_hoc(&desk, &[glob, "--region", "us-east-1"]),
        ad_hoc(&desk, &[glob, "--lota", "--cache-url", &cache]),
        ad_hoc(&desk, &[glob, "--max-bytes", "1TiB", "--endpoint", "lota"]),
        ad_hoc(
            &desk,
            &[&["s3://training/d/\u{7}é[0-3.tar", "s3://training", "--max-bytes", "1TiB"], &place[..]].concat(),
        ),
        ad_hoc(&desk, &[glob, "--max-bytes", "1 Tib", "--cache-url", &cache]),
        ad_hoc(&desk, &[glob, "--max-bytes", "1", "--cache-url", "cwlota.com"]),
        ad_hoc(&desk, &[glob, "--max-bytes", "1TiB", "--cache-url", "https://cwobject.com", "--region", "US-EAST-04A"]),
        ad_hoc(&desk, &["s3:/training/d/*", "--max-bytes", "1TiB"]),
        ad_hoc(&desk, &["nightly", "--max-bytes", "1TiB"]),
        ad_hoc(&desk, &["nightly", glob]),
    ];
    shows("warm_patterns", &ran);
    assert!(desk.sim.is_warm("training", "d/02.tar") && !desk.sim.is_warm("training", "d/03.tar"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn patterns_are_warmed_at_an_endpoint_of_the_file() {
    let desk = Desk::with_shards(2).await;
    desk.nightly("");
    let run = |endpoint| desk.run(&format!("warm s3://training/d/01.tar --max-bytes 1GiB --endpoint {endpoint}"));
    let mut ran = vec![run("lota"), run("lotta")];
    assert!(desk.sim.is_warm("training", "d/01.tar") && !desk.sim.is_warm("training", "d/00.tar"));
    ran.push(desk.run("warm s3://training/d --max-bytes 1TiB"));
    ran.push(desk.run("prestage s3://training/d/ --max-bytes 1TiB --dry-run --state-dir state"));
    assert!(!desk.sim.is_warm("training", "d/00.tar") && !desk.path("state").exists());
    ran.push(desk.run("warm s3://training/d/ --max-bytes 1TiB"));
    assert!(desk.sim.is_warm("training", "d/00.tar"), "the only endpoint is taken, and said");
    let other = "[endpoint.spare]\ncache_url = \"http://spare.invalid\"\nregion = \"us-east-1\"\n";
    desk.configure("", other);
    ran.push(desk.run("warm s3://training/d/ --max-bytes 1TiB"));
    shows("warm_patterns_endpoint", &ran);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_dry_run_is_a_plan_and_verbs_have_the_names_that_people_type() {
    let desk = Desk::with_shards(2).await;
    desk.nightly("");
    let names =
        [desk.run("validate"), desk.run("run nightly --dry-run --state-dir state"), desk.run("plan s3://training/d/")];
    assert_eq!((desk.ranged_heads(), desk.path("state").exists()), (0, false));
    shows("warm_dry", &names);
    let line = |line: &str| {
        let mut line = desk.json(line, 0).remove(0);
        line.as_object_mut().unwrap().remove("at");
        line
    };
    assert_eq!(line("warm --dry-run --json --state-dir state"), line("plan --json --state-dir state"));
    assert_eq!(desk.run("run --state-dir state").code, 0);
    assert_eq!(line("warm --dry-run --json --state-dir state")["to_warm"]["objects"], 0, "all is fresh");
    assert_eq!(line("warm --dry-run --rewarm --json --state-dir state")["to_warm"]["objects"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_reader_that_is_gone_does_not_keep_the_other_profiles_from_being_warmed() {
    let desk = Desk::with_shards(2).await;
    desk.nightly("");
    let config = std::fs::read_to_string(desk.dir.path().join("hotset.toml")).unwrap();
    let (_, nightly) = config.split_once("[profile.nightly]").unwrap();
    desk.write("hotset.toml", &format!("{config}\n[profile.second]{nightly}"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = desk.command("warm --json -q --rewarm").stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(desk.ranged_heads(), 4, "two objects for each of two profiles");
}
