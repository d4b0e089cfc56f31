//! Flags that many verbs take.

use std::env;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};

use super::Usage;

/// Where a configuration is looked for when nobody says.
const PLACES: [&str; 3] = ["hotset.toml", "config/hotset.toml", "/etc/hotset"];

/// The configuration. Not a global flag of clap's, which forgets what stands before the verb when the flag stands behind
/// it too.
#[derive(Clone, Debug, Default, Args)]
pub struct Files {
    /// A file, or a folder of *.toml; repeatable, all are merged [env: HOTSET_CONFIG] [default: the first of hotset.toml,
    /// config/hotset.toml, /etc/hotset]
    #[arg(long, value_name = "PATH", display_order = 100)]
    pub config: Vec<PathBuf>,
}

impl Files {
    /// Whether some are named, by a flag or by the environment.
    pub fn named(&self) -> Option<Vec<PathBuf>> {
        if !self.config.is_empty() {
            return Some(self.config.clone());
        }
        env::var_os("HOTSET_CONFIG").filter(|path| !path.is_empty()).map(|path| vec![path.into()])
    }

    /// The files to read: those named, else the first default place that exists.
    pub fn paths(&self) -> Result<Vec<PathBuf>, Usage> {
        if let Some(named) = self.named() {
            return Ok(named);
        }
        let place = PLACES.into_iter().map(Path::new).find(|path| path.exists());
        place.map(|path| vec![path.to_owned()]).ok_or_else(|| {
            let places = PLACES.join(", ");
            Usage(format!("there is no configuration: none of {places} exists; name a file or folder with --config"))
        })
    }
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The folder of the journal, on a local disk; none keeps none [default: state_dir of the configuration, else
    /// $STATE_DIRECTORY, $XDG_STATE_HOME/hotset, ~/.local/state/hotset]
    #[arg(long, value_name = "PATH|none", global = true)]
    pub state_dir: Option<PathBuf>,
    /// How log lines on standard error are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
    /// When to colour; auto: on a terminal, unless NO_COLOR is set or TERM is dumb
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    pub color: Color,
    /// Errors only, and no progress
    #[arg(short, long, action = ArgAction::SetTrue, overrides_with = "quiet", conflicts_with = "verbose", global = true)]
    pub quiet: bool,
    /// Say more; -vv also what happens to single objects
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// Whether the terminal takes no codes for colours and the cursor.
pub fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|kind| kind == "dumb" || kind.is_empty())
}

impl Global {
    /// Whether what goes to `stream` is coloured.
    pub fn colors(&self, stream: &impl IsTerminal) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => stream.is_terminal() && !is_dumb() && env::var_os("NO_COLOR").is_none_or(|no| no.is_empty()),
        }
    }

    /// Whether log lines are coloured; JSON never is.
    pub fn colored_logs(&self) -> bool {
        self.log_format == LogFormat::Text && self.colors(&io::stderr())
    }
}
