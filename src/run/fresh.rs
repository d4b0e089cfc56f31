//! What the ledger says is warm already.

use std::time::Duration;

use tokio::task::spawn_blocking;

use super::{Pass, Task};
use crate::clock;
use crate::journal::{Freshness, Journal};
use crate::report::Identity;
use crate::select::plan::{Plan, Verdict};

/// Which of the plan's objects are fresh, in their order, and nothing where none is; the plan counts them. When the ledger
/// cannot be read, that is logged, and nothing is fresh.
pub async fn mark_fresh(plan: &mut Plan, task: &Task, journal: &Journal, within: Duration) -> Vec<bool> {
    if plan.verdict != Verdict::Ready {
        return Vec::new();
    }
    let endpoint = &task.profile.endpoint;
    let rules = Freshness {
        cache_url: endpoint.cache.0.url.to_string(),
        rewarm_after: within,
        capacity: endpoint.capacity,
        now: clock::now(),
    };
    let objects = std::mem::take(&mut plan.selection.selected);
    let journal = journal.clone();
    let looked = spawn_blocking(move || (journal.fresh(&objects, &rules), objects)).await;
    let (fresh, objects) = looked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    plan.selection.selected = objects;
    let fresh = fresh.unwrap_or_else(|error| {
        tracing::warn!("{error}; nothing counts as fresh");
        Vec::new()
    });
    if !fresh.contains(&true) {
        return Vec::new();
    }
    let selected = &plan.selection.selected;
    for (size, _) in selected.sizes(0..selected.len()).zip(&fresh).filter(|(_, fresh)| **fresh) {
        plan.fresh.add(size);
    }
    fresh
}

/// For how long what was warmed is fresh; `None` where nothing is. To a run that was interrupted what it has warmed itself is
/// fresh, whatever the rules are.
pub(super) fn fresh_for(pass: &Pass, identity: &Identity, task: &Task) -> Option<Duration> {
    let since = (clock::now() - identity.started).to_std().unwrap_or_default();
    match (pass.rewarm, pass.again) {
        (false, None) => Some(task.profile.rewarm_after),
        (false, Some(_)) => Some(task.profile.rewarm_after.max(since)),
        (true, Some(_)) => Some(since),
        (true, None) => None,
    }
}
