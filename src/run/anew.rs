//! A checkpoint that lost members while it was warmed is selected anew: listed and chosen once more, and never a third time.

use std::hash::{BuildHasher as _, RandomState};

use super::carry::{Completions, Going, to_warm};
use super::verdict::Lost;
use crate::object::{Count, Object};
use crate::report::Report;
use crate::select::plan::Verdict;
use crate::warm::Ended;

/// What a plan selected: eight bytes an object. Should two share them, one of them is not warmed by the next plan; with
/// 100,000 objects in either plan that is one chance in 10^9.
pub(super) struct Seen {
    state: RandomState,
    hashes: Vec<u64>,
}

impl Seen {
    pub fn of(objects: &[Object]) -> Self {
        let state = RandomState::new();
        let mut hashes: Vec<u64> = objects.iter().map(|object| hash(&state, object)).collect();
        hashes.sort_unstable();
        Self { state, hashes }
    }

    /// Whether it selected this object as it is now.
    fn holds(&self, object: &Object) -> bool {
        self.hashes.binary_search(&hash(&self.state, object)).is_ok()
    }
}

fn hash(state: &RandomState, object: &Object) -> u64 {
    state.hash_one((&object.bucket, &object.key, &object.etag))
}

impl Going<'_> {
    /// Plans once more, and warms what the first plan did not select. The report's plan is the new one, unless that must not
    /// be carried out.
    pub async fn anew(&self, report: &mut Report, seen: &Seen, completions: &Completions) -> (Ended, Lost) {
        let gone = report.totals.gone.objects;
        tracing::info!(profile = %report.plan.profile, gone, "a checkpoint lost objects; selecting anew");
        let (mut plan, mut dropped) = self.plan(&report.identity).await;
        dropped.resize(plan.selection.selected.len(), false);
        let (mut planned, mut fresh, mut again) = (Count::default(), Count::default(), 0);
        for (object, dropped) in plan.selection.selected.iter().zip(&mut dropped) {
            if seen.holds(object) {
                (*dropped, again) = (true, again + 1);
                continue;
            }
            planned.add(object.size);
            if *dropped {
                fresh.add(object.size);
            }
        }
        let left = Count { objects: planned.objects - fresh.objects, bytes: planned.bytes.saturating_sub(fresh.bytes) };
        if let Some(why) = self.has_no_room(&report.identity, left.objects) {
            plan.verdict = Verdict::Refused(why);
        }
        if plan.verdict != Verdict::Ready {
            return (Ended::Done, Lost::Unselected(plan.verdict));
        }
        let objects = to_warm(&mut plan.selection, &dropped);
        plan.list_requests += report.plan.list_requests;
        report.plan = plan;
        report.totals.planned = report.totals.planned + planned;
        report.totals.fresh = report.totals.fresh + fresh;
        self.expect(report, left).await;
        let ended = self.warm(report, objects, completions).await;
        // Of those that were gone, as many as are selected again beyond what left the selection.
        let still_listed = gone.saturating_sub(seen.hashes.len() as u64 - again);
        match report.totals.gone.objects - gone + still_listed {
            0 => (ended, Lost::Nothing),
            more => (ended, Lost::Again(more)),
        }
    }
}
