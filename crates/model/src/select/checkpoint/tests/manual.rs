//! The manual's page shows every layout, and what it shows is so.

use super::world::{World, chosen, keys};
use crate::select::checkpoint::Checkpoint;
use crate::select::checkpoint::layout::Layout;
use crate::select::checkpoint::presets::PRESETS;
use crate::select::group::State;
use crate::words::Words as _;

const PAGE: &str = include_str!("../../../../../../docs/checkpoints.md");

struct Section<'a> {
    name: &'a str,
    /// Of its first block.
    tree: Vec<&'a str>,
    text: &'a str,
}

fn sections() -> Vec<Section<'static>> {
    let (_, layouts) = PAGE.split_once("\n## Layouts\n").unwrap();
    let section = |part: &'static str| {
        let (name, text) = part.split_once('\n').unwrap();
        let block = text.split("```").nth(1).unwrap();
        Section { name, tree: block.lines().skip(1).collect(), text: text.rsplit("```").next().unwrap() }
    };
    layouts.split("\n### ").skip(1).map(section).collect()
}

#[test]
fn every_layout_has_a_section_and_every_section_is_a_layout() {
    let words: Vec<&str> = Layout::WORDS.iter().map(|(word, _)| *word).collect();
    let names: Vec<&str> = sections().iter().map(|section| section.name).collect();
    assert_eq!(names, words);
}

#[test]
fn every_tree_comes_out_as_its_section_says() {
    for (section, preset) in sections().iter().zip(&PRESETS) {
        let mut world = World { now: 1_000_000, ..World::default() };
        for (at, line) in section.tree.iter().enumerate() {
            let at = i64::try_from(at).unwrap();
            match line.split_once(" = ") {
                Some((key, text)) => world.write(key, text, at),
                None => world.put(line, at),
            }
        }
        let selection = world.search(&preset.checkpoint());
        let taken: Vec<_> = selection.groups.iter().filter(|group| group.state == State::Chosen).collect();
        let [taken] = taken.as_slice() else { panic!("{}: {:?}", section.name, selection.groups) };
        let said = match taken.step {
            Some(step) => format!("Step {step} is taken. "),
            None => "The newest is taken. ".to_owned(),
        };
        assert!(section.text.trim_start().starts_with(&said), "{}: {:?}", section.name, chosen(&selection));
        let name = format!("/{}", taken.name);
        let members = section.tree.iter().filter(|key| key.contains(&name) && !key.contains(" = "));
        let mut members: Vec<String> = members.map(|key| (*key).to_owned()).collect();
        members.sort();
        assert_eq!(keys(&selection), members, "{}", section.name);
        assert!(section.text.contains("Source: "), "{}", section.name);
    }
}

#[test]
fn a_section_says_of_weights_what_its_layout_does() {
    for section in sections().iter().filter(|section| section.name != "custom" && section.name != "safetensors") {
        let (_, layout) = Layout::WORDS.iter().find(|(word, _)| *word == section.name).unwrap();
        let said = section.text.replace('\n', " ").contains("`parts = \"weights\"` leaves out");
        assert_eq!(said, layout.weights().is_ok(), "{}", section.name);
    }
}

#[test]
fn the_defaults_are_those_of_the_page() {
    let checkpoint = Checkpoint::of(Layout::Megatron).unwrap();
    assert_eq!((checkpoint.keep, checkpoint.settle.as_secs()), (1, 120));
    assert!(PAGE.contains("`\"2m\"` unless typed"));
}
