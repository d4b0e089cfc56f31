//! Manifests that are files, looked at without asking anyone.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::secrets::readable;
use model::config::diagnostic::Diagnostic;
use model::config::profile::Profile;
use model::config::{Config, unreadable_manifest};
use model::manifest::Place;

/// A warning for each that cannot be read here and now.
pub fn unreadable(config: &Config) -> Vec<Diagnostic> {
    let warning = |profile: &Arc<Profile>| match &profile.manifest.as_ref()?.place {
        Place::File { path, within } => {
            Some(unreadable_manifest(&profile.name, path, &below(path, within.as_deref()).err()?))
        }
        Place::Object { .. } => None,
    };
    config.profiles.values().filter_map(warning).collect()
}

fn below(path: &Path, within: Option<&Path>) -> io::Result<()> {
    if let Some(folder) = within
        && !fs::canonicalize(path)?.starts_with(fs::canonicalize(folder)?)
    {
        return Err(io::Error::other("a link leads out of its folder"));
    }
    readable(path)
}
