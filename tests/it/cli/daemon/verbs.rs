//! Verbs that speak to a daemon.

use std::process::Stdio;
use std::time::Duration;

use super::desk::{Daemon, slow, tables};
use crate::cli::shows;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_daemon_is_told() {
    let desk = slow(3, Duration::from_millis(1)).await;
    desk.configure("", &tables(""));
    let daemon = desk.daemon("").await;
    let mut ran = Vec::new();
    for line in [
        "wait nightly --timeout 1s",
        "wait nightly --timeout 1s --best-effort",
        "wait nightly --start --timeout 60s",
        "wait nightly --timeout 1s",
        "wait nightly --timeout 1s --within 1d --min-warm 100%",
        "wait nigthly --timeout 1s",
        "pause nightly",
        "pause --all --for 4h",
        "wait nightly --start --timeout 1s",
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
    let desk = slow(40, Duration::from_millis(200)).await;
    desk.configure("", &tables(""));
    let mut daemon = desk.daemon("").await;
    desk.ask(&daemon, "wait nightly --start --best-effort --timeout 1s");
    let run = daemon.status()["runs"][0]["run"].as_str().unwrap().to_owned();
    assert_eq!(desk.ask(&daemon, &format!("cancel {run}")).code, 0);
    let last = daemon.ended("interrupted").await;
    assert!(last["reason"].as_str().unwrap().starts_with("cancelled by hand; "), "{last}");
    daemon.send("-TERM");
    daemon.exits().await;
    let daemon = desk.daemon("").await;
    assert_eq!(daemon.status()["runs"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_a_run_that_is_cancelled_begins_no_other() {
    let desk = slow(40, Duration::from_millis(200)).await;
    desk.configure("", &tables(""));
    let mut daemon = desk.daemon("").await;
    let mut command = desk.command("wait nightly --start --timeout 60s");
    let waiting = command.env("HOTSET_URL", &daemon.url).stderr(Stdio::piped()).spawn().unwrap();
    let begun = |daemon: &mut Daemon| daemon.status()["runs"][0]["run"].as_str().map(str::to_owned);
    let run = daemon.until("it has begun", begun).await;
    assert_eq!(desk.ask(&daemon, &format!("cancel {run}")).code, 0);
    let waited = waiting.wait_with_output().unwrap();
    let said = String::from_utf8(waited.stderr).unwrap();
    assert!(waited.status.code() == Some(4) && said.contains("cancelled by hand"), "{said}");
    assert_eq!(daemon.status()["runs"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_there() {
    let desk = slow(1, Duration::from_millis(1)).await;
    desk.configure("", "");
    let mut ran = Vec::new();
    for line in
        ["status --url http://127.0.0.1:1", "wait p --url http://127.0.0.1:1 --timeout 1s", "reload --url nowhere"]
    {
        ran.push(desk.run(line));
    }
    shows("daemon_away", &ran);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_token_changes_nothing() {
    let desk = slow(1, Duration::from_millis(1)).await;
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
