//! What failed lately.

use maud::{Markup, html};

use super::time::ago;
use super::{safe, table};
use crate::daemon::view::{FailureView, View};

/// Beyond them the page would be long; `hotset runs ID` has them all.
const MOST: usize = 50;

pub(super) fn section(view: &View) -> Markup {
    let failures = &view.failures;
    let rows = html! { @for failure in failures.iter().take(MOST) { (row(failure, view)) } };
    html! {
        section aria-labelledby="failures-title" {
            h2 #failures-title { "Recent failures" }
            @if failures.is_empty() {
                p.faint { "None." }
            } @else {
                (table("failures", &["When", "Profile", "Class", "Object", "Message"], &rows))
            }
            @if failures.len() > MOST { p.faint { (failures.len() - MOST) " older ones are not shown." } }
        }
    }
}

fn row(failure: &FailureView, view: &View) -> Markup {
    html! {
        tr {
            td { (ago(failure.at, view.now)) }
            td { (failure.profile) }
            td { span.tag.failed { (safe(&failure.class)) } }
            td.key { code { "s3://" (safe(failure.bucket.as_str())) "/" (failure.key) } }
            td.wide { (safe(&failure.message)) }
        }
    }
}
