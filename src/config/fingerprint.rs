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

use super::endpoint::{Addressing, Site};
use super::profile::Profile;
use crate::select::Cap;

/// Changes with the meaning of what is hashed, so that a new reading is a new fingerprint.
const EDITION: &str = "hotset fingerprint 1";

pub(super) fn of(profile: &Profile) -> String {
    let mut facts = Facts(Sha256::new());
    facts.say("edition", EDITION);
    site(&mut facts, "cache", &profile.endpoint.cache.0);
    site(&mut facts, "list", &profile.endpoint.list.0);
    let keys = profile.credentials.as_ref().unwrap_or(&profile.endpoint.cache.0.credentials);
    facts.set("buckets", keys.buckets.iter().flatten().map(|glob| glob.text().to_owned()));
    objects(&mut facts, profile);
    if let Some(checkpoint) = &profile.checkpoint {
        facts.say("checkpoint", &format!("{checkpoint:?}"));
    }
    facts.0.finalize().iter().take(10).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn site(facts: &mut Facts, side: &str, site: &Site) {
    let way = match site.addressing {
        Addressing::Virtual => "virtual",
        Addressing::Path => "path",
    };
    facts.say(side, site.url.as_str());
    facts.say("addressing", way);
}

fn objects(facts: &mut Facts, profile: &Profile) {
    let rules = &profile.rules;
    let patterns =
        |all: &[crate::pattern::Pattern]| all.iter().map(|pattern| pattern.text().to_owned()).collect::<Vec<_>>();
    facts.set("objects", patterns(&rules.patterns));
    facts.set("manifest", profile.manifest.clone());
    facts.set("exclude", patterns(&rules.exclude));
    facts.say("newer_than", &format!("{:?}", rules.newer_than.map(|age| age.as_nanos())));
    facts.say("older_than", &format!("{:?}", rules.older_than.map(|age| age.as_nanos())));
    facts.say("min_size", &format!("{:?}", rules.min_size));
    facts.say("max_size", &format!("{:?}", rules.max_size));
    facts.say("max_objects", &format!("{:?}", rules.max_objects));
    let cap = match rules.max_bytes {
        Cap::Bytes(bytes) => bytes.to_string(),
        Cap::Unlimited => "unlimited".to_owned(),
    };
    facts.say("max_bytes", &cap);
    facts.say("on_excess", &format!("{:?}", rules.on_excess));
    facts.say("order", &format!("{:?}", rules.order));
    facts.set("storage_classes", rules.storage_classes.iter().map(ToString::to_string));
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

    fn set(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        let mut values: Vec<String> = values.into_iter().collect();
        values.sort();
        values.dedup();
        self.say(name, &values.len().to_string());
        values.iter().for_each(|value| self.say(name, value));
    }
}
