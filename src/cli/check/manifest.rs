//! Manifests that are files, looked at without asking anyone.

use std::sync::Arc;

use super::secrets::readable;
use model::config::diagnostic::Diagnostic;
use model::config::profile::Profile;
use model::config::{Config, unreadable_manifest};
use model::manifest::Place;

/// A warning for each that cannot be read here and now.
pub fn unreadable(config: &Config) -> Vec<Diagnostic> {
    let warning = |profile: &Arc<Profile>| match &profile.manifest.as_ref()?.place {
        Place::File(path) => Some(unreadable_manifest(&profile.name, path, &readable(path).err()?)),
        Place::Object { .. } => None,
    };
    config.profiles.values().filter_map(warning).collect()
}
