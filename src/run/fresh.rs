//! Asks the ledger which objects are fresh: warmed within `rewarm_after` at the same ETag.

use std::time::Duration;

use super::{Pass, Task};
use crate::clock;
use crate::journal::{Freshness, Journal, Written};
use crate::report::RunInfo;
use crate::sync::blocking;
use model::object::{Count, ObjectIndex};
use model::select::plan::{Plan, Verdict};

/// Which of the plan's objects are fresh, in their order, and nothing where none is; the plan counts them.
pub async fn mark_fresh(plan: &mut Plan, task: &Task, journal: &Journal, within: Duration) -> Vec<bool> {
    if plan.verdict != Verdict::Ready {
        return Vec::new();
    }
    let (fresh, count) = fresh_of(&mut plan.selection.selected, task, (journal, &Written::default()), within).await;
    plan.fresh = plan.fresh + count;
    fresh
}

/// Which of `objects` are fresh, in their order, and nothing where none is; and how much that is. What the run has written
/// itself does not count. When the ledger cannot be read, that is logged, and nothing is fresh.
pub(super) async fn fresh_of(
    objects: &mut ObjectIndex,
    task: &Task,
    (journal, written): (&Journal, &Written),
    within: Duration,
) -> (Vec<bool>, Count) {
    let endpoint = &task.profile.endpoint;
    let rules = Freshness {
        cache_url: endpoint.cache.0.address(),
        rewarm_after: within,
        capacity: endpoint.capacity,
        now: clock::now(),
    };
    let (index, journal, written) = (std::mem::take(objects), journal.clone(), written.clone());
    let (fresh, index) = blocking(move || (journal.fresh(&index, &rules, &written), index)).await;
    *objects = index;
    let fresh = fresh.unwrap_or_else(|error| {
        tracing::warn!("{error}; nothing counts as fresh");
        Vec::new()
    });
    let mut count = Count::default();
    if !fresh.contains(&true) {
        return (Vec::new(), count);
    }
    for (size, _) in objects.sizes(0..objects.len()).zip(&fresh).filter(|(_, fresh)| **fresh) {
        count.add(size);
    }
    (fresh, count)
}

/// For how long what was warmed is fresh; `None` where nothing is. To a run that was interrupted what it has warmed itself is
/// fresh, whatever the rules are.
pub(super) fn fresh_for(pass: &Pass, info: &RunInfo, task: &Task) -> Option<Duration> {
    let since = (clock::now() - info.started).to_std().unwrap_or_default();
    match (pass.rewarm, pass.resumed_with) {
        (false, None) => Some(task.profile.rewarm_after),
        (false, Some(_)) => Some(task.profile.rewarm_after.max(since)),
        (true, Some(_)) => Some(since),
        (true, None) => None,
    }
}
