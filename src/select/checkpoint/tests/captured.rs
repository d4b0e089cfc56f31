//! Trees that real libraries wrote, with what they say of themselves: tests/layouts/README.md.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::world::{Thing, World, chosen};
use crate::config::value::choice::Choice;
use crate::select::checkpoint::Checkpoint;
use crate::select::checkpoint::layout::Layout;
use crate::select::group::State;

#[test]
fn what_libraries_wrote_is_told_apart() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layouts/captured");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (case, files) = lines.split_first().unwrap();
        holds(case, files);
        seen += 1;
    }
    assert!(seen >= 13, "{seen}");
}

fn holds(case: &Value, files: &[Value]) {
    let mut world = World { now: 100_000, ..World::default() };
    for file in files {
        let key = file["key"].as_str().unwrap();
        let (size, at) = (file["size"].as_u64().unwrap(), file["at"].as_f64().unwrap());
        world.things.insert(key.to_owned(), Thing { size, at: (at * 1_000.0) as i64, class: None });
        if let Some(text) = file["text"].as_str() {
            world.texts.insert(key.to_owned(), text.to_owned());
        }
    }
    let checkpoint =
        Checkpoint::of(*Layout::WORDS.iter().find(|(word, _)| case["layout"] == *word).map(|(_, l)| l).unwrap())
            .unwrap();
    let groups = case["groups"].as_array().unwrap();
    let name = |group: &Value| format!("{}/{}", group["run"].as_str().unwrap(), group["name"].as_str().unwrap());
    let selection = world.search(&Checkpoint { keep: groups.len(), ..checkpoint });
    let complete = |group: &&Value| group["complete"].as_bool().unwrap();
    assert_eq!(chosen(&selection), groups.iter().filter(complete).map(name).collect::<Vec<_>>(), "{case}");
    let incomplete = selection.groups.iter().filter(|group| group.state == State::Incomplete);
    let incomplete: Vec<String> = incomplete.map(|group| format!("{}/{}", group.run, group.name)).collect();
    let expected = groups.iter().filter(|group| !complete(group)).map(name);
    assert_eq!(incomplete, expected.collect::<Vec<_>>(), "{case}");
}
