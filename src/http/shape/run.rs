//! Runs, in progress and ended, and what failed in them.

use serde::Serialize;

use crate::daemon::view::{EndedView, FailureView, RunView};
use crate::report::groups::GroupField;
use crate::report::json::{Place, time};
use crate::report::{Failure, Outcome, Ratio, StopReason, Trigger};
use model::object::{Bucket, Count, Key};

/// A run in progress.
#[derive(Debug, Serialize)]
pub(crate) struct RunShape<'a> {
    run: String,
    profile: &'a str,
    endpoint: &'a str,
    fingerprint: &'a str,
    trigger: Trigger,
    due: Option<String>,
    missed: u64,
    resumes: u64,
    started: String,
    progress: ProgressShape,
}

impl<'a> From<&'a RunView> for RunShape<'a> {
    fn from(run: &'a RunView) -> Self {
        Self {
            run: run.info.id.to_string(),
            profile: &run.profile,
            endpoint: &run.endpoint,
            fingerprint: &run.fingerprint,
            trigger: run.info.trigger,
            due: run.info.due.map(time),
            missed: run.info.missed,
            resumes: run.info.resumes,
            started: time(run.info.started),
            progress: run.into(),
        }
    }
}

/// Live figures. `planned` is to be warmed, without what is fresh.
#[derive(Debug, Serialize)]
pub(crate) struct ProgressShape {
    deadline: String,
    /// Why it is being stopped.
    stopping: Option<&'static str>,
    list_requests: u64,
    listed: u64,
    listed_share: Option<f64>,
    planned: Count,
    ended: Count,
    in_flight: u64,
    failed: u64,
    unknown: u64,
    gone: u64,
    silent_s: Option<f64>,
    trouble: Option<String>,
}

impl From<&RunView> for ProgressShape {
    fn from(run: &RunView) -> Self {
        Self {
            deadline: time(run.deadline),
            stopping: run.stopping.map(StopReason::as_str),
            list_requests: run.list_requests,
            listed: run.listed,
            listed_share: run.listed_share,
            planned: run.planned,
            ended: run.ended,
            in_flight: run.in_flight,
            failed: run.failed,
            unknown: run.unknown,
            gone: run.gone,
            silent_s: run.silent.map(|silent| silent.as_secs_f64()),
            trouble: run.trouble.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct EndedShape<'a> {
    run: String,
    fingerprint: &'a str,
    trigger: Trigger,
    due: Option<String>,
    started: String,
    ended: String,
    outcome: Outcome,
    reason: Option<&'a str>,
    planned: Count,
    warmed: Count,
    fresh: Count,
    over_cap: Count,
    warm_ratio: Ratio,
    groups: &'a [GroupField],
    more_groups: u64,
}

impl<'a> From<&'a EndedView> for EndedShape<'a> {
    fn from(run: &'a EndedView) -> Self {
        Self {
            run: run.info.id.to_string(),
            fingerprint: &run.fingerprint,
            trigger: run.info.trigger,
            due: run.info.due.map(time),
            started: time(run.info.started),
            ended: time(run.ended),
            outcome: run.outcome,
            reason: run.reason.as_deref(),
            planned: run.planned,
            warmed: run.warmed,
            fresh: run.fresh,
            over_cap: run.over_cap,
            warm_ratio: run.warm_ratio,
            groups: &run.groups,
            more_groups: run.more_groups,
        }
    }
}

/// One object that was not warmed; which run it was is left out where that is said beside it.
#[derive(Debug, Serialize)]
pub(crate) struct FailureShape<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    class: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
    message: &'a str,
}

impl<'a> FailureShape<'a> {
    fn new(class: &'a str, object: (&'a Bucket, &'a Key), message: &'a str) -> Self {
        Self { run: None, profile: None, at: None, class, place: Place::new(object.0, object.1), message }
    }
}

impl<'a> From<&'a FailureView> for FailureShape<'a> {
    fn from(failure: &'a FailureView) -> Self {
        Self {
            run: Some(failure.run.to_string()),
            profile: Some(&failure.profile),
            at: Some(time(failure.at)),
            ..Self::new(&failure.class, (&failure.bucket, &failure.key), &failure.message)
        }
    }
}

impl<'a> From<&'a Failure> for FailureShape<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self::new(&failure.class, (&failure.bucket, &failure.key), &failure.message)
    }
}
