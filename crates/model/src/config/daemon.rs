//! Settings of the process, as opposed to those of a cache or a profile.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::schedule::Zone;

/// `[daemon]`, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Where the page, the API and the metrics are served; `None` when off.
    pub listen: Option<SocketAddr>,
    /// Holds the bearer token for everything that changes something.
    pub token_file: Option<PathBuf>,
    /// Holds a bearer token that may only start runs.
    pub run_token_file: Option<PathBuf>,
    /// `None`: by the environment (`$STATE_DIRECTORY`, `$XDG_STATE_HOME/hotset`, `~/.local/state/hotset`).
    pub state_dir: Option<PathBuf>,
    /// Of schedules and windows whose profile names none.
    pub time_zone: Zone,
    /// How often the files are compared with what was read; `None` when off.
    pub watch: Option<Duration>,
    pub shutdown_grace: Duration,
    /// Of runs in the journal.
    pub retention: Duration,
}
