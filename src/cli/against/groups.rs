//! Checkpoints that enter or leave a selection.

use std::collections::HashSet;

use model::object::{Bucket, Count, Key};
use model::select::{Selection, group};

/// How many are named on each side.
pub const NAMED: usize = 20;

/// One that is chosen on one side only.
pub struct Group {
    pub bucket: String,
    pub run: String,
    pub name: String,
    pub step: Option<u64>,
    /// What is selected of it.
    pub count: Count,
}

/// What `these` choose and `those` do not, in rank order.
pub fn between(these: Option<&Selection>, those: Option<&Selection>) -> Vec<Group> {
    let others: HashSet<_> = those.into_iter().flat_map(chosen).map(|(group, _)| id(group)).collect();
    let new = these.into_iter().flat_map(chosen).filter(|(group, _)| !others.contains(&id(group)));
    new.map(|(group, count)| Group {
        bucket: group.bucket.to_string(),
        run: group.run.to_string(),
        name: group.name.to_string(),
        step: group.step,
        count,
    })
    .collect()
}

fn id(group: &group::Group) -> (&Bucket, &Key, &Key) {
    (&group.bucket, &group.run, &group.name)
}

fn chosen(selection: &Selection) -> impl Iterator<Item = (&group::Group, Count)> {
    let mut sizes = selection.selected.sizes(0..selection.selected.len());
    selection.segments.iter().filter_map(move |segment| {
        let mut count = Count::default();
        sizes.by_ref().take(segment.objects).for_each(|size| count.add(size));
        Some((selection.groups.get(segment.group)?, count))
    })
}
