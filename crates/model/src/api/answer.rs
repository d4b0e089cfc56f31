//! What a daemon answers to what it is asked and told. Fields are sorted by name, as the first version wrote them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{Ratio, time};

/// `POST /api/v1/profiles/NAME/run`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunBody {
    /// Also what is fresh.
    pub rewarm: bool,
}

/// A run that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// It was in progress already.
    pub joined: bool,
    pub run: Ulid,
    pub v: u32,
}

/// `POST /api/v1/profiles/NAME/pause`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PauseBody {
    /// A length of time; without one until it is resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#for: Option<String>,
}

/// A body that says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoBody {}

/// A profile that was paused, or resumed; then it has no `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    pub paused: bool,
    pub profile: String,
    #[serde(serialize_with = "time::write_if_any")]
    pub until: Option<DateTime<Utc>>,
    pub v: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    pub paused: bool,
    pub profile: String,
    pub v: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    pub cancelled: bool,
    pub run: Ulid,
    pub v: u32,
}

/// A reload whose files were taken: the profiles that are new, have changed, or are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub ok: bool,
    pub removed: Vec<String>,
    pub v: u32,
}

/// Why the daemon says no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub error: String,
    /// `false` of a reload; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    pub v: u32,
}

/// `/healthz`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub ok: bool,
    pub v: u32,
}

/// `/readyz`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Of the last reload.
    pub error: Option<String>,
    pub ready: bool,
    /// Which configuration is in force, in words.
    pub state: String,
    pub v: u32,
}

/// `/api/v1/profiles/NAME/ready`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    pub v: u32,
    pub profile: String,
    pub ready: bool,
    pub reason: String,
    /// The run that it rests on, else the latest.
    pub run: Option<Ulid>,
    #[serde(serialize_with = "time::write_if_any")]
    pub ended: Option<DateTime<Utc>>,
    pub warm_ratio: Option<Ratio>,
    /// The run in progress.
    pub running: Option<Ulid>,
}

/// `/api/v1/profiles/NAME/why`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    pub v: u32,
    pub profile: String,
    /// By the terms of its configuration, as `/ready` has it.
    pub warm: bool,
    pub reason: String,
    /// What has to be looked at first comes first; none of a profile that is warm.
    pub causes: Vec<Cause>,
    #[serde(serialize_with = "time::write_if_any")]
    pub next_due: Option<DateTime<Utc>>,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// A word for scripts.
    pub cause: String,
    pub why: String,
    /// What to do, in words or as a command.
    pub r#do: String,
}
