//! Selects once more, and never a third time, where a checkpoint lost members while it was warmed.

use std::hash::{BuildHasher as _, RandomState};

use super::execute::{Execution, to_warm};
use super::outcome::Lost;
use crate::journal::Recorder;
use crate::report::Report;
use crate::warm::Ended;
use model::object::{Count, Object, ObjectIndex};
use model::select::plan::Verdict;

/// What a plan selected: eight bytes an object. Should two share them, one of them is not warmed by the next plan; with
/// 100,000 objects in either plan that is one chance in 10^9.
pub(super) struct Seen {
    state: RandomState,
    hashes: Vec<u64>,
}

impl Seen {
    pub fn of(objects: &ObjectIndex) -> Self {
        let state = RandomState::new();
        let mut hashes: Vec<u64> = objects.iter().map(|object| hash(&state, &object)).collect();
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

/// What a plan selects beyond one before it.
#[derive(Default)]
struct Beyond {
    planned: Count,
    fresh: Count,
    /// Objects that both select.
    again: u64,
}

impl Beyond {
    /// Of a plan whose `dropped` are fresh; those of the plan before are dropped, too.
    fn of(objects: &ObjectIndex, dropped: &mut [bool], seen: &Seen) -> Self {
        let mut beyond = Self::default();
        for (object, dropped) in objects.iter().zip(dropped) {
            if seen.holds(&object) {
                beyond.again += 1;
                *dropped = true;
                continue;
            }
            beyond.planned.add(object.size);
            if *dropped {
                beyond.fresh.add(object.size);
            }
        }
        beyond
    }

    fn to_warm(&self) -> Count {
        Count {
            objects: self.planned.objects - self.fresh.objects,
            bytes: self.planned.bytes.saturating_sub(self.fresh.bytes),
        }
    }
}

impl Execution<'_> {
    /// Plans once more, and warms what the first plan did not select. The report's plan is the new one, unless that must not
    /// be carried out.
    pub async fn reselect(&self, report: &mut Report, seen: &Seen, recorder: Option<&Recorder>) -> (Ended, Lost) {
        let gone = report.totals.gone.objects;
        tracing::info!(profile = %report.plan.profile, gone, "a checkpoint lost objects; selecting anew");
        let (mut plan, mut dropped) = self.plan(&report.info).await;
        if plan.verdict != Verdict::Ready {
            return (Ended::Done, Lost::Unselected(plan.verdict));
        }
        dropped.resize(plan.selection.selected.len(), false);
        let beyond = Beyond::of(&plan.selection.selected, &mut dropped, seen);
        if let Some(why) = self.has_no_room(&report.info, beyond.to_warm().objects) {
            return (Ended::Done, Lost::Unselected(Verdict::Refused(why.into())));
        }
        let objects = to_warm(&mut plan.selection, &dropped);
        plan.list_requests += report.plan.list_requests;
        report.plan = plan;
        report.totals.planned = report.totals.planned + beyond.planned;
        report.totals.fresh = report.totals.fresh + beyond.fresh;
        self.expect(report, beyond.to_warm()).await;
        let ended = self.warm(report, objects, recorder).await;
        // Where fewer objects left the selection than were gone, some are selected again that are not there.
        let left = (seen.hashes.len() as u64).saturating_sub(beyond.again);
        match report.totals.gone.objects - gone + gone.saturating_sub(left) {
            0 => (ended, Lost::Nothing),
            more => (ended, Lost::Again(more)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::object::{Bucket, ETag, Key};

    fn object(bucket: &str, key: &str, etag: Option<&str>) -> Object {
        Object {
            bucket: Bucket::new(bucket),
            key: Key::from(key),
            size: 10,
            etag: etag.map(ETag::new),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            storage_class: None,
        }
    }

    #[test]
    fn an_object_was_seen_where_bucket_key_and_etag_are_the_same() {
        let first = vec![object("b", "k", Some("1")), object("b", "l", None), object("b", "m", Some("1"))];
        let seen = Seen::of(&first.into());
        let second = vec![
            object("b", "k", Some("1")),
            object("b", "k", Some("2")),
            object("b", "l", None),
            object("c", "k", Some("1")),
            object("b", "m", None),
        ];
        let mut dropped = [true, false, false, true, false];
        let beyond = Beyond::of(&second.into(), &mut dropped, &seen);
        assert_eq!(dropped, [true, false, true, true, false]);
        assert_eq!((beyond.again, beyond.planned.objects, beyond.fresh.objects), (2, 3, 1));
        assert_eq!(beyond.to_warm(), Count { objects: 2, bytes: 20 });
    }
}
