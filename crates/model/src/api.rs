//! Every JSON shape, once: the server and the command line write it, the command line and the journal read it.
//!
//! Field names are stable, and so is their order. Instants are RFC 3339 in UTC to the millisecond, lengths of time seconds
//! (`_s`), sizes bytes, ETags unquoted. A reader passes over fields that it does not know, and names one that it misses.

mod answer;
mod audit;
mod group;
mod object;
mod outcome;
mod plan;
mod ratio;
mod run;
mod run_info;
mod status;
pub mod time;
mod trigger;

pub use answer::{
    Cancelled, Cause, Health, NoBody, PauseBody, Paused, Readiness, Ready, Refused, Reloaded, Resumed, RunBody,
    Started, Why,
};
pub use audit::{AuditEntry, AuditLine};
pub use group::{GroupField, title};
pub use object::{ErrorClass, Failure, KeyField, LeftOut, ObjectLine, ObjectName, Sample};
pub use outcome::Outcome;
pub use plan::{Cutoff, Manifest, PlanLine};
pub use ratio::{Ratio, percent};
pub use run::{ActiveRun, EndedRun, Progress, RunAnswer, RunLine, Runs};
pub use run_info::RunInfo;
pub use status::{
    Counters, EndedObjects, Endpoint, JournalState, Pause, Profile, ProfileAnswer, Profiles, Reload, ReloadedBy,
    Status, Team, Waiting, ZoneRules,
};
pub use trigger::Trigger;

pub use crate::select::ReasonClass;

/// The version of all shapes.
pub const V: u32 = 1;
