//! What to keep hot, when, and how much of it.

use std::sync::Arc;
use std::time::Duration;

use super::endpoint::{Credentials, Endpoint};
use super::team::Team;
use crate::manifest::Place;
use crate::schedule::{Schedule, Window, Zone};
use crate::select::Rules;
use crate::select::checkpoint::Checkpoint;
use crate::words::words;

/// One `[profile.NAME]`, resolved.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: Arc<str>,
    /// Whose it is, and what it may reach; `None` where a trusted file defines it.
    pub team: Option<Arc<Team>>,
    pub endpoint: Arc<Endpoint>,
    /// The profile's own, else the endpoint's; for HEADs and LISTs alike.
    pub credentials: Option<Arc<Credentials>>,
    pub rules: Rules,
    /// Replaces listing where present.
    pub manifest: Option<Source>,
    pub checkpoint: Option<Checkpoint>,
    /// A share from 0 to 1 of objects and of bytes.
    pub min_warm: Option<f64>,
    pub schedules: Vec<Schedule>,
    pub zone: Zone,
    pub window: Option<Window>,
    pub jitter: Duration,
    pub on_missed: OnMissed,
    pub on_overlap: OnOverlap,
    pub on_reload: OnReload,
    pub on_start: OnStart,
    pub rewarm_after: Duration,
    /// From the run's start; `None` takes the default of the verb (24 h, one-shot 6 h).
    pub deadline: Option<Duration>,
    pub priority: i64,
    pub paused: bool,
}

/// A manifest, and where it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As typed. A file is relative to the configuration.
    pub text: String,
    /// A file is relative to the working directory.
    pub place: Place,
}

words! {
    /// What happens to missed fires: those that passed without the daemon, or in a clock jump.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum OnMissed {
        /// The last of them runs, once.
        #[default]
        RunOnce = "run-once",
        Skip = "skip",
    }
}

words! {
    /// What a fire does while the profile runs.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum OnOverlap {
        #[default]
        Skip = "skip",
        Queue = "queue",
        /// The running run is interrupted.
        Replace = "replace",
    }
}

words! {
    /// When a reload of the configuration starts a run at once.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum OnReload {
        /// The fingerprint is new or has changed.
        #[default]
        IfChanged = "if-changed",
        Always = "always",
        Never = "never",
    }
}

words! {
    /// When a start of the daemon starts a run at once.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum OnStart {
        /// As a reload against the fingerprints in the journal; with an empty journal never.
        #[default]
        Auto = "auto",
        Always = "always",
        Never = "never",
    }
}
