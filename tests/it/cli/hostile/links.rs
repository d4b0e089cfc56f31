//! Links that lead where whoever made them may not go.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::{Desk, shows};

const SHADOW: &str = "root:$6$of-the-victim:20000::::::\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_link_in_a_folder_of_files_shows_no_file_of_the_machine() {
    let desk = Desk::with_shards(0).await;
    let victim = tempfile::tempdir().unwrap();
    let shadow = victim.path().join("shadow");
    fs::write(&shadow, SHADOW).unwrap();
    desk.write("teams/10-endpoint.toml", &desk.endpoint());
    symlink(&shadow, desk.path("teams/20-vision.toml")).unwrap();
    symlink(&shadow, desk.path("hotset.toml")).unwrap();
    for line in ["check", "check --config teams", "plan --config teams/20-vision.toml", "config --config teams"] {
        let ran = desk.run(line);
        assert!(ran.code == 2 && !ran.to_string().contains("of-the-victim"), "{ran}");
    }
    shows("hostile_link", &[desk.run("check --config teams")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_pipe_among_the_files_of_a_team_keeps_nobody_waiting() {
    let desk = Desk::with_shards(0).await;
    let team = "[team.vision]\nprofiles = [\"teams\"]\nendpoints = [\"lota\"]\nbuckets = [\"b\"]\nbudget = \"1 TiB\"\n";
    desk.write("hotset.toml", &format!("{}{team}", desk.endpoint()));
    fs::create_dir(desk.path("teams")).unwrap();
    assert!(Command::new("mkfifo").arg(desk.path("teams/vision.toml")).status().unwrap().success());
    let ran = desk.run("check");
    assert!(ran.code == 2 && ran.err.contains("vision.toml: cannot be read: it is no regular file"), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_file_writes_on_no_terminal_by_its_name_or_its_text() {
    let desk = Desk::with_shards(0).await;
    let name = "a\u{1b}[31m\u{202e}.toml";
    desk.write(name, "[endpoint.lota]\nregoin = \"\u{9b}31m\u{200b}\"\n");
    let ran = desk.run(&format!("check --config {name}"));
    assert!(ran.code == 2 && ran.err.contains("a\\u{1b}[31m\\u{202e}.toml"), "{ran}");
    assert!(!format!("{}{}", ran.out, ran.err).contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{200b}']), "{ran}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_pipe_in_the_place_of_a_file_keeps_nobody_waiting() {
    let desk = Desk::with_shards(1).await;
    let pipe = |name: &str| {
        let _ = fs::remove_file(desk.path(name));
        assert!(Command::new("mkfifo").arg(desk.path(name)).status().unwrap().success());
    };
    pipe("token");
    let tokens = format!("[daemon]\nlisten = \"127.0.0.1:9\"\ntoken_file = \"{}\"\n", desk.path("token").display());
    desk.configure("", &format!("{tokens}[profile.p]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n"));
    for (line, code, said) in [
        ("status", 5, "no hotset daemon answers at http://127.0.0.1:9"),
        ("pause p", 5, "no hotset daemon answers"),
        ("pause p --token-file token", 2, "--token-file: not a file"),
        ("pause p --token-file /dev/zero", 2, "--token-file: not a file"),
        ("wait p --timeout 1s", 3, "no hotset daemon answers"),
    ] {
        let ran = desk.run(line);
        assert!(ran.code == code && ran.err.contains(said), "{ran}");
    }
    fs::create_dir_all(desk.path("state")).unwrap();
    pipe("state/journal.db");
    for (line, code) in [("plan", 0), ("runs", 1), ("audit", 1), ("explain s3://training/d/x", 1), ("warm", 0)] {
        let ran = desk.run(&format!("{line} --state-dir state"));
        assert!(ran.code == code && ran.err.contains("no regular file"), "{ran}");
    }
    pipe("secret");
    let ran = desk.run("plan");
    assert!(ran.code == 4 && ran.to_string().contains("secret_access_key_file: it is no regular file"), "{ran}");
}
