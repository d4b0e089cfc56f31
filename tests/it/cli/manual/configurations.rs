//! TOML blocks: whole configurations, parts of one, and such as are refused.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use model::config::{self, Config};
use tempfile::TempDir;

use super::page::{Block, Page};

const ENDPOINT: &str =
    "[endpoint.lota]\ncache_url = \"http://cwlota.com\"\nlist_url = \"https://cwobject.com\"\nregion = \"us-east-1\"\n";
const OBJECTS: &str = "objects = [\"s3://training/datasets/**\"]\n";
const CAP: &str = "[defaults]\nmax_bytes = \"1 TiB\"\n";

pub fn faults(page: &Page) -> Vec<String> {
    let blocks = page.blocks.iter().filter(|block| block.kind == "toml");
    blocks.filter_map(|block| Some(format!("{}: {}", page.at(block.line), fault(block)?))).collect()
}

fn fault(block: &Block) -> Option<String> {
    match (load(&layers(block)), block.has("refused")) {
        (Ok(_), true) => Some("this is not refused".to_owned()),
        (Ok(config), false) if !block.has("fragment") && !config.warnings.is_empty() => {
            Some(config.warnings.iter().map(|warning| warning.render(false)).collect())
        }
        (Ok(_), false) | (Err(_), true) => None,
        (Err(why), false) => Some(why),
    }
}

fn load(layers: &[String]) -> Result<Config, String> {
    let folder = TempDir::new().unwrap();
    let paths: Vec<PathBuf> = (0..layers.len()).map(|nth| folder.path().join(format!("{nth}.toml"))).collect();
    for (path, text) in paths.iter().zip(layers) {
        fs::write(path, text).unwrap();
    }
    config::load(&paths, config::Zones::default()).map_err(|errors| errors.render(false))
}

/// The block as the files that it stands for: itself, or what it is a part of.
fn layers(block: &Block) -> Vec<String> {
    let text = &block.text;
    match (block.has("fragment"), overridden(text)) {
        (false, _) => vec![text.clone()],
        (true, base) if base.is_empty() => vec![completed(text)],
        (true, base) => vec![completed(&base), text.clone()],
    }
}

/// What stands around a part of a configuration.
pub fn completed(part: &str) -> String {
    let mut text = String::new();
    if !part.contains("[endpoint.") {
        text += ENDPOINT;
    }
    if !part.contains("[defaults]") && !part.lines().any(|line| line.starts_with("max_bytes")) {
        text += CAP;
    }
    // Keys before the first table are a profile's.
    let first = part.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
    if !part.contains("[profile.") || !first.is_some_and(|line| line.starts_with('[')) {
        text += "[profile.nightly]\n";
        if !names_objects(part) {
            text += OBJECTS;
        }
    }
    for table in part.split_inclusive('\n') {
        text += table;
        if is_profile(table) && !part.contains(&format!("{table}objects")) && !names_objects(after(part, table)) {
            text += OBJECTS;
        }
    }
    text
}

fn is_profile(line: &str) -> bool {
    line.starts_with("[profile.") && !line.contains(".checkpoint]")
}

/// The rest of a table.
fn after<'a>(part: &'a str, head: &str) -> &'a str {
    let (_, rest) = part.split_once(head).unwrap_or_default();
    rest.split_once("\n[").map_or(rest, |(keys, _)| keys)
}

fn names_objects(keys: &str) -> bool {
    keys.lines().any(|line| line.starts_with("objects") || line.starts_with("manifest"))
}

/// The tables that an override changes.
fn overridden(text: &str) -> String {
    let mut base = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("[override.profile.").and_then(|rest| rest.strip_suffix(']')) {
            write!(base, "[profile.{name}]\n{OBJECTS}max_bytes = \"8 TiB\"\n").unwrap();
        } else if let Some(name) = line.strip_prefix("[override.endpoint.").and_then(|rest| rest.strip_suffix(']')) {
            base += &ENDPOINT.replace("[endpoint.lota]", &format!("[endpoint.{name}]"));
        }
    }
    base
}

#[test]
fn a_slip_in_a_block_is_found() {
    for (text, fault) in [
        ("```toml\n[endpoint.lota]\ncache_url = \"http://cwlota.com\"\n```", "`region`"),
        ("```toml,fragment\nmax_bytes = \"8 TBB\"\n```", "unknown unit `TBB`"),
        ("```toml,fragment\n[profile.a]\nscheduel = \"@daily\"\n```", "did you mean `schedule`"),
        ("```toml,fragment\n[override.profile.a]\nmaxbytes = \"1 TiB\"\n```", "maxbytes"),
        (
            "```toml,refused\n[profile.a]\nobjects = [\"s3://a/**\"]\nmax_bytes = \"1 GiB\"\n[endpoint.e]\ncache_url = \
          \"http://c\"\nregion = \"r\"\n```",
            "this is not refused",
        ),
    ] {
        let found = faults(&Page::parse("p", text));
        assert!(found.len() == 1 && found[0].contains(fault), "{text}: {found:?}");
    }
}

#[test]
fn a_part_is_completed() {
    for text in [
        "schedule = \"@daily\"\n",
        "objects = [\"s3://a/**\"]\nmax_bytes = \"1 GiB\"\n",
        "[profile.a]\nschedule = \"@daily\"\n\n[profile.b]\nmanifest = \"file:keys.jsonl\"\n",
        "[daemon]\nwatch = \"10s\"\n",
        "[override.endpoint.lota]\nmax_in_flight = 20\n",
        "[override.profile.a]\npaused = true\n",
    ] {
        assert_eq!(faults(&Page::parse("p", &format!("```toml,fragment\n{text}```"))), [""; 0], "{text}");
    }
}
