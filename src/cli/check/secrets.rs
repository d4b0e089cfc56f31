//! Files that hold keys and tokens, looked at without asking anyone.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use model::config::diagnostic::Diagnostic;
use model::config::endpoint::CredentialSource;
use model::config::{Config, unreadable_secret};
use s3::in_home;

/// A warning for each that cannot be read here and now.
pub fn unreadable(config: &Config) -> Vec<Diagnostic> {
    let mut files: Vec<(String, &Path)> = Vec::new();
    let daemon = &config.daemon;
    for (key, path) in [("token_file", &daemon.token_file), ("run_token_file", &daemon.run_token_file)] {
        files.extend(path.as_deref().map(|path| (format!("daemon.{key}"), path)));
    }
    for (name, team) in &config.teams {
        files.extend(team.run_token_file.as_deref().map(|path| (format!("team.{name}.run_token_file"), path)));
    }
    for (name, credentials) in &config.credentials {
        if let CredentialSource::Files { access_key_id, secret_access_key, session_token } = &credentials.source {
            let parts = [
                ("access_key_id_file", Some(access_key_id)),
                ("secret_access_key_file", Some(secret_access_key)),
                ("session_token_file", session_token.as_ref()),
            ];
            for (key, path) in parts {
                files.extend(path.map(|path| (format!("credentials.{name}.{key}"), path.as_path())));
            }
        }
    }
    files
        .into_iter()
        .filter_map(|(key, path)| Some(unreadable_secret(&key, &readable(&in_home(path)).err()?)))
        .collect()
}

/// Whether a file can be opened. A pipe would wait for its writer.
pub(super) fn readable(path: &Path) -> io::Result<()> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    File::open(path).map(drop)
}
