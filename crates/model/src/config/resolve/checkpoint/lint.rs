//! Checks that involve several keys of a checkpoint, and warnings.

use std::time::Duration;

use super::R;
use crate::config::context::Bad;
use crate::config::diagnostic::{Diagnostic, Place};
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
            .at(&Place::new(&layer.file, typed.span.clone()), "")
            .at(&Place::new(&checkpoint.file, checkpoint.span.clone()), "groups are ranked by step and time");
    profile.rule(warning.help("leave `order` out; `keep` is how many checkpoints of a run are wanted"));
}

/// `settle` and `active_within`.
pub(super) fn times(
    r: &mut R<'_, '_>,
    settle: Option<&Found<Duration>>,
    active_within: Option<&Found<Duration>>,
) -> Result<(), Bad> {
    if let Some(settle) = settle.filter(|settle| settle.value.is_zero()) {
        let warning = Diagnostic::warning("takes a checkpoint as soon as it looks complete").key(&settle.key);
        r.rule(
            warning.at(&settle.place, "").help(
                "tools that copy checkpoints may send the marker before the rest: `settle = \"2m\"` waits for it",
            ),
        );
    }
    let quiet = settle.map_or(Checkpoint::SETTLE, |settle| settle.value);
    let Some(within) = active_within.filter(|within| within.value <= quiet) else { return Ok(()) };
    let message = format!("a run is over before its newest checkpoint has been quiet for {}", duration::show(quiet));
    let error = Diagnostic::error(message).key(&within.key);
    let over = format!("over after {}", duration::show(within.value));
    r.rule(
        match settle {
            Some(settle) => error.at(&within.place, over).at(&settle.place, "quiet for so long"),
            None => error.at(&within.place, format!("{over}, and `settle` is {} by default", duration::show(quiet))),
        }
        .help("`active_within` is longer than the time between two checkpoints: `active_within = \"2d\"`"),
    );
    Err(Bad)
}
