//! Profiles: how warm, why not, and when again.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::time::{ago, between, local, until};
use super::{groups, safe, table};
use crate::http::text::{iec, percent};
use crate::report::Outcome;
use model::api::{EndedRun, Pause, Profile, Status};

pub(super) fn section(view: &Status) -> Markup {
    let heads = ["Profile", "State", "Last run", "Warm", "Schedule", "Last fire", "Next fire"];
    html! {
        section aria-labelledby="profiles-title" {
            h2 #profiles-title { "Profiles" }
            @if view.profiles.is_empty() {
                p.faint { "The configuration has none." }
            } @else {
                (table("profiles", &heads, &html! { @for profile in &view.profiles { (row(profile, view.now)) } }))
            }
        }
    }
}

fn row(profile: &Profile, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            th scope="row" {
                (profile.name)
                small {
                    (profile.endpoint) ", "
                    @if let Some(most) = profile.max_bytes { "up to " (iec(most)) } @else { "unlimited" }
                }
                @if let Some(team) = &profile.team { small { "team " (team) } }
                @if profile.priority != 0 { small { "priority " (profile.priority) } }
            }
            td.state { (state(profile, now)) }
            td.wide { (last_run(profile, now)) }
            td { @if let Some(run) = &profile.last { (warm(run, profile)) } @else { (nothing()) } }
            td { (schedule(profile)) }
            td { (fire(profile.last_due.map(|at| ago(at, now)), profile.last_due, profile)) }
            td { (fire(profile.next_due.map(|at| until(at, now)), profile.next_due, profile)) }
        }
    }
}

fn nothing() -> Markup {
    html! { span.faint { "–" } }
}

fn state(profile: &Profile, now: DateTime<Utc>) -> Markup {
    html! {
        @if profile.running.is_some() { span.tag.running { "running" } " " }
        @if let Some(pause) = &profile.paused { (paused(pause, now)) }
        @if let Some(run) = &profile.last {
            span.tag.(run.outcome.as_str()) { (run.outcome) }
        } @else if profile.running.is_none() {
            span.tag { "never run" }
        }
        @if let Some(waiting) = &profile.waiting { small { "waits (" (waiting.trigger) "): " (safe(&waiting.why)) } }
    }
}

fn paused(pause: &Pause, now: DateTime<Utc>) -> Markup {
    html! {
        span.tag.paused { "paused" } " "
        @if let Some(at) = pause.until { small { "resumes " (until(at, now)) } }
        @if pause.by_configuration { small { "by the configuration" } }
    }
}

fn last_run(profile: &Profile, now: DateTime<Utc>) -> Markup {
    let Some(run) = &profile.last else { return nothing() };
    html! {
        (ago(run.ended, now)) span.faint { ", took " (between(run.info.started, run.ended)) ", by " (run.info.trigger) }
        @if let Some(reason) = &run.reason { small { (safe(reason)) } }
        @if run.fingerprint != profile.fingerprint { small.warn { "of an earlier configuration" } }
        (groups::list(profile, now))
    }
}

fn warm(run: &EndedRun, profile: &Profile) -> Markup {
    let ratio = run.warm_ratio.lower();
    html! {
        div.ratio {
            progress.(run.outcome.as_str()) max="1" value=(ratio) aria-label={ "Warm of " (profile.name) } {}
            span { (percent(ratio)) }
        }
        small { (iec(run.warmed.bytes + run.fresh.bytes)) " warm" }
        @if run.over_cap.objects > 0 {
            small.warn[run.outcome != Outcome::Complete] { (iec(run.over_cap.bytes)) " over the cap" }
        }
    }
}

fn schedule(profile: &Profile) -> Markup {
    html! {
        @for schedule in &profile.schedules { code { (safe(schedule)) } br; }
        @if profile.schedules.is_empty() { span.faint { "by hand" } } @else { small { (profile.zone) } }
        @if let Some(window) = &profile.window { small { "within " (safe(window)) } }
    }
}

fn fire(distance: Option<Markup>, at: Option<DateTime<Utc>>, profile: &Profile) -> Markup {
    let (Some(distance), Some(at)) = (distance, at) else { return nothing() };
    html! { (distance) @if let Some(zone) = &profile.zone_rules { small { (local(at, zone)) } } }
}
