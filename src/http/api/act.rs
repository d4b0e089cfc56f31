//! What the daemon may be told. Who may is decided before anything of the body is read.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;

use super::{Part, id, part, value};
use crate::clock;
use crate::daemon::handle::{CommandError, Reloaded};
use crate::http::body::read;
use crate::http::refusal::Refusal;
use crate::http::route::{App, MayChange, MayRun};
use model::api::{self, Cancelled, NoBody, PauseBody, Paused, Refused, Resumed, RunBody, Started, V};
use model::config::value::duration::Length;

pub(crate) async fn run(
    State(app): State<App>,
    MayRun(caller): MayRun,
    name: Part,
    body: Body,
) -> Result<Response, Refusal> {
    let name = part(name)?;
    let RunBody { rewarm } = read(body).await?;
    let started = app.handle.start(&name, rewarm, caller.team.clone()).await;
    app.audit(&caller, ("run", &name), &started).await;
    let started = started?;
    let body = Started { joined: started.joined, run: started.run, v: V };
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

pub(crate) async fn pause(
    State(app): State<App>,
    MayChange(caller): MayChange,
    name: Part,
    body: Body,
) -> Result<Response, Refusal> {
    let name = part(name)?;
    let PauseBody { r#for } = read(body).await?;
    let length = r#for.map(|text| value::<Length<false>>("for", &text)).transpose()?;
    let until = length.and_then(|length| clock::now().checked_add_signed(TimeDelta::from_std(length).ok()?));
    let paused = app.handle.pause(&name, until).await;
    app.audit(&caller, ("pause", &name), &paused).await;
    paused?;
    Ok(Json(Paused { paused: true, profile: name, until, v: V }).into_response())
}

pub(crate) async fn resume(
    State(app): State<App>,
    MayChange(caller): MayChange,
    name: Part,
    body: Body,
) -> Result<Response, Refusal> {
    let name = part(name)?;
    let NoBody {} = read(body).await?;
    let resumed = app.handle.resume(&name).await;
    app.audit(&caller, ("resume", &name), &resumed).await;
    resumed?;
    Ok(Json(Resumed { paused: false, profile: name, v: V }).into_response())
}

pub(crate) async fn cancel(
    State(app): State<App>,
    MayChange(caller): MayChange,
    run: Part,
    body: Body,
) -> Result<Response, Refusal> {
    let run = id(run)?;
    let NoBody {} = read(body).await?;
    let cancelled = app.handle.cancel(run).await;
    app.audit(&caller, ("cancel", &run.to_string()), &cancelled).await;
    cancelled?;
    let body = Cancelled { cancelled: true, run, v: V };
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

pub(crate) async fn reload(
    State(app): State<App>,
    MayChange(caller): MayChange,
    body: Body,
) -> Result<Response, Refusal> {
    let NoBody {} = read(body).await?;
    let reloaded = app.handle.reload().await.map_err(CommandError::from);
    let came = match &reloaded {
        Ok(Reloaded { error: Some(_), .. }) => Err(CommandError::BadFiles),
        Ok(_) => Ok(()),
        Err(error) => Err(error.clone()),
    };
    app.audit(&caller, ("reload", ""), &came).await;
    let reloaded = reloaded?;
    if let Some(error) = reloaded.error {
        let body = Refused { error, ok: Some(false), v: V };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response());
    }
    let names = |names: &[std::sync::Arc<str>]| names.iter().map(ToString::to_string).collect();
    let (added, changed, removed) = (names(&reloaded.added), names(&reloaded.changed), names(&reloaded.removed));
    let body = api::Reloaded { added, changed, ok: true, removed, v: V };
    Ok(Json(body).into_response())
}
