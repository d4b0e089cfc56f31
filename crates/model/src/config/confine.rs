//! Confines a team's file to `[profile.NAME]` tables, whatever it is included by.

use std::path::PathBuf;
use std::sync::Arc;

use toml::de::DeTable;

use super::context::{Context, join};
use super::diagnostic::{Diagnostic, Place};
use super::file::{File, Source};
use super::source::admission::beside;
use super::tables::Parsed;

/// The one table that a team's files may hold.
const PROFILE: &str = "profile";

/// The entries of `profiles` of all teams, as trusted files say them.
pub(super) struct Admissions(Vec<(String, PathBuf, Place)>);

impl Admissions {
    pub(super) fn of(trusted: &[Parsed]) -> Self {
        let all = trusted.iter().flat_map(|Parsed { file, document }| {
            let teams = document.team.iter();
            let items = teams.flat_map(|(team, table)| table.value.profiles.value.iter().map(move |item| (team, item)));
            items.map(move |(team, item)| {
                let place = Place::new(file, item.span.clone());
                (team.clone(), beside(file, item.text.as_ref()), place)
            })
        });
        Self(all.collect())
    }

    /// Where `team` is given the file; `None` where it is not.
    pub(super) fn place(&self, team: &str, source: &Source) -> Option<Place> {
        let name = std::path::Path::new(&source.name);
        let mut given = self.0.iter().filter(|(owner, path, _)| owner == team && name.starts_with(path));
        given.next().map(|(_, _, place)| place.clone())
    }
}

/// A file that says it is a team's, which no trusted file says.
pub(super) fn unadmitted(team: &str, source: &Source) -> Diagnostic {
    let team = join("team", team);
    Diagnostic::error(format!("no trusted file gives it to [{team}]")).file(source.name.clone())
}

/// Takes everything but profiles out of a team's file, and says so.
pub(super) fn confine(table: &mut DeTable<'_>, file: &Arc<File>, admitted: &Place, cx: &mut Context) {
    let mut refused = Vec::new();
    for (key, value) in table.iter().filter(|(key, _)| key.get_ref().as_ref() != PROFILE) {
        let name = key.get_ref().to_string();
        let error =
            Diagnostic::error("a team's file holds [profile.NAME] tables, and nothing else").key(join("", &name));
        let error = error.at(&Place::new(file, key.span()), "only a trusted file may say this");
        cx.push(
            error
                .at(admitted, "what makes it a team's file")
                .help("what a profile may use is said by its [team]; whoever keeps that may define more"),
        );
        // Whoever refers to it is told once.
        if let Some(table) = value.get_ref().as_table() {
            for below in table.keys() {
                cx.mark_broken(&join(&join("", &name), below.get_ref()));
            }
        }
        refused.push(name);
    }
    for name in refused {
        table.remove(name.as_str());
    }
}
