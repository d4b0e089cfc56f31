//! What a group holds, counted as it is listed, and whether that is a whole checkpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::set::Seen;
use super::{Checkpoint, MemberCount, When};
use crate::object::{Count, Key, Object};
use crate::select::{LeftOut, Reason, Rules};

/// What was seen of one group.
#[derive(Clone, Debug)]
pub(super) struct Census {
    /// Every object, whatever the patterns and exclusions are.
    pub all: Count,
    pub newest: Option<DateTime<Utc>>,
    /// What the patterns match.
    pub matched: LeftOut,
    /// What of that is dropped for a reason of its own.
    pub left: BTreeMap<Reason, LeftOut>,
    /// What of that would be warmed; empty where the group is only counted.
    pub members: Vec<Object>,
    /// Whether members are kept.
    pub holds_members: bool,
    kinds: Vec<KindSeen>,
    forbidden: Option<Key>,
    sets: Vec<Seen>,
    /// A member that would be warmed if its storage class were one of those asked for.
    elsewhere: Option<(Key, String)>,
}

#[derive(Clone, Debug)]
struct KindSeen {
    applies: bool,
    required: Vec<bool>,
}

impl Census {
    pub fn new(checkpoint: &Checkpoint, is_folder: bool, holds_members: bool) -> Self {
        let kind = |kind: &super::Kind| KindSeen {
            applies: match kind.when {
                When::Always => true,
                When::Folder => is_folder,
                When::Holds(_) => false,
            },
            required: vec![false; kind.require.len()],
        };
        Self {
            all: Count::default(),
            newest: None,
            matched: LeftOut::default(),
            left: BTreeMap::new(),
            members: Vec::new(),
            holds_members,
            kinds: checkpoint.kinds.iter().map(kind).collect(),
            forbidden: None,
            sets: vec![Seen::default(); checkpoint.sets.len()],
            elsewhere: None,
        }
    }

    /// Takes note of a member, which is called `name` within its group.
    pub fn see(&mut self, object: Object, name: &[u8], (checkpoint, rules): (&Checkpoint, &Rules)) {
        self.all.add(object.size);
        self.newest = self.newest.max(Some(object.last_modified));
        for (seen, kind) in self.kinds.iter_mut().zip(&checkpoint.kinds) {
            if let When::Holds(globs) = &kind.when {
                seen.applies = seen.applies || globs.iter().any(|glob| glob.matches(name));
            }
            for (seen, glob) in seen.required.iter_mut().zip(&kind.require) {
                *seen = *seen || glob.matches(name);
            }
        }
        if self.forbidden.is_none() && checkpoint.forbid.iter().any(|glob| glob.matches(name)) {
            self.forbidden = Some(Key::from_bytes(name));
        }
        for (seen, set) in self.sets.iter_mut().zip(&checkpoint.sets) {
            set.see(seen, name);
        }
        self.sort(object, name, (checkpoint, rules));
    }

    /// To those that would be warmed, or to those that are dropped.
    fn sort(&mut self, object: Object, name: &[u8], (checkpoint, rules): (&Checkpoint, &Rules)) {
        if !rules.matches(&object) {
            return;
        }
        self.matched.add(&object);
        let is_without = || checkpoint.without.iter().any(|glob| glob.matches(name));
        let reason = rules.reason_in_group(&object).or_else(|| is_without().then_some(Reason::Excluded));
        match reason {
            Some(reason) => {
                if reason == Reason::StorageClass && self.elsewhere.is_none() && !is_without() {
                    let class = object.storage_class.as_deref().unwrap_or_default().to_owned();
                    self.elsewhere = Some((Key::from_bytes(name), class));
                }
                self.left.entry(reason).or_default().add(&object);
            }
            None if self.holds_members => self.members.push(object),
            None => {}
        }
    }

    /// Why the group is no whole checkpoint, whatever was there before it. `unnamed` is why a group that a pointer has to
    /// name is not.
    pub fn objection(&self, checkpoint: &Checkpoint, unnamed: Option<String>, now: DateTime<Utc>) -> Option<String> {
        if let Some(name) = &self.forbidden {
            return Some(format!("`{name}` must not be there"));
        }
        self.missing(checkpoint, unnamed)
            .or_else(|| self.missing_of_a_set(checkpoint))
            .or_else(|| {
                let (name, class) = self.elsewhere.as_ref()?;
                Some(format!("`{name}` is of class {class}, which the profile does not warm"))
            })
            .or_else(|| match checkpoint.count {
                MemberCount::AtLeast(least) if self.all.objects < least => {
                    Some(format!("it holds {} objects, count is {least}", self.all.objects))
                }
                _ => None,
            })
            .or_else(|| self.unrest(checkpoint.settle, now))
    }

    fn missing(&self, checkpoint: &Checkpoint, unnamed: Option<String>) -> Option<String> {
        let (seen, kind) = self.kinds.iter().zip(&checkpoint.kinds).find(|(seen, _)| seen.applies)?;
        let missing = seen.required.iter().zip(&kind.require).find(|(seen, _)| !**seen);
        if let Some((_, glob)) = missing {
            return Some(format!("`{}` is missing", crate::object::Escaped(glob.text())));
        }
        unnamed.filter(|_| kind.named)
    }

    fn missing_of_a_set(&self, checkpoint: &Checkpoint) -> Option<String> {
        checkpoint.sets.iter().zip(&self.sets).find_map(|(set, seen)| set.missing(seen))
    }

    fn unrest(&self, settle: Duration, now: DateTime<Utc>) -> Option<String> {
        let age = age(self.newest?, now);
        let settle_text = humantime::format_duration(settle);
        (age < settle).then(|| format!("changed {} ago, settle is {settle_text}", coarse(age)))
    }
}

/// How old something is; what comes from the future is 0 s old.
pub(super) fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    now.signed_duration_since(at).to_std().unwrap_or_default()
}

/// As exact as a person cares.
pub(super) fn coarse(age: Duration) -> String {
    match age.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7_200 => format!("{} min", seconds / 60),
        seconds if seconds < 172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
