//! What scripts read and tell.

pub(super) mod act;
pub(super) mod profile;
pub(super) mod ready;
pub(super) mod run;
pub(super) mod why;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ulid::Ulid;

use super::refusal::Refusal;
use super::route::App;
use crate::daemon::handle::CommandError;
use model::api::{Profile, Status};
use model::config::value::Kind;

/// A part of the path, or why it cannot be read.
type Part = Result<Path<String>, PathRejection>;
/// The query, or why it cannot be read.
type Asked<T> = Result<Query<T>, QueryRejection>;

/// Everything: what `hotset status` shows.
pub(super) async fn status(State(app): State<App>) -> Result<Response, Refusal> {
    Ok(Json(app.handle.view().await?).into_response())
}

fn part(part: Part) -> Result<String, Refusal> {
    part.map(|Path(text)| text).map_err(|error| Refusal::bad(error.body_text()))
}

fn asked<T>(query: Asked<T>) -> Result<T, Refusal> {
    query.map(|Query(query)| query).map_err(|error| Refusal::bad(error.body_text()))
}

/// A run's id; what is none names no run.
fn id(text: Part) -> Result<Ulid, Refusal> {
    let text = part(text)?;
    Ulid::from_string(&text).map_err(|_| Refusal::not_found(format!("`{text}` is not the id of a run")))
}

fn value<K: Kind>(name: &str, text: &str) -> Result<K::Value, Refusal> {
    K::parse(text).map_err(|error| {
        let help = error.help.as_ref().map_or_else(|| format!("for instance `{}`", K::EXAMPLE), Clone::clone);
        Refusal::bad(format!("`{name}`: {error}; {help}"))
    })
}

fn named<'a>(view: &'a Status, name: &str) -> Result<&'a Profile, Refusal> {
    let found = view.profiles.iter().find(|profile| &*profile.name == name);
    found.ok_or_else(|| {
        let names = view.profiles.iter().map(|profile| &*profile.name);
        CommandError::no_profile(name, names).beside_files(view.reload.error.is_some()).into()
    })
}
