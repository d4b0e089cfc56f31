//! Members that are worth nothing without another one, such as shards without the index that lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::layout::PresetPair;
use super::set::Expression;
use crate::object::{Escaped, Key};

/// For each member of one expression there must be one of another with the same text in all named captures.
#[derive(Clone, Debug)]
pub struct Pair {
    preset: &'static PresetPair,
    member: Expression,
    partner: Expression,
}

/// The text of the captures, in the order of the member's expression.
type Captured = Vec<Vec<u8>>;

/// What was seen of a pair.
#[derive(Clone, Debug, Default)]
pub(super) struct PairSeen {
    /// One member for each text.
    members: BTreeMap<Captured, Key>,
    partners: BTreeSet<Captured>,
}

/// As data has it.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PresetPair { member, partner, where_any, .. } = self.preset;
        write!(f, "{member} with {partner}{}", if *where_any { " where there are any" } else { "" })
    }
}

impl Pair {
    pub const fn new(preset: &'static PresetPair) -> Self {
        Self { preset, member: Expression::new(preset.member), partner: Expression::new(preset.partner) }
    }

    /// Takes note of a member. One that is not full is no partner.
    pub(super) fn see(&self, seen: &mut PairSeen, name: &[u8], is_full: bool) {
        if let Some(captured) = self.captured(&self.member, name) {
            seen.members.entry(captured).or_insert_with(|| Key::from_bytes(name));
        }
        if let Some(captured) = self.captured(&self.partner, name).filter(|_| is_full) {
            seen.partners.insert(captured);
        }
    }

    fn captured(&self, expression: &Expression, name: &[u8]) -> Option<Captured> {
        let found = expression.get().captures(name)?;
        let text = |capture| found.name(capture).map_or_else(Vec::new, |part| part.as_bytes().to_vec());
        Some(self.captures().map(text).collect())
    }

    fn captures(&self) -> impl Iterator<Item = &str> {
        self.member.get().capture_names().flatten()
    }

    /// What is not there, and the member that needs it.
    pub(super) fn missing(&self, seen: &PairSeen) -> Option<String> {
        if self.preset.where_any && seen.partners.is_empty() {
            return None;
        }
        let (captured, member) = seen.members.iter().find(|(captured, _)| !seen.partners.contains(*captured))?;
        let mut called = self.preset.called.to_owned();
        for (capture, text) in self.captures().zip(captured) {
            called = called.replace(&format!("{{{capture}}}"), &String::from_utf8_lossy(text));
        }
        Some(format!("`{}` is missing, which `{member}` needs", Escaped(&called)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(preset: &'static PresetPair, names: &[(&str, bool)]) -> Option<String> {
        let pair = Pair::new(preset);
        let mut seen = PairSeen::default();
        names.iter().for_each(|(name, is_full)| pair.see(&mut seen, name.as_bytes(), *is_full));
        pair.missing(&seen)
    }

    #[test]
    fn each_member_needs_a_partner_with_the_same_captures() {
        const PAIR: PresetPair = PresetPair {
            member: r"^(?<folder>(?:.*/)?)model_(?<rank>[0-9]+)\.pt$",
            partner: r"^(?<folder>(?:.*/)?)(?:new_)?optim_(?<rank>[0-9]+)\.pt$",
            called: "{folder}*optim_{rank}.pt",
            where_any: false,
        };
        const ANY: PresetPair = PresetPair { where_any: true, ..PAIR };
        for (pair, names, expected, because) in [
            (&PAIR, &[("model_0.pt", true), ("new_optim_0.pt", true)][..], None, "both are there"),
            (&PAIR, &[("optim_0.pt", true), ("optim_1.pt", true)], None, "a partner needs no member"),
            (&PAIR, &[], None, "where there is nothing, nothing is missing"),
            (
                &PAIR,
                &[("model_0.pt", true), ("model_1.pt", true), ("optim_0.pt", true)],
                Some("`*optim_1.pt` is missing, which `model_1.pt` needs"),
                "another rank's is none",
            ),
            (
                &PAIR,
                &[("a/model_0.pt", true), ("b/optim_0.pt", true)],
                Some("`a/*optim_0.pt` is missing, which `a/model_0.pt` needs"),
                "another folder's is none",
            ),
            (
                &PAIR,
                &[("model_0.pt", true), ("optim_0.pt", false)],
                Some("`*optim_0.pt` is missing, which `model_0.pt` needs"),
                "an empty one is none",
            ),
            (
                &PAIR,
                &[("model_0.pt", false)],
                Some("`*optim_0.pt` is missing, which `model_0.pt` needs"),
                "an empty member is one",
            ),
            (&ANY, &[("model_0.pt", true), ("model_1.pt", true)], None, "there is no partner at all"),
            (
                &ANY,
                &[("model_0.pt", true), ("model_1.pt", true), ("optim_1.pt", true)],
                Some("`*optim_0.pt` is missing, which `model_0.pt` needs"),
                "there is one",
            ),
        ] {
            assert_eq!(missing(pair, names).as_deref(), expected, "{because}");
        }
    }
}
