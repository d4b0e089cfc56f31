//! Profiles, as they are configured and as they stand.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::{Part, named, part};
use crate::http::refusal::Refusal;
use crate::http::route::App;
use model::api::{ProfileAnswer, Profiles, Status, V};

pub(crate) async fn all(State(app): State<App>) -> Result<Response, Refusal> {
    let Status { profiles, endpoints, .. } = app.handle.view().await?;
    Ok(Json(Profiles { v: V, profiles, endpoints }).into_response())
}

pub(crate) async fn one(State(app): State<App>, name: Part) -> Result<Response, Refusal> {
    let view = app.handle.view().await?;
    let profile = named(&view, &part(name)?)?.clone();
    Ok(Json(ProfileAnswer { v: V, profile }).into_response())
}
