//! Which path leads where, and what holds for every answer.

use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::header::{
    CACHE_CONTROL, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio::time::timeout;

use super::auth::{Act, Auth};
use super::caller::{Caller, Peer};
use super::refusal::{Refusal, no_such_method, no_such_page};
use super::{api, metrics, page, probe};
use crate::daemon::handle::Handle;

/// A whole answer must be made within this time: a reload may take a minute.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(75);

/// For every answer: state of this instant, and not for other sites.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// What every route may use.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) handle: Handle,
    pub(super) auth: Auth,
}

pub(super) fn router(handle: Handle, auth: Auth) -> Router {
    Router::new()
        .route("/", get(page::show))
        .route("/healthz", get(probe::health))
        .route("/readyz", get(probe::readiness))
        .route("/metrics", get(metrics::show))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/profiles", get(api::profile::all))
        .route("/api/v1/profiles/{name}", get(api::profile::one))
        .route("/api/v1/profiles/{name}/ready", get(api::ready::show))
        .route("/api/v1/profiles/{name}/why", get(api::why::show))
        .route("/api/v1/profiles/{name}/run", post(api::act::run))
        .route("/api/v1/profiles/{name}/pause", post(api::act::pause))
        .route("/api/v1/profiles/{name}/resume", post(api::act::resume))
        .route("/api/v1/runs", get(api::run::all))
        .route("/api/v1/runs/{id}", get(api::run::one))
        .route("/api/v1/runs/{id}/cancel", post(api::act::cancel))
        .route("/-/reload", post(api::act::reload))
        .fallback(no_such_page)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(auth.clone(), frame))
        .with_state(App { handle, auth })
}

/// Holds every answer to its deadline, and gives it the headers of all.
async fn frame(State(auth): State<Auth>, request: Request, next: Next) -> Response {
    let late = |_| Refusal::unavailable("this took too long").into_response();
    let (parts, body) = request.into_parts();
    // What changes something has a rule of its own, which a token opens from anywhere.
    let read = if parts.method == Method::POST { Ok(()) } else { auth.admit_read(&parts) };
    let mut response = match read {
        Ok(()) => timeout(ANSWER_TIMEOUT, next.run(Request::from_parts(parts, body))).await.unwrap_or_else(late),
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Only whoever may start runs gets past it.
pub(super) struct MayRun(pub Caller);

impl FromRequestParts<App> for MayRun {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        admitted(Act::Run, parts, app).await.map(Self)
    }
}

/// Only whoever may change everything gets past it.
pub(super) struct MayChange(pub Caller);

impl FromRequestParts<App> for MayChange {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        admitted(Act::Change, parts, app).await.map(Self)
    }
}

async fn admitted(act: Act, parts: &Parts, app: &App) -> Result<Caller, Refusal> {
    let (by, address, refusal) = match app.auth.caller(parts).await {
        Ok(caller) => match caller.may(act) {
            Ok(()) => return Ok(caller),
            Err(refusal) => (caller.name(), caller.address, refusal),
        },
        Err(refusal) => ("unknown".to_owned(), parts.extensions.get::<Peer>().map(|peer| peer.0), refusal),
    };
    app.audit_refusal(parts.uri.path(), by, address, &refusal).await;
    Err(refusal)
}
