//! Numbered members, such as `model-00002-of-00004.safetensors`: one of them tells how many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use regex::bytes::Regex;

use crate::object::Key;
use crate::pattern::KeyGlob;

/// An expression of a layout. It is compiled for the first name that it is searched in, once for all profiles: most of a
/// configuration is only read.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    text: &'static str,
    compiled: OnceLock<Regex>,
}

impl Expression {
    pub const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// Names are bytes to it.
    pub fn get(&self) -> &Regex {
        static COMPILED: Mutex<BTreeMap<&str, Regex>> = Mutex::new(BTreeMap::new());
        self.compiled.get_or_init(|| {
            let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
            let compile = || Regex::new(&format!("(?s-u){}", self.text));
            let compile = || compile().unwrap_or_else(|error| unreachable!("the expression {}: {error}", self.text));
            compiled.entry(self.text).or_insert_with(compile).clone()
        })
    }
}

/// A rule by which members name each other.
#[derive(Clone, Debug)]
pub struct Set {
    /// Searched in a member's name; its captures `i` and `n` are its number and how many there are. Without `n` there are as
    /// many as the highest number tells.
    member: Expression,
    /// The number of the first.
    first: u64,
    /// Where a member matches it, a set must be there.
    index: Option<KeyGlob>,
}

/// What was seen of a set. Members belong together whose names differ in nothing but their number; without `n`, in nothing but
/// what the expression matches.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    families: BTreeMap<(Vec<u8>, Vec<u8>), Family>,
    index: Option<Key>,
}

#[derive(Clone, Debug)]
struct Family {
    total: u64,
    /// Digits of a number, with its zeros.
    width: usize,
    numbers: BTreeSet<u64>,
    /// What stands before and behind the number of the first that was seen.
    around: (Vec<u8>, Vec<u8>),
}

/// As data has it.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.member.text, self.first)?;
        self.index.iter().try_for_each(|index| write!(f, ", listed by {}", index.text()))
    }
}

impl Set {
    pub const fn new(member: &'static str, first: u64, index: Option<KeyGlob>) -> Self {
        Self { member: Expression::new(member), first, index }
    }

    /// Takes note of a member.
    ///
    /// One that is not full tells how many there are, and is not there itself.
    pub(super) fn see(&self, seen: &mut Seen, name: &[u8], is_full: bool) {
        if seen.index.is_none() && self.index.as_ref().is_some_and(|index| index.matches(name)) {
            seen.index = Some(Key::from_bytes(name));
        }
        let Some(found) = self.member.get().captures(name) else { return };
        let number = |capture: &str| {
            let part = found.name(capture)?;
            Some((part.range(), std::str::from_utf8(part.as_bytes()).ok()?.parse::<u64>().ok()?))
        };
        let Some((place, i)) = number("i") else { return };
        let split = |place: Range<usize>| (name[..place.start].to_vec(), name[place.end..].to_vec());
        let (rest, total) = match found.name("n") {
            Some(_) => (split(place.clone()), number("n").map(|(_, total)| total)),
            None => (
                split(found.get(0).map_or(place.clone(), |all| all.range())),
                i.saturating_add(1).checked_sub(self.first),
            ),
        };
        let Some(total) = total else { return };
        let (width, around) = (place.len(), split(place));
        let family = seen.families.entry(rest);
        let family = family.or_insert_with(|| Family { total, width, numbers: BTreeSet::new(), around });
        if found.name("n").is_none() {
            family.total = family.total.max(total);
        }
        if is_full {
            family.numbers.insert(i);
        }
    }

    /// The name of a member that is not there, or what there should be.
    pub(super) fn missing(&self, seen: &Seen) -> Option<String> {
        for family in seen.families.values() {
            // The first gap is found within as many steps as there are members.
            let gap = (self.first..self.first.saturating_add(family.total)).find(|n| !family.numbers.contains(n));
            if let Some(gap) = gap {
                let number = format!("{gap:0width$}", width = family.width);
                let (before, after) = &family.around;
                let name = Key::from_bytes([before, number.as_bytes(), after].concat());
                return Some(format!("`{name}` is missing"));
            }
        }
        let index = seen.index.as_ref().filter(|_| seen.families.is_empty())?;
        Some(format!("none of the files that `{index}` lists is there"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(set: &Set, names: &[&str]) -> Option<String> {
        let mut seen = Seen::default();
        names.iter().for_each(|name| set.see(&mut seen, name.as_bytes(), true));
        set.missing(&seen)
    }

    #[test]
    fn every_member_of_a_set_has_to_be_there() {
        let index = KeyGlob::parse("**/*.safetensors.index.json").unwrap();
        let shards = Set::new(r"-(?<i>[0-9]+)-of-(?<n>[0-9]+)\.safetensors$", 1, Some(index));
        let ranks = Set::new(r"_world_size_(?<n>[0-9]+)_rank_(?<i>[0-9]+)\.pt$", 0, None);
        let gapless = Set::new(r"^mp_(?<i>[0-9]+)(?:_[0-9]+)?/", 0, None);
        for (set, names, expected, because) in [
            (&shards, &["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"][..], None, "all of two"),
            (
                &shards,
                &["m-00002-of-00002.safetensors"],
                Some("`m-00001-of-00002.safetensors` is missing"),
                "named as it would be",
            ),
            (
                &shards,
                &["a/m-1-of-1.safetensors", "b/m-1-of-2.safetensors"],
                Some("`b/m-2-of-2.safetensors` is missing"),
                "each folder has its own set",
            ),
            (&shards, &["model.safetensors"], None, "a single file is none of a set"),
            (
                &shards,
                &["model.safetensors.index.json"],
                Some("none of the files that `model.safetensors.index.json` lists is there"),
                "an index lists a set",
            ),
            (&shards, &[], None, "where there is nothing, nothing is missing"),
            (&shards, &["m-1-of-99999999999999999999.safetensors"], None, "what is no number is no set"),
            (
                &shards,
                &["m-1-of-18446744073709551615.safetensors"],
                Some("`m-2-of-18446744073709551615.safetensors` is missing"),
                "and no wait",
            ),
            (
                &ranks,
                &["model_world_size_2_rank_0.pt", "model_world_size_2_rank_1.pt", "optim_world_size_2_rank_0.pt"],
                Some("`optim_world_size_2_rank_1.pt` is missing"),
                "counted from 0",
            ),
            (&gapless, &["mp_00/a", "mp_01/a", "mp_02/a"], None, "no number is left out"),
            (&gapless, &["mp_00_000/a", "mp_01_001/a", "mp_00_002/a"], None, "numbers behind it may be any"),
            (&gapless, &["mp_00/a", "mp_02/a"], Some("`mp_01/a` is missing"), "one is left out"),
            (&gapless, &["mp_01/a"], Some("`mp_00/a` is missing"), "and the first"),
            (
                &gapless,
                &["mp_18446744073709551615/a"],
                Some("`mp_00000000000000000000/a` is missing"),
                "and no number is too large",
            ),
        ] {
            assert_eq!(missing(set, names).as_deref(), expected, "{because}");
        }
    }
}
