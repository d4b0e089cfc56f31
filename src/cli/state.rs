//! Which journal a verb uses, and what it says when there is none.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Context;
use crate::clock;
use crate::journal::Journal;
use crate::run::Connections;
use model::config::Config;

/// How long whoever typed a command waits for an endpoint that has answered nothing yet: a slip is more likely than an outage.
const FIRST_WAIT: Duration = Duration::from_secs(20);

/// Who named the folder of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `--state-dir none`.
    None,
    Folder(PathBuf),
    /// Nobody did, and the environment does not tell either.
    Unknown,
}

/// The journal to read and write. One that does not work is said, once: the verb goes on without.
pub fn open(context: &Context, config: &Config) -> Option<Journal> {
    let without = "going on without: nothing is fresh, and nothing is recorded";
    let folder = match place(context, config.daemon.state_dir.as_deref()) {
        Place::Folder(folder) => folder,
        Place::None => return None,
        Place::Unknown => {
            tracing::warn!("no place for a journal: name one with --state-dir; {without}");
            return None;
        }
    };
    let journal = Journal::open(&folder).map_err(|error| tracing::warn!("{error}; {without}")).ok()?;
    if let Err(error) = journal.prune(clock::now(), config.daemon.retention) {
        tracing::warn!("{error}; what is past its retention stays");
    }
    Some(journal)
}

/// The journal to read, where there is one.
pub fn read(context: &Context, config: &Config) -> Option<Journal> {
    let Place::Folder(folder) = place(context, config.daemon.state_dir.as_deref()) else { return None };
    Journal::read(&folder).unwrap_or_else(|error| {
        tracing::warn!("{error}; nothing counts as fresh");
        None
    })
}

/// Connections for one command, whose large plans find room beside the journal.
pub fn connections(context: &Context, config: &Config) -> Connections {
    let connections = match place(context, config.daemon.state_dir.as_deref()) {
        Place::Folder(folder) => Connections::spilling_into(folder),
        Place::None | Place::Unknown => Connections::default(),
    };
    connections.waiting_at_first(FIRST_WAIT)
}

/// Where the journal is, by the flag, the configuration and the environment, in this order.
pub fn place(context: &Context, configured: Option<&Path>) -> Place {
    choose(context.global.state_dir.as_deref(), configured, |name| std::env::var_os(name))
}

fn choose(flag: Option<&Path>, configured: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Place {
    if let Some(named) = flag.or(configured) {
        return if flag.is_some() && named.as_os_str() == "none" {
            Place::None
        } else {
            Place::Folder(named.to_owned())
        };
    }
    // systemd sets a list where a unit has several.
    let first = |list: OsString| std::env::split_paths(&list).next();
    // The XDG specification has relative paths ignored.
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let place = (variable("STATE_DIRECTORY").and_then(first).filter(|path| path.is_absolute()))
        .or_else(|| folder("XDG_STATE_HOME").map(|state| state.join("hotset")))
        .or_else(|| folder("HOME").map(|home| home.join(".local/state/hotset")));
    place.map_or(Place::Unknown, Place::Folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_where_the_first_that_speaks_says() {
        let at = |path: &str| Place::Folder(PathBuf::from(path));
        let system = &[("STATE_DIRECTORY", "/var/lib/hotset:/var/lib/more"), ("HOME", "/root")][..];
        let user = &[("XDG_STATE_HOME", "/x"), ("HOME", "/h")][..];
        for (flag, configured, environment, place, why) in [
            (Some("none"), Some("/c"), user, Place::None, "none is none, whatever else is said"),
            (Some("/f"), Some("/c"), user, at("/f"), "the flag beats the file"),
            (None, Some("/c"), system, at("/c"), "the file beats the environment"),
            (None, Some("none"), user, at("none"), "only the flag knows the word"),
            (None, None, system, at("/var/lib/hotset"), "systemd's, the first of several"),
            (None, None, user, at("/x/hotset"), "the user's state folder"),
            (None, None, &user[1..], at("/h/.local/state/hotset"), "its default"),
            (
                None,
                None,
                &[("XDG_STATE_HOME", "relative"), ("HOME", "/h")],
                at("/h/.local/state/hotset"),
                "as XDG asks",
            ),
            (None, None, &[], Place::Unknown, "nobody says"),
        ] {
            let variable = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, at)| at.into());
            assert_eq!(choose(flag.map(Path::new), configured.map(Path::new), variable), place, "{why}");
        }
    }
}
