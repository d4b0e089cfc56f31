//! A sample of listed objects, and the checkpoints that each layout would find in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::layout::Layout;
use super::presets::PRESETS;
use super::search::{Need, Search};
use super::{Checkpoint, Kind, MemberCount};
use crate::object::{Key, Object};
use crate::select::{Rules, Selection};

/// Objects of a sample, at most.
const MAX_SAMPLE_OBJECTS: usize = 4096;

/// The first objects that were listed.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<Object>);

impl Sample {
    pub fn add(&mut self, objects: &[Object]) {
        let room = MAX_SAMPLE_OBJECTS - self.0.len();
        self.0.extend(objects.iter().take(room).cloned());
    }

    /// What `checkpoint` makes of it. Files that are read, as pointers are, are not in it.
    pub fn search(&self, rules: &Arc<Rules>, checkpoint: Checkpoint) -> Selection {
        let buckets: BTreeSet<_> = self.0.iter().map(|object| object.bucket.clone()).collect();
        let scopes = buckets.into_iter().map(|bucket| (bucket, Key::from(""))).collect();
        let now = self.0.iter().map(|object| object.last_modified).max().unwrap_or_default();
        let mut search = Search::new(rules.clone(), Arc::new(checkpoint), scopes, now);
        loop {
            let needs = search.needs();
            if needs.is_empty() {
                return search.choose();
            }
            for (nth, need) in needs.iter().enumerate() {
                match need {
                    Need::Read { .. } => search.read(nth, None),
                    // Nothing is cut short, so that folders are not asked for.
                    Need::List { bucket, prefix, .. } => {
                        let is_below = |object: &&Object| {
                            object.bucket == *bucket && object.key.as_bytes().starts_with(prefix.as_bytes())
                        };
                        let objects = self.0.iter().filter(is_below).cloned().collect();
                        search.page(nth, (objects, Vec::new()), false);
                    }
                }
            }
        }
    }

    /// The layouts, but for `other`, by which it holds a whole checkpoint.
    pub fn fitting(&self, rules: &Arc<Rules>, other: Layout) -> Vec<Layout> {
        let others = PRESETS.iter().filter(|preset| preset.layout != other);
        let fits = others.filter(|preset| !self.search(rules, bare(preset.checkpoint())).segments.is_empty());
        fits.map(|preset| preset.layout).collect()
    }
}

/// What asks of a group nothing but what its own names tell.
fn bare(checkpoint: Checkpoint) -> Checkpoint {
    let kinds = checkpoint.kinds.into_iter().map(|kind| Kind { named: false, ..kind }).collect();
    Checkpoint { kinds, pointer: None, beside: None, count: MemberCount::Any, settle: Duration::ZERO, ..checkpoint }
}
