//! Runs in progress.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{Instrument as _, Span};

use super::failover_journal::FailoverJournal;
use super::scheduler::RunRequest;
use crate::clock;
use crate::report::{Progress, Report};
use crate::run::{self, Claim, Connections, Denied, Pass};
use crate::sync::blocking;
use model::api::{self, EndedObjects};
use model::object::Count;

/// A run that is claimed or going on, as the loop sees it.
#[derive(Debug)]
pub(super) struct ActiveRun {
    pub request: Arc<RunRequest>,
    pub progress: Arc<Progress>,
    pub deadline: DateTime<Utc>,
}

/// How a task of a run ended. A run has two: the claim, then the execution.
pub(super) enum Step {
    Granted(Box<(Pass, Claim)>),
    Denied(Denied),
    Ended(Box<Report>),
}

impl ActiveRun {
    pub fn new(request: Arc<RunRequest>) -> Self {
        let now = clock::now();
        let left = TimeDelta::from_std(request.deadline).ok();
        let deadline = left.and_then(|left| now.checked_add_signed(left)).unwrap_or(now);
        Self { request, progress: Arc::default(), deadline }
    }

    /// Asks the journal for the run, once `earlier` has ended.
    pub fn claim(
        &self,
        journal: FailoverJournal,
        earlier: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = Step> + Send + 'static {
        let (request, progress) = (self.request.clone(), self.progress.clone());
        let claiming = async move {
            earlier.await;
            // A check first: a run must not find out in its middle that nothing can be kept.
            let (journal, degraded) = blocking(move || (journal.check(), journal.is_degraded())).await;
            let pass = Pass {
                info: request.info,
                deadline: request.deadline,
                min_warm: None,
                stop: request.stop.clone(),
                progress,
                journal: Some(journal),
                degraded,
                claim: request.task.profile.name.to_string(),
                rewarm: request.rewarm,
                resumed_with: request.resumed_with,
                watermark: Some(request.watermark.clone()),
            };
            match run::claim(&request.task, &pass).await {
                Ok(claim) => Step::Granted(Box::new((pass, claim))),
                Err((denied, _)) => Step::Denied(denied),
            }
        };
        claiming.instrument(self.span())
    }

    /// Executes the run that the journal has granted.
    pub fn execute(
        &self,
        connections: Connections,
        granted: (Pass, Claim),
    ) -> impl Future<Output = Step> + Send + 'static {
        let task = self.request.task.clone();
        let executing = async move {
            let connection = connections.open(&task.profile).await;
            let (pass, claim) = granted;
            Step::Ended(Box::new(run::execute(&task, &connection, pass, claim).await))
        };
        executing.instrument(self.span())
    }

    fn span(&self) -> Span {
        let profile = &self.request.task.profile;
        let run = self.request.info.id;
        tracing::info_span!("run", %run, profile = &*profile.name, endpoint = &*profile.endpoint.name)
    }

    /// Its objects by outcome, so far.
    pub fn ended(&self) -> EndedObjects {
        let get = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed);
        let progress = &self.progress;
        let (gone, failed, unknown) = (get(&progress.gone), get(&progress.failed), get(&progress.unknown));
        let warmed = Count { objects: get(&progress.warmed_objects), bytes: get(&progress.warmed_bytes) };
        EndedObjects { warmed, gone, failed, unknown }
    }

    pub fn view(&self) -> api::ActiveRun {
        let get = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed);
        let progress = &self.progress;
        let silent = Some(get(&progress.silent_ms)).filter(|ms| *ms > 0).map(Duration::from_millis);
        let progress = api::Progress {
            deadline: self.deadline,
            stopping: self.request.stop.reason().map(|reason| reason.as_str().to_owned()),
            list_requests: get(&progress.list_requests),
            listed: get(&progress.listed),
            listed_share: progress.listed_share(),
            planned: Count { objects: get(&progress.planned_objects), bytes: get(&progress.planned_bytes) },
            ended: Count { objects: get(&progress.ended_objects), bytes: get(&progress.ended_bytes) },
            in_flight: get(&progress.in_flight),
            failed: get(&progress.failed),
            unknown: get(&progress.unknown),
            gone: get(&progress.gone),
            silent_s: silent.map(|silent| silent.as_secs_f64()),
            trouble: progress.trouble(),
        };
        let RunRequest { info, task, .. } = &*self.request;
        let profile = &task.profile;
        api::ActiveRun {
            info: *info,
            profile: profile.name.to_string(),
            endpoint: profile.endpoint.name.to_string(),
            fingerprint: task.fingerprint.clone(),
            progress,
        }
    }
}

#[cfg(test)]
mod tests;
