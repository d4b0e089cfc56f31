//! What became of each profile's runs, as far as people and alerts ask: restored from the journal, and kept up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::journal::{Journal, JournalError};
use crate::report::{Outcome, Report};
use model::api::{Counters, EndedObjects, EndedRun, Failure, RunLine};

/// How many failures are kept for the status page, and how many of one run.
const MAX_FAILURES: usize = 50;
const MAX_FAILURES_OF_RUN: usize = 10;

#[derive(Debug, Default)]
pub(super) struct History {
    profiles: BTreeMap<Arc<str>, Past>,
    pub failures: VecDeque<Failure>,
    pub counters: Counters,
}

/// Of one profile.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    pub last_due: Option<DateTime<Utc>>,
    pub last_complete_due: Option<DateTime<Utc>>,
    pub last: Option<EndedRun>,
    /// Under whatever fingerprint it had.
    pub last_complete: Option<EndedRun>,
}

impl History {
    /// What a journal remembers.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn restore(journal: &Journal) -> Result<Self, JournalError> {
        let mut history = Self::default();
        for (name, state) in journal.profiles()? {
            let past = history.past(&name);
            (past.last_due, past.last_complete_due) = (state.last_due, state.last_complete_due);
        }
        for run in journal.last_ended()? {
            history.past(&run.profile).last = EndedRun::of(run.clone());
        }
        for run in journal.last_complete()? {
            history.past(&run.profile).last_complete = EndedRun::of(run.clone());
        }
        history.failures = journal.recent_failures(MAX_FAILURES)?.into();
        Ok(history)
    }

    pub fn of(&self, profile: &str) -> Past {
        self.profiles.get(profile).cloned().unwrap_or_default()
    }

    fn past(&mut self, profile: &str) -> &mut Past {
        self.profiles.entry(profile.into()).or_default()
    }

    /// A fire has been dealt with, and so have those that it says were missed before it: once, however often its run is
    /// begun.
    pub fn dealt_with(&mut self, profile: &Arc<str>, due: DateTime<Utc>, missed: u64) {
        let past = self.past(profile);
        if past.last_due < Some(due) {
            past.last_due = Some(due);
            self.missed(profile, missed);
        }
    }

    /// A fire has passed without a run.
    pub fn skipped(&mut self, profile: &Arc<str>, due: DateTime<Utc>, missed: u64) {
        self.dealt_with(profile, due, missed);
        self.missed(profile, 1);
        self.count(profile, Outcome::Skipped);
    }

    fn missed(&mut self, profile: &Arc<str>, fires: u64) {
        if fires > 0 {
            *self.counters.missed.entry(profile.to_string()).or_default() += fires;
        }
    }

    /// A run has come to this.
    pub fn count(&mut self, profile: &Arc<str>, outcome: Outcome) {
        *self.counters.runs.entry(profile.to_string()).or_default().entry(outcome).or_default() += 1;
    }

    /// The profile is gone, and its counters with it: names that come and go must not fill the memory.
    pub fn forget(&mut self, profile: &str) {
        self.profiles.remove(profile);
        self.counters.missed.remove(profile);
        self.counters.runs.remove(profile);
    }

    /// A run has ended, whose objects came to `objects` in this process.
    pub fn ended(&mut self, report: &Report, objects: &EndedObjects, ended: DateTime<Utc>) {
        let profile = report.plan.profile.clone();
        let failures = report.totals.failures.iter().take(MAX_FAILURES_OF_RUN).map(|failure| Failure {
            run: Some(report.info.id),
            profile: Some(profile.to_string()),
            at: Some(ended),
            ..failure.clone()
        });
        failures.rev().for_each(|failure| self.failures.push_front(failure));
        self.failures.truncate(MAX_FAILURES);
        self.count(&profile, report.outcome);
        self.counters.objects.entry(report.plan.endpoint.to_string()).or_default().add(objects);
        let run = EndedRun::of(RunLine { ended: Some(ended), ..report.into() });
        let past = self.past(&profile);
        if report.outcome == Outcome::Complete {
            past.last_complete.clone_from(&run);
            past.last_complete_due = past.last_complete_due.max(report.info.due);
        }
        past.last = run;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_fire_counts_once_however_often_its_run_is_begun() {
        let (mut history, profile) = (History::default(), Arc::from("p"));
        let due = clock::now();
        // Another process warms the profile, the run is begun again, then it is interrupted and taken up.
        (0..3).for_each(|_| history.dealt_with(&profile, due, 2));
        assert_eq!(history.counters.missed[&*profile], 2);
        history.skipped(&profile, due, 2);
        assert_eq!(history.counters.missed[&*profile], 3, "and the fire itself, where nothing came of it after all");
        assert_eq!(history.of("p").last_due, Some(due));
    }

    #[test]
    fn a_profile_that_is_gone_leaves_nothing_behind() {
        let (mut history, [p, q]) = (History::default(), ["p", "q"].map(Arc::from));
        for profile in [&p, &q] {
            history.skipped(profile, clock::now(), 0);
        }
        history.forget("p");
        let Counters { runs, missed, .. } = &history.counters;
        assert!(runs.keys().eq([&*q]) && missed.keys().eq([&*q]));
    }
}
