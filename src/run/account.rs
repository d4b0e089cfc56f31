//! What a pass writes in the journal. A journal that fails does not keep a pass from warming; that is logged.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;

use super::{Pass, Task};
use crate::journal::{Begun, End, Journal, JournalError, NewRun, OpenRun, Recorder};
use crate::report::json::RunLine;
use crate::report::{Completion, Report};

/// An open account of one run.
pub(super) struct Account {
    journal: Journal,
    run: Arc<OpenRun>,
}

/// Opens an account of a run; `None` where there is no journal, or none that works.
///
/// # Errors
/// Why the run must not be carried out: a live one holds its claim.
pub(super) async fn open(pass: &Pass, report: &Report) -> Result<Option<Account>, String> {
    let Some(journal) = pass.journal.clone() else { return Ok(None) };
    let new = NewRun {
        id: report.identity.run,
        claim: pass.claim.clone(),
        profile: report.plan.profile.to_string(),
        endpoint: report.plan.endpoint.to_string(),
        fingerprint: report.plan.fingerprint.clone(),
        trigger: report.identity.trigger.to_string(),
        due: report.identity.due,
        missed: report.identity.missed,
        resumes: report.identity.resumes,
        started: report.identity.started,
        rewarm: pass.rewarm,
        mark: None,
        line: line(report),
    };
    let begun = blocking(move || journal.begin(&new).map(|begun| (journal, begun))).await;
    match begun {
        Ok((journal, Begun::Run(run))) => Ok(Some(Account { journal, run: Arc::new(run) })),
        Ok((_, Begun::AlreadyRunning { id, since })) => {
            Err(format!("already running since {}: run {id}", since.format("%Y-%m-%d %H:%M:%S UTC")))
        }
        Ok((_, Begun::AlreadyDone { id })) => Err(format!("it was dealt with before: run {id}")),
        Err(error) => {
            tracing::warn!("{error}; this run goes on without: nothing is fresh, and nothing is recorded");
            Ok(None)
        }
    }
}

impl Account {
    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Notes the plan, and records completions from now on.
    pub(super) async fn record(&self, report: &Report, task: &Task) -> (Sender<Completion>, Recorder) {
        let (journal, run, line) = (self.journal.clone(), self.run.clone(), line(report));
        if let Err(error) = blocking(move || journal.note(&run, &line)).await {
            tracing::warn!("{error}; the plan of this run is not recorded");
        }
        self.journal.record(&self.run, task.profile.endpoint.cache.0.url.as_str())
    }

    /// Ends the run in the journal.
    pub(super) async fn close(self, report: &Report) {
        let end = End {
            ended: report.ended.unwrap_or(report.identity.started),
            outcome: report.outcome,
            reason: report.reason.clone(),
            resumable: false,
            line: line(report),
            failures: report.totals.failures.clone(),
        };
        if let Err(error) = blocking(move || self.journal.finish(&self.run, &end)).await {
            tracing::warn!("{error}; the end of this run is not recorded");
        }
    }
}

async fn blocking<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    let done = spawn_blocking(what).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// The line of the run as it stands.
fn line(report: &Report) -> String {
    serde_json::to_string(&RunLine::from(report)).unwrap_or_default()
}
