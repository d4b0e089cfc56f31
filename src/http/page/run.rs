//! Runs in progress.

use std::time::Duration;

use maud::{Markup, html};

use super::time::{between, until};
use crate::daemon::view::{RunView, View};
use crate::http::text::{count, iec, length, percent, times};
use crate::report::StopReason;

pub(super) fn section(view: &View) -> Markup {
    html! {
        section aria-labelledby="runs-title" {
            h2 #runs-title { "In progress" }
            div.cards { @for run in &view.runs { (card(run, view)) } }
        }
    }
}

fn card(run: &RunView, view: &View) -> Markup {
    html! {
        article.card {
            div.line {
                h3 { (run.profile) }
                span.faint {
                    "by " (run.info.trigger) ", on " (run.endpoint)
                    @if run.info.resumes > 0 { ", resumed " (times(run.info.resumes)) }
                }
                span.end { (between(run.info.started, view.now)) }
            }
            @if run.planned.objects == 0 { (listing(run, view)) } @else { (bar(run, view)) }
            @if let Some(reason) = run.stopping { p.warn { "Being stopped: " (StopReason::as_str(reason)) "." } }
            @if let Some(silent) = run.silent {
                p.bad { "Waits: the endpoint has served nothing for " (length(silent)) "." }
            } @else if retries_wait(run, view) {
                p.warn { "Retries wait: too many requests to the endpoint fail. They keep their place." }
            }
            p.faint { "run " code { (run.info.id) } ", must end " (until(run.deadline, view.now)) }
        }
    }
}

fn retries_wait(run: &RunView, view: &View) -> bool {
    view.endpoints.iter().any(|endpoint| endpoint.name == run.endpoint && endpoint.limit.retries_wait)
}

fn listing(run: &RunView, view: &View) -> Markup {
    let seconds = u64::try_from((view.now - run.info.started).num_seconds()).unwrap_or_default();
    html! {
        progress value=[run.listed_share] aria-label={ "Listing for " (run.profile) } {}
        p {
            "Listing: " b { (count(run.listed)) } " objects in " (count(run.list_requests)) " requests"
            @if let Some(rate) = run.listed.checked_div(seconds) { ", " (count(rate)) " keys/s" }
            @if let Some(share) = run.listed_share { ", some " (format!("{:.0} %", share * 100.0)) " of the key space" }
        }
    }
}

fn bar(run: &RunView, view: &View) -> Markup {
    let (planned, ended) = (run.planned, run.ended);
    html! {
        progress max=(planned.bytes.max(1)) value=(ended.bytes.min(planned.bytes))
            aria-label={ "Bytes of " (run.profile) } {}
        p {
            b { (percent(share(ended.bytes, planned.bytes))) } " "
            (iec(ended.bytes)) " of " (iec(planned.bytes)) ", "
            (count(ended.objects)) " of " (count(planned.objects)) " objects"
            @if let Some(left) = left(run, view) { span.faint { ", about " (length(left)) " left" } }
        }
        p {
            (count(run.in_flight)) " in flight"
            @for (n, what) in [(run.failed, "failed"), (run.unknown, "unknown")] {
                @if n > 0 { " · " span.bad { (count(n)) " " (what) } }
            }
            @if run.gone > 0 { " · " (count(run.gone)) " gone" }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is read to a few digits")]
fn share(part: u64, whole: u64) -> f64 {
    if part >= whole { 1.0 } else { part as f64 / whole as f64 }
}

/// At the pace so far; nothing while too little has ended to tell.
fn left(run: &RunView, view: &View) -> Option<Duration> {
    let took = (view.now - run.info.started).to_std().ok()?;
    let done = share(run.ended.bytes, run.planned.bytes);
    let told = (0.02..1.0).contains(&done) && run.silent.is_none() && run.stopping.is_none();
    told.then(|| Duration::try_from_secs_f64(took.as_secs_f64() * (1.0 / done - 1.0)).ok()).flatten()
}
