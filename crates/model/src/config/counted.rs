//! Counts list entries, nodes of globs and large regular expressions of a whole configuration, against global limits.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::diagnostic::Place;
use super::value::Weight;

/// Entries of a list, or of a table with free keys.
pub(super) const MAX_ENTRIES: usize = 1_000;
/// Entries of a list of schedules.
pub(super) const MAX_SCHEDULES: usize = 100;
/// Entries of all lists, with those of `[defaults]` once for each profile that takes them.
const MAX_ALL_ENTRIES: usize = 500_000;
/// Nodes of all globs, after ranges and alternatives are expanded.
const MAX_NODES: usize = 500_000;
/// Large regular expressions.
const MAX_LARGE: usize = 100;
/// The help of these errors.
pub(super) const REMEDY: &str = "split the profile into several, or name its objects in a `manifest`";

/// What was counted so far, and what need not be read twice.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) marks: usize,
    pub(super) tables: HashMap<&'static str, usize>,
    entries: usize,
    nodes: usize,
    large: HashSet<String>,
    /// Values of `[defaults]` by where they stand, so that ten thousand profiles share them.
    shared: HashMap<(usize, usize), Rc<dyn Any>>,
    /// How they are shown.
    shown: HashMap<(usize, usize), Arc<str>>,
}

impl Counted {
    pub(super) fn shared<T: Clone + 'static>(&self, place: &Place) -> Option<T> {
        self.shared.get(&key(place))?.downcast_ref::<T>().cloned()
    }

    pub(super) fn share<T: Clone + 'static>(&mut self, place: &Place, value: &T) {
        self.shared.insert(key(place), Rc::new(value.clone()));
    }

    /// The text of a value that stands here, made once.
    pub(super) fn shown(&mut self, place: &Place, show: impl FnOnce() -> String) -> Arc<str> {
        self.shown.entry(key(place)).or_insert_with(|| show().into()).clone()
    }

    /// Takes entries of a list.
    pub(super) fn entries(&mut self, count: usize, most: usize) -> Result<(), String> {
        if count > most {
            return Err(format!("has {count} entries, and may have {most}"));
        }
        // The fewer of a kind a list may have, the more each of them counts.
        self.entries += count * MAX_ENTRIES / most.max(1);
        if self.entries > MAX_ALL_ENTRIES {
            return Err(format!("the lists of all profiles together have more than {MAX_ALL_ENTRIES} entries"));
        }
        Ok(())
    }

    /// Takes what a value comes to once it is compiled.
    pub(super) fn weight(&mut self, weight: Weight, text: &str) -> Result<(), String> {
        match weight {
            Weight::Little => {}
            Weight::Nodes(nodes) => {
                self.nodes += nodes;
                if self.nodes > MAX_NODES {
                    return Err("the globs of the configuration are too large together, with their ranges and \
                                alternatives written out"
                        .to_owned());
                }
            }
            Weight::Large => {
                if !self.large.contains(text) && self.large.len() >= MAX_LARGE {
                    return Err(format!("is the regular expression after {MAX_LARGE} others as large"));
                }
                self.large.insert(text.to_owned());
            }
        }
        Ok(())
    }
}

fn key(place: &Place) -> (usize, usize) {
    (place.file.number, place.span.start)
}
