//! The status page: made here, with nothing from elsewhere. It works without JavaScript; with it, it keeps itself fresh.

mod endpoint;
mod failure;
mod groups;
mod profile;
mod run;
mod state;
mod team;
mod time;

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::route::App;
use crate::daemon::handle::LoopError;
use model::api::Status;
use model::object::Escaped;

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/live.js");

/// Nothing runs and nothing is loaded but what stands in the page, known by its hash.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| BASE64.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

pub(super) async fn show(State(app): State<App>) -> Response {
    let (status, main) = match app.handle.view().await {
        Ok(view) => (StatusCode::OK, main(&view)),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, away(error)),
    };
    let headers = [(CONTENT_SECURITY_POLICY, POLICY.as_str()), (CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, headers, document(&main).into_string()).into_response()
}

fn document(main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-version=(env!("CARGO_PKG_VERSION")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                noscript { meta http-equiv="refresh" content="5"; }
                title { "hotset" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "hotset" }
                    span.faint { (env!("CARGO_PKG_VERSION")) }
                    p #live role="status" {}
                }
                (main)
                footer {
                    a href="/metrics" { "metrics" } " · " a href="/api/v1/status" { "status as JSON" } " · "
                    a href="/api/v1/runs" { "past runs" } " · " a href="/readyz" { "readiness" }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn main(view: &Status) -> Markup {
    html! {
        main {
            (state::notes(view))
            (state::summary(view))
            @if !view.runs.is_empty() { (run::section(view)) }
            (profile::section(view))
            (endpoint::section(view))
            @if !view.teams.is_empty() { (team::section(view)) }
            (failure::section(view))
        }
    }
}

fn away(error: LoopError) -> Markup {
    html! { main { div.note.bad role="alert" { strong { "Nothing is known" } " " (error) "." } } }
}

/// Text from outside, as it may be shown: HTML is escaped by whoever splices it, control characters here.
fn safe(text: &str) -> String {
    Escaped(text).to_string()
}

/// The same of text of several lines.
fn safe_lines(text: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

/// A table that scrolls inside the page where it is too wide for it.
fn table(id: &str, heads: &[&str], rows: &Markup) -> Markup {
    html! {
        div.scroll id=(id) tabindex="0" role="region" aria-labelledby={ (id) "-title" } {
            table {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { (rows) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
