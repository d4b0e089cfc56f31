//! Checks that involve several keys of a checkpoint, and warnings.

use std::time::Duration;

use super::R;
use crate::config::context::Bad;
use crate::config::diagnostic::Diagnostic;
use crate::config::raw;
use crate::config::reader::{Found, Layer, Reader, Standing};
use crate::config::value::duration;
use crate::select::checkpoint::Checkpoint;

/// `order` beside `checkpoint`. In `[defaults]` it is for other profiles.
pub(super) fn order(profile: &mut Reader<'_, '_, raw::Profile>, checkpoint: &Layer<'_, raw::Checkpoint>) {
    let Some((typed, layer)) = profile.layer(|p| p.order.as_ref()) else { return };
    if layer.standing == Standing::Defaults && checkpoint.standing != Standing::Defaults {
        return;
    }
    let warning =
        Diagnostic::warning("decides nothing beside `checkpoint`: caps take the newest checkpoint of every run first")
            .key(format!("{}.order", layer.path))
            .at(&layer.at(&typed.span), "")
            .at(&checkpoint.place.clone(), "groups are ranked by step and time");
    profile.rule(warning.help("leave `order` out; `keep` is how many checkpoints of a run are wanted"));
}

/// `settle` and `active_within`.
pub(super) fn times(
    r: &mut R<'_, '_>,
    settle: Option<&Found<Duration>>,
    active_within: Option<&Found<Duration>>,
) -> Result<(), Bad> {
    if let Some(settle) = settle.filter(|settle| settle.value.is_zero()) {
        let help = "tools that copy checkpoints may send the marker before the rest: `settle = \"2m\"` waits for it";
        r.rule(settle.warning("takes a checkpoint as soon as it looks complete").help(help));
    }
    let quiet = settle.map_or(Checkpoint::SETTLE, |settle| settle.value);
    let Some(within) = active_within.filter(|within| within.value <= quiet) else { return Ok(()) };
    let message = format!("a run is over before its newest checkpoint has been quiet for {}", duration::show(quiet));
    let over = format!("over after {}", duration::show(within.value));
    let error = match settle {
        Some(settle) => within.error(message, over).at(&settle.place, "quiet for so long"),
        None => within.error(message, format!("{over}, and `settle` is {} by default", duration::show(quiet))),
    };
    let help = "`active_within` is longer than the time between two checkpoints: `active_within = \"2d\"`";
    Err(r.fail(error.help(help)))
}
