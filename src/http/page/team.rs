//! Teams: what they were given, and how much of it is spoken for.

use maud::{Markup, html};

use super::{safe, table};
use crate::http::text::{count, iec, percent};
use model::api::{Status, Team};
use model::select::estimate::share;

pub(super) fn section(view: &Status) -> Markup {
    let heads = ["Team", "Profiles", "Committed", "Endpoints", "Buckets"];
    html! {
        section aria-labelledby="teams-title" {
            h2 #teams-title { "Teams" }
            (table("teams", &heads, &html! { @for team in &view.teams { (row(team)) } }))
        }
    }
}

fn row(team: &Team) -> Markup {
    let share = share(team.committed, team.budget).unwrap_or_default();
    html! {
        tr {
            th scope="row" { (team.name) }
            td { (count(team.profiles)) }
            td {
                div.ratio {
                    progress max="1" value=(share.min(1.0)) aria-label={ "Committed of " (team.name) } {}
                    span { (percent(share)) }
                }
                small { (iec(team.committed)) " of " (iec(team.budget)) }
            }
            td { (team.endpoints.join(", ")) }
            td { @for glob in &team.buckets { code { (safe(glob)) } " " } }
        }
    }
}
