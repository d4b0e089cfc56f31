//! Runs in progress.

use std::time::Duration;

use maud::{Markup, html};

use super::time::{between, until};
use crate::http::text::{count, iec, length, percent, seconds, times};
use model::api::{ActiveRun, Ratio, Status};

pub(super) fn section(view: &Status) -> Markup {
    html! {
        section aria-labelledby="runs-title" {
            h2 #runs-title { "In progress" }
            div.cards { @for run in &view.runs { (card(run, view)) } }
        }
    }
}

fn card(run: &ActiveRun, view: &Status) -> Markup {
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
            @if run.progress.planned.objects == 0 { (listing(run, view)) } @else { (bar(run, view)) }
            @if let Some(why) = &run.progress.stopping { p.warn { "Being stopped: " (why) "." } }
            @if let Some(silent) = run.progress.silent_s {
                p.bad { "Waits: the endpoint has served nothing for " (seconds(silent)) "." }
            } @else if retries_wait(run, view) {
                p.warn { "Retries wait: too many requests to the endpoint fail. They keep their place." }
            }
            p.faint { "run " code { (run.info.id) } ", must end " (until(run.progress.deadline, view.now)) }
        }
    }
}

fn retries_wait(run: &ActiveRun, view: &Status) -> bool {
    view.endpoints.iter().any(|endpoint| endpoint.name == run.endpoint && endpoint.retries_wait)
}

fn listing(run: &ActiveRun, view: &Status) -> Markup {
    let seconds = u64::try_from((view.now - run.info.started).num_seconds()).unwrap_or_default();
    html! {
        progress value=[run.progress.listed_share] aria-label={ "Listing for " (run.profile) } {}
        p {
            "Listing: " b { (count(run.progress.listed)) } " objects in " (count(run.progress.list_requests)) " requests"
            @if let Some(rate) = run.progress.listed.checked_div(seconds) { ", " (count(rate)) " keys/s" }
            @if let Some(share) = run.progress.listed_share { ", some " (format!("{:.0} %", share * 100.0)) " of the key space" }
        }
    }
}

fn bar(run: &ActiveRun, view: &Status) -> Markup {
    let (planned, ended) = (run.progress.planned, run.progress.ended);
    html! {
        progress max=(planned.bytes.max(1)) value=(ended.bytes.min(planned.bytes))
            aria-label={ "Bytes of " (run.profile) } {}
        p {
            b { (percent(Ratio::of(ended, planned).bytes)) } " "
            (iec(ended.bytes)) " of " (iec(planned.bytes)) ", "
            (count(ended.objects)) " of " (count(planned.objects)) " objects"
            @if let Some(left) = left(run, view) { span.faint { ", about " (length(left)) " left" } }
        }
        p {
            (count(run.progress.in_flight)) " in flight"
            @for (n, what) in [(run.progress.failed, "failed"), (run.progress.unknown, "unknown")] {
                @if n > 0 { " · " span.bad { (count(n)) " " (what) } }
            }
            @if run.progress.gone > 0 { " · " (count(run.progress.gone)) " gone" }
        }
    }
}

/// At the pace so far; nothing while too little has ended to tell.
fn left(run: &ActiveRun, view: &Status) -> Option<Duration> {
    let took = (view.now - run.info.started).to_std().ok()?;
    let done = Ratio::of(run.progress.ended, run.progress.planned).bytes;
    let told = (0.02..1.0).contains(&done) && run.progress.silent_s.is_none() && run.progress.stopping.is_none();
    told.then(|| Duration::try_from_secs_f64(took.as_secs_f64() * (1.0 / done - 1.0)).ok()).flatten()
}
