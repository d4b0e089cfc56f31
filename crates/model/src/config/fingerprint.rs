//! A short name for what a profile warms and where.
//!
//! Counted are the keys that decide it: `objects`, `manifest`, `exclude`, `newer_than`, `older_than`, `min_size`, `max_size`,
//! `max_objects`, `max_bytes`, `on_excess`, `order`, `storage_classes`, all of `checkpoint`, and of the endpoint `cache_url`,
//! `list_url`, `addressing` and the buckets its credentials are for. Lists whose order means nothing are sorted.
//!
//! Not counted is when and how eagerly: `schedule`, `time_zone`, `window`, `jitter`, `on_missed`, `on_overlap`, `on_reload`,
//! `on_start`, `rewarm_after`, `deadline`, `priority`, `paused`, `min_warm`, `allow_empty`; as whom: regions and keys; nor what
//! profile and endpoint are called.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::endpoint::Site;
use super::profile::Profile;
use crate::pattern::KeyGlob;
use crate::select::Cap;
use crate::select::checkpoint::Checkpoint;

/// Changes with the meaning of what is hashed, so that a new reading is a new fingerprint.
const VERSION: &str = "hotset fingerprint 1";

pub(super) fn of(profile: &Profile) -> String {
    let mut facts = Facts(Sha256::new());
    facts.say("edition", VERSION);
    site(&mut facts, "cache", &profile.endpoint.cache.0);
    site(&mut facts, "list", &profile.endpoint.list.0);
    let keys = profile.credentials.as_ref().unwrap_or(&profile.endpoint.cache.0.credentials);
    facts.set("buckets", keys.buckets.iter().flatten().map(|glob| glob.text().to_owned()));
    objects(&mut facts, profile);
    if let Some(checkpoint) = &profile.checkpoint {
        groups(&mut facts, checkpoint);
    }
    facts.0.finalize().iter().take(10).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn site(facts: &mut Facts, side: &str, site: &Site) {
    facts.say(side, &site.address());
    facts.say("addressing", site.addressing.as_str());
}

fn objects(facts: &mut Facts, profile: &Profile) {
    let rules = &profile.rules;
    let patterns =
        |all: &[crate::pattern::Pattern]| all.iter().map(|pattern| pattern.text().to_owned()).collect::<Vec<_>>();
    facts.set("objects", patterns(&rules.patterns));
    facts.set("manifest", profile.manifest.as_ref().map(|manifest| manifest.text.clone()));
    facts.set("exclude", patterns(&rules.exclude));
    facts.number("newer_than", rules.newer_than.map(|age| age.as_nanos()));
    facts.number("older_than", rules.older_than.map(|age| age.as_nanos()));
    facts.number("min_size", rules.min_size);
    facts.number("max_size", rules.max_size);
    facts.number("max_objects", rules.max_objects);
    let cap = match rules.max_bytes {
        Cap::Bytes(bytes) => bytes.to_string(),
        Cap::Unlimited => "unlimited".to_owned(),
    };
    facts.say("max_bytes", &cap);
    facts.say("on_excess", rules.on_excess.as_str());
    facts.say("order", rules.order.as_str());
    facts.set("storage_classes", rules.storage_classes.iter().map(ToString::to_string));
}

/// What the layout fills in counts as if it had been typed: a version that reads a layout otherwise warms something else.
fn groups(facts: &mut Facts, checkpoint: &Checkpoint) {
    let texts = |globs: &[KeyGlob]| globs.iter().map(|glob| glob.text().to_owned()).collect::<Vec<_>>();
    facts.say("layout", checkpoint.layout.as_str());
    facts.say("group", checkpoint.naming.text());
    facts.set("signs", texts(&checkpoint.signs));
    for kind in &checkpoint.kinds {
        facts.say("kind", &format!("{:?} {} {}", kind.when, kind.named, kind.also));
        facts.set("require", texts(&kind.require));
        facts.set("filled", texts(&kind.filled));
        if !kind.pairs.is_empty() {
            facts.set("pairs", kind.pairs.iter().map(ToString::to_string));
        }
    }
    facts.set("forbid", texts(&checkpoint.forbid));
    facts.set("beside", checkpoint.beside.as_deref().map(str::to_owned));
    facts.set("sets", checkpoint.sets.iter().map(ToString::to_string));
    facts.say("count", &checkpoint.count.to_string());
    facts.set("pointer", checkpoint.pointer.as_deref().map(str::to_owned));
    facts.say("settle", &checkpoint.settle.as_nanos().to_string());
    facts.number("active_within", checkpoint.active_within.map(|length| length.as_nanos()));
    facts.say("parts", checkpoint.parts.as_str());
    facts.set("without", texts(&checkpoint.without));
    facts.set("mixed", texts(&checkpoint.mixed));
    facts.say("keep", &checkpoint.keep.to_string());
    facts.say("on_incomplete", checkpoint.on_incomplete.as_str());
}

struct Facts(Sha256);

impl Facts {
    /// Lengths go before texts, so that no two lists of facts read alike.
    fn say(&mut self, name: &str, value: &str) {
        for text in [name, value] {
            self.0.update((text.len() as u64).to_be_bytes());
            self.0.update(text);
        }
    }

    fn number(&mut self, name: &str, value: Option<impl ToString>) {
        self.set(name, value.map(|value| value.to_string()));
    }

    fn set(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        let mut values: Vec<String> = values.into_iter().collect();
        values.sort();
        values.dedup();
        self.say(name, &values.len().to_string());
        for value in &values {
            self.say(name, value);
        }
    }
}
