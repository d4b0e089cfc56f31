//! Layouts of frameworks, as data, in the terms that a custom layout uses, too.

use std::sync::Arc;

use super::naming::Naming;
use super::presets::PRESETS;
use super::{Checkpoint, Kind, MemberCount, Pair, Set, When};
use crate::pattern::KeyGlob;
use crate::words::words;

words! {
    /// The name of a layout.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Layout {
        TorchDcp = "torch-dcp",
        Torchtitan = "torchtitan",
        Deepspeed = "deepspeed",
        Megatron = "megatron",
        HfTrainer = "hf-trainer",
        Safetensors = "safetensors",
        Lightning = "lightning",
        Nemo = "nemo",
        Orbax = "orbax",
        Levanter = "levanter",
        Composer = "composer",
        Olmo = "olmo",
        Nanotron = "nanotron",
        Verl = "verl",
        /// What `group` and its companions say.
        Custom = "custom",
    }
}

/// What a layout fills in.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    pub layout: Layout,
    /// See [`Naming`].
    pub group: &'static str,
    /// See [`Checkpoint::signs`].
    pub signs: &'static [&'static str],
    pub kinds: &'static [PresetKind],
    pub forbid: &'static [&'static str],
    /// See [`Checkpoint::beside`].
    pub beside: Option<&'static str>,
    pub sets: &'static [PresetSet],
    pub count: MemberCount,
    pub pointer: Option<&'static str>,
    pub weights: Weights,
}

/// See [`Kind`].
#[derive(Clone, Copy, Debug)]
pub struct PresetKind {
    pub when: PresetWhen,
    pub require: &'static [&'static str],
    pub filled: &'static [&'static str],
    pub pairs: &'static [PresetPair],
    pub named: bool,
    pub also: bool,
}

/// See [`When`].
#[derive(Clone, Copy, Debug)]
pub enum PresetWhen {
    Always,
    Folder,
    Holds(&'static [&'static str]),
}

/// See [`Set`].
#[derive(Clone, Copy, Debug)]
pub struct PresetSet {
    pub member: &'static str,
    pub first: u64,
    pub index: Option<&'static str>,
}

/// See [`Pair`].
#[derive(Clone, Copy, Debug)]
pub struct PresetPair {
    pub member: &'static str,
    pub partner: &'static str,
    /// What to call a partner that is not there: a glob, with `{name}` for what the capture `name` of the member holds.
    pub called: &'static str,
    /// Nothing is asked where no partner of any member is there.
    pub where_any: bool,
}

/// What `parts = "weights"` means.
#[derive(Clone, Copy, Debug)]
pub enum Weights {
    /// All but the members that match these.
    Without(&'static [&'static str]),
    /// The same, but for groups that hold one of the second: these mix both in the same files.
    WithoutUnless(&'static [&'static str], &'static [&'static str]),
    /// It cannot be had, and why.
    Mixed(&'static str),
}

impl Layout {
    /// `None` for a custom one.
    pub fn preset(self) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.layout == self)
    }

    /// What `parts = "weights"` leaves out, and what shows that weights cannot be told from the rest.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn weights(self) -> Result<(Vec<KeyGlob>, Vec<KeyGlob>), &'static str> {
        match self.preset().map(|preset| preset.weights) {
            Some(Weights::Without(globs)) => Ok((compiled(globs), Vec::new())),
            Some(Weights::WithoutUnless(globs, mixed)) => Ok((compiled(globs), compiled(mixed))),
            Some(Weights::Mixed(why)) => Err(why),
            None => Err("a custom layout does not say which files hold weights: leave the others out with `exclude`"),
        }
    }
}

impl Preset {
    /// With the defaults of what no layout says.
    pub fn checkpoint(&self) -> Checkpoint {
        let naming = Naming::parse(self.group);
        let naming = naming.unwrap_or_else(|error| unreachable!("the group of {:?}: {error}", self.layout));
        Checkpoint {
            layout: self.layout,
            signs: compiled(self.signs),
            kinds: self.kinds.iter().map(PresetKind::kind).collect(),
            forbid: compiled(self.forbid),
            beside: self.beside.map(Arc::from),
            sets: self.sets.iter().map(PresetSet::set).collect(),
            count: self.count,
            pointer: self.pointer.map(Arc::from),
            ..Checkpoint::custom(naming)
        }
    }
}

impl PresetKind {
    fn kind(&self) -> Kind {
        let when = match self.when {
            PresetWhen::Always => When::Always,
            PresetWhen::Folder => When::Folder,
            PresetWhen::Holds(globs) => When::Holds(compiled(globs)),
        };
        let (require, filled) = (compiled(self.require), compiled(self.filled));
        let pairs = self.pairs.iter().map(Pair::new).collect();
        Kind { when, require, filled, pairs, named: self.named, also: self.also }
    }
}

impl PresetSet {
    fn set(&self) -> Set {
        let index = self.index.map(|glob| compiled(&[glob]).remove(0));
        Set::new(self.member, self.first, index)
    }
}

fn compiled(globs: &[&str]) -> Vec<KeyGlob> {
    let glob = |text: &&str| KeyGlob::parse(text).unwrap_or_else(|error| unreachable!("the glob {text}: {error}"));
    globs.iter().map(glob).collect()
}
