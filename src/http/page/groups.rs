//! Which checkpoints of a profile were kept hot, and a newest one that could not be.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::safe;
use super::time::between;
use crate::http::text::count;
use crate::report::groups::PassedOver;
use model::api::GroupField;
use model::api::Profile;
use model::select::group::State;

/// Checkpoints of each kind that a profile shows; `hotset runs ID` has more.
const MAX_SHOWN: usize = 5;

/// Of the latest run that knew of any.
pub(super) fn list(profile: &Profile, now: DateTime<Utc>) -> Markup {
    let runs = [&profile.last, &profile.last_complete];
    let Some(run) = runs.into_iter().flatten().find(|run| !run.groups.is_empty()) else { return html! {} };
    let newest: Vec<_> = run.groups.iter().filter(|group| group.state != State::Incomplete).collect();
    let passed_over: Vec<_> = PassedOver::all(&run.groups).collect();
    let unshown = [newest.len(), passed_over.len()].map(|all| all.saturating_sub(MAX_SHOWN) as u64);
    let more = unshown.iter().sum::<u64>() + run.more_groups;
    html! {
        @for group in newest.iter().take(MAX_SHOWN) { small { (one(group, now)) } }
        @for over in passed_over.iter().take(MAX_SHOWN) { small.warn { (safe(&over.to_string())) } }
        @if more > 0 { small { "and " (count(more)) " more" } }
    }
}

fn one(group: &GroupField, now: DateTime<Utc>) -> Markup {
    html! {
        code { (safe(&group.to_string())) }
        @if let Some(newest) = group.last_modified { " " (between(newest, now)) " old" }
        @if group.state == State::OverCap { span.warn { ", does not fit the caps" } }
    }
}
