//! Which of the listed objects a profile keeps hot. Candidates in, a selection out, in memory bounded by what ranking needs.
//!
//! Everything offered is listed; what a pattern matches is a candidate; a candidate is selected or left out for one [`Reason`].
//! `recency` asks each candidate by itself, `budget` ranks those that pass and cuts at the caps, [`estimate`] says what the
//! result would cost. No clock, no I/O.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::object::store::{Room, Spill};
use crate::object::{Bucket, Count, Key, Object, ObjectIndex, Row};
use crate::pattern::Pattern;
use crate::words::words;

mod budget;
pub mod checkpoint;
pub mod estimate;
pub mod group;
pub mod plan;
mod rank;
mod reason_class;
mod recency;
mod refusal;

use budget::{Budget, Caps, CutBy};
use estimate::Weighed;
use group::Group;
pub use reason_class::ReasonClass;
pub use refusal::{Refusal, no_room};

/// What a profile says of its objects, resolved.
#[derive(Clone, Debug)]
pub struct Rules {
    /// At least one must match; an object that matches several counts once.
    pub patterns: Vec<Pattern>,
    /// Objects come from a manifest, which names each of them: without patterns all are candidates.
    pub named: bool,
    pub exclude: Vec<Pattern>,
    /// Left out as `too_old` when older than this, by the server's clock.
    pub newer_than: Option<Duration>,
    /// Left out as `too_new` when younger than this, by the server's clock.
    pub older_than: Option<Duration>,
    /// Bytes.
    pub min_size: Option<u64>,
    /// Bytes.
    pub max_size: Option<u64>,
    pub max_objects: Option<u64>,
    pub max_bytes: Cap,
    pub on_excess: OnExcess,
    pub order: Order,
    /// An object without a class is `STANDARD`.
    pub storage_classes: Vec<Arc<str>>,
    pub allow_empty: bool,
}

/// A byte cap. No cap is something a user has to type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    Bytes(u64),
    Unlimited,
}

impl Cap {
    /// `None` where there is no cap.
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Unlimited => None,
        }
    }
}

words! {
    /// What happens when a cap cuts something. `max_objects` says how many are wanted, so what it alone cuts is missed only by
    /// `Refuse`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum OnExcess {
        /// What does not fit `max_bytes` is left out as `over_cap`, was wanted all the same, and leaves the run `partial`.
        #[default]
        Partial = "partial",
        /// What does not fit is left out as `over_cap`, and was not wanted.
        Trim = "trim",
        /// Nothing is warmed.
        Refuse = "refuse",
    }
}

words! {
    /// Decides what a cap keeps; ties by bucket, then key.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum Order {
        #[default]
        Newest = "newest",
        Oldest = "oldest",
        Key = "key",
        Largest = "largest",
        Smallest = "smallest",
    }
}

words! {
    /// Why a candidate was left out. The names are those of the JSON contract.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Reason {
        /// Matched by an `exclude` pattern.
        Excluded = "excluded",
        /// Older than `newer_than`.
        TooOld = "too_old",
        /// Younger than `older_than`.
        TooNew = "too_new",
        TooSmall = "too_small",
        TooLarge = "too_large",
        /// No bytes, so no byte 0 to ask for.
        Empty = "empty",
        /// No bytes, and a key that ends in `/`.
        FolderMarker = "folder_marker",
        StorageClass = "storage_class",
        IncompleteGroup = "incomplete_group",
        OlderGroup = "older_group",
        /// Ranked behind the first candidate that does not fit a cap, or that one itself.
        OverCap = "over_cap",
    }
}

/// What was left out under one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub count: Count,
    /// The first few by bucket and key, whatever order they came in.
    pub sample: Vec<(Bucket, Key)>,
}

impl LeftOut {
    /// Objects that a sample names.
    pub const SAMPLE: usize = 5;

    pub fn add(&mut self, object: Row<'_>) {
        self.count.add(object.size);
        self.name(object.bucket, object.key);
    }

    /// Adds all of `other`, which holds other objects.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count + other.count;
        other.sample.iter().for_each(|(bucket, key)| self.name(bucket, key.as_bytes()));
    }

    fn name(&mut self, bucket: &Bucket, key: &[u8]) {
        let name = (bucket, key);
        // Nearly always, once there are some: listings come in order.
        let is_behind = self.sample.last().is_some_and(|(bucket, key)| (bucket, key.as_bytes()) <= name);
        if is_behind && self.sample.len() == Self::SAMPLE {
            return;
        }
        let place = self.sample.partition_point(|(bucket, key)| (bucket, key.as_bytes()) < name);
        if place < Self::SAMPLE {
            self.sample.truncate(Self::SAMPLE - 1);
            self.sample.insert(place, (bucket.clone(), Key::from_bytes(key)));
        }
    }
}

/// The last object in rank order that the caps let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutoff {
    pub last_modified: DateTime<Utc>,
    pub key: Key,
}

/// What became of all listed objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// All that was offered.
    pub listed: Count,
    /// What the patterns match: selected + left out.
    pub matched: Count,
    /// In rank order: what a smaller cap would keep comes first.
    pub selected: ObjectIndex,
    /// What was selected, too, and left the selection while it was made.
    pub handed_over: Weighed,
    pub left_out: BTreeMap<Reason, LeftOut>,
    /// Present when a cap cut something and let something in.
    pub cutoff: Option<Cutoff>,
    /// The checkpoints, run by run, the newest first; empty in profiles without `checkpoint`.
    pub groups: Vec<Group>,
    /// Checkpoints older than all that are named.
    pub more_groups: u64,
    /// Pointers that name no checkpoint, and what they hold instead.
    pub bad_pointers: Vec<(Bucket, Key, String)>,
    /// What is wanted of what the caps cut.
    pub unmet: Count,
    /// Runs of a single step each whose names differ by numbers alone: how many, and one of them.
    pub lone_runs: Option<(usize, Key)>,
    /// Of which checkpoints `selected` is made up, in its order.
    pub segments: Vec<Segment>,
    /// The newest complete checkpoints of runs of which nothing fits the caps.
    pub runs_over_cap: Vec<String>,
    /// Why nothing of this may be warmed.
    pub refused: Option<Refusal>,
}

/// Objects of one checkpoint that stand side by side in a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which of the groups.
    pub group: usize,
    pub objects: usize,
}

impl Selection {
    /// What is selected, in rank order, with the checkpoint that it belongs to.
    pub fn with_groups(&self) -> impl Iterator<Item = (Object, Option<&Group>)> {
        let groups = self.segments.iter().flat_map(|segment| std::iter::repeat_n(segment.group, segment.objects));
        let groups = groups.map(|group| self.groups.get(group)).chain(std::iter::repeat(None));
        self.selected.iter().zip(groups)
    }

    /// What is to be kept hot.
    pub fn kept(&self) -> Count {
        self.selected.count() + self.handed_over.count
    }

    /// What the caps cut.
    pub fn over_cap(&self) -> Count {
        self.left_out.get(&Reason::OverCap).map_or_else(Count::default, |left| left.count)
    }

    /// What would be kept hot if there were room.
    pub fn wanted(&self) -> Count {
        self.kept() + self.unmet
    }
}

/// Takes listed objects one by one, each once, in any order.
#[derive(Debug)]
pub struct Selector {
    rules: Arc<Rules>,
    now: DateTime<Utc>,
    listed: Count,
    matched: Count,
    left_out: BTreeMap<Reason, LeftOut>,
    unmet: Count,
    handed_over: Weighed,
    budget: Budget,
}

impl Selector {
    /// `now` is the server's clock: ages are counted from it.
    pub fn new(rules: Arc<Rules>, now: DateTime<Utc>) -> Self {
        let budget = Budget::new(rules.caps(), rules.order);
        Self {
            rules,
            now,
            listed: Count::default(),
            matched: Count::default(),
            left_out: BTreeMap::new(),
            unmet: Count::default(),
            handed_over: Weighed::default(),
            budget,
        }
    }

    /// Keeps of what may be selected in memory what there is room for, and puts the rest away.
    #[must_use]
    pub fn spilling(mut self, spill: Arc<dyn Spill>, room: Room) -> Self {
        self.budget.spill(spill, room);
        self
    }

    /// Keeps a copy only while the caps may let it in.
    pub fn offer(&mut self, object: Row<'_>) {
        self.listed.add(object.size);
        if !self.rules.matches(object) {
            return;
        }
        self.matched.add(object.size);
        if let Some(reason) = self.rules.reason(object, self.now) {
            self.left_out.entry(reason).or_default().add(object);
            return;
        }
        self.budget.offer(object, |over, by| self.rules.cut(over, by, (&mut self.left_out, &mut self.unmet)));
    }

    /// Objects that may be selected by now.
    pub fn held(&self) -> u32 {
        self.budget.held()
    }

    /// What is selected by now and will be whatever follows, as no cap can cut it. The selection only counts it from then on.
    pub fn hand_over(&mut self) -> Option<ObjectIndex> {
        let objects = ObjectIndex::from(self.budget.hand_over()?);
        objects.scan(|object| self.handed_over.add(object));
        Some(objects)
    }

    pub fn finish(self) -> Selection {
        let Self { rules, listed, matched, mut left_out, mut unmet, handed_over, budget, .. } = self;
        let selected = budget.finish(|over, by| rules.cut(over, by, (&mut left_out, &mut unmet)));
        let mut selection =
            Selection { listed, matched, selected, handed_over, left_out, unmet, ..Selection::default() };
        if selection.left_out.contains_key(&Reason::OverCap) {
            selection.cutoff = selection.selected.last().map(Cutoff::from);
        }
        selection.refused = rules.refusal(&selection);
        selection
    }
}

impl From<Object> for Cutoff {
    fn from(object: Object) -> Self {
        Self { last_modified: object.last_modified, key: object.key }
    }
}

impl Rules {
    /// No cap can cut anything.
    pub fn is_uncapped(&self) -> bool {
        self.caps().is_none()
    }

    fn caps(&self) -> Caps {
        Caps { objects: self.max_objects, bytes: self.max_bytes.bytes() }
    }

    /// Whether a pattern speaks of `object`, excluded or not.
    pub fn matches(&self, object: Row<'_>) -> bool {
        let named = self.named && self.patterns.is_empty();
        named || self.patterns.iter().any(|pattern| pattern.matches(object.bucket, object.key))
    }

    /// Whether a pattern speaks of `object`, and none excludes it.
    pub fn is_candidate(&self, object: Row<'_>) -> bool {
        self.matches(object) && !self.exclude.iter().any(|pattern| pattern.matches(object.bucket, object.key))
    }

    /// Leaves out what a cap cuts, and counts it as wanted where it was.
    fn cut(&self, over: Row<'_>, by: CutBy, (left_out, unmet): (&mut BTreeMap<Reason, LeftOut>, &mut Count)) {
        left_out.entry(Reason::OverCap).or_default().add(over);
        if by == CutBy::Bytes && self.on_excess != OnExcess::Trim {
            unmet.add(over.size);
        }
    }

    /// Why nothing of `selection` may be warmed, if so. The first that holds, from the least to the most that was found.
    fn refusal(&self, selection: &Selection) -> Option<Refusal> {
        if selection.matched.objects == 0 {
            let listed = selection.listed.objects;
            let refusal =
                if self.named { Refusal::NothingNamed { listed } } else { Refusal::NothingMatched { listed } };
            return (!self.allow_empty).then_some(refusal);
        }
        self.refusal_by_caps(selection)
    }

    /// Why nothing of `selection` may be warmed for what the caps cut, if so.
    fn refusal_by_caps(&self, selection: &Selection) -> Option<Refusal> {
        let over = selection.over_cap().objects;
        if over > 0 && selection.selected.is_empty() {
            return Some(Refusal::AllOverCap { over });
        }
        (over > 0 && self.on_excess == OnExcess::Refuse).then_some(Refusal::OverCap)
    }
}

#[cfg(test)]
mod tests;
