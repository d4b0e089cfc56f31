//! Holds the rooms of `src/` apart: a room imports lower rooms only, and each foreign crate has the one room that hides it.
//!
//! Read from the production text of every file; test modules may reach where they like.

mod paths;

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first. A room imports rooms of lower ranks and its own files, not its neighbours.
const RANKS: [&[&str]; 11] = [
    &["object"],
    &["pattern", "manifest"],
    &["select", "schedule"],
    &["config"],
    &["clock", "report"],
    &["s3", "journal", "signals", "ticker", "limit"],
    &["list", "warm"],
    &["run"],
    &["daemon"],
    &["http", "exit"],
    &["cli"],
];

/// Rooms that import less than their place would let them.
const CONFINED: [(&str, &[&str], &str); 2] = [
    ("sim", &["object", "pattern", "clock"], "the simulator must not share hotset's mistakes"),
    ("main", &["cli", "exit"], "main only starts"),
];

/// Above these, anything that may see `cli`'s inputs may start the simulator; nothing else knows of it.
const SIM_IS_SEEN_BY: &[&str] = &["cli"];

/// Foreign paths and the rooms that may name them. A trailing `*` stands for the rest of a crate's name.
const FOREIGN: [(&str, &[&str]); 31] = [
    ("annotate_snippets", &["config"]),
    ("anyhow", &["cli", "main"]),
    ("aws_*", &["s3"]),
    ("axum", &["http"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("comfy_table", &["cli"]),
    ("console", &["cli"]),
    ("croner", &["schedule"]),
    ("flate2", &["manifest"]),
    ("globset", &["pattern"]),
    ("hyper::client", &["s3"]),
    ("hyper::server", &["http", "sim"]),
    ("hyper_rustls", &["s3"]),
    ("hyper_util::client", &["s3"]),
    ("hyper_util::server", &["http", "sim"]),
    ("indicatif", &["cli"]),
    ("maud", &["http"]),
    ("procfs", &["http"]),
    ("prometheus_client", &["http"]),
    ("ring", &["s3"]),
    ("rusqlite", &["journal"]),
    ("s3s", &["sim"]),
    ("schemars", &["config"]),
    ("tempfile", &["run"]),
    ("tokio::signal", &["signals"]),
    ("tokio_cron_scheduler", &["ticker"]),
    ("toml", &["config"]),
    ("tracing_subscriber", &["cli"]),
    ("ureq", &["cli"]),
];

const PURE: [&str; 6] = ["object", "pattern", "manifest", "select", "schedule", "config"];

/// Pure parts of rooms that are not.
const PURE_WITHIN: [(&str, &str); 1] =
    [("daemon/planner", "when a profile fires is decided by a `now` that is passed in")];

/// What a pure room does not name: the runtime, the outside world, and clocks.
const IMPURE: [&str; 14] = [
    "tokio",
    "tokio_util",
    "futures",
    "std::env",
    "std::fs",
    "std::net::Tcp*",
    "std::net::ToSocketAddrs",
    "std::net::Udp*",
    "std::process",
    "std::thread",
    "Instant::now",
    "Local::now",
    "SystemTime::now",
    "Utc::now",
];

/// Files of pure rooms that may name one impure thing.
const PURE_BUT: [(&str, &str); 1] = [("config/source.rs", "std::fs")]; // reads all sources before any of them is parsed, so that no two generations mix

#[test]
fn rooms_import_only_lower_rooms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 2, "no sources under {}", root.display());
    let faults: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let file = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            faults_of(&file, &fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn an_import_that_breaks_the_rules_is_found() {
    for (file, text, fault) in [
        ("list.rs", "use crate::warm::Pass;", "list may not import warm"),
        ("list/split.rs", "use crate::{object::Key, run::{self, Run}};", "list may not import run"),
        ("object.rs", "fn f() -> crate::select::Reason {}", "object may not import select"),
        ("select/budget.rs", "use super::super::config::Profile;", "select may not import config"),
        (
            "sim/store.rs",
            "use crate::s3::Client;",
            "sim may not import s3: the simulator must not share hotset's mistakes",
        ),
        ("main.rs", "fn main() { hotset::daemon::run() }", "main may not import daemon: main only starts"),
        ("daemon.rs", "use crate::sim::Sim;", "daemon may not import sim"),
        ("attic.rs", "", "attic has no rank"),
        ("list.rs", "use aws_sdk_s3::Client;", "list may not name aws_sdk_s3::Client: it belongs to s3"),
        (
            "http/page.rs",
            "#[derive(clap::Parser)] struct A;",
            "http may not name clap::Parser: it belongs to cli, main",
        ),
        (
            "warm.rs",
            "use hyper_util::{client::legacy, rt};",
            "warm may not name hyper_util::client::legacy: it belongs to s3",
        ),
        (
            "select.rs",
            "async fn f() { ::tokio::task::yield_now().await }",
            "select is pure and may not name tokio::task::yield_now",
        ),
        (
            "schedule.rs",
            "use chrono::Utc; fn f() { let _ = Utc::now(); }",
            "schedule is pure and may not name Utc::now",
        ),
        (
            "daemon/planner/timetable.rs",
            "use tokio::time::Instant;",
            "daemon/planner is pure and may not name tokio::time::Instant: when a profile fires is decided by a `now` that \
             is passed in",
        ),
        ("config/value.rs", "use std::{fmt, fs};", "config is pure and may not name std::fs"),
        ("config/listen.rs", "use std::net::TcpListener;", "config is pure and may not name std::net::TcpListener"),
    ] {
        assert_eq!(faults_of(file, text), [format!("src/{file}: {fault}")], "{text}");
    }
}

#[test]
fn an_import_that_keeps_the_rules_is_not() {
    for (file, text) in [
        ("run.rs", "use crate::{list, warm, select::Plan}; mod resolve; use self::resolve::Need;"),
        ("list/split.rs", "use super::Page; use crate::object::Key;"),
        ("s3/client.rs", "use aws_sdk_s3::Client; use hyper_util::client::legacy;"),
        ("config/source.rs", "use std::fs;"),
        ("config/daemon.rs", "use std::net::SocketAddr;"),
        ("object.rs", "// crate::run is far above\nconst S: &str = \"crate::run\"; /* tokio::spawn */"),
        ("object.rs", "const S: &str = r#\"use tokio::fs; \"quoted\" \"#; fn f<'a>(c: char) -> bool { c == '\"' }"),
        ("object.rs", "fn f() {}\n#[cfg(test)]\nmod tests { use super::*; use crate::run::Run; use std::fs; }"),
        ("select/tests.rs", "use crate::run::Run;"),
    ] {
        assert_eq!(faults_of(file, text), [""; 0], "{text}");
    }
}

/// What is wrong with the imports of one file, whose name is relative to `src/`.
fn faults_of(file: &str, text: &str) -> Vec<String> {
    let modules: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    let room = modules[0];
    if room == "lib" || modules.contains(&"tests") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    if rank(room).is_none() && !CONFINED.iter().any(|(confined, ..)| *confined == room) {
        faults.push(format!("src/{file}: {room} has no rank"));
    }
    for path in paths::named(text) {
        let path = absolute(&path, &modules);
        let fault = match path.strip_prefix("crate::") {
            Some(inner) => import_fault(room, inner.split("::").next().unwrap_or_default()),
            None => foreign_fault(file, room, &path),
        };
        faults.extend(fault.map(|fault| format!("src/{file}: {fault}")));
    }
    faults.sort();
    faults.dedup();
    faults
}

/// `path` from the crate's root, where it is of this crate.
fn absolute(path: &str, modules: &[&str]) -> String {
    let ups = path.split("::").take_while(|part| *part == "super").count();
    if ups == 0 {
        return path.strip_prefix("hotset::").map_or_else(|| path.to_owned(), |inner| format!("crate::{inner}"));
    }
    let rest: Vec<&str> = path.split("::").skip(ups).collect();
    let above = &modules[..modules.len().saturating_sub(ups)];
    [&["crate"][..], above, &rest].concat().join("::")
}

fn import_fault(room: &str, imported: &str) -> Option<String> {
    if imported == room {
        return None;
    }
    if let Some((_, allowed, why)) = CONFINED.iter().find(|(confined, ..)| *confined == room) {
        return (!allowed.contains(&imported)).then(|| format!("{room} may not import {imported}: {why}"));
    }
    let lower = match imported {
        "sim" => SIM_IS_SEEN_BY.contains(&room),
        _ => rank(imported) < rank(room) || rank(room).is_none(),
    };
    // A name that is no room is an item of the crate's root.
    let is_room = imported == "sim" || rank(imported).is_some();
    (is_room && !lower).then(|| format!("{room} may not import {imported}"))
}

fn foreign_fault(file: &str, room: &str, path: &str) -> Option<String> {
    if let Some((_, owners)) = FOREIGN.iter().find(|(name, _)| is_within(path, name))
        && !owners.contains(&room)
    {
        return Some(format!("{room} may not name {path}: it belongs to {}", owners.join(", ")));
    }
    let impure = IMPURE.iter().find(|name| is_within(path, name) || path.ends_with(&format!("::{name}")))?;
    let pure = PURE_WITHIN.iter().find(|(part, _)| is_part(file, part));
    if let Some((part, why)) = pure {
        return Some(format!("{part} is pure and may not name {path}: {why}"));
    }
    (PURE.contains(&room) && !PURE_BUT.contains(&(file, impure)))
        .then(|| format!("{room} is pure and may not name {path}"))
}

fn is_part(file: &str, part: &str) -> bool {
    file.strip_prefix(part).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn is_within(path: &str, name: &str) -> bool {
    match name.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
    }
}

fn rank(room: &str) -> Option<usize> {
    RANKS.iter().position(|rooms| rooms.contains(&room))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
