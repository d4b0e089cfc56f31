//! SIGINT and SIGTERM, and a reader that leaves early.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sim::{Fault, Kind, Lota, Rule, Side, Sim};

use super::{Desk, shards};

fn start(desk: &Desk, line: &str) -> Child {
    desk.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn send(signal: &str, to: &Child) {
    assert!(Command::new("kill").args([signal, &to.id().to_string()]).status().unwrap().success());
}

/// Waits until so many requests are open.
async fn open(desk: &Desk, side: Side, least: u64) {
    let seen = async {
        while desk.sim.counters().side(side).open < least {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), seen).await.unwrap();
}

/// A desk whose cache takes a while.
async fn slow() -> Desk {
    let cache = Lota { floor: Duration::from_millis(300), ..Lota::default() };
    let desk = Desk::start(Sim::builder().bucket("training", shards(40)).cache(cache)).await;
    desk.configure(
        "",
        "[defaults]\nmax_bytes = \"1 TiB\"\n[profile.first]\nobjects = [\"s3://training/d/**\"]\n\
         [profile.second]\nobjects = [\"s3://training/d/**\"]\n",
    );
    desk
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_first_signal_lets_requests_in_flight_end() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let desk = slow().await;
        let child = start(&desk, "warm --json");
        open(&desk, Side::Cache, 1).await;
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let lines: Vec<Value> =
            String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "the second profile is not begun, and that is said");
        assert_eq!((&lines[1]["outcome"], &lines[1]["planned"]["objects"]), (&"interrupted".into(), &0.into()));
        assert_eq!(lines[0]["outcome"], "interrupted");
        assert_eq!(lines[0]["warmed"]["objects"], desk.ranged_heads(), "all that was sent is waited for and counted");
        assert!(lines[0]["reason"].as_str().unwrap().starts_with("told to stop; "));
        let said = String::from_utf8(output.stderr).unwrap();
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
    let desk = slow().await;
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
    let desk = slow().await;
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
async fn a_reader_that_leaves_early_is_no_fault() {
    let desk = Desk::with_shards(40).await;
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
