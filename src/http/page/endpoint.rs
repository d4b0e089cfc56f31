//! Endpoints: what they are sent, and how much of them is spoken for.

use maud::{Markup, html};

use super::table;
use super::time::until;
use crate::http::text::{count, iec, percent, seconds};
use model::api::{Endpoint, Status};
use model::select::estimate::share;

/// Credentials that end this soon are shown as a warning.
const SOON: chrono::TimeDelta = chrono::TimeDelta::hours(1);

pub(super) fn section(view: &Status) -> Markup {
    let heads =
        ["Endpoint", "Circuit", "In flight", "Bytes in flight", "Committed", "Warmed since the start", "Credentials"];
    html! {
        section aria-labelledby="endpoints-title" {
            h2 #endpoints-title { "Endpoints" }
            @if view.endpoints.is_empty() {
                p.faint { "The configuration has none." }
            } @else {
                (table("endpoints", &heads, &html! { @for endpoint in &view.endpoints { (row(endpoint, view)) } }))
            }
        }
    }
}

fn row(endpoint: &Endpoint, view: &Status) -> Markup {
    let ended = &endpoint.ended;
    html! {
        tr {
            th scope="row" { (endpoint.name) small { (endpoint.cache_url) } }
            td {
                @if endpoint.circuit_open { span.tag.failed { "open" } } @else { span.tag.complete { "closed" } }
                @if let Some(silent) = endpoint.silent_s { small.bad { "nothing served for " (seconds(silent)) } }
            }
            td {
                (endpoint.in_flight) span.faint { " of " (endpoint.limit) " allowed" }
                small { "at most " (endpoint.max_in_flight) }
                small { (endpoint.state) }
                @if endpoint.retries_wait { small.warn { "retries wait" } }
            }
            td { (iec(endpoint.in_flight_bytes)) }
            td { (committed(endpoint)) }
            td {
                (iec(ended.warmed.bytes)) small { (count(ended.warmed.objects)) " objects" }
                @if ended.failed + ended.unknown > 0 {
                    small.bad { (count(ended.failed)) " failed, " (count(ended.unknown)) " unknown" }
                }
            }
            td {
                @if let Some(at) = endpoint.credentials_expiry {
                    span.warn[at - view.now < SOON] { "end " (until(at, view.now)) }
                } @else { span.faint { "do not expire" } }
            }
        }
    }
}

fn committed(endpoint: &Endpoint) -> Markup {
    let (Some(capacity), Some(committed)) = (endpoint.capacity, endpoint.committed) else {
        return html! {
            @if let Some(committed) = endpoint.committed { (iec(committed)) } @else { "unlimited" }
            @if let Some(capacity) = endpoint.capacity {
                span.faint { " of " (iec(capacity)) }
            } @else {
                small { "capacity is not configured" }
            }
        };
    };
    let share = share(committed, capacity).unwrap_or_default();
    html! {
        div.ratio {
            progress.partial[share > 1.0] max="1" value=(share.min(1.0))
                aria-label={ "Committed of " (endpoint.name) } {}
            span { (percent(share)) }
        }
        small { (iec(committed)) " of " (iec(capacity)) }
    }
}
