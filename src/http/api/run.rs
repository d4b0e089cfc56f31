//! Runs: as the journal has them, with the live figures of those in progress laid over.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Asked, Part, asked, id, value};
use crate::clock;
use crate::daemon::view::RunView;
use crate::http::refusal::Refusal;
use crate::http::route::App;
use crate::http::shape::{FailureShape, RunShape};
use crate::journal::{Filter, Recorded};
use crate::report::Outcome;
use crate::report::json::time;
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
    let mut runs: Vec<_> = unrecorded.map(|live| (live.info.id, line(None, Some(live)))).collect();
    runs.extend(recorded.iter().map(|run| {
        let live = view.runs.iter().find(|live| live.info.id == run.info.id);
        (run.info.id, line(Some(run), live))
    }));
    // An id begins with the time of the run's start.
    runs.sort_by_key(|(id, _)| Reverse(*id));
    let runs: Vec<Value> = runs.into_iter().map(|(_, line)| line).take(limit).collect();
    Ok(Json(json!({ "v": 1, "runs": runs })).into_response())
}

pub(crate) async fn one(State(app): State<App>, run: Part) -> Result<Response, Refusal> {
    let run = id(run)?;
    let view = app.handle.view().await?;
    let live = view.runs.iter().find(|live| live.info.id == run);
    let (recorded, failures) = app.handle.run(run).await?.unzip();
    if live.is_none() && recorded.is_none() {
        return Err(Refusal::not_found(format!("there is no run {run}")));
    }
    let mut line = line(recorded.as_ref(), live);
    let failures = failures.unwrap_or_default();
    line["failures"] = json!(failures.iter().map(FailureShape::from).collect::<Vec<_>>());
    Ok(Json(line).into_response())
}

/// The line of the contract. While the run goes on it has what is known now, and `progress` beside it.
fn line(recorded: Option<&Recorded>, live: Option<&RunView>) -> Value {
    let mut line = match recorded.map(|run| serde_json::from_str(&run.line)) {
        Some(Ok(Value::Object(line))) => line,
        _ => Map::new(),
    };
    // A run that has ended since is as the journal has it.
    let live = live.filter(|_| recorded.is_none_or(|run| run.outcome == Outcome::Running));
    if let Some(live) = live {
        lay_over(&mut line, live, recorded);
    } else if let Some(run) = recorded.filter(|_| line.is_empty()) {
        line.extend(outline(run));
    }
    Value::Object(line)
}

/// Objects are counted as they end; the bytes of what failed are known when the run has ended.
fn lay_over(line: &mut Map<String, Value>, live: &RunView, recorded: Option<&Recorded>) {
    let nothing = || json!({ "objects": 0, "bytes": 0 });
    for field in ["matched", "planned", "warmed", "fresh", "gone", "failed", "unknown"] {
        line.entry(field).or_insert_with(nothing);
    }
    for (field, none) in [
        ("groups", json!([])),
        ("more_groups", json!(0)),
        ("left_out", json!({})),
        ("warm_ratio", json!({ "objects": 0.0, "bytes": 0.0 })),
        ("errors", json!([])),
    ] {
        line.entry(field).or_insert(none);
    }
    if let Ok(Value::Object(fields)) = serde_json::to_value(RunShape::from(live)) {
        line.extend(fields);
    }
    for (field, objects) in [("gone", live.gone), ("failed", live.failed), ("unknown", live.unknown)] {
        line[field]["objects"] = objects.into();
    }
    if let Some(run) = recorded {
        line.insert("warmed".to_owned(), json!(run.warmed));
    }
    if line["planned"]["objects"] == 0 {
        line.insert("planned".to_owned(), json!(live.planned));
    }
    line.extend([
        ("v".to_owned(), 1.into()),
        ("ended".to_owned(), Value::Null),
        ("outcome".to_owned(), Outcome::Running.as_str().into()),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").into()),
    ]);
    line.entry("reason").or_insert(Value::Null);
}

/// Of a run whose line cannot be read: what the journal knows beside it.
fn outline(run: &Recorded) -> [(String, Value); 9] {
    [
        ("v", 1.into()),
        ("profile", run.profile.as_str().into()),
        ("endpoint", run.endpoint.as_str().into()),
        ("run", run.info.id.to_string().into()),
        ("trigger", run.info.trigger.as_str().into()),
        ("started", time(run.info.started).into()),
        ("ended", run.ended.map(time).into()),
        ("outcome", run.outcome.as_str().into()),
        ("reason", run.reason.as_deref().into()),
    ]
    .map(|(name, value): (&str, Value)| (name.to_owned(), value))
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
