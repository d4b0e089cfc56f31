//! Whether a profile is warm enough to start a job on.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::why::causes::pause_text;
use super::{Asked, Part, asked, named, part, value};
use crate::http::refusal::Refusal;
use crate::http::route::App;
use crate::http::text::{length, percent};
use crate::journal::Filter;
use crate::report::Outcome;
use model::api::{EndedRun, Profile, Ready, RunLine, V};
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

/// What the runs of a profile's configuration say.
struct Judged {
    ready: bool,
    reason: String,
    /// The run that it rests on, else the latest.
    run: Option<EndedRun>,
}

pub(crate) async fn show(State(app): State<App>, name: Part, query: Asked<Terms>) -> Result<Response, Refusal> {
    let name = part(name)?;
    let terms = asked(query)?;
    let within = terms.within.map(|text| value::<Length<false>>("within", &text)).transpose()?;
    let least = terms.min_warm.map(|text| value::<Percent>("min_warm", &text)).transpose()?;
    let view = app.handle.view().await?;
    let profile = named(&view, &name)?;
    let mut runs = known(profile);
    if least.is_some() && !runs.iter().any(|run| reaches(run, least)) {
        let filter = Filter { profile: Some(name.clone()), since: None };
        let recorded = app.handle.runs(filter, LOOK_BACK).await?.into_iter();
        let same = |run: &RunLine| run.fingerprint == profile.fingerprint && run.outcome != Outcome::Skipped;
        runs.extend(recorded.filter(same).filter_map(EndedRun::of));
    }
    let Judged { ready, reason, run } = judge(runs, least, within.unwrap_or(profile.rewarm_after()), view.now);
    let reason = if ready { reason } else { reason + &outlook(profile, view.now) };
    let answer = Ready {
        v: V,
        profile: name,
        ready,
        reason,
        run: run.as_ref().map(|run| run.info.id),
        ended: run.as_ref().map(|run| run.ended),
        warm_ratio: run.map(|run| run.warm_ratio),
        running: profile.running.as_ref().map(|run| run.info.id),
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(answer)).into_response())
}

/// When that may change, where no run is in progress.
fn outlook(profile: &Profile, now: DateTime<Utc>) -> String {
    match (&profile.paused, profile.next_due) {
        _ if profile.running.is_some() || profile.waiting.is_some() => String::new(),
        (Some(pause), _) => format!("; {}", pause_text(pause)),
        (None, Some(due)) => format!("; the next run is due in {}", length((due - now).to_std().unwrap_or_default())),
        (None, None) => "; no run is due".to_owned(),
    }
}

/// Whether it is ready by the terms of its own configuration, and the reason in words.
pub(super) fn by_default(profile: &Profile, now: DateTime<Utc>) -> (bool, String) {
    let judged = judge(known(profile), None, profile.rewarm_after(), now);
    (judged.ready, judged.reason)
}

/// The ended runs of the configuration in force that need no look into the journal.
fn known(profile: &Profile) -> Vec<EndedRun> {
    let ended = [&profile.last, &profile.last_complete].into_iter().flatten();
    ended.filter(|run| run.fingerprint == profile.fingerprint).cloned().collect()
}

fn reaches(run: &EndedRun, least: Option<f64>) -> bool {
    least.map_or(run.outcome == Outcome::Complete, |least| run.warm_ratio.reaches(least))
}

fn judge(runs: Vec<EndedRun>, least: Option<f64>, within: Duration, now: DateTime<Utc>) -> Judged {
    // How long ago a run ended by a clock that was ahead, nobody knows: as in the ledger it counts for nothing.
    let (past, ahead): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| run.ended <= now);
    let good = past.iter().filter(|run| reaches(run, least)).max_by_key(|run| run.ended);
    let latest = past.iter().max_by_key(|run| run.ended);
    let age = good.map(|run| (now - run.ended).to_std().unwrap_or_default());
    let reason = match (good.zip(age), latest) {
        (Some((good, age)), _) => {
            let late = if age > within { format!(", which is more than {}", length(within)) } else { String::new() };
            format!("its run ended {} {} ago{late}", good.outcome, length(age))
        }
        (None, Some(latest)) => fault(latest, least),
        (None, None) if !ahead.is_empty() => SET_BACK.to_owned(),
        (None, None) => NONE_ENDED.to_owned(),
    };
    Judged { ready: age.is_some_and(|age| age <= within), reason, run: good.or(latest).cloned() }
}

fn fault(latest: &EndedRun, least: Option<f64>) -> String {
    let why = latest.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    match least {
        Some(least) => {
            let ratio = latest.warm_ratio.lower();
            format!("{} of what is wanted is warm after the latest run, less than {}", percent(ratio), percent(least))
        }
        None => format!("the latest run ended {}{why}", latest.outcome),
    }
}
