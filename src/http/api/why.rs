//! Why a profile is not warm, and what to do about it.

pub(super) mod causes;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::{Part, named, part, ready};
use crate::http::refusal::Refusal;
use crate::http::route::App;
use causes::causes;
use model::api::{V, Why};

pub(crate) async fn show(State(app): State<App>, name: Part) -> Result<Response, Refusal> {
    let name = part(name)?;
    let view = app.handle.view().await?;
    let profile = named(&view, &name)?;
    let (warm, reason) = ready::by_default(profile, view.now);
    let causes = if warm { Vec::new() } else { causes(&view, profile) };
    Ok(Json(Why { v: V, profile: name, warm, reason, causes, next_due: profile.next_due }).into_response())
}
