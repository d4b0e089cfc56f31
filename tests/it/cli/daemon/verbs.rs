//! Verbs that speak to a daemon.

use std::process::Stdio;

use super::desk::{Daemon, tables};
use crate::cli::{Desk, PATIENT, Ran, out_of_time, shows};

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
    desk.configure("", &tables("").replace("[daemon]\n", "[daemon]\ntoken_file = \"token\"\n"));
    let daemon = desk.daemon("").await;
    for (flags, code) in [("", 4), ("--token-file other", 4), ("--token-file token", 0), ("--token-file nowhere", 2)] {
        let ran = desk.ask(&daemon, &format!("reload {flags}"));
        assert!(ran.code == code && !ran.to_string().contains("secret-token"), "{ran}");
    }
    assert!(!daemon.said().contains("secret-token"));
}
