//! Ends and beginnings of the process.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Command;

use hotset::journal::Journal;
use serde_json::Value;
use sim::{Fault, Kind, Rule};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::desk::{Daemon, tables};
use crate::cli::{Desk, PATIENT};
use crate::patience::PATIENCE;

/// What of the 30 shards is warm, and recorded, while the one after them is held.
const SOME: u64 = 12;

/// A daemon in the middle of a run, and what lets that go on.
async fn amid(desk: &Desk) -> (Daemon, String, CancellationToken) {
    let release = desk.hold_after(SOME);
    let mut daemon = desk.daemon("").await;
    let run = daemon.begin();
    let recorded = || {
        let journal = Journal::read(&desk.path("state")).unwrap()?;
        Some(journal.runs(&Default::default()).unwrap().first()?.warmed.objects)
    };
    daemon.until("some are warm", |_| (recorded()? == SOME).then_some(())).await;
    daemon.sends().await;
    (daemon, run, release)
}

/// The latest run, from the journal.
fn last_run(desk: &Desk) -> Value {
    serde_json::from_str(desk.run("runs --json").out.lines().next().unwrap()).unwrap()
}

/// Ranged HEADs, by key.
fn sent(desk: &Desk) -> BTreeMap<(String, Vec<u8>), u64> {
    let keys = desk.sim.keys().into_iter().map(|(key, counts)| (key, counts.ranged_heads));
    keys.filter(|(_, heads)| *heads > 0).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_requests_end_and_exits_0_and_the_next_daemon_goes_on() {
    let desk = Desk::with_shards(30).await;
    desk.configure(PATIENT, &tables(""));
    let (mut daemon, run, release) = amid(&desk).await;
    daemon.send("-TERM");
    daemon.stops().await;
    release.cancel();
    assert_eq!(daemon.exits().await.code(), Some(0));
    let line = last_run(&desk);
    assert_eq!((&line["run"], &line["outcome"]), (&run.as_str().into(), &"interrupted".into()));
    assert!(line["reason"].as_str().unwrap().starts_with("the daemon was stopped; "), "{line}");
    assert_eq!(
        (line["warmed"]["objects"].as_u64(), desk.ranged_heads()),
        (Some(SOME + 1), SOME + 1),
        "what was sent is waited for"
    );
    let mut daemon = desk.daemon("").await;
    let last = daemon.ended("complete").await;
    assert_eq!((&last["run"], &last["trigger"]), (&run.as_str().into(), &"resume".into()), "under the same id");
    assert_eq!(last["warmed"]["objects"], 30, "what its predecessor warmed counts");
    assert!(sent(&desk).values().all(|times| *times == 1), "and is not sent again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_killed_is_taken_up_where_it_was() {
    let desk = Desk::with_shards(30).await;
    desk.configure(PATIENT, &tables(""));
    let (daemon, run, _) = amid(&desk).await;
    daemon.kill();
    let mut daemon = desk.daemon("").await;
    let last = daemon.ended("complete").await;
    assert_eq!((&last["run"], &last["trigger"]), (&run.as_str().into(), &"resume".into()));
    let line = daemon.get(&format!("/api/v1/runs/{run}")).unwrap();
    assert_eq!(line["resumes"], 1, "{line}");
    assert!(sent(&desk).len() == 30, "nothing is skipped");
    let again: u64 = sent(&desk).values().map(|times| times - 1).sum();
    assert_eq!(again, 1, "what was under way is sent again, and nothing that was recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_waits_for_nothing() {
    let desk = Desk::with_shards(4).await;
    desk.sim.faults().push(Rule::new(Fault::Stall).on(Kind::RangedHead));
    desk.configure(PATIENT, &tables(""));
    let mut daemon = desk.daemon("").await;
    daemon.begin();
    daemon.sends().await;
    daemon.send("-TERM");
    daemon.until("it drains", |daemon| (daemon.status()["stopping"] == true).then_some(())).await;
    daemon.send("-TERM");
    assert_eq!(daemon.exits().await.code(), Some(0));
    let line = last_run(&desk);
    assert_eq!((&line["outcome"], &line["unknown"]["objects"]), (&"interrupted".into(), &1.into()), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_bad_file_goes_on_with_the_last_good_one_and_a_bare_one_is_refused() {
    let desk = Desk::with_shards(2).await;
    desk.configure("", &tables("max_objets = 1"));
    let ran = desk.run("daemon");
    assert!(ran.code == 2 && ran.err.contains("did you mean `max_objects`?"), "{ran}");
    let tables = |profile: &str| tables(profile).replace("[daemon]\n", "[daemon]\nwatch = \"1s\"\n");
    desk.configure("", &tables(""));
    let mut daemon = desk.daemon("").await;
    daemon.send("-TERM");
    daemon.exits().await;
    for bad in ["max_objets = 1", "= garbage"] {
        desk.configure("", &tables(bad));
        let mut daemon = desk.daemon("").await;
        let status = daemon.status();
        assert_eq!((&status["reload"]["last_good"], &status["profiles"][0]["name"]), (&true.into(), &"nightly".into()));
        assert_eq!(daemon.metric("hotset_config_last_reload_successful"), Some(0.0));
        daemon
            .until("the watch has looked", |daemon| {
                let status = daemon.status();
                let at = |field: &str| status[field].as_str()?.parse::<chrono::DateTime<chrono::Utc>>().ok();
                ((at("now")? - at("started")?).num_milliseconds() > 2_500).then_some(())
            })
            .await;
        assert_eq!(daemon.said().matches("the configuration is bad").count(), 1, "{}", daemon.said());
        assert!(!daemon.said().contains("was not reloaded"), "said once: {}", daemon.said());
        desk.configure("", &tables(""));
        assert_eq!(desk.ask(&daemon, "reload").code, 0);
        assert_eq!(daemon.status()["reload"]["last_good"], false);
        daemon.send("-TERM");
        daemon.exits().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_has_one_daemon_and_verbs_that_run_once_work_beside_it() {
    let desk = Desk::with_shards(30).await;
    desk.configure(PATIENT, &tables(""));
    let (daemon, run, _) = amid(&desk).await;
    let second = desk.run("daemon");
    assert!(second.code == 2 && second.err.contains(&format!("another daemon (process {})", daemon.id())), "{second}");
    let beside = desk.run("warm nightly");
    assert!(beside.code == 4 && beside.out.contains(&format!("run {run}")), "{beside}");
    assert_eq!(desk.run("runs").code, 0);
    assert_eq!(desk.run("plan").code, 0);
    assert_eq!(desk.run("explain s3://training/d/00.tar").code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_cannot_be_written_is_stood_in_for_and_that_is_said() {
    let desk = Desk::with_shards(3).await;
    desk.configure("", &tables("").replace("\"state\"", "\"hotset.toml/no-folder\""));
    let mut daemon = desk.daemon("").await;
    assert_eq!(daemon.metric("hotset_journal_writable"), Some(0.0));
    assert_eq!(desk.ask(&daemon, "wait nightly --start --timeout 10m").code, 0);
    assert_eq!(desk.ask(&daemon, "wait nightly --start --timeout 10m").code, 0);
    assert_eq!(desk.ranged_heads(), 3, "a bounded ledger is kept in memory");
    daemon.send("-TERM");
    assert_eq!(daemon.exits().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_is_never_the_end_of_it() {
    let desk = Desk::with_shards(1).await;
    desk.configure("", &tables(""));
    let mut daemon = desk.daemon("--log-format json").await;
    (0..50).for_each(|_| daemon.send("-HUP"));
    daemon.until("one is carried out", |daemon| (daemon.status()["reload"]["by"] == "sighup").then_some(())).await;
    assert_eq!(desk.ask(&daemon, "wait nightly --start --timeout 10m").code, 0);
    let lines: Vec<Value> = daemon.said().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let begins = lines.iter().find(|line| line["message"] == "the run begins").unwrap();
    for field in ["run", "profile", "endpoint"] {
        assert!(begins[field].is_string(), "{begins}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_never_answers_keeps_no_daemon_from_ending() {
    let desk = Desk::with_shards(1).await;
    desk.configure("", &tables(""));
    let mut daemon = desk.daemon("").await;
    let file = desk.path("hotset.toml");
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    daemon.send("-HUP");
    // Opens when the daemon reads, which then waits for what never comes.
    let silent = spawn_blocking(move || File::options().write(true).open(file).unwrap());
    let _silent = timeout(PATIENCE, silent).await.expect("the file is read").unwrap();
    daemon.send("-TERM");
    assert_eq!(daemon.exits().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_paused_and_resumed_counts_its_objects_once() {
    let desk = Desk::with_shards(30).await;
    desk.configure(PATIENT, &tables(""));
    let (mut daemon, _, release) = amid(&desk).await;
    assert_eq!(desk.ask(&daemon, "pause nightly").code, 0);
    daemon.stops().await;
    release.cancel();
    daemon.ended("interrupted").await;
    assert_eq!(desk.ask(&daemon, "resume nightly").code, 0);
    let last = daemon.ended("complete").await;
    assert_eq!((&last["trigger"], &last["warmed"]["objects"]), (&"resume".into(), &30.into()));
    let warmed = "hotset_endpoint_objects_total{endpoint=\"lota\",end=\"warmed\"}";
    assert_eq!(daemon.metric(warmed), Some(30.0));
}
