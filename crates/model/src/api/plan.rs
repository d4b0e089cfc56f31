//! Plans.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{GroupField, KeyField, LeftOut, Outcome, V, time};
use crate::manifest::Account;
use crate::object::Count;
use crate::select::Reason;
use crate::select::estimate::Cost;
use crate::select::plan::Plan;

/// One line of `plan --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanLine {
    pub v: u32,
    pub profile: String,
    pub endpoint: String,
    pub fingerprint: String,
    #[serde(serialize_with = "time::write")]
    pub at: DateTime<Utc>,
    pub outcome: Outcome,
    /// Why it is not `complete`.
    pub reason: Option<String>,
    pub listed: Count,
    pub matched: Count,
    pub selected: Count,
    pub fresh: Count,
    pub to_warm: Count,
    /// Selected, and left out over a cap.
    pub wanted: Count,
    /// `null` is unlimited.
    pub max_bytes: Option<u64>,
    pub over_cap: bool,
    pub groups: Vec<GroupField>,
    /// Checkpoints that are not named.
    pub more_groups: u64,
    pub left_out: BTreeMap<Reason, LeftOut>,
    /// The first candidate that did not fit a cap.
    pub cutoff: Option<Cutoff>,
    /// Of the endpoint's capacity, from 0.
    pub share: Option<f64>,
    pub cost: Option<Cost>,
    pub list_requests: u64,
    /// What was read in place of a listing.
    pub manifest: Option<Manifest>,
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutoff {
    #[serde(serialize_with = "time::write")]
    pub last_modified: DateTime<Utc>,
    #[serde(flatten)]
    pub key: KeyField,
}

/// What was read in place of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub place: String,
    pub entries: u64,
    pub duplicates: u64,
    pub looked_up: u64,
    pub gone: u64,
    pub without_etag: u64,
}

impl From<&Account> for Manifest {
    fn from(account: &Account) -> Self {
        let Account { entries, duplicates, looked_up, gone, without_etag, .. } = *account;
        Self { place: account.place.clone(), entries, duplicates, looked_up, gone, without_etag }
    }
}

impl From<&Plan> for PlanLine {
    fn from(plan: &Plan) -> Self {
        let (outcome, reason) = Outcome::of_plan(&plan.verdict);
        let selection = &plan.selection;
        Self {
            v: V,
            profile: plan.profile.to_string(),
            endpoint: plan.endpoint.to_string(),
            fingerprint: plan.fingerprint.clone(),
            at: plan.at,
            outcome,
            reason: reason.map(str::to_owned),
            listed: selection.listed,
            matched: selection.matched,
            selected: plan.selected,
            fresh: plan.fresh,
            to_warm: plan.to_warm(),
            wanted: plan.wanted(),
            max_bytes: plan.max_bytes.bytes(),
            over_cap: plan.over_cap(),
            groups: GroupField::all(&selection.groups, plan.at),
            more_groups: selection.more_groups,
            left_out: LeftOut::all(&selection.left_out),
            cutoff: selection
                .cutoff
                .as_ref()
                .map(|cutoff| Cutoff { last_modified: cutoff.last_modified, key: KeyField(cutoff.key.clone()) }),
            share: plan.share,
            cost: plan.cost,
            list_requests: plan.list_requests,
            manifest: plan.manifest.as_ref().map(Manifest::from),
            warnings: plan.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}
