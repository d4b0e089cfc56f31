//! Manifests that are files, looked at without asking anyone.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

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

fn readable(path: &Path) -> io::Result<()> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    File::open(path).map(drop)
}
