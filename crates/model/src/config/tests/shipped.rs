//! What we ship is right.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::super::reader::Origin;
use super::super::{Config, Zones, load, reference, reference_with_team, schema};
use super::config;

fn loaded(paths: &[&str]) -> Config {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let paths: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
    load(&paths, Zones::default()).unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

/// A file, or a folder of them. Other folders hold what goes around a configuration, such as alerts.
fn is_configuration(path: &Path) -> bool {
    let is_toml = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
    is_toml(path) || path.is_dir() && path.read_dir().unwrap().any(|entry| is_toml(&entry.unwrap().path()))
}

#[test]
fn every_example_is_valid_and_gives_no_warning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    for folder in ["config", "examples"] {
        for entry in root.join(folder).read_dir().unwrap() {
            let path = entry.unwrap().path();
            if !is_configuration(&path) {
                continue;
            }
            // An override is nothing by itself.
            let before = root.join("examples/many-teams");
            let paths = if path.ends_with("many-teams-staging.toml") { vec![before, path] } else { vec![path] };
            let config = load(&paths, Zones::default()).unwrap_or_else(|errors| panic!("{}", errors.render(false)));
            let warnings: Vec<String> = config.warnings.iter().map(|warning| warning.render(false)).collect();
            assert!(warnings.is_empty(), "{}", warnings.join("\n"));
            seen += 1;
        }
    }
    assert!(seen >= 9, "{seen}");
}

#[test]
fn a_profile_that_keeps_checkpoints_hot_takes_less_than_fifteen_lines() {
    let texts = [
        include_str!("../../../../../examples/latest-checkpoint.toml"),
        include_str!("../../../../../docs/checkpoints.md"),
    ];
    for text in texts {
        let profiles = text.split("\n[profile.").skip(1).map(|rest| rest.split("\n```").next().unwrap_or(rest));
        let lines: Vec<usize> = profiles.map(|profile| profile.trim_end().lines().count()).collect();
        assert!(lines.len() >= 3 && lines.iter().all(|lines| *lines < 15), "{lines:?}");
    }
}

#[test]
fn the_container_warms_nothing_by_itself() {
    let config = loaded(&["config/hotset.toml"]);
    assert!(!config.profiles.is_empty() && config.profiles.values().all(|profile| profile.paused));
}

#[test]
fn staging_differs_where_it_says_so() {
    let teams = loaded(&["examples/many-teams"]);
    let staging = loaded(&["examples/many-teams", "examples/many-teams-staging.toml"]);
    assert_eq!(teams.endpoints["lota"].limits.max_in_flight, 300);
    assert_eq!(staging.endpoints["lota"].limits.max_in_flight, 50);
    // Nobody said how to start, and the start is never over the limit.
    assert_eq!(staging.endpoints["lota"].limits.start_in_flight, 32);
    assert!(!teams.profiles["vision-video"].paused && staging.profiles["vision-video"].paused);
    assert_eq!(teams.profiles["vision-video"].schedules, staging.profiles["vision-video"].schedules);
}

#[test]
fn the_reference_has_every_key_of_the_schema() {
    config(reference());
    config(reference_with_team());
    for table in schema::tables() {
        for key in &table.keys {
            let found = match (table.head.as_str(), *key) {
                ("", "override") => {
                    reference().contains("# [override.endpoint.") && reference().contains("# [override.profile.")
                }
                ("", table) => reference_with_team().contains(&format!("\n[{table}")),
                (head, key) => reference::example(head, key).is_some_and(|line| DeTable::parse(&line).is_ok()),
            };
            assert!(
                found,
                "[{}] {key} is not in config/reference.toml, or what a message shows of it is no TOML",
                table.head
            );
        }
    }
}

/// The least that is valid, table by table as in the reference.
const LEAST: &str = r#"
[endpoint.lota]
cache_url = "http://cwlota.com"
region = "us-east-1"

[profile.nightly]
objects = ["s3://training/imagenet/**"]
max_bytes = "8 TiB"

[profile.latest]
objects = ["s3://ckpt-llama/70b/**"]
max_bytes = "4 TiB"

[profile.latest.checkpoint]
layout = "hf-trainer"
"#;

/// `head key value` of every line of the reference with this comment.
fn stated(comment: &str) -> Vec<String> {
    let mut head = "";
    let mut all = Vec::new();
    for line in reference().lines() {
        if let Some(rest) = line.strip_prefix('[') {
            head = rest.split(']').next().unwrap();
        } else if let Some((setting, _)) = line.split_once(comment).filter(|_| !line.starts_with('#')) {
            all.push(format!("[{head}] {}", setting.trim_end()));
        }
    }
    all
}

#[test]
fn the_defaults_that_the_reference_states_are_the_real_ones() {
    let least = config(LEAST);
    let real: Vec<String> = least
        .sections
        .iter()
        .flat_map(|section| section.settings.iter().map(move |setting| (section, setting)))
        .filter(|(_, setting)| matches!(setting.origin, Origin::Default))
        .map(|(section, setting)| format!("[{}] {} = {}", section.head, setting.key, setting.value))
        .collect();
    let stated = stated("# default");
    for line in &stated {
        // [defaults] repeats a profile key, to show its shape.
        assert!(
            real.contains(line) || line.starts_with("[defaults]"),
            "the reference states {line}\nreal are {real:#?}"
        );
    }
    for line in real.iter().filter(|line| !line.starts_with("[profile.latest] ")) {
        assert!(stated.contains(line), "the reference does not state {line}");
    }
}

#[test]
fn every_line_of_the_reference_says_what_it_is() {
    for line in reference_with_team().lines().filter(|line| line.contains(" = ") && !line.starts_with('#')) {
        assert!(line.ends_with("# default") || line.ends_with("# example"), "{line}");
    }
}

#[test]
fn the_schema_is_draft_7() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(schema["title"], "hotset configuration");
}
