//! Which checkpoints of a profile were warmed, and a newest one that could not be.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::safe;
use super::time::between;
use crate::daemon::view::ProfileView;
use crate::report::groups::{GroupField, PassedOver};
use crate::select::group::State;

/// Of a profile; `hotset runs ID` has more.
const MOST: usize = 5;

/// Of the latest run that knew of any.
pub(super) fn list(profile: &ProfileView, now: DateTime<Utc>) -> Markup {
    let runs = [&profile.last, &profile.last_complete];
    let Some(run) = runs.into_iter().flatten().find(|run| !run.groups.is_empty()) else { return html! {} };
    let chosen: Vec<_> = run.groups.iter().filter(|group| group.state == State::Chosen).collect();
    let passed_over: Vec<_> = PassedOver::all(&run.groups).collect();
    html! {
        @for group in chosen.iter().take(MOST) { small { (one(group, now)) } }
        (more(chosen.len(), "checkpoints"))
        @for over in passed_over.iter().take(MOST) { small.warn { (safe(&over.to_string())) } }
        (more(passed_over.len(), "that are not complete"))
    }
}

fn one(group: &GroupField, now: DateTime<Utc>) -> Markup {
    html! {
        code { (safe(&group.to_string())) }
        @if let Some(newest) = group.newest() { " " (between(newest, now)) " old" }
    }
}

fn more(all: usize, what: &str) -> Markup {
    html! { @if all > MOST { small { "and " (all - MOST) " more " (what) } } }
}
