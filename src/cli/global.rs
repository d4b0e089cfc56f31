//! Flags that every verb takes.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};

use super::Usage;

/// Where a configuration is looked for when nobody says.
const PLACES: [&str; 3] = ["hotset.toml", "config/hotset.toml", "/etc/hotset"];

#[derive(Clone, Debug, Args)]
pub struct Global {
    /// A file, or a folder of *.toml; repeatable, and merged
    ///
    /// Without it: hotset.toml, else config/hotset.toml, else /etc/hotset.
    #[arg(long, value_name = "PATH", env = "HOTSET_CONFIG", global = true)]
    pub config: Vec<PathBuf>,
    /// Where the journal is to live; this version keeps none
    #[arg(long, value_name = "PATH|none", global = true)]
    pub state_dir: Option<PathBuf>,
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    pub color: Color,
    /// Errors only, and no progress
    #[arg(short, action = ArgAction::Count, global = true)]
    pub quiet: u8,
    /// Say more; twice for what happens to single objects
    #[arg(short, action = ArgAction::Count, global = true)]
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

impl Global {
    /// The files to read: those named, else the first default place that exists.
    pub fn paths(&self) -> Result<Vec<PathBuf>, Usage> {
        if !self.config.is_empty() {
            return Ok(self.config.clone());
        }
        match PLACES.into_iter().map(Path::new).find(|path| path.exists()) {
            Some(path) => Ok(vec![path.to_owned()]),
            None => {
                Err(Usage(format!("no configuration: none of {} exists; name one with --config", PLACES.join(", "))))
            }
        }
    }

    /// Whether what is written to standard error is coloured.
    pub fn color(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
            }
        }
    }

    /// Whether a journal was asked for, which this version does not keep.
    pub fn wants_state(&self) -> bool {
        self.state_dir.as_deref().is_some_and(|path| path.as_os_str() != "none")
    }
}
