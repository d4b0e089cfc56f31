//! Instants and lengths of time on the page.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use crate::http::text::length;
use model::api::time::text as instant;
use model::schedule::Zone;

fn span(length: TimeDelta) -> Duration {
    length.to_std().unwrap_or_default()
}

/// How long something took or has been going on.
pub(super) fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    length(span(to - from))
}

/// `2h 5m ago`, with the instant for whoever points at it.
pub(super) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! { time datetime=(instant(at)) title=(instant(at)) { (length(span(now - at))) " ago" } }
}

/// `in 2h 5m`; what should have been is `now`.
pub(super) fn until(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let left = span(at - now);
    html! {
        time datetime=(instant(at)) title=(instant(at)) {
            @if left.is_zero() { "now" } @else { "in " (length(left)) }
        }
    }
}

/// `Tue 10 Mar 01:30 EDT`
pub(super) fn local(at: DateTime<Utc>, zone: &Zone) -> String {
    at.with_timezone(zone).format("%a %-d %b %H:%M %Z").to_string()
}
