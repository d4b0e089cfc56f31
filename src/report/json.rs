//! The JSON contract: one object a line, field names stable, `"v":1`. Times are RFC 3339 in UTC, ETags unquoted, a key that
//! is not UTF-8 is `key_b64`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};

use super::groups::{Bound, GroupField, Unnamed, fields, named};
use super::{Errors, Outcome, Ratio, Report, RunInfo, Totals};
pub use model::api::time::text as time;
use model::manifest::Account;
use model::object::{Bucket, Count, ETag, Key, Object};
use model::select::estimate::Cost;
use model::select::group::Group;
use model::select::plan::Plan;
use model::select::{LeftOut, Reason};

/// The version of all shapes here.
const V: u32 = 1;

/// A key, or its bytes in base64.
#[derive(Clone, Debug, Serialize)]
pub enum KeyField<'a> {
    #[serde(rename = "key")]
    Text(&'a str),
    #[serde(rename = "key_b64")]
    Bytes(String),
}

impl<'a> From<&'a Key> for KeyField<'a> {
    fn from(key: &'a Key) -> Self {
        key.as_str().map_or_else(|| Self::Bytes(BASE64.encode(key.as_bytes())), Self::Text)
    }
}

/// One line of `plan --json`.
#[derive(Debug, Serialize)]
pub struct PlanLine<'a> {
    v: u32,
    profile: &'a str,
    endpoint: &'a str,
    fingerprint: &'a str,
    at: String,
    outcome: Outcome,
    reason: Option<&'a str>,
    listed: Count,
    matched: Count,
    selected: Count,
    fresh: Count,
    to_warm: Count,
    wanted: Count,
    max_bytes: Option<u64>,
    over_cap: bool,
    groups: Vec<GroupField>,
    more_groups: u64,
    left_out: BTreeMap<Reason, LeftOutField<'a>>,
    cutoff: Option<CutoffField<'a>>,
    share: Option<f64>,
    cost: Option<Cost>,
    list_requests: u64,
    manifest: Option<ManifestField<'a>>,
    warnings: Vec<String>,
}

impl<'a> From<&'a Plan> for PlanLine<'a> {
    fn from(plan: &'a Plan) -> Self {
        let (outcome, reason) = Outcome::of_plan(&plan.verdict);
        Self {
            v: V,
            profile: &plan.profile,
            endpoint: &plan.endpoint,
            fingerprint: &plan.fingerprint,
            at: time(plan.at),
            outcome,
            reason,
            listed: plan.selection.listed,
            matched: plan.selection.matched,
            selected: plan.selected,
            fresh: plan.fresh,
            to_warm: plan.to_warm(),
            wanted: plan.wanted(),
            max_bytes: plan.max_bytes.bytes(),
            over_cap: plan.over_cap(),
            groups: fields(&plan.selection.groups, plan.at),
            more_groups: plan.selection.more_groups,
            left_out: left_out(&plan.selection.left_out),
            cutoff: plan
                .selection
                .cutoff
                .as_ref()
                .map(|cutoff| CutoffField { last_modified: time(cutoff.last_modified), key: (&cutoff.key).into() }),
            share: plan.share,
            cost: plan.cost,
            list_requests: plan.list_requests,
            manifest: plan.manifest.as_ref().map(ManifestField::from),
            warnings: plan.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What was read in place of a listing.
#[derive(Debug, Serialize)]
struct ManifestField<'a> {
    place: &'a str,
    entries: u64,
    duplicates: u64,
    looked_up: u64,
    gone: u64,
    without_etag: u64,
}

impl<'a> From<&'a Account> for ManifestField<'a> {
    fn from(account: &'a Account) -> Self {
        let Account { entries, duplicates, looked_up, gone, without_etag, .. } = *account;
        Self { place: &account.place, entries, duplicates, looked_up, gone, without_etag }
    }
}

#[derive(Debug, Serialize)]
struct CutoffField<'a> {
    last_modified: String,
    #[serde(flatten)]
    key: KeyField<'a>,
}

#[derive(Debug, Serialize)]
struct LeftOutField<'a> {
    #[serde(flatten)]
    count: Count,
    sample: Vec<Place<'a>>,
}

/// The line of a run that nobody ended: as it was last known, with what was warmed by then.
pub fn interrupted(line: &str, warmed: Count, ended: DateTime<Utc>, reason: &str) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else { return line.to_owned() };
    let count = |field: Option<&Value>| Count {
        objects: field.and_then(|count| count["objects"].as_u64()).unwrap_or_default(),
        bytes: field.and_then(|count| count["bytes"].as_u64()).unwrap_or_default(),
    };
    let wanted = count(fields.get("wanted"));
    let totals = Totals { warmed, fresh: count(fields.get("fresh")), ..Totals::default() };
    let ratio = if wanted == Count::default() { Ratio::NONE } else { totals.warm_ratio(wanted) };
    fields.insert("ended".to_owned(), time(ended).into());
    fields.insert("outcome".to_owned(), Outcome::Interrupted.as_str().into());
    fields.insert("reason".to_owned(), reason.into());
    fields.insert("warmed".to_owned(), json!(warmed));
    fields.insert("warm_ratio".to_owned(), json!(ratio));
    Value::Object(fields).to_string()
}

/// An object by name.
#[derive(Debug, Serialize)]
pub struct Place<'a> {
    pub bucket: &'a str,
    #[serde(flatten)]
    pub key: KeyField<'a>,
}

impl<'a> Place<'a> {
    pub fn new(bucket: &'a Bucket, key: &'a Key) -> Self {
        Self { bucket: bucket.as_str(), key: key.into() }
    }
}

fn left_out(all: &BTreeMap<Reason, LeftOut>) -> BTreeMap<Reason, LeftOutField<'_>> {
    all.iter()
        .map(|(reason, left)| {
            let sample = left.sample.iter().map(|(bucket, key)| Place::new(bucket, key)).collect();
            (*reason, LeftOutField { count: left.count, sample })
        })
        .collect()
}

/// One line of `plan --objects`.
#[derive(Debug, Serialize)]
pub struct ObjectLine<'a> {
    profile: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
    size: u64,
    etag: Option<&'a str>,
    last_modified: String,
    /// Left out where it is `STANDARD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'a str>,
    /// The name of its checkpoint.
    group: Option<String>,
    /// The run of its checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

impl<'a> ObjectLine<'a> {
    pub fn new(profile: &'a str, object: &'a Object, group: Option<&Group>) -> Self {
        Self {
            profile,
            place: Place::new(&object.bucket, &object.key),
            size: object.size,
            etag: object.etag.as_ref().map(ETag::as_str),
            last_modified: time(object.last_modified),
            storage_class: object.storage_class.as_deref().filter(|class| *class != "STANDARD"),
            group: group.map(|group| group.name.to_string()),
            run: group.map(|group| group.run.to_string()),
        }
    }
}

/// One line of `warm --json`.
#[derive(Debug, Serialize)]
pub struct RunLine<'a> {
    v: u32,
    profile: &'a str,
    endpoint: &'a str,
    fingerprint: &'a str,
    #[serde(flatten)]
    info: RunInfo,
    ended: Option<String>,
    outcome: Outcome,
    reason: Option<&'a str>,
    matched: Count,
    wanted: Count,
    planned: Count,
    warmed: Count,
    fresh: Count,
    gone: Count,
    failed: Count,
    unknown: Count,
    groups: Vec<GroupField>,
    more_groups: u64,
    left_out: BTreeMap<Reason, LeftOutField<'a>>,
    warm_ratio: Ratio,
    errors: Vec<ErrorField<'a>>,
    version: &'static str,
}

#[derive(Debug, Serialize)]
struct ErrorField<'a> {
    class: &'a str,
    count: u64,
    sample: Vec<SampleField<'a>>,
}

#[derive(Debug, Serialize)]
struct SampleField<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    message: &'a str,
}

fn error_field<'a>((class, errors): (&&'a str, &'a Errors)) -> ErrorField<'a> {
    let sample = errors.sample.iter();
    ErrorField {
        class,
        count: errors.count,
        sample: sample.map(|s| SampleField { place: Place::new(&s.bucket, &s.key), message: &s.message }).collect(),
    }
}

impl<'a> From<&'a Report> for RunLine<'a> {
    fn from(report: &'a Report) -> Self {
        let totals = &report.totals;
        let (groups, more_groups) = on_record(report);
        Self {
            v: V,
            profile: &report.plan.profile,
            endpoint: &report.plan.endpoint,
            fingerprint: &report.plan.fingerprint,
            info: report.info,
            ended: report.ended.map(time),
            outcome: report.outcome,
            reason: report.reason.as_deref(),
            matched: report.plan.selection.matched,
            wanted: report.wanted(),
            planned: totals.planned,
            warmed: totals.warmed,
            fresh: totals.fresh,
            gone: totals.gone,
            failed: totals.failed,
            unknown: totals.unknown,
            groups,
            more_groups,
            left_out: left_out(&report.plan.selection.left_out),
            warm_ratio: report.warm_ratio(),
            errors: totals.errors.iter().map(error_field).collect(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The checkpoints that a run's line names: chosen, over the caps and incomplete ones; and how many more of them there are.
pub fn on_record(report: &Report) -> (Vec<GroupField>, u64) {
    let all = fields(&report.plan.selection.groups, report.plan.at);
    let (groups, Unnamed { chosen, over_cap, incomplete, .. }) = named(all, Bound::RECORD);
    (groups, chosen + over_cap + incomplete)
}

/// What a journal's line says of a run that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub planned: Count,
    pub warmed: Count,
    pub fresh: Count,
    pub over_cap: Count,
    pub warm_ratio: Ratio,
    pub groups: Vec<GroupField>,
    pub more_groups: u64,
}

impl Summary {
    /// `None` where the line is none of ours.
    pub fn read(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let count =
            |value: &Value| Some(Count { objects: value["objects"].as_u64()?, bytes: value["bytes"].as_u64()? });
        Some(Self {
            planned: count(&line["planned"])?,
            warmed: count(&line["warmed"])?,
            fresh: count(&line["fresh"])?,
            over_cap: count(&line["left_out"][Reason::OverCap.as_str()]).unwrap_or_default(),
            warm_ratio: Ratio::deserialize(&line["warm_ratio"]).ok()?,
            groups: groups(&line),
            more_groups: line["more_groups"].as_u64().unwrap_or_default(),
        })
    }
}

/// The checkpoints that a run's line names; none in lines of before there were any.
pub fn groups(line: &Value) -> Vec<GroupField> {
    Vec::deserialize(&line["groups"]).unwrap_or_default()
}

#[cfg(test)]
mod tests;
