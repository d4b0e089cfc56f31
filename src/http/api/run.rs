//! Runs: as the journal has them, with the live figures of those in progress laid over.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::{Asked, Part, asked, id, value};
use crate::clock;
use crate::http::refusal::Refusal;
use crate::http::route::App;
use crate::journal::Filter;
use crate::report::Outcome;
use model::api::{ActiveRun, RunAnswer, RunLine, Runs, V};
use model::config::value::duration::Length;

/// How many runs one answer has, unless told otherwise, and at most.
const LIMIT: (usize, usize) = (100, 1_000);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    profile: Option<String>,
    /// A length of time before now, or an instant.
    since: Option<String>,
    limit: Option<String>,
}

pub(crate) async fn all(State(app): State<App>, query: Asked<Which>) -> Result<Response, Refusal> {
    let Which { profile, since, limit } = asked(query)?;
    let since = since.map(|text| instant(&text)).transpose()?;
    let limit = limit.map_or(Ok(LIMIT.0), |text| count(&text))?;
    let view = app.handle.view().await?;
    let recorded = app.handle.runs(Filter { profile: profile.clone(), since }, limit).await?;
    // Of a journal that cannot be written; or older than the last that there is room for, and left out again below.
    let unrecorded = view.runs.iter().filter(|live| {
        recorded.iter().all(|run| run.info.id != live.info.id)
            && profile.as_deref().is_none_or(|profile| *profile == *live.profile)
            && since.is_none_or(|since| live.info.started >= since)
    });
    let mut runs: Vec<_> = unrecorded.filter_map(|live| answer(None, Some(live))).collect();
    runs.extend(recorded.into_iter().filter_map(|run| {
        let live = view.runs.iter().find(|live| live.info.id == run.info.id);
        answer(Some(run), live)
    }));
    // An id begins with the time of the run's start.
    runs.sort_by_key(|run| Reverse(run.line.info.id));
    runs.truncate(limit);
    Ok(Json(Runs { v: V, runs }).into_response())
}

pub(crate) async fn one(State(app): State<App>, run: Part) -> Result<Response, Refusal> {
    let run = id(run)?;
    let view = app.handle.view().await?;
    let live = view.runs.iter().find(|live| live.info.id == run);
    let (recorded, failures) = app.handle.run(run).await?.unzip();
    let answer = answer(recorded, live).ok_or_else(|| Refusal::not_found(format!("there is no run {run}")))?;
    Ok(Json(RunAnswer { failures: Some(failures.unwrap_or_default()), ..answer }).into_response())
}

/// A run as the journal has it, with what is known now laid over while it goes on. Objects are counted as they end; the bytes
/// of what failed are known when the run has ended.
fn answer(recorded: Option<RunLine>, live: Option<&ActiveRun>) -> Option<RunAnswer> {
    // A run that has ended since is as the journal has it.
    let live = live.filter(|_| recorded.as_ref().is_none_or(|run| run.outcome == Outcome::Running));
    let Some(live) = live else { return Some(RunAnswer { line: recorded?, progress: None, failures: None }) };
    let ActiveRun { info, profile, endpoint, fingerprint, progress } = live;
    let mut line = recorded.unwrap_or_else(|| RunLine::begun(profile, endpoint, fingerprint, *info));
    line.info = *info;
    if line.planned.objects == 0 {
        line.planned = progress.planned;
    }
    (line.gone.objects, line.failed.objects, line.unknown.objects) = (progress.gone, progress.failed, progress.unknown);
    Some(RunAnswer { line, progress: Some(progress.clone()), failures: None })
}

fn instant(text: &str) -> Result<DateTime<Utc>, Refusal> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    let length = value::<Length<true>>("since", text)?;
    let ago = TimeDelta::from_std(length).ok().and_then(|length| clock::now().checked_sub_signed(length));
    ago.ok_or_else(|| Refusal::bad("`since`: too long ago"))
}

fn count(text: &str) -> Result<usize, Refusal> {
    let right = text.parse().ok().filter(|count| (1..=LIMIT.1).contains(count));
    right.ok_or_else(|| Refusal::bad(format!("`limit`: a number from 1 to {} is expected", LIMIT.1)))
}
