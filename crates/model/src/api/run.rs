//! Runs: as they are recorded, in progress, and ended.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::{ErrorClass, Failure, GroupField, LeftOut, Outcome, Ratio, ReasonClass, RunInfo, V, time};
use crate::object::Count;
use crate::select::Reason;

/// One run: a line of `warm --json` and of `runs --json`, and what the journal keeps of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunLine {
    pub v: u32,
    pub profile: String,
    pub endpoint: String,
    pub fingerprint: String,
    #[serde(flatten)]
    pub info: RunInfo,
    /// `null` while it runs.
    #[serde(serialize_with = "time::write_if_any")]
    pub ended: Option<DateTime<Utc>>,
    pub outcome: Outcome,
    /// Why it is not `complete`, or what a complete one left open.
    pub reason: Option<String>,
    /// Absent of a reason that is of no class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_class: Option<ReasonClass>,
    pub matched: Count,
    /// What was planned, and what was wanted beyond the caps.
    pub wanted: Count,
    pub planned: Count,
    pub warmed: Count,
    pub fresh: Count,
    pub gone: Count,
    pub failed: Count,
    pub unknown: Count,
    /// Checkpoints that were chosen, did not fit the caps, or are incomplete; bounded.
    pub groups: Vec<GroupField>,
    /// More of them than are named.
    pub more_groups: u64,
    pub left_out: BTreeMap<Reason, LeftOut>,
    pub warm_ratio: Ratio,
    pub errors: Vec<ErrorClass>,
    /// Of hotset.
    pub version: String,
}

impl RunLine {
    /// A run that has begun, with nothing listed yet.
    pub fn begun(profile: &str, endpoint: &str, fingerprint: &str, info: RunInfo) -> Self {
        let none = Count::default();
        Self {
            v: V,
            profile: profile.to_owned(),
            endpoint: endpoint.to_owned(),
            fingerprint: fingerprint.to_owned(),
            info,
            ended: None,
            outcome: Outcome::Running,
            reason: None,
            reason_class: None,
            matched: none,
            wanted: none,
            planned: none,
            warmed: none,
            fresh: none,
            gone: none,
            failed: none,
            unknown: none,
            groups: Vec::new(),
            more_groups: 0,
            left_out: BTreeMap::new(),
            warm_ratio: Ratio::NONE,
            errors: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The same run, interrupted at `ended`, because nobody ended it.
    #[must_use]
    pub fn interrupted(self, ended: DateTime<Utc>, reason: &str) -> Self {
        let nothing = self.wanted == Count::default();
        let warm_ratio = if nothing { Ratio::NONE } else { Ratio::of(self.warmed + self.fresh, self.wanted) };
        let (outcome, reason) = (Outcome::Interrupted, Some(reason.to_owned()));
        Self { ended: Some(ended), outcome, reason, reason_class: None, warm_ratio, ..self }
    }

    /// What a cap cut off, wanted or not.
    pub fn over_cap(&self) -> Count {
        self.left_out.get(&Reason::OverCap).map(|left| left.count).unwrap_or_default()
    }
}

/// A run in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActiveRun {
    #[serde(flatten)]
    pub info: RunInfo,
    pub profile: String,
    pub endpoint: String,
    pub fingerprint: String,
    pub progress: Progress,
}

/// Live figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    #[serde(serialize_with = "time::write")]
    pub deadline: DateTime<Utc>,
    /// Why it is being stopped; what is in flight ends.
    pub stopping: Option<String>,
    pub list_requests: u64,
    /// Objects.
    pub listed: u64,
    /// Of the key space, from 0 to 1; an estimate that never falls. `null` where nothing can be told.
    pub listed_share: Option<f64>,
    /// To be warmed, without what is fresh; zero until the plan is made.
    pub planned: Count,
    pub ended: Count,
    /// Objects, as the next three.
    pub in_flight: u64,
    pub failed: u64,
    pub unknown: u64,
    pub gone: u64,
    /// For so many seconds the endpoint has answered nothing.
    pub silent_s: Option<f64>,
    /// What keeps answers from coming, in words.
    pub trouble: Option<String>,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndedRun {
    #[serde(flatten, serialize_with = "without_counts")]
    pub info: RunInfo,
    pub fingerprint: String,
    #[serde(serialize_with = "time::write")]
    pub ended: DateTime<Utc>,
    pub outcome: Outcome,
    pub reason: Option<String>,
    /// As in [`RunLine`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_class: Option<ReasonClass>,
    pub planned: Count,
    pub warmed: Count,
    pub fresh: Count,
    /// What a cap cut off, wanted or not.
    pub over_cap: Count,
    pub warm_ratio: Ratio,
    /// As in [`RunLine`].
    pub groups: Vec<GroupField>,
    pub more_groups: u64,
}

impl EndedRun {
    /// `None` of a run in progress.
    pub fn of(line: RunLine) -> Option<Self> {
        Some(Self {
            ended: line.ended?,
            over_cap: line.over_cap(),
            info: line.info,
            fingerprint: line.fingerprint,
            outcome: line.outcome,
            reason: line.reason,
            reason_class: line.reason_class,
            planned: line.planned,
            warmed: line.warmed,
            fresh: line.fresh,
            warm_ratio: line.warm_ratio,
            groups: line.groups,
            more_groups: line.more_groups,
        })
    }
}

/// The shape of an ended run has neither `missed` nor `resumes`.
fn without_counts<S: Serializer>(info: &RunInfo, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields {
        run: String,
        trigger: super::Trigger,
        #[serde(serialize_with = "time::write_if_any")]
        due: Option<DateTime<Utc>>,
        #[serde(serialize_with = "time::write")]
        started: DateTime<Utc>,
    }
    let RunInfo { id, trigger, due, started, .. } = *info;
    Fields { run: id.to_string(), trigger, due, started }.serialize(to)
}

/// `/api/v1/runs/ID`, and one of `/api/v1/runs`: a line, with live figures while the run is in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunAnswer {
    #[serde(flatten)]
    pub line: RunLine,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Absent in a list of runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<Vec<Failure>>,
}

/// `/api/v1/runs`, the latest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    pub v: u32,
    pub runs: Vec<RunAnswer>,
}
