//! What a run says of itself: outcomes, totals, and the live figures that bars, pages and metrics read.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::sync;
use chrono::{DateTime, Utc};
use model::object::{Bucket, Count, Key};
use model::select::plan::{Plan, Verdict};

pub mod groups;
pub mod json;

mod figures;
mod stop_reason;

pub use figures::{count, iec};
use model::api::ObjectName;
pub use model::api::{Failure, Outcome, Ratio, ReasonClass, RunInfo, Sample, Trigger, percent};
pub use stop_reason::StopReason;

/// What one object came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The cache answered 2xx. `changed`: under another ETag than the one listed.
    Warmed { changed: bool },
    /// Not sent: another run has just warmed it.
    Fresh,
    /// Deleted since it was listed.
    Gone,
    /// Refused, or retries spent.
    Failed(Fault),
    /// Sent, and no answer: a fill may or may not be going on.
    Unknown(Fault),
}

/// Why an object was not warmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `class` in the JSON contract.
    pub class: &'static str,
    pub message: String,
}

/// The errors of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    pub count: u64,
    /// The first few.
    pub sample: Vec<Sample>,
}

/// How many samples an error class keeps.
const SAMPLES: usize = 5;
/// How many failures a run keeps one by one; beyond them it counts.
const FAILURES: usize = 1_000;

/// What a warm came to. Objects that were never sent are planned and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub planned: Count,
    pub warmed: Count,
    pub fresh: Count,
    pub gone: Count,
    pub failed: Count,
    pub unknown: Count,
    /// All HEADs to the cache, retries included.
    pub sends: u64,
    pub errors: BTreeMap<&'static str, Errors>,
    /// The first ones, by name.
    pub failures: Vec<Failure>,
}

impl Totals {
    /// Counts one object's end.
    pub fn add(&mut self, bucket: &Bucket, key: &Key, size: u64, end: &End) {
        let (count, fault) = match end {
            End::Warmed { changed: false } => (&mut self.warmed, None),
            End::Warmed { changed: true } => (&mut self.warmed, Some(("changed", "the ETag is not the one listed"))),
            End::Fresh => (&mut self.fresh, None),
            End::Gone => (&mut self.gone, None),
            End::Failed(fault) => (&mut self.failed, Some((fault.class, fault.message.as_str()))),
            End::Unknown(fault) => (&mut self.unknown, Some((fault.class, fault.message.as_str()))),
        };
        count.add(size);
        if let Some((class, message)) = fault {
            let errors = self.errors.entry(class).or_default();
            errors.count += 1;
            if errors.sample.len() < SAMPLES {
                errors.sample.push(Sample { object: ObjectName::new(bucket, key), message: message.to_owned() });
            }
            if self.failures.len() < FAILURES && !matches!(end, End::Warmed { .. }) {
                self.failures.push(Failure::new(class, ObjectName::new(bucket, key), message));
            }
        }
    }

    /// Adds what another warm of the same run came to.
    pub fn absorb(&mut self, other: Self) {
        self.planned = self.planned + other.planned;
        self.warmed = self.warmed + other.warmed;
        self.fresh = self.fresh + other.fresh;
        self.gone = self.gone + other.gone;
        self.failed = self.failed + other.failed;
        self.unknown = self.unknown + other.unknown;
        self.sends += other.sends;
        for (class, more) in other.errors {
            let errors = self.errors.entry(class).or_default();
            errors.count += more.count;
            errors.sample.extend(more.sample.into_iter().take(SAMPLES.saturating_sub(errors.sample.len())));
        }
        let room = FAILURES.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
    }

    /// Counts up to `before` of what is fresh as warmed: a run that is taken up again has warmed it itself.
    pub fn count_as_warmed(&mut self, before: Count) {
        let own = Count { objects: before.objects.min(self.fresh.objects), bytes: before.bytes.min(self.fresh.bytes) };
        self.warmed = self.warmed + own;
        self.fresh = Count { objects: self.fresh.objects - own.objects, bytes: self.fresh.bytes - own.bytes };
    }

    /// Objects that ended, whichever way.
    pub fn ended(&self) -> Count {
        [self.warmed, self.fresh, self.gone, self.failed, self.unknown].into_iter().sum()
    }

    /// (warmed + fresh) / (wanted − gone), by objects and by bytes; 1 where nothing is wanted.
    pub fn warm_ratio(&self, wanted: Count) -> Ratio {
        let warm = self.warmed + self.fresh;
        let gone = self.gone;
        Ratio::of(
            warm,
            Count {
                objects: wanted.objects.saturating_sub(gone.objects),
                bytes: wanted.bytes.saturating_sub(gone.bytes),
            },
        )
    }
}

/// One run, from its plan to its end.
#[derive(Clone, Debug)]
pub struct Report {
    pub info: RunInfo,
    /// `None` while it runs.
    pub ended: Option<DateTime<Utc>>,
    pub outcome: Outcome,
    /// Why it is not complete, or what a complete one left open.
    pub reason: Option<String>,
    pub reason_class: Option<ReasonClass>,
    /// Without the objects: they were warmed. The last one, where checkpoints were selected anew.
    pub plan: Plan,
    pub totals: Totals,
}

impl Report {
    /// What was planned, by the plan or by the one before it, and what was wanted and did not fit the caps.
    pub fn wanted(&self) -> Count {
        self.totals.planned + self.plan.selection.unmet
    }

    /// Nothing wanted is all warm, unless it is not known what is wanted.
    pub fn warm_ratio(&self) -> Ratio {
        match self.plan.verdict {
            Verdict::Ready => self.totals.warm_ratio(self.wanted()),
            _ => Ratio::NONE,
        }
    }

    /// Whether anything came of it, which decides the exit code of several profiles.
    pub fn did_something(&self) -> bool {
        self.outcome == Outcome::Complete || self.totals.warmed.objects + self.totals.fresh.objects > 0
    }
}

/// Live figures of one run. Written by the stages, read by whoever shows them.
#[derive(Debug, Default)]
pub struct Progress {
    pub list_requests: AtomicU64,
    pub listed: AtomicU64,
    /// Of the key space that is listed, in millionths; an estimate that never falls. 0 where nothing can be told.
    pub listed_share: AtomicU64,
    pub planned_objects: AtomicU64,
    pub planned_bytes: AtomicU64,
    /// More may be planned, as warming has begun before all is listed.
    pub still_listing: AtomicBool,
    pub ended_objects: AtomicU64,
    pub ended_bytes: AtomicU64,
    pub warmed_objects: AtomicU64,
    pub warmed_bytes: AtomicU64,
    pub in_flight: AtomicU64,
    pub failed: AtomicU64,
    pub unknown: AtomicU64,
    pub gone: AtomicU64,
    /// Milliseconds for which the endpoint has answered nothing; 0 while it answers.
    pub silent_ms: AtomicU64,
    /// How hard the endpoint is driven, and why no harder: a few words.
    limit: Mutex<String>,
    /// Whether the list endpoint, and the cache, have answered anything.
    answered: [AtomicBool; 2],
    trouble: Mutex<Option<(Asked, String)>>,
    is_troubled: AtomicBool,
}

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    List,
    Cache,
}

impl Progress {
    /// Of the key space, from 0 to 1; `None` where nothing can be told.
    pub fn listed_share(&self) -> Option<f64> {
        let millionths = u32::try_from(self.listed_share.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        (millionths > 0).then(|| f64::from(millionths) / 1e6)
    }

    /// So much more is going to be warmed.
    pub fn plan(&self, more: Count) {
        self.planned_objects.fetch_add(more.objects, Ordering::Relaxed);
        self.planned_bytes.fetch_add(more.bytes, Ordering::Relaxed);
    }

    pub fn show_limit(&self, limit: String) {
        *sync::lock(&self.limit) = limit;
    }

    /// Empty until something is sent.
    pub fn limit(&self) -> String {
        sync::lock(&self.limit).clone()
    }

    pub fn answered(&self, who: Asked) {
        self.answered[who as usize].store(true, Ordering::Relaxed);
        if self.is_troubled.load(Ordering::Relaxed) {
            let mut trouble = sync::lock(&self.trouble);
            trouble.take_if(|(troubled, _)| *troubled == who);
            self.is_troubled.store(trouble.is_some(), Ordering::Relaxed);
        }
    }

    pub fn has_answered(&self, who: Asked) -> bool {
        self.answered[who as usize].load(Ordering::Relaxed)
    }

    /// A request was not answered, and is tried for so long. Said at once where nothing has been answered yet, and shown until
    /// something is.
    pub fn unanswered(&self, who: Asked, why: &str, wait: Duration) {
        let text = format!("{why}; trying for {}", humantime::format_duration(wait));
        let mut trouble = sync::lock(&self.trouble);
        if trouble.is_none() && !self.has_answered(who) {
            tracing::warn!("{text}");
        }
        *trouble = Some((who, text));
        self.is_troubled.store(true, Ordering::Relaxed);
    }

    /// Why nothing is answered, since something was last.
    pub fn trouble(&self) -> Option<String> {
        if !self.is_troubled.load(Ordering::Relaxed) {
            return None;
        }
        let trouble = sync::lock(&self.trouble);
        trouble.as_ref().map(|(_, text)| text.clone())
    }

    pub fn end(&self, size: u64, end: &End) {
        self.ended_objects.fetch_add(1, Ordering::Relaxed);
        self.ended_bytes.fetch_add(size, Ordering::Relaxed);
        let counter = match end {
            End::Warmed { .. } => {
                self.warmed_objects.fetch_add(1, Ordering::Relaxed);
                self.warmed_bytes.fetch_add(size, Ordering::Relaxed);
                return;
            }
            End::Fresh => return,
            End::Gone => &self.gone,
            End::Failed(_) => &self.failed,
            End::Unknown(_) => &self.unknown,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_leaves_out_what_is_gone_and_counts_what_did_not_fit() {
        let count = |objects| Count { objects, bytes: objects * 10 };
        let totals = Totals { planned: count(6), warmed: count(4), gone: count(2), ..Totals::default() };
        let ratio = totals.warm_ratio(count(10));
        assert!((ratio.objects - 0.5).abs() < 1e-9 && (ratio.bytes - 0.5).abs() < 1e-9);
        assert!(ratio.reaches(0.5) && !ratio.reaches(0.51));
        assert!(Totals::default().warm_ratio(Count::default()).reaches(1.0), "nothing wanted, nothing missing");
    }

    #[test]
    fn two_warms_of_a_run_add_up() {
        let fault = || Fault { class: "throttled", message: "503".to_owned() };
        let warm = |first: usize, n: usize| {
            let mut totals = Totals { sends: n as u64, ..Totals::default() };
            for key in first..first + n {
                let end = if key % 2 == 0 { End::Failed(fault()) } else { End::Gone };
                totals.planned.add(7);
                totals.add(&Bucket::new("b"), &Key::from(format!("{key:05}").as_str()), 7, &end);
            }
            totals
        };
        for (one, other) in [(6, 4), (0, 3), (3, 0), (1_500, 1_500)] {
            let mut both = warm(0, one);
            both.absorb(warm(one, other));
            assert_eq!(both, warm(0, one + other), "{one} and {other}");
        }
    }

    #[test]
    fn a_changed_object_is_warmed_and_said() {
        let mut totals = Totals::default();
        totals.add(&Bucket::new("b"), &Key::from("k"), 7, &End::Warmed { changed: true });
        assert_eq!(totals.warmed, Count { objects: 1, bytes: 7 });
        assert_eq!(totals.errors["changed"].count, 1);
    }
}
