//! Whether a profile is warm enough to start a job on.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::why::causes::pause_text;
use super::{Asked, Part, asked, named, part, value};
use crate::daemon::view::{EndedView, ProfileView};
use crate::http::refusal::Refusal;
use crate::http::route::App;
use crate::http::shape::V;
use crate::http::text::{length, percent};
use crate::journal::{Filter, Recorded};
use crate::report::json::time;
use crate::report::{Outcome, Ratio};
use model::config::value::duration::Length;
use model::config::value::percent::Percent;

const SET_BACK: &str = "the clock was set back: the runs that are known ended after now";
const NONE_ENDED: &str = "no run of this configuration has ended";

/// How far back in the journal a run is looked for that reaches `min_warm` without being the latest.
const LOOK_BACK: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    /// How long ago the run may have ended; `rewarm_after` of the profile without it.
    within: Option<String>,
    /// Instead of `complete`.
    min_warm: Option<String>,
}

/// An ended run of the configuration in force.
#[derive(Clone)]
struct Candidate {
    run: String,
    ended: DateTime<Utc>,
    outcome: Outcome,
    reason: Option<String>,
    warm_ratio: Ratio,
}

#[derive(Serialize)]
struct Answer {
    v: u32,
    profile: String,
    ready: bool,
    reason: String,
    /// The run that it rests on, else the latest.
    run: Option<String>,
    ended: Option<String>,
    warm_ratio: Option<Ratio>,
    /// The run in progress.
    running: Option<String>,
}

pub(crate) async fn show(State(app): State<App>, name: Part, query: Asked<Terms>) -> Result<Response, Refusal> {
    let name = part(name)?;
    let terms = asked(query)?;
    let within = terms.within.map(|text| value::<Length<false>>("within", &text)).transpose()?;
    let least = terms.min_warm.map(|text| value::<Percent>("min_warm", &text)).transpose()?;
    let view = app.handle.view().await?;
    let profile = named(&view, &name)?;
    let mut runs = known(profile);
    let reaches =
        |run: &Candidate| least.map_or(run.outcome == Outcome::Complete, |least| run.warm_ratio.reaches(least));
    if least.is_some() && !runs.iter().any(reaches) {
        let filter = Filter { profile: Some(name), since: None };
        let recorded = app.handle.runs(filter, LOOK_BACK).await?;
        runs.extend(recorded.iter().filter_map(|run| candidate(run, &profile.fingerprint)));
    }
    // How long ago a run ended by a clock that was ahead, nobody knows: as in the ledger it counts for nothing.
    let (past, ahead): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| run.ended <= view.now);
    let good = past.iter().filter(|run| reaches(run)).max_by_key(|run| run.ended);
    let latest = past.iter().max_by_key(|run| run.ended);
    let within = within.unwrap_or(profile.rewarm_after);
    let age = |run: &Candidate| (view.now - run.ended).to_std().unwrap_or_default();
    let ready = good.is_some_and(|run| age(run) <= within);
    let reason = match (good, latest) {
        (Some(good), _) => judge(good, age(good), within),
        (None, Some(latest)) => fault(latest, least),
        (None, None) if !ahead.is_empty() => SET_BACK.to_owned(),
        (None, None) => NONE_ENDED.to_owned(),
    };
    let reason = if ready { reason } else { reason + &outlook(profile, view.now) };
    let shown = good.or(latest);
    let answer = Answer {
        v: V,
        profile: profile.name.to_string(),
        ready,
        reason,
        run: shown.map(|run| run.run.clone()),
        ended: shown.map(|run| time(run.ended)),
        warm_ratio: shown.map(|run| run.warm_ratio),
        running: profile.running.map(|run| run.to_string()),
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(answer)).into_response())
}

/// When that may change, where no run is in progress.
fn outlook(profile: &ProfileView, now: DateTime<Utc>) -> String {
    match (&profile.paused, profile.next_due) {
        _ if profile.running.is_some() || profile.waiting.is_some() => String::new(),
        (Some(pause), _) => format!("; {}", pause_text(pause)),
        (None, Some(due)) => format!("; the next run is due in {}", length((due - now).to_std().unwrap_or_default())),
        (None, None) => "; no run is due".to_owned(),
    }
}

/// Whether it is ready by the terms of its own configuration, and the reason in words.
pub(super) fn by_default(profile: &ProfileView, now: DateTime<Utc>) -> (bool, String) {
    let runs = known(profile);
    let past = || runs.iter().filter(|run| run.ended <= now);
    let good = past().filter(|run| run.outcome == Outcome::Complete).max_by_key(|run| run.ended);
    let age = good.map(|run| (now - run.ended).to_std().unwrap_or_default());
    match (good.zip(age), past().max_by_key(|run| run.ended)) {
        (Some((good, age)), _) => (age <= profile.rewarm_after, judge(good, age, profile.rewarm_after)),
        (None, Some(latest)) => (false, fault(latest, None)),
        (None, None) if !runs.is_empty() => (false, SET_BACK.to_owned()),
        (None, None) => (false, NONE_ENDED.to_owned()),
    }
}

fn known(profile: &ProfileView) -> Vec<Candidate> {
    let ended = [&profile.last, &profile.last_complete].into_iter().flatten();
    ended.filter(|run| run.fingerprint == profile.fingerprint).map(Candidate::from).collect()
}

impl From<&EndedView> for Candidate {
    fn from(run: &EndedView) -> Self {
        Self {
            run: run.info.id.to_string(),
            ended: run.ended,
            outcome: run.outcome,
            reason: run.reason.clone(),
            warm_ratio: run.warm_ratio,
        }
    }
}

fn candidate(run: &Recorded, fingerprint: &str) -> Option<Candidate> {
    let line: Value = serde_json::from_str(&run.line).ok()?;
    if line["fingerprint"] != fingerprint || matches!(run.outcome, Outcome::Running | Outcome::Skipped) {
        return None;
    }
    Some(Candidate {
        run: run.info.id.to_string(),
        ended: run.ended?,
        outcome: run.outcome,
        reason: run.reason.clone(),
        warm_ratio: Ratio::deserialize(&line["warm_ratio"]).ok()?,
    })
}

fn judge(good: &Candidate, age: Duration, within: Duration) -> String {
    let (outcome, age_text, within_text) = (good.outcome, length(age), length(within));
    if age <= within {
        format!("its run ended {outcome} {age_text} ago")
    } else {
        format!("its run ended {outcome} {age_text} ago, which is more than {within_text}")
    }
}

fn fault(latest: &Candidate, least: Option<f64>) -> String {
    let why = latest.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    match least {
        Some(least) => {
            let ratio = latest.warm_ratio.lower();
            format!("{} of what is wanted is warm after the latest run, less than {}", percent(ratio), percent(least))
        }
        None => format!("the latest run ended {}{why}", latest.outcome),
    }
}
