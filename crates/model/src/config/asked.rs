//! The caps of several profiles, added up.

use std::sync::Arc;

use super::profile::Profile;
use crate::select::Cap;

/// The sum of the caps of unpaused profiles.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub bytes: u64,
    /// Names of those that may fill any amount.
    pub unlimited: Vec<Arc<str>>,
}

impl Asked {
    /// Of those among `profiles` that are not paused.
    pub fn by<'a>(profiles: impl IntoIterator<Item = &'a Arc<Profile>>) -> Self {
        let mut asked = Self::default();
        for profile in profiles.into_iter().filter(|profile| !profile.paused) {
            match profile.rules.max_bytes {
                Cap::Bytes(bytes) => asked.bytes = asked.bytes.saturating_add(bytes),
                Cap::Unlimited => asked.unlimited.push(profile.name.clone()),
            }
        }
        asked
    }

    /// Bytes; `None` where one may fill any amount.
    pub fn bounded(&self) -> Option<u64> {
        self.unlimited.is_empty().then_some(self.bytes)
    }
}
