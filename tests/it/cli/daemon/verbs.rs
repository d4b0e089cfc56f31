//! Verbs that speak to a daemon.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;
use sim::{Bucket, Entry, Fault, Rule, Side, Sim};

use super::desk::{Daemon, tables};
use crate::cli::{Desk, MIB, PATIENT, Ran, out_of_time, shows};

/// Whether there was time for an answer, or for the lack of one.
fn heard(ran: &Ran) -> bool {
    !["nothing was heard of the daemon", "the daemon did not answer in time"].iter().any(|said| ran.err.contains(said))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_daemon_is_told() {
    let desk = Desk::with_shards(3).await;
    desk.configure("", &tables(""));
    let daemon = desk.daemon("").await;
    let waits =
        |more: &str| out_of_time(|limit| desk.ask(&daemon, &format!("wait nightly --timeout {limit}{more}")), heard);
    let mut ran = vec![waits(""), waits(" --best-effort")];
    for line in [
        "wait nightly --start --timeout 10m",
        "wait nightly --timeout 10m",
        "wait nightly --timeout 10m --within 1d --min-warm 100%",
        "wait nigthly --timeout 10m",
        "wait nigthly --start --timeout 10m",
        "pause nightly",
        "pause --all --for 4h",
    ] {
        ran.push(desk.ask(&daemon, line));
    }
    ran.push(waits(" --start"));
    for line in [
        "resume nightly",
        "resume --all",
        "pause",
        "resume nigthly",
        "reload",
        "cancel 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "cancel nightly",
    ] {
        ran.push(desk.ask(&daemon, line));
    }
    shows("daemon_verbs", &ran);
}

/// Ninety-nine small objects of a hundred, and next to nothing of the bytes; the other way round; and as many of both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_has_one_warm_ratio_wherever_it_is_shown() {
    for (name, order, max_bytes, shown, ratio) in [
        ("by bytes", "smallest", "100 MiB", "0.9%", 99.0 / 10_339.0),
        ("by objects", "largest", "10 GiB", "1%", 0.01),
        ("by both", "smallest", "1 TiB", "100%", 1.0),
    ] {
        let small = (0..99).fold(Bucket::new(), |bucket, n| bucket.object(format!("d/{n:02}"), Entry::sized(MIB)));
        let bucket = small.object("d/large", Entry::sized(10 << 30));
        let desk = Desk::start(Sim::builder().bucket("training", bucket)).await;
        let cap = format!("max_bytes = \"{max_bytes}\"\norder = \"{order}\"");
        desk.configure("", &tables("").replace("max_bytes = \"1 GiB\"", &cap));
        let mut daemon = desk.daemon("").await;
        let outcome = if name == "by both" { "complete" } else { "partial" };
        let (run, last) = (daemon.begin(), daemon.ended(outcome).await);
        let cell = |ran: Ran| {
            let row = ran.out.lines().find(|line| line.contains("nightly")).map(str::to_owned);
            row.unwrap_or_else(|| panic!("{ran}"))
                .split_whitespace()
                .filter(|cell| cell.ends_with('%'))
                .collect::<String>()
        };
        assert_eq!(cell(desk.ask(&daemon, "status")), shown, "{name}");
        assert_eq!(cell(desk.ask(&daemon, "runs")), shown, "{name}");
        let Some(Value::String(page)) = daemon.get("/") else { panic!("no page") };
        assert!(page.contains(&format!("<span>{shown}</span>")), "{name}: {page}");
        let is = |number: f64| (number - ratio).abs() < 1e-6;
        assert!(is(daemon.metric("hotset_profile_warm_ratio{profile=\"nightly\"}").unwrap()), "{name}");
        let both = |line: &Value| ["objects", "bytes"].map(|of| line["warm_ratio"][of].as_f64().unwrap());
        let line = daemon.get(&format!("/api/v1/runs/{run}")).unwrap();
        for line in [&last, &line] {
            let [objects, bytes] = both(line);
            assert!(is(objects.min(bytes)), "{name}: {line}");
        }
        let ready = |share: &str| daemon.get(&format!("/api/v1/profiles/nightly/ready?min_warm={share}%25"));
        let ready = ready(if name == "by both" { "100" } else { "0.9" });
        assert_eq!(both(&ready.unwrap()), both(&last), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_a_profile_that_a_cap_cuts_is_told() {
    let desk = Desk::with_shards(3).await;
    let trim = |keys: &str| tables(keys).replace("1 GiB", "20 MiB");
    desk.configure("", &trim(""));
    let daemon = desk.daemon("").await;
    let started = desk.ask(&daemon, "wait nightly --start --timeout 10m");
    let enough = desk.ask(&daemon, "wait nightly --min-warm 60% --timeout 10m");
    let said = "max_bytes has no room for 1 of 3 wanted objects";
    let waits = out_of_time(
        |limit| desk.ask(&daemon, &format!("wait nightly --timeout {limit}")),
        |ran| ran.err.contains(said),
    );
    assert_eq!((started.code, enough.code, waits.code), (3, 0, 3), "{started}{enough}{waits}");
    assert!(started.err.contains(said) && waits.err.contains(said), "{started}{waits}");
    let page = daemon.get("/").unwrap().to_string();
    assert!(page.contains("tag partial") && page.contains("over the cap"), "{page}");
    desk.configure("", &trim("on_excess = \"trim\"\n"));
    assert_eq!(desk.ask(&daemon, "reload").code, 0);
    let trimmed = desk.ask(&daemon, "wait nightly --timeout 10m");
    assert_eq!(trimmed.code, 0, "{trimmed}");
}

/// From the first start to a run that failed, and to a file that is bad.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_a_profile_is_not_warm_and_what_to_do() {
    let desk = Desk::with_shards(3).await;
    desk.configure("", &tables(""));
    let mut daemon = desk.daemon("").await;
    let mut ran = vec![desk.ask(&daemon, "why nightly"), desk.ask(&daemon, "why nigthly")];
    desk.sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).side(Side::Cache));
    daemon.begin();
    daemon.ended("refused").await;
    ran.push(desk.ask(&daemon, "why nightly"));
    desk.sim.faults().clear();
    ran.push(desk.ask(&daemon, "pause nightly --for 4h"));
    ran.push(desk.ask(&daemon, "why nightly"));
    ran.push(desk.ask(&daemon, "resume nightly"));
    ran.push(desk.ask(&daemon, "wait nightly --start --timeout 10m"));
    ran.push(desk.ask(&daemon, "why nightly"));
    desk.configure("", &format!("{}[profile.second]\nobjets = [\"s3://training/d/**\"]\n", tables("")));
    assert_eq!(desk.ask(&daemon, "reload").code, 2);
    ran.push(desk.ask(&daemon, "why second"));
    ran.push(desk.ask(&daemon, "pause second"));
    shows("daemon_why", &ran);
    let line: Value = serde_json::from_str(&desk.ask(&daemon, "why nightly --json").out).unwrap();
    assert_eq!((&line["warm"], &line["causes"]), (&true.into(), &serde_json::json!([])), "{line}");
}

/// The run that is waited for is held until it was said that it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_is_told_what_for() {
    let desk = Desk::with_shards(3).await;
    desk.configure(PATIENT, &tables(""));
    let daemon = desk.daemon("").await;
    let release = desk.hold_after(0);
    let mut command = desk.command("wait nightly --start --timeout 1h");
    let mut waiting =
        command.env("HOTSET_URL", &daemon.url).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let first = said.next().unwrap().unwrap();
    let run = daemon.status()["runs"][0]["run"].as_str().unwrap().to_owned();
    assert_eq!(first, format!("nightly: waiting for up to 1h: run {run} is in progress"));
    release.cancel();
    assert!(waiting.wait().unwrap().success());
    // Within half a minute nothing more is said; a busy machine may take longer.
    said.map(Result::unwrap).for_each(|line| assert!(line.starts_with("nightly: still waiting after "), "{line}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_cancelled_and_not_taken_up_again() {
    let desk = Desk::with_shards(40).await;
    desk.configure(PATIENT, &tables(""));
    let mut daemon = desk.daemon("").await;
    let release = desk.hold_after(0);
    let run = daemon.begin();
    daemon.sends().await;
    assert_eq!(desk.ask(&daemon, &format!("cancel {run}")).code, 0);
    daemon.stops().await;
    release.cancel();
    let last = daemon.ended("interrupted").await;
    assert!(last["reason"].as_str().unwrap().starts_with("cancelled by hand; "), "{last}");
    daemon.send("-TERM");
    daemon.exits().await;
    let daemon = desk.daemon("").await;
    assert_eq!(daemon.status()["runs"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_a_run_that_is_cancelled_begins_no_other() {
    let desk = Desk::with_shards(40).await;
    desk.configure(PATIENT, &tables(""));
    let mut daemon = desk.daemon("").await;
    let release = desk.hold_after(0);
    let mut command = desk.command("wait nightly --start --timeout 10m");
    let waiting = command.env("HOTSET_URL", &daemon.url).stderr(Stdio::piped()).spawn().unwrap();
    let begun = |daemon: &mut Daemon| daemon.status()["runs"][0]["run"].as_str().map(str::to_owned);
    let run = daemon.until("it has begun", begun).await;
    daemon.sends().await;
    assert_eq!(desk.ask(&daemon, &format!("cancel {run}")).code, 0);
    daemon.stops().await;
    release.cancel();
    let waited = waiting.wait_with_output().unwrap();
    let said = String::from_utf8(waited.stderr).unwrap();
    assert!(waited.status.code() == Some(4) && said.contains("cancelled by hand"), "{said}");
    assert_eq!(daemon.status()["runs"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_there() {
    let desk = Desk::with_shards(1).await;
    desk.configure("", "");
    let waits = |limit: &str| desk.run(&format!("wait p --url http://127.0.0.1:1 --timeout {limit}"));
    let ran =
        [desk.run("status --url http://127.0.0.1:1"), out_of_time(waits, heard), desk.run("reload --url nowhere")];
    shows("daemon_away", &ran);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_token_changes_nothing() {
    let desk = Desk::with_shards(1).await;
    desk.write("token", "secret-token\n");
    desk.write("other", "guess\n");
    desk.configure(
        "",
        &tables("")
            .replace("[daemon]\n", "[daemon]\ntoken_file = \"TOKEN\"\n")
            .replace("TOKEN", desk.path("token").to_str().unwrap()),
    );
    let daemon = desk.daemon("").await;
    for (flags, code) in [("", 4), ("--token-file other", 4), ("--token-file token", 0), ("--token-file nowhere", 2)] {
        let ran = desk.ask(&daemon, &format!("reload {flags}"));
        assert!(ran.code == code && !ran.to_string().contains("secret-token"), "{ran}");
    }
    assert!(!daemon.said().contains("secret-token"));
}

const VISION: &str = "[profile.imagenet]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n";
const GRANT: &str = "[team.vision]\nprofiles = [\"teams/vision.toml\"]\nendpoints = [\"lota\"]\nbuckets = [\"training\"]\n\
                     budget = \"1 GiB\"\nrun_token_file = \"FOLDER/vision\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asked_for_what_is_on_record() {
    let desk = Desk::with_shards(1).await;
    for name in ["token", "run", "vision", "other"] {
        desk.write(name, &format!("secret-{name}\n"));
    }
    desk.write("teams/vision.toml", VISION);
    let tokens = "[daemon]\ntoken_file = \"FOLDER/token\"\nrun_token_file = \"FOLDER/run\"\n";
    let all = format!("{}{GRANT}", tables("").replace("[daemon]\n", tokens));
    desk.configure("", &all.replace("FOLDER", desk.path("").to_str().unwrap().trim_end_matches('/')));
    let mut daemon = desk.daemon("").await;
    for (line, token, code) in [
        ("wait imagenet --start --timeout 10m", "vision", 0),
        ("wait nightly --start --timeout 10m", "vision", 4),
        ("pause imagenet", "vision", 4),
        ("wait nightly --start --timeout 10m", "run", 0),
        ("reload", "run", 4),
        ("pause nightly", "other", 4),
        ("pause nightly", "token", 0),
        ("resume nightly", "token", 0),
        ("reload", "token", 0),
    ] {
        let ran = desk.ask(&daemon, &format!("{line} --token-file {token}"));
        assert_eq!(ran.code, code, "{token}: {ran}");
    }
    let told = |entry: &Value| {
        assert!(entry["address"].as_str().is_some_and(|from| from.starts_with("127.0.0.1:")), "{entry}");
        ["act", "of", "by", "result"].map(|field| entry[field].as_str().unwrap().to_owned()).join(" | ")
    };
    let expected = [
        "reload |  | the token | done",
        "resume | nightly | the token | done",
        "pause | nightly | the token | done",
        "run | nightly | the run token | done",
        "run | nightly | the run token of team vision | refused: this token may only start runs of the profiles of team `vision`",
        "run | imagenet | the run token of team vision | done",
    ];
    let entries = daemon
        .until("all is written down", |_| {
            let ran = desk.run("audit --json");
            let all: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            (all.iter().filter(|entry| entry["act"] != "access").count() >= expected.len()).then_some(all)
        })
        .await;
    let (refused, acts): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry["act"] == "access");
    assert_eq!(acts.into_iter().map(told).collect::<Vec<_>>(), expected);
    assert!(refused.iter().any(|entry| entry["of"] == "/api/v1/profiles/imagenet/pause"), "{refused:?}");
    let (said, shown) = (daemon.said(), desk.run("audit"));
    assert!(said.contains("asked for over HTTP") && said.contains("was not let in"), "{said}");
    assert!(shown.out.contains("run imagenet by the run token of team vision from 127.0.0.1:"), "{shown}");
    assert!(!format!("{said}{shown}{entries:?}").contains("secret-"), "no token is written down");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_page_reads_nothing_by_a_name_that_points_here() {
    let desk = Desk::with_shards(1).await;
    desk.configure("", &tables(""));
    let daemon = desk.daemon("").await;
    for path in ["/", "/metrics", "/api/v1/status"] {
        let ask = |host: &str| ureq::get(format!("{}{path}", daemon.url)).header("Host", host).call();
        assert!(matches!(ask("rebound.example"), Err(ureq::Error::StatusCode(403))), "{path}");
        assert!(ask("localhost:9464").is_ok(), "{path}");
    }
}
