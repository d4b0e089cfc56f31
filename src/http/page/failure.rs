//! What failed lately.

use maud::{Markup, html};

use super::time::ago;
use super::{safe, table};
use model::api::{Failure, Status};

/// Failures on the page; `hotset runs ID` has all of a run.
const MAX_FAILURES: usize = 50;

pub(super) fn section(view: &Status) -> Markup {
    let failures = &view.failures;
    let rows = html! { @for failure in failures.iter().take(MAX_FAILURES) { (row(failure, view)) } };
    html! {
        section aria-labelledby="failures-title" {
            h2 #failures-title { "Recent failures" }
            @if failures.is_empty() {
                p.faint { "None." }
            } @else {
                (table("failures", &["When", "Profile", "Class", "Object", "Message"], &rows))
            }
            @if failures.len() > MAX_FAILURES { p.faint { (failures.len() - MAX_FAILURES) " older ones are not shown." } }
        }
    }
}

fn row(failure: &Failure, view: &Status) -> Markup {
    html! {
        tr {
            td { @if let Some(at) = failure.at { (ago(at, view.now)) } }
            td { @if let Some(profile) = &failure.profile { (profile) } }
            td { span.tag.failed { (safe(&failure.class)) } }
            td.key { code { (failure.object) } }
            td.wide { (safe(&failure.message)) }
        }
    }
}
