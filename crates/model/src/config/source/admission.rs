//! Finds the files that belong to a team. Trusted files name them, so this runs before anything is resolved.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::config::context::join;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::file::{File, Source};
use crate::config::syntax;

/// One entry of `profiles` of a team.
#[derive(Debug)]
pub(super) struct Admission {
    pub team: String,
    /// From where hotset runs.
    pub path: PathBuf,
    /// Where it was typed.
    pub place: Place,
    typed: PathBuf,
}

impl Admission {
    pub(super) const OWN: &str = "a file of a team is a file of its own, not a link to another";

    pub(super) fn error(&self, message: &str) -> Diagnostic {
        let key = format!("{}.profiles", join("team", &self.team));
        Diagnostic::error(message).key(key).at(&self.place, "")
    }

    /// The folder that the files really lie in. Only what the trusted file's author typed as a way up, or from the root, is
    /// followed through links: what lies below may be the team's own work.
    pub(super) fn folder(&self) -> io::Result<PathBuf> {
        let is_folder = self.path.is_dir();
        let typed = if is_folder { Some(self.typed.as_path()) } else { self.typed.parent() };
        let typed = typed.unwrap_or(Path::new(""));
        if typed.is_absolute() {
            return fs::canonicalize(typed);
        }
        let mut folder = fs::canonicalize(self.place.file.folder())?;
        for component in typed.components() {
            match component {
                Component::ParentDir => _ = folder.pop(),
                Component::Normal(name) => folder.push(name),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        Ok(folder)
    }
}

/// What `[team]` tables of a trusted text name. A text that does not parse is refused later, whatever it names.
pub(super) fn all(source: &Source, number: usize) -> Vec<Admission> {
    // A key may be spelled with escapes; any other text without the word has no such table.
    if source.team.is_some() || !(source.text.contains("team") || source.text.contains('\\')) {
        return Vec::new();
    }
    let text = syntax::without_mark(&source.text);
    let (table, _) = DeTable::parse_recoverable(&text);
    let Some(DeValue::Table(teams)) = table.get_ref().get("team").map(toml::Spanned::get_ref) else {
        return Vec::new();
    };
    let file = Arc::new(File::new(source, number));
    let mut all = Vec::new();
    for (team, table) in teams {
        let items = table.get_ref().get("profiles").and_then(|items| items.get_ref().as_array());
        for item in items.into_iter().flatten() {
            let Some(typed) = item.get_ref().as_str().filter(|typed| !typed.is_empty()) else { continue };
            all.push(Admission {
                team: team.get_ref().to_string(),
                path: beside(&file, Path::new(typed)),
                place: Place::new(&file, item.span()),
                typed: PathBuf::from(typed),
            });
        }
    }
    all
}

/// Where a path that was typed in `file` leads.
pub(in crate::config) fn beside(file: &File, typed: &Path) -> PathBuf {
    let folder = Path::new(&file.name).parent().unwrap_or(Path::new(""));
    folder.join(typed)
}
