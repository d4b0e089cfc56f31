//! What a terminal is sent: `script` of bsdutils gives the binary one.

use std::io::Read as _;
use std::process::{Command, Stdio};

use super::{Desk, PATIENT};

/// Everything that a terminal of this kind was sent while `line` ran; its runs are held until `until` is among that.
fn sent(desk: &Desk, kind: &str, line: &str, until: &str) -> String {
    let release = desk.hold_after(0);
    let command = format!("{} {line}", env!("CARGO_BIN_EXE_hotset"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--flush", "--command", &command, "/dev/null"]);
    script
        .current_dir(desk.dir.path())
        .env_clear()
        .envs([("HOME", desk.dir.path().as_os_str()), ("TERM", kind.as_ref())]);
    script.env("SHELL", "/bin/sh").env("PATH", "/usr/bin:/bin");
    let mut running = script.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut out, mut said, mut some) = (running.stdout.take().unwrap(), String::new(), [0; 4096]);
    loop {
        if said.contains(until) {
            release.cancel();
        }
        match out.read(&mut some).unwrap() {
            0 => break,
            n => said += &String::from_utf8_lossy(&some[..n]),
        }
    }
    assert!(running.wait().unwrap().success(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_dumb_terminal_is_sent_no_codes() {
    let desk = Desk::with_shards(2).await;
    desk.configure(PATIENT, "[profile.nightly]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n");
    for (kind, until, coded, why) in [
        ("xterm", "in flight", true, "a bar is drawn, and taken away"),
        ("dumb", "", false, "a cursor that cannot be moved"),
        ("vt100", "in flight", true, "an old one"),
    ] {
        let said = sent(&desk, kind, "warm nightly --state-dir none", until);
        assert!(said.contains("nightly: complete"), "{why}: {said:?}");
        assert_eq!(said.contains('\u{1b}'), coded, "{why}: {said:?}");
    }
    let said = sent(&desk, "dumb", "warm nightly --state-dir none --color always -v", "");
    assert!(said.contains('\u{1b}'), "asked for: {said:?}");
    let said = sent(&desk, "dumb", "check", "");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}
