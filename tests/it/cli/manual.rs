//! README and the manual: every block in them is parsed or run, and the pages that describe the code are made from it.
//!
//! What a fence says, and what is done with its block:
//!
//! | fence | the block |
//! |---|---|
//! | `toml` | is a whole configuration, and gives no warning; the console blocks below it run with it |
//! | `toml,fragment` | is one once an endpoint, `objects` and a cap stand beside it, or what it overrides |
//! | `toml,refused` | is refused; the console blocks below it run with it |
//! | `console` | `$` lines are run in a shell against the simulator, and print what stands below them |
//! | `console,norun` | `$` lines are for another machine: the verbs and flags of hotset in them exist |
//! | `json` | every line is JSON |
//! | `text` and the others | no command of hotset stands in it that would not be parsed |
//!
//! In what is printed, `…` stands for anything within a line and, alone, for any lines. Times, durations, ids and columns may
//! differ.

mod blocks;
mod commands;
mod configurations;
mod figures;
mod generated;
mod page;
mod session;

use std::fs;
use std::path::Path;

use model::object::Key;
use model::pattern::Pattern;

use page::Page;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and docs/*.md, but for the list of chapters.
fn pages() -> Vec<Page> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = docs.map(|name| format!("docs/{}", name.to_str().unwrap())).collect();
    names.retain(|name| name.ends_with(".md") && !name.ends_with("/SUMMARY.md"));
    names.push("README.md".to_owned());
    names.sort();
    names.iter().map(|name| Page::parse(name, &fs::read_to_string(root().join(name)).unwrap())).collect()
}

/// What is wrong, all at once.
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n{} faults", faults.join("\n"), faults.len());
}

#[test]
fn every_toml_block_is_what_its_fence_says() {
    assert_none(&pages().iter().flat_map(configurations::faults).collect::<Vec<_>>());
}

#[test]
fn every_command_of_hotset_in_a_block_or_in_the_text_exists() {
    assert_none(&pages().iter().flat_map(commands::faults).collect::<Vec<_>>());
}

#[test]
fn every_fence_is_known_and_every_json_line_is_json() {
    assert_none(&pages().iter().flat_map(blocks::faults).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_console_block_prints_what_it_shows() {
    let mut faults = Vec::new();
    for page in pages() {
        faults.extend(session::faults(&page).await);
    }
    assert_none(&faults);
}

#[test]
fn the_pages_that_are_made_from_the_code_are_those_of_the_code() {
    generated::pages().iter().for_each(|(name, text)| assert_committed(name, text));
}

#[test]
fn a_figure_is_the_same_on_every_page() {
    let source = fs::read_to_string(root().join(figures::SOURCE)).unwrap();
    for name in ["docs/comparison.md", "docs/sizing.md"] {
        let page = fs::read_to_string(root().join(name)).unwrap();
        assert!(!figures::of(&page).is_empty(), "{name} has no figure");
        assert_committed(name, &figures::filled(&page, &figures::of(&source)));
    }
}

/// `name` holds `text`; it is written where that is asked for.
fn assert_committed(name: &str, text: &str) {
    let path = root().join(name);
    if std::env::var_os("HOTSET_WRITE_MANUAL").is_some() {
        fs::write(&path, text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        committed == text,
        "{name} is out of date; HOTSET_WRITE_MANUAL=1 cargo test --test it manual writes it anew"
    );
}

#[test]
fn a_pattern_of_the_manual_matches_what_its_row_says() {
    let page = fs::read_to_string(root().join("docs/patterns.md")).unwrap();
    let (_, rows) = page.split_once("| pattern | key | matches |\n|---|---|---|\n").unwrap();
    let rows: Vec<_> = rows.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect();
        let pattern = Pattern::parse(cells[0]).unwrap_or_else(|error| panic!("{row}: {error}"));
        let matches = pattern.matches_key(&Key::from(cells[1]));
        assert_eq!(if matches { "yes" } else { "no" }, cells[2], "{row}");
    }
}
