//! What kubelets and balancers ask.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::refusal::Refusal;
use super::route::App;
use crate::daemon::handle::LoopError;
use model::api::{Health, Readiness, Status, V};

/// The loop must answer a probe within this time: kubelets give up after a second or two.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

async fn view(app: &App) -> Result<Status, LoopError> {
    timeout(PROBE_TIMEOUT, app.handle.view()).await.unwrap_or(Err(LoopError::Late))
}

/// Whether the loop answers.
pub(super) async fn health(State(app): State<App>) -> Result<impl IntoResponse, Refusal> {
    view(&app).await?;
    Ok(Json(Health { ok: true, v: V }))
}

/// Whether a configuration is in force, be it the last good one, and the daemon goes on.
pub(super) async fn readiness(State(app): State<App>) -> Result<Response, Refusal> {
    let view = view(&app).await?;
    let reload = &view.reload;
    let in_force = reload.succeeded.is_some() || reload.last_good;
    let state = match &reload.error {
        _ if view.stopping => "the daemon is stopping",
        _ if !in_force => "no configuration is in force",
        Some(_) if reload.last_good => "the files are bad; the last good configuration from the journal is in force",
        Some(_) => "the last reload was refused; the configuration before it is in force",
        None => "the configuration of the files is in force",
    };
    let ready = in_force && !view.stopping;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Readiness { error: reload.error.clone(), ready, state: state.to_owned(), v: V };
    Ok((status, Json(body)).into_response())
}
