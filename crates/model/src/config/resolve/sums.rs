//! Checks the caps of the profiles of an endpoint or a team, added up, against its budget and capacity.

use std::sync::Arc;

use super::Known;
use super::team::Teams;
use crate::config::asked::Asked;
use crate::config::context::{Context, join};
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::endpoint::Endpoint;
use crate::config::profile::Profile;
use crate::config::reader::Layer;
use crate::config::tables::Tables;
use crate::config::value::Typed;
use crate::config::value::size::brief;
use crate::select::Cap;

/// Caps that one error names at most.
const MAX_NAMED_CAPS: usize = 6;

pub(super) fn check(tables: &Tables<'_>, profiles: &Known<Profile>, endpoints: &Known<Endpoint>, cx: &mut Context) {
    for (name, endpoint) in endpoints {
        let Some(endpoint) = endpoint else { continue };
        let asking: Vec<&Arc<Profile>> =
            profiles.values().flatten().filter(|profile| profile.endpoint.name == *name && !profile.paused).collect();
        let layers = || tables.endpoints.get(&**name).into_iter().flatten();
        if let (Some(limit), Some(place)) = (endpoint.budget, typed(layers(), |e| e.budget.as_ref())) {
            over_budget(tables, (&join("endpoint", name), limit, &place), &asking, cx);
        }
        if let (Some(limit), Some(place)) = (endpoint.capacity, typed(layers(), |e| e.capacity.as_ref())) {
            over_capacity((name, limit, &place), &asking, cx);
        }
    }
}

/// A team has a budget of its own, whichever endpoints it is spent on.
pub(super) fn check_teams(tables: &Tables<'_>, profiles: &Known<Profile>, teams: &Teams, cx: &mut Context) {
    for (name, granted) in teams {
        let Some(granted) = granted else { continue };
        let of_team = |profile: &&Arc<Profile>| profile.team.as_ref().is_some_and(|team| team.name == *name);
        let asking: Vec<_> =
            profiles.values().flatten().filter(|profile| of_team(profile) && !profile.paused).collect();
        over_budget(tables, (&join("team", name), granted.team.budget, &granted.budget), &asking, cx);
    }
}

fn over_budget(
    tables: &Tables<'_>,
    (head, limit, place): (&str, u64, &Place),
    asking: &[&Arc<Profile>],
    cx: &mut Context,
) {
    let Asked { bytes, unlimited } = Asked::by(asking.iter().copied());
    let key = format!("{head}.budget");
    let whose = format!("the budget of [{head}]");
    for profile in &unlimited {
        let error = Diagnostic::error("\"unlimited\" does not fit into any budget")
            .key(format!("{}.max_bytes", join("profile", profile)));
        let error = match cap_place(tables, profile) {
            Some(cap) => error.at(&cap, "").at(place, &whose),
            None => error.at(place, &whose),
        };
        cx.push(error.help("write a size: a budget counts what every unpaused profile may fill"));
    }
    if bytes <= limit {
        return;
    }
    let message =
        format!("the unpaused profiles ask for {} together, {} over the budget", brief(bytes), brief(bytes - limit));
    let mut error = Diagnostic::error(message).key(key).at(place, "");
    for profile in asking.iter().take(MAX_NAMED_CAPS) {
        if let (Some(cap), Cap::Bytes(asked)) = (cap_place(tables, &profile.name), profile.rules.max_bytes) {
            error = error.at(&cap, format!("{} asks for {}", profile.name, brief(asked)));
        }
    }
    if asking.len() > MAX_NAMED_CAPS {
        error = error.help(format!("{} more profiles ask for the rest", asking.len() - MAX_NAMED_CAPS));
    }
    cx.push(error.help("lower `max_bytes` of a profile, pause one, or raise the budget"));
}

fn over_capacity((name, limit, place): (&str, u64, &Place), asking: &[&Arc<Profile>], cx: &mut Context) {
    let Asked { bytes, unlimited } = Asked::by(asking.iter().copied());
    if bytes <= limit && unlimited.is_empty() {
        return;
    }
    let asked = match (unlimited.as_slice(), bytes <= limit) {
        (_, false) => format!("the unpaused profiles ask for {} together", brief(bytes)),
        (names, true) => format!(
            "{} may fill any amount",
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    };
    let warning = Diagnostic::warning(format!("{asked}: the cache holds {}", brief(limit)))
        .key(format!("{}.capacity", join("endpoint", name)));
    cx.push(
        warning
            .at(place, "")
            .help("what does not fit is evicted by what is warmed after it; a `budget` would refuse it"),
    );
}

fn cap_place(tables: &Tables<'_>, name: &str) -> Option<Place> {
    typed(tables.profiles.get(name).into_iter().flatten().chain(&tables.defaults), |profile| profile.max_bytes.as_ref())
}

/// Where the strongest of the layers that have a key says it.
fn typed<'t, R: 't, K: 't>(
    layers: impl IntoIterator<Item = &'t Layer<'t, R>>,
    pick: impl Fn(&'t R) -> Option<&'t Typed<K>>,
) -> Option<Place> {
    layers.into_iter().find_map(|layer| Some(layer.at(&pick(layer.table)?.span)))
}
