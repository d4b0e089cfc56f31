//! What a run was started by.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `trigger` in the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A fire, in time.
    Schedule,
    /// A fire that passed without the daemon, or in a jump of the clock.
    Missed,
    /// A reload of the configuration.
    Reload,
    /// A start of the daemon.
    Start,
    /// An earlier run that was interrupted goes on.
    Resume,
    /// The API of the daemon.
    Api,
    /// A verb that runs once.
    Cli,
}

impl Trigger {
    const ALL: [Self; 7] =
        [Self::Schedule, Self::Missed, Self::Reload, Self::Start, Self::Resume, Self::Api, Self::Cli];

    /// As the JSON contract and the metrics spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Missed => "missed",
            Self::Reload => "reload",
            Self::Start => "start",
            Self::Resume => "resume",
            Self::Api => "api",
            Self::Cli => "cli",
        }
    }

    /// The trigger that is spelled so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.as_str() == name)
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
