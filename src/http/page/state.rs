//! What concerns the daemon as a whole: what is wrong with it, and how things stand.

use maud::{Markup, html};

use super::time::{ago, between, until};
use super::{safe, safe_lines};
use crate::http::text::times;
use crate::report::Outcome;
use model::api::time;
use model::api::{Reload, ReloadedBy, Status};

/// What somebody should see to, the worst first.
pub(super) fn notes(view: &Status) -> Markup {
    html! {
        @if view.stopping {
            div.note.warn role="alert" { strong { "Stopping" } " What is in flight ends; nothing new is sent." }
        }
        @if let Some(error) = &view.reload.error { (refused(&view.reload, error, view)) }
        @if let Some(error) = &view.journal.error {
            div.note.bad role="alert" {
                strong { "The journal cannot be written" } " " (safe(error))
                ". What happens meanwhile is kept in memory, within bounds."
            }
        }
        @if view.heartbeat_fallbacks > 0 {
            div.note.warn {
                strong { "The heartbeat stalled " (times(view.heartbeat_fallbacks)) }
                " The fallback woke the loop instead. The machine may be short of CPU, or its clock was set."
            }
        }
        @if !view.reload.warnings.is_empty() {
            details.note.warn #warnings {
                summary { strong { "Warnings of the configuration" } " " (view.reload.warnings.len()) }
                ul { @for warning in &view.reload.warnings { li { (safe_lines(warning)) } } }
            }
        }
    }
}

fn refused(reload: &Reload, error: &str, view: &Status) -> Markup {
    html! {
        div.note.bad role="alert" {
            strong { "The configuration was refused " (occasion(reload.by)) ", " (ago(reload.at, view.now)) } " "
            @if reload.last_good {
                "The last good configuration, kept in the journal, is in force"
            } @else if reload.succeeded.is_some() {
                "The last good configuration is in force"
            } @else {
                "No configuration is in force"
            }
            @if let Some(since) = reload.succeeded { ", taken " (ago(since, view.now)) }
            "."
            pre tabindex="0" #reload-error { (safe_lines(error)) }
        }
    }
}

fn occasion(by: ReloadedBy) -> &'static str {
    match by {
        ReloadedBy::Start => "at the start",
        ReloadedBy::Sighup => "at a SIGHUP",
        ReloadedBy::Api => "at a reload over the API",
        ReloadedBy::Watch => "when the files changed",
    }
}

pub(super) fn summary(view: &Status) -> Markup {
    let warm = view.profiles.iter().filter(|profile| {
        profile
            .last
            .as_ref()
            .is_some_and(|run| run.outcome == Outcome::Complete && run.fingerprint == profile.fingerprint)
    });
    let next = view.profiles.iter().filter_map(|profile| Some((profile.next_due?, &profile.name))).min();
    html! {
        dl.summary {
            div { dt { "Last run complete" } dd {
                (warm.count()) span.faint { " of " (view.profiles.len()) " profiles" }
            } }
            div { dt { "In progress" } dd {
                (view.runs.len()) span.faint { @if view.runs.len() == 1 { " run" } @else { " runs" } }
            } }
            div { dt { "Next fire" } dd {
                @if let Some((at, name)) = next { (until(at, view.now)) span.faint { " " (name) } } @else { "none" }
            } }
            div { dt { "Configuration" } dd {
                @match view.reload.succeeded {
                    Some(at) => { "taken " (ago(at, view.now)) }
                    None => "none in force",
                }
                @if view.reload.error.is_some() { span.faint { " the files are bad" } }
            } }
            div { dt { "Up" } dd {
                (between(view.started, view.now))
                span.faint { " at " time datetime=(time::text(view.now)) { (view.now.format("%H:%M:%S UTC")) } }
            } }
        }
    }
}
