//! The record of one run in the journal. A journal that fails does not stop a run from warming; that is logged.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Pass, Task};
use crate::clock;
use crate::journal::{Begun, End, Journal, JournalError, NewRun, OpenRun, Recorder, Watermark};
use crate::limit::Limit;
use crate::report::Report;
use crate::sync::blocking;
use model::api::RunLine;

/// How often other processes at the same cache are counted.
const COUNT_OTHERS_INTERVAL: Duration = Duration::from_secs(10);

/// Why the journal denies a run. It has nothing of it, and nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A live run of this or another process holds the claim.
    #[error("already running since {}: run {id}", since.format("%Y-%m-%d %H:%M:%S UTC"))]
    AlreadyRunning { id: String, since: DateTime<Utc> },
    /// Its fire was dealt with before, or it is not one to be resumed any more.
    #[error("it was dealt with before: run {id}")]
    AlreadyDone { id: String },
}

/// The open record of one run.
pub(super) struct RunRecord {
    journal: Journal,
    run: Arc<OpenRun>,
}

/// Claims a run in the journal. `None` where there is no journal, or none that works.
///
/// # Errors
/// The run must not be executed.
pub(super) async fn claim(pass: &Pass, report: &Report) -> Result<Option<RunRecord>, Denied> {
    let Some(journal) = pass.journal.clone() else { return Ok(None) };
    let new = NewRun { rewarm: pass.rewarm, ..new_run(report, pass.claim.clone(), pass.watermark.clone()) };
    let (resumes, degraded) = (pass.resumed_with.is_some(), pass.degraded);
    let begun = blocking(move || {
        let begun = if resumes { journal.resume(new.line.info.id, clock::now())? } else { journal.begin(&new)? };
        let begun = match begun {
            // The one that it stands in for knows the run.
            Begun::AlreadyDone { .. } if resumes && degraded => journal.begin(&new)?,
            begun => begun,
        };
        Ok::<_, JournalError>((journal, begun))
    });
    match begun.await {
        Ok((journal, Begun::Run(run))) => Ok(Some(RunRecord { journal, run: Arc::new(run) })),
        Ok((_, Begun::AlreadyRunning { id, since })) => Err(Denied::AlreadyRunning { id, since }),
        Ok((_, Begun::AlreadyDone { id })) => Err(Denied::AlreadyDone { id }),
        Err(error) => {
            tracing::warn!("{error}; this run goes on without: nothing is fresh, and nothing is recorded");
            Ok(None)
        }
    }
}

/// The journal's row of a run that begins, or of a fire without a run.
pub fn new_run(report: &Report, claim: String, watermark: Option<Watermark>) -> NewRun {
    NewRun { line: report.into(), claim, rewarm: false, watermark }
}

impl RunRecord {
    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Notes the plan.
    pub(super) async fn note(&self, report: &Report) {
        let (journal, run, line) = (self.journal.clone(), self.run.clone(), RunLine::from(report));
        if let Err(error) = blocking(move || journal.note(&run, &line)).await {
            tracing::warn!("{error}; the plan of this run is not recorded");
        }
    }

    /// Records completions from now on.
    pub(super) fn recorder(&self, task: &Task) -> Recorder {
        self.journal.record(&self.run, &task.profile.endpoint.cache.0.address())
    }

    /// Divides the endpoint's limit with other processes that warm through the same cache, until the set is dropped.
    pub(super) fn share(&self, task: &Task, limit: Limit) -> JoinSet<()> {
        let (journal, url) = (self.journal.clone(), task.profile.endpoint.cache.0.address());
        let mut sharing = JoinSet::new();
        sharing.spawn(async move {
            loop {
                let (journal, url) = (journal.clone(), url.clone());
                match blocking(move || journal.others(&url)).await {
                    Ok(others) => limit.share(u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1)),
                    Err(error) => tracing::warn!("{error}; other processes at this cache are not counted"),
                }
                sleep(COUNT_OTHERS_INTERVAL).await;
            }
        });
        sharing
    }

    /// Why this many objects cannot be recorded, if so: a journal in memory is bounded.
    pub(super) fn no_room_for(&self, objects: u64) -> Option<String> {
        match self.journal.room() {
            Ok(Some(room)) if objects > room => Some(format!(
                "{objects} objects are to be warmed, and the journal, which is in memory, has room for {room} more"
            )),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        }
    }

    /// Ends the run in the journal. One that is resumable is taken up again.
    pub(super) async fn close(self, report: &Report, resumable: bool) {
        let end = End { line: report.into(), resumable, failures: report.totals.failures.clone() };
        if let Err(error) = blocking(move || self.journal.finish(&self.run, &end)).await {
            tracing::warn!("{error}; the end of this run is not recorded");
        }
    }
}
