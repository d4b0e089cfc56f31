//! Numbered members, such as `model-00002-of-00004.safetensors`: one of them tells how many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use regex::bytes::Regex;

use crate::object::Key;
use crate::pattern::KeyGlob;

/// A rule by which members name each other.
#[derive(Clone, Debug)]
pub struct Set {
    /// Searched in a member's name; its captures `i` and `n` are its number and how many there are.
    member: Regex,
    /// The number of the first.
    first: u64,
    /// Where a member matches it, a set must be there.
    index: Option<KeyGlob>,
}

/// What was seen of a set. Members belong together whose names differ in nothing but their number.
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
}

/// As data has it.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.member, self.first)?;
        self.index.iter().try_for_each(|index| write!(f, ", listed by {}", index.text()))
    }
}

impl Set {
    /// # Errors
    /// `member` is not a regular expression.
    pub fn new(member: &str, first: u64, index: Option<KeyGlob>) -> Result<Self, regex::Error> {
        Ok(Self { member: Regex::new(member)?, first, index })
    }

    /// Takes note of a member.
    ///
    /// One that is not full tells how many there are, and is not there itself.
    pub(super) fn see(&self, seen: &mut Seen, name: &[u8], is_full: bool) {
        if seen.index.is_none() && self.index.as_ref().is_some_and(|index| index.matches(name)) {
            seen.index = Some(Key::from_bytes(name));
        }
        let Some(found) = self.member.captures(name) else { return };
        let number = |capture: &str| {
            let part = found.name(capture)?;
            Some((part.range(), std::str::from_utf8(part.as_bytes()).ok()?.parse::<u64>().ok()?))
        };
        let (Some((place, number)), Some((_, total))) = (number("i"), number("n")) else { return };
        let rest = (name[..place.start].to_vec(), name[place.end..].to_vec());
        let family = seen.families.entry(rest);
        let family = family.or_insert_with(|| Family { total, width: place.len(), numbers: BTreeSet::new() });
        if is_full {
            family.numbers.insert(number);
        }
    }

    /// The name of a member that is not there, or what there should be.
    pub(super) fn missing(&self, seen: &Seen) -> Option<String> {
        for ((before, after), family) in &seen.families {
            // The first gap is found within as many steps as there are members.
            let gap = (self.first..self.first.saturating_add(family.total)).find(|n| !family.numbers.contains(n));
            if let Some(gap) = gap {
                let number = format!("{gap:0width$}", width = family.width);
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
        let shards = Set::new(r"-(?<i>[0-9]+)-of-(?<n>[0-9]+)\.safetensors$", 1, Some(index)).unwrap();
        let ranks = Set::new(r"_world_size_(?<n>[0-9]+)_rank_(?<i>[0-9]+)\.pt$", 0, None).unwrap();
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
        ] {
            assert_eq!(missing(set, names).as_deref(), expected, "{because}");
        }
    }
}
