//! Trees that real libraries wrote, with what they say of themselves: tests/layouts/README.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::world::{Thing, World, chosen};
use crate::select::checkpoint::layout::Layout;
use crate::select::checkpoint::{Checkpoint, MemberCount};
use crate::select::group::State;
use crate::words::Words as _;

#[test]
fn what_libraries_wrote_is_told_apart() {
    let cases = cases();
    assert!(cases.len() >= 17, "{}", cases.len());
    for case in cases {
        let (case, files) = case.split_first().unwrap();
        holds(case, files);
    }
}

/// The cases, each with its files.
fn cases() -> Vec<Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/layouts/captured");
    let lines = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    fs::read_dir(folder).unwrap().map(|entry| lines(entry.unwrap())).collect()
}

fn put(world: &mut World, file: &Value, at: i64) {
    let key = file["key"].as_str().unwrap();
    world.things.insert(key.to_owned(), Thing { size: file["size"].as_u64().unwrap(), at, class: None });
    if let Some(text) = file["text"].as_str() {
        world.texts.insert(key.to_owned(), text.to_owned());
    }
}

fn checkpoint(case: &Value) -> Checkpoint {
    let layout = Layout::WORDS.iter().find(|(word, _)| case["layout"] == *word).map(|(_, layout)| *layout);
    Checkpoint::of(layout.unwrap()).unwrap()
}

/// With its run, as a plan has it.
fn name(group: &Value) -> String {
    format!("{}/{}", group["run"].as_str().unwrap(), group["name"].as_str().unwrap())
}

fn is_of(file: &Value, group: &Value) -> bool {
    let rest = file["key"].as_str().unwrap().strip_prefix(&name(group));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn holds(case: &Value, files: &[Value]) {
    let mut world = World { now: 100_000, ..World::default() };
    for file in files {
        put(&mut world, file, (file["at"].as_f64().unwrap() * 1_000.0) as i64);
    }
    let checkpoint = checkpoint(case);
    let groups = case["groups"].as_array().unwrap();
    let selection = world.search(&Checkpoint { keep: groups.len(), ..checkpoint });
    let complete = |group: &&Value| group["complete"].as_bool().unwrap();
    assert_eq!(chosen(&selection), groups.iter().filter(complete).map(name).collect::<Vec<_>>(), "{case}");
    let incomplete = selection.groups.iter().filter(|group| group.state == State::Incomplete);
    let incomplete: Vec<String> = incomplete.map(|group| format!("{}/{}", group.run, group.name)).collect();
    let expected = groups.iter().filter(|group| !complete(group)).map(name);
    assert_eq!(incomplete, expected.collect::<Vec<_>>(), "{case}");
}

/// The newest checkpoint, copied key by key beside those that were there before it: it is taken when it is whole, whatever
/// pauses its copy makes.
#[test]
fn half_of_what_libraries_wrote_is_never_taken() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let (case, files) = case.split_first().unwrap();
        let groups: Vec<&Value> = case["groups"].as_array().unwrap().iter().collect();
        let mut complete = groups.iter().filter(|group| group["complete"] == true && group["run"] == groups[0]["run"]);
        let (newest, previous) = (*complete.next().unwrap(), *complete.next().unwrap());
        if checkpoint(case).count == MemberCount::Any {
            continue;
        }
        for gap in [30, 600] {
            upload((case, files), (newest, previous), gap);
        }
        seen.insert(checkpoint(case).layout.as_str());
    }
    assert!(seen.len() >= 5, "{seen:?}");
}

fn upload((case, files): (&Value, &[Value]), (newest, previous): (&Value, &Value), gap: i64) {
    let checkpoint = checkpoint(case);
    let mut world = World { now: 1_000_000, ..World::default() };
    let complete = |group: &&Value| group["complete"] == true;
    let groups = case["groups"].as_array().unwrap();
    let was_there = |file: &Value| groups.iter().filter(complete).any(|group| group != newest && is_of(file, group));
    let is_pointer = |file: &Value| !file["text"].is_null();
    for file in files.iter().filter(|file| was_there(file) || is_pointer(file)) {
        put(&mut world, file, 0);
        if is_pointer(file) {
            let text = previous["name"].as_str().unwrap().to_owned();
            world.texts.insert(file["key"].as_str().unwrap().to_owned(), text);
        }
    }
    // In the order of bytes, as the fixture has them.
    let mut arriving: Vec<&Value> = files.iter().filter(|file| is_of(file, newest) || is_pointer(file)).collect();
    let last = arriving.iter().rposition(|file| is_of(file, newest)).unwrap();
    for (at, file) in arriving.drain(..).enumerate() {
        let now = world.now;
        put(&mut world, file, now);
        for later in [0, gap - 1] {
            let mut world = World { now: now + later, ..world.clone() };
            let taken = chosen(&world.search(&checkpoint));
            let is_whole = at >= last;
            assert!(is_whole || taken.contains(&name(previous)), "{later} s after {file}: {taken:?} of {case}");
        }
        world.now += gap;
    }
    world.now += 600;
    assert!(chosen(&world.search(&checkpoint)).contains(&name(newest)), "in the end, of {case}");
}
