//! Why a profile is not warm, and what to do about it.

pub(super) mod causes;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{Part, named, part, ready};
use crate::http::refusal::Refusal;
use crate::http::route::App;
use crate::http::shape::V;
use crate::report::json::time;
use causes::{Cause, causes};

#[derive(Serialize)]
struct Answer {
    v: u32,
    profile: String,
    /// By the terms of its configuration, as `/ready` has it.
    warm: bool,
    reason: String,
    /// What has to be looked at first comes first; none of a profile that is warm.
    causes: Vec<Cause>,
    next_due: Option<String>,
}

pub(crate) async fn show(State(app): State<App>, name: Part) -> Result<Response, Refusal> {
    let name = part(name)?;
    let view = app.handle.view().await?;
    let profile = named(&view, &name)?;
    let (warm, reason) = ready::by_default(profile, view.now);
    let causes = if warm { Vec::new() } else { causes(&view, profile) };
    let next_due = profile.next_due.map(time);
    Ok(Json(Answer { v: V, profile: name, warm, reason, causes, next_due }).into_response())
}
