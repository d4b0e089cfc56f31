//! Who asked a daemon for what.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::time;

/// One line of `audit --json`, beside its `v`: a request that was to change something. Fields are sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// `run`, `pause`, `resume`, `cancel` or `reload`; `access` where somebody was not let in.
    pub act: String,
    /// Where the request came from.
    pub address: Option<String>,
    #[serde(serialize_with = "time::write")]
    pub at: DateTime<Utc>,
    /// What the token is called; never the token.
    pub by: String,
    /// A profile, a run, or the path that was asked for.
    pub of: String,
    /// `done`, or `refused` with the reason.
    pub result: String,
    /// How many were refused since the entry before.
    pub times: u64,
}

/// One line of `audit --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    #[serde(flatten)]
    pub entry: AuditEntry,
    pub v: u32,
}
