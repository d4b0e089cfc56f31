//! Every file and folder of `tests/fixtures/broken` is one mistake. The snapshot is all that its author sees.
//!
//! A folder is one `--config`; a folder with subfolders is a `--config` for each of them, by name. What lies in a subfolder
//! `team-NAME` is that team's.

use std::fs;
use std::path::{Path, PathBuf};

use model::config::{self, Source};

fn texts(path: &Path, layer: usize, below: &Path) -> Vec<Source> {
    let name = path.strip_prefix(below).unwrap().display().to_string();
    if path.is_file() {
        let folder = path.parent().unwrap().file_name().unwrap().to_string_lossy();
        let team = folder.strip_prefix("team-").filter(|_| path.parent().unwrap().parent().unwrap() != below);
        let team = team.map(str::to_owned);
        return vec![Source { team, ..Source::trusted(name, fs::read_to_string(path).unwrap(), layer) }];
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let is_layer = |entry: &Path| entry.is_dir() && !entry.file_name().unwrap().to_string_lossy().starts_with("team-");
    let texts =
        entries.iter().enumerate().map(|(nth, entry)| texts(entry, if is_layer(entry) { nth } else { layer }, below));
    texts.flatten().collect()
}

#[test]
fn every_mistake_is_shown_with_its_place_and_its_remedy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/broken");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 45, "{} mistakes are too few", cases.len());
    for case in cases {
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        let Err(diagnostics) = config::load_sources(texts(&case, 0, &root)) else { panic!("{name} was accepted") };
        insta::with_settings!({ snapshot_path => "../snapshots/broken", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, diagnostics.render(false));
        });
    }
}

#[test]
fn nothing_is_said_twice() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/broken");
    for case in fs::read_dir(&root).unwrap() {
        let case = case.unwrap().path();
        let Err(diagnostics) = config::load_sources(texts(&case, 0, &root)) else { continue };
        let mut said: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        let all = said.len();
        said.sort();
        said.dedup();
        assert_eq!(said.len(), all, "{}", case.display());
    }
}
