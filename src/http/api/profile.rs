//! Profiles, as they are configured and as they stand.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{Part, named, part};
use crate::http::refusal::Refusal;
use crate::http::route::App;
use crate::http::shape::{EndpointShape, ProfileShape, V, endpoints, profiles};

#[derive(Serialize)]
struct All<'a> {
    v: u32,
    profiles: Vec<ProfileShape<'a>>,
    endpoints: Vec<EndpointShape<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    v: u32,
    #[serde(flatten)]
    profile: ProfileShape<'a>,
}

pub(crate) async fn all(State(app): State<App>) -> Result<Response, Refusal> {
    let view = app.handle.view().await?;
    Ok(Json(All { v: V, profiles: profiles(&view), endpoints: endpoints(&view) }).into_response())
}

pub(crate) async fn one(State(app): State<App>, name: Part) -> Result<Response, Refusal> {
    let name = part(name)?;
    let view = app.handle.view().await?;
    let profile = ProfileShape::new(named(&view, &name)?, &view);
    Ok(Json(One { v: V, profile }).into_response())
}
