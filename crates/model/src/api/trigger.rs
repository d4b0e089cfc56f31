//! What a run was started by.

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// `trigger` in the JSON contract.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Trigger {
        /// A fire, in time.
        Schedule = "schedule",
        /// A fire that passed without the daemon, or in a jump of the clock.
        Missed = "missed",
        /// A reload of the configuration.
        Reload = "reload",
        /// A start of the daemon.
        Start = "start",
        /// An earlier run that was interrupted goes on.
        Resume = "resume",
        /// The API of the daemon.
        Api = "api",
        /// A verb that runs once.
        Cli = "cli",
    }
}
