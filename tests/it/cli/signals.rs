//! SIGINT and SIGTERM, and a reader that leaves early.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sim::{Fault, Kind, Rule, Side};

use super::{Desk, PATIENT};
use crate::patience::seen;

fn start(desk: &Desk, line: &str) -> Child {
    desk.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn send(signal: &str, to: &Child) {
    assert!(Command::new("kill").args([signal, &to.id().to_string()]).status().unwrap().success());
}

/// Sends a signal again and again, as those that come close together are one, until the process has ended.
async fn ends_by(signal: &str, child: &mut Child) -> Option<i32> {
    let ended = || {
        send(signal, child);
        child.try_wait().unwrap()
    };
    seen("its end", ended).await.code()
}

/// Waits until so many requests are open.
async fn open(desk: &Desk, side: Side, least: u64) {
    seen("open requests", || (desk.sim.counters().side(side).open >= least).then_some(())).await;
}

async fn two_profiles() -> Desk {
    let desk = Desk::with_shards(40).await;
    desk.configure(
        PATIENT,
        "[defaults]\nmax_bytes = \"1 TiB\"\n[profile.first]\nobjects = [\"s3://training/d/**\"]\n\
         [profile.second]\nobjects = [\"s3://training/d/**\"]\n",
    );
    desk
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_first_signal_lets_requests_in_flight_end() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let desk = two_profiles().await;
        let release = desk.hold_after(0);
        let mut child = start(&desk, "warm --json");
        open(&desk, Side::Cache, 1).await;
        send(signal, &child);
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        err.read_line(&mut said).unwrap();
        release.cancel();
        let output = child.wait_with_output().unwrap();
        err.read_to_string(&mut said).unwrap();
        assert_eq!(output.status.code(), Some(code));
        let lines: Vec<Value> =
            String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "the second profile is not begun, and that is said");
        assert_eq!((&lines[1]["outcome"], &lines[1]["planned"]["objects"]), (&"interrupted".into(), &0.into()));
        assert_eq!(lines[0]["outcome"], "interrupted");
        assert_eq!(lines[0]["warmed"]["objects"], desk.ranged_heads(), "all that was sent is waited for and counted");
        assert!(lines[0]["reason"].as_str().unwrap().starts_with("told to stop; "));
        let (first, second) = said.split_once('\n').unwrap();
        assert_eq!(first, "warning: stopping: requests in flight are awaited; a second signal quits at once");
        assert!(
            second.starts_with("error: first: interrupted: told to stop; ") && second.lines().count() == 2,
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_second_signal_does_not_wait() {
    let desk = two_profiles().await;
    desk.sim.faults().push(Rule::new(Fault::Stall).on(Kind::RangedHead));
    let mut child = start(&desk, "warm");
    open(&desk, Side::Cache, 1).await;
    send("-INT", &child);
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert!(line.contains("a second signal quits at once"), "{line}");
    send("-TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130), "the first one decides");
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(out.starts_with("first: interrupted") && out.contains("unknown"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_plan_is_interrupted_while_it_lists() {
    let desk = two_profiles().await;
    desk.sim.faults().push(Rule::new(Fault::Stall).side(Side::List));
    let child = start(&desk, "plan");
    open(&desk, Side::List, 1).await;
    send("-INT", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("interrupted: told to stop while listing") && !out.contains("second"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_configuration_that_never_answers_keeps_no_verb_from_ending() {
    let desk = Desk::with_shards(1).await;
    let pipe = desk.path("silent.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (verb, signal, code) in [
        ("check --json", "-INT", 130),
        ("warm s3://training/d/** --max-bytes 1TiB", "-INT", 130),
        ("schedule", "-TERM", 143),
        ("runs --profile p", "-INT", 130),
        ("status", "-TERM", 143),
        ("daemon", "-TERM", 143),
    ] {
        let child = start(&desk, &format!("{verb} --config {}", pipe.display()));
        // Opens only where the other end is being read, which then waits for what never comes.
        let open = || File::options().write(true).custom_flags(libc::O_NONBLOCK).open(&pipe).ok();
        let _silent = seen("a reader", open).await;
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_second_signal_ends_what_hears_nothing() {
    let desk = two_profiles().await;
    let endpoint = desk.endpoint();
    let without_keys = endpoint.split_once("[endpoint").unwrap().1.replace("credentials = \"files\"\n", "");
    let profile = "[profile.p]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n";
    desk.write("hotset.toml", &format!("[endpoint{without_keys}{profile}"));
    let pipe = desk.path("config");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // The library of the keys waits for the pipe, on the thread that it is asked on.
    let mut child = desk.command("plan").env("AWS_CONFIG_FILE", &pipe).stderr(Stdio::null()).spawn().unwrap();
    let open = || File::options().write(true).custom_flags(libc::O_NONBLOCK).open(&pipe).ok();
    let _silent = seen("a reader", open).await;
    assert_eq!(ends_by("-TERM", &mut child).await, Some(143));
    // Nobody reads what is printed, which is more than a pipe holds.
    let profiles: String = (0..2_000).map(|n| profile.replace("profile.p", &format!("profile.p{n}"))).collect();
    desk.write("hotset.toml", &format!("{endpoint}{profiles}"));
    let mut child = start(&desk, "config");
    let mut first = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(ends_by("-INT", &mut child).await, Some(130));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_reader_that_leaves_early_is_no_fault() {
    let desk = Desk::with_shards(30).await;
    desk.nightly("");
    for line in ["plan", "plan --objects -", "plan --json", "warm", "check", "config --reference", "schema", "schedule"]
    {
        let mut child = start(&desk, line);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("panicked") && !said.contains("error"), "{line}: {said}");
        assert_eq!(output.status.code(), Some(0), "{line}: {said}");
    }
}
