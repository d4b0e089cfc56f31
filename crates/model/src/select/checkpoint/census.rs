//! Counts the members of a group as they are listed, and decides whether the checkpoint is complete.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::naming::last_segment;
use super::pair::PairSeen;
use super::set::Seen;
use super::{Checkpoint, Kind, MemberCount, When};
use crate::object::{Count, Escaped, Key, Object};
use crate::select::{LeftOut, Reason, Rules};

/// The part of the bytes of the group before it, as a fraction, that a group has to hold to be like it.
const LIKE: (u128, u128) = (7, 8);

/// Why a group is not taken of which the profile would warm nothing.
pub(super) const NOTHING_LEFT: &str = "nothing of it is left to warm";

/// What was seen of one group.
#[derive(Clone, Debug)]
pub(super) struct Census {
    /// Every object, whatever the patterns and exclusions are.
    pub all: Count,
    /// Those of them that hold a byte, and markers.
    full: u64,
    pub newest: Option<DateTime<Utc>>,
    /// What the patterns match.
    pub matched: LeftOut,
    /// What of that is dropped for a reason of its own.
    pub left: BTreeMap<Reason, LeftOut>,
    /// What of that would be warmed; empty where the group is only counted.
    pub members: Vec<Object>,
    /// Whether there is a member that would be warmed.
    is_wanted: bool,
    /// Whether members are kept.
    pub holds_members: bool,
    kinds: Vec<KindSeen>,
    /// A file without a byte whose format has none.
    empty: Option<Key>,
    forbidden: Option<Key>,
    mixed: Option<Key>,
    sets: Vec<Seen>,
    /// A member that would be warmed if its storage class were one of those asked for.
    elsewhere: Option<(Key, String)>,
    /// What members are called, where the next group is held to it; see [`plain`].
    names: BTreeSet<Vec<u8>>,
}

/// What a glob that is required matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    Nothing,
    /// Nothing but files without a byte.
    Empty,
    Full,
}

#[derive(Clone, Debug)]
struct KindSeen {
    applies: bool,
    required: Vec<Held>,
    /// A file without a byte that must hold one.
    empty: Option<Key>,
    pairs: Vec<PairSeen>,
}

impl Census {
    pub fn new(checkpoint: &Checkpoint, is_folder: bool, holds_members: bool) -> Self {
        let kind = |kind: &Kind| KindSeen {
            applies: match kind.when {
                When::Always => true,
                When::Folder => is_folder,
                When::Holds(_) => false,
            },
            required: vec![Held::Nothing; kind.require.len()],
            empty: None,
            pairs: vec![PairSeen::default(); kind.pairs.len()],
        };
        Self {
            all: Count::default(),
            full: 0,
            newest: None,
            matched: LeftOut::default(),
            left: BTreeMap::new(),
            members: Vec::new(),
            is_wanted: false,
            holds_members,
            kinds: checkpoint.kinds.iter().map(kind).collect(),
            empty: None,
            forbidden: None,
            mixed: None,
            sets: vec![Seen::default(); checkpoint.sets.len()],
            elsewhere: None,
            names: BTreeSet::new(),
        }
    }

    /// Takes note of a member, which is called `name` within its group.
    pub fn see(&mut self, object: Object, name: &[u8], (checkpoint, rules): (&Checkpoint, &Rules)) {
        // What makes a folder show in some tools is no part of it.
        if object.size == 0 && object.key.as_bytes().ends_with(b"/") {
            return self.sort(object, name, (checkpoint, rules));
        }
        self.all.add(object.size);
        self.newest = self.newest.max(Some(object.last_modified));
        // A file that lost its bytes, as in a power cut, is as good as none; a marker says all with its name.
        let is_full = object.size > 0 || is_marker(name);
        self.full += u64::from(is_full);
        if is_full && checkpoint.count == MemberCount::LikePrevious {
            self.names.insert(plain(name));
        }
        for (seen, kind) in self.kinds.iter_mut().zip(&checkpoint.kinds) {
            if let When::Holds(globs) = &kind.when {
                seen.applies = seen.applies || globs.iter().any(|glob| glob.matches(name));
            }
            if !is_full && seen.empty.is_none() && kind.filled.iter().any(|glob| glob.matches(name)) {
                seen.empty = Some(Key::from_bytes(name));
            }
            for (seen, pair) in seen.pairs.iter_mut().zip(&kind.pairs) {
                pair.see(seen, name, is_full);
            }
            for (seen, glob) in seen.required.iter_mut().zip(&kind.require) {
                *seen = (*seen).max(match glob.matches(name) {
                    true if is_full => Held::Full,
                    true => Held::Empty,
                    false => Held::Nothing,
                });
            }
        }
        if !is_full && self.empty.is_none() && is_data(name) {
            self.empty = Some(Key::from_bytes(name));
        }
        if self.forbidden.is_none() && checkpoint.forbid.iter().any(|glob| glob.matches(name)) {
            self.forbidden = Some(Key::from_bytes(name));
        }
        if self.mixed.is_none() && checkpoint.mixed.iter().any(|glob| glob.matches(name)) {
            self.mixed = Some(Key::from_bytes(name));
        }
        for (seen, set) in self.sets.iter_mut().zip(&checkpoint.sets) {
            set.see(seen, name, is_full);
        }
        self.sort(object, name, (checkpoint, rules));
    }

    /// To those that would be warmed, or to those that are dropped.
    fn sort(&mut self, object: Object, name: &[u8], (checkpoint, rules): (&Checkpoint, &Rules)) {
        if !rules.matches(object.row()) {
            return;
        }
        self.matched.add(object.row());
        let is_without = || checkpoint.without.iter().any(|glob| glob.matches(name));
        let reason = rules.reason_in_group(object.row()).or_else(|| is_without().then_some(Reason::Excluded));
        match reason {
            Some(reason) => {
                if reason == Reason::StorageClass && self.elsewhere.is_none() && !is_without() {
                    let class = object.storage_class.as_deref().unwrap_or_default().to_owned();
                    self.elsewhere = Some((Key::from_bytes(name), class));
                }
                self.left.entry(reason).or_default().add(object.row());
            }
            None => {
                self.is_wanted = true;
                if self.holds_members {
                    self.members.push(object);
                }
            }
        }
    }

    /// What keeps the group from being a whole checkpoint, whatever was there before it, where its members are stored and how
    /// long they have been there. `unnamed` is why a group that a pointer has to name is not.
    pub fn lack(&self, checkpoint: &Checkpoint, unnamed: Option<String>) -> Option<String> {
        if let Some(name) = &self.forbidden {
            return Some(format!("`{name}` must not be there"));
        }
        if self.all.bytes == 0 {
            return Some("all of its files are empty".to_owned());
        }
        self.missing(checkpoint, unnamed).or_else(|| self.missing_of_a_set(checkpoint)).or_else(|| {
            match checkpoint.count {
                MemberCount::AtLeast(least) if self.full < least => {
                    Some(format!("it holds {}, count is {least}", self.held()))
                }
                _ => None,
            }
        })
    }

    /// How many objects count.
    fn held(&self) -> String {
        match self.all.objects - self.full {
            0 => format!("{} objects", self.full),
            empty => format!("{} objects and {empty} empty ones", self.full),
        }
    }

    /// Why the group cannot be warmed as it is, whole or not.
    pub fn obstacle(&self, settle: Duration, now: DateTime<Utc>) -> Option<String> {
        if let Some(name) = &self.mixed {
            return Some(format!(
                "its weights cannot be had alone: `{name}` shows that they share files with the optimizer state"
            ));
        }
        if let Some((name, class)) = &self.elsewhere {
            return Some(format!("`{name}` is of class {}, which the profile does not warm", Escaped(class)));
        }
        if !self.is_wanted {
            return Some(NOTHING_LEFT.to_owned());
        }
        self.unrest(settle, now)
    }

    /// Why it cannot be whole when `other`, which is a whole one that is called `called`, has what it has.
    pub fn objection_by(&self, other: &Self, called: &str, count: MemberCount) -> Option<String> {
        match count {
            MemberCount::AsPrevious if self.full < other.full || self.all.objects < other.all.objects => {
                Some(format!("it holds {}, and {called} {}", self.held(), other.held()))
            }
            MemberCount::LikePrevious => {
                if let Some(name) = other.names.difference(&self.names).next() {
                    return Some(format!("`{}` is missing, which {called} has", Key::from_bytes(name.as_slice())));
                }
                let (held, wanted) = (u128::from(self.all.bytes), u128::from(other.all.bytes));
                let iec = |bytes| bytesize::ByteSize(bytes).display().iec();
                (held * LIKE.1 < wanted * LIKE.0)
                    .then(|| format!("it holds {}, and {called} {}", iec(self.all.bytes), iec(other.all.bytes)))
            }
            _ => None,
        }
    }

    fn missing(&self, checkpoint: &Checkpoint, unnamed: Option<String>) -> Option<String> {
        let applying = || self.kinds.iter().zip(&checkpoint.kinds).filter(|(seen, _)| seen.applies);
        let form = applying().find(|(_, kind)| !kind.also);
        let asking = || applying().filter(|(_, kind)| kind.also).chain(form);
        if let Some(name) = self.empty.as_ref().or_else(|| asking().find_map(|(seen, _)| seen.empty.as_ref())) {
            return Some(format!("`{name}` is empty"));
        }
        let required = |(seen, kind): (&'_ KindSeen, &'_ Kind)| {
            let missing = seen.required.iter().zip(&kind.require).find(|(seen, _)| **seen != Held::Full);
            missing.map(|(seen, glob)| {
                let lack = if *seen == Held::Empty { "is empty" } else { "is missing" };
                format!("`{}` {lack}", Escaped(glob.text()))
            })
        };
        let unpaired = |(seen, kind): (&'_ KindSeen, &'_ Kind)| {
            kind.pairs.iter().zip(&seen.pairs).find_map(|(pair, seen)| pair.missing(seen))
        };
        asking()
            .find_map(required)
            .or_else(|| asking().find_map(unpaired))
            .or_else(|| unnamed.filter(|_| form.is_some_and(|(_, kind)| kind.named)))
    }

    fn missing_of_a_set(&self, checkpoint: &Checkpoint) -> Option<String> {
        checkpoint.sets.iter().zip(&self.sets).find_map(|(set, seen)| set.missing(seen))
    }

    /// Why it has not been quiet for long enough.
    pub fn unrest(&self, settle: Duration, now: DateTime<Utc>) -> Option<String> {
        let age = age(self.newest?, now);
        let settle_text = humantime::format_duration(settle);
        (age < settle).then(|| format!("changed {} ago, settle is {settle_text}", coarse(age)))
    }
}

/// Whether a file of this name cannot be empty, by its format.
///
/// `.distcp` is none of these: torch leaves the shard of a rank empty that has nothing to write.
fn is_data(name: &[u8]) -> bool {
    const FORMATS: [&str; 16] = [
        "bin",
        "ckpt",
        "flashpack",
        "gguf",
        "h5",
        "json",
        "metadata",
        "msgpack",
        "npy",
        "npz",
        "ocdbt",
        "pkl",
        "pt",
        "pth",
        "safetensors",
        "zarray",
    ];
    let mut parts = last_segment(name).rsplitn(2, |byte| *byte == b'.');
    let format = parts.next().unwrap_or_default();
    parts.next().is_some() && FORMATS.iter().any(|known| known.as_bytes() == format)
}

/// Whether a file of this name may be empty: what it says is that it is there.
fn is_marker(name: &[u8]) -> bool {
    /// How Trainer tells SageMaker that the model is the user's own.
    const USER_CONTENT: &[u8] = b"user_content.pt";
    const WORDS: [&str; 10] = [
        "commit",
        "commit_success",
        "committed",
        "complete",
        "completed",
        "done",
        "finished",
        "ready",
        "saved",
        "success",
    ];
    let name = last_segment(name).to_ascii_lowercase();
    if name == USER_CONTENT {
        return true;
    }
    let name = name.strip_suffix(b".txt").or_else(|| name.strip_suffix(b".json")).unwrap_or(&name);
    // `_SUCCESS`, `.done`, and `shard-3.done`, which marks what it stands beside.
    let word = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let word = word.strip_prefix(b"_").unwrap_or(word);
    WORDS.iter().any(|known| known.as_bytes() == word)
}

/// A name with every long hexadecimal number in it replaced: such files have other names, and are more or fewer, each time.
fn plain(name: &[u8]) -> Vec<u8> {
    const LONG: usize = 16;
    let mut plain = Vec::with_capacity(name.len());
    for part in name.chunk_by(|a, b| a.is_ascii_hexdigit() == b.is_ascii_hexdigit()) {
        let is_number = part.len() >= LONG && part[0].is_ascii_hexdigit();
        plain.extend_from_slice(if is_number { b"*" } else { part });
    }
    plain
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
