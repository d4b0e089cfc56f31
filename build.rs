//! Gives the binary what `hotset --version` prints behind the name: version, commit, features.
//!
//! The commit is that of `HOTSET_COMMIT` (a hash, or a hash and a date, for builds without a repository), else the
//! repository's. A debug build does not ask the repository: it would be built anew after every commit.

use std::env;
use std::path::Path;
use std::process::Command;

/// Of a commit's hash, as many digits as are shown.
const DIGITS: usize = 10;
/// What is built from; a change elsewhere does not change the binary.
const SOURCES: [&str; 6] = ["src", "crates", "config", "build.rs", "Cargo.toml", "Cargo.lock"];

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-env-changed=HOTSET_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let debug = env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    let commit = match env::var("HOTSET_COMMIT") {
        Ok(named) if !named.trim().is_empty() => Some(named_commit(&named)?),
        _ if debug => None,
        _ => repository_commit(),
    };
    let revision = commit.as_deref().unwrap_or("unknown");
    let changed = if revision.ends_with("with changes") { "-changed" } else { "" };
    println!("cargo::rustc-env=HOTSET_REVISION={}{changed}", revision.split(' ').next().unwrap_or(revision));
    let mut parts = vec![commit.unwrap_or_else(|| "unknown commit".to_owned())];
    parts.extend(features());
    if debug {
        parts.push("debug build".to_owned());
    }
    let version = env::var("CARGO_PKG_VERSION").map_err(|error| error.to_string())?;
    println!("cargo::rustc-env=HOTSET_LONG_VERSION={version} ({})", parts.join(", "));
    Ok(())
}

/// `HASH` or `HASH DATE`, with the hash cut to what is shown.
fn named_commit(named: &str) -> Result<String, String> {
    let (hash, date) = named.trim().split_once(' ').unwrap_or((named.trim(), ""));
    let is_hash = (7..=64).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_date = date.is_empty() || date.len() == 10 && date.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if !is_hash || !is_date {
        return Err(format!(
            "HOTSET_COMMIT is {named:?}: a commit is written \"743c013abc\" or \"743c013abc 2026-11-26\""
        ));
    }
    Ok(format!("{} {date}", &hash[..hash.len().min(DIGITS)]).trim_end().to_owned())
}

/// `HASH DATE` of the checked-out commit, and whether what is built differs from it; none where there is no repository.
fn repository_commit() -> Option<String> {
    // Not one further up, that the sources were unpacked into.
    if !Path::new(".git").exists() {
        return None;
    }
    watch().and_then(|()| ask()).map_err(|error| println!("cargo::warning=the commit is not known: {error}")).ok()
}

fn ask() -> Result<String, String> {
    let abbrev = format!("--abbrev={DIGITS}");
    let commit = git(&["log", "-1", &abbrev, "--date=format-local:%Y-%m-%d", "--format=%h %cd"])?;
    let changed = git(&[&["--no-optional-locks", "status", "--porcelain", "--"], &SOURCES[..]].concat())?;
    Ok(if changed.is_empty() { commit } else { format!("{commit} with changes") })
}

/// Has Cargo run this again after a commit, a checkout, or a change of what is built.
fn watch() -> Result<(), String> {
    let places = ["HEAD", "refs/heads", "packed-refs"].map(|name| git(&["rev-parse", "--git-path", name]));
    for place in places {
        let place = place?;
        // What is not there makes Cargo run this every time.
        if Path::new(&place).exists() {
            println!("cargo::rerun-if-changed={place}");
        }
    }
    SOURCES.iter().for_each(|source| println!("cargo::rerun-if-changed={source}"));
    Ok(())
}

fn git(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git").args(arguments).env("TZ", "UTC").output();
    let output = output.map_err(|error| format!("cannot run git: {error}"))?;
    if !output.status.success() {
        return Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The features that are on, sorted.
fn features() -> Vec<String> {
    let names = env::vars().filter_map(|(name, _)| name.strip_prefix("CARGO_FEATURE_").map(str::to_lowercase));
    let mut names: Vec<String> = names.filter(|name| name != "default").collect();
    names.sort();
    names
}
