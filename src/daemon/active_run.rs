//! Runs in progress.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::spawn_blocking;
use tracing::Instrument as _;

use super::failover_journal::FailoverJournal;
use super::scheduler::Begin;
use super::view::{Ended, RunView};
use crate::clock;
use crate::report::{Progress, Report, RunInfo, StopReason};
use crate::run::{self, Connection, Pass, Task};
use crate::warm::StopSignal;
use model::object::Count;

/// A run in progress, as the loop sees it.
#[derive(Debug)]
pub(super) struct ActiveRun {
    pub task: Task,
    pub info: RunInfo,
    pub stop: StopSignal,
    pub progress: Arc<Progress>,
    pub deadline: DateTime<Utc>,
    pub stopping: Option<StopReason>,
}

impl ActiveRun {
    /// A run about to begin, and what carries it out once `earlier` has ended.
    pub fn new(
        begin: &Begin,
        connection: Connection,
        journal: FailoverJournal,
        earlier: impl Future<Output = ()> + Send + 'static,
    ) -> (Self, impl Future<Output = Report> + Send + 'static) {
        let Begin { task, info, resumed_with, rewarm, deadline, watermark } = begin.clone();
        let now = clock::now();
        let live = Self {
            task: task.clone(),
            info,
            stop: StopSignal::default(),
            progress: Arc::default(),
            deadline: TimeDelta::from_std(deadline).ok().and_then(|left| now.checked_add_signed(left)).unwrap_or(now),
            stopping: None,
        };
        let (stop, progress) = (live.stop.clone(), live.progress.clone());
        let (run, profile, endpoint) = (info.id, task.profile.name.clone(), task.profile.endpoint.name.clone());
        let span = tracing::info_span!("run", %run, profile = &*profile, endpoint = &*endpoint);
        let going = async move {
            earlier.await;
            // A look first: a run must not find out in its middle that nothing can be kept.
            let looked = spawn_blocking(move || (journal.look(), journal.is_degraded())).await;
            let (journal, degraded) = looked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            let claim = task.profile.name.to_string();
            let pass = Pass {
                info,
                deadline,
                min_warm: None,
                stop,
                progress,
                journal: Some(journal),
                degraded,
                claim,
                rewarm,
                resumed_with,
                watermark: Some(watermark),
            };
            run::pass(&task, &connection, pass).await
        };
        (live, going.instrument(span))
    }

    pub fn stop(&mut self, reason: StopReason) {
        self.stop.stop(reason);
        self.stopping = Some(self.stop.reason());
    }

    /// What its objects have come to so far.
    pub fn ended(&self) -> Ended {
        let get = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed);
        let progress = &self.progress;
        let (gone, failed, unknown) = (get(&progress.gone), get(&progress.failed), get(&progress.unknown));
        let warmed = Count { objects: get(&progress.warmed_objects), bytes: get(&progress.warmed_bytes) };
        Ended { warmed, gone, failed, unknown }
    }

    pub fn view(&self) -> RunView {
        let get = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed);
        let progress = &self.progress;
        let silent = Some(get(&progress.silent_ms)).filter(|ms| *ms > 0).map(Duration::from_millis);
        RunView {
            info: self.info,
            profile: self.task.profile.name.clone(),
            endpoint: self.task.profile.endpoint.name.clone(),
            fingerprint: self.task.fingerprint.clone(),
            deadline: self.deadline,
            stopping: self.stopping,
            list_requests: get(&progress.list_requests),
            listed: get(&progress.listed),
            listed_share: progress.listed_share(),
            planned: Count { objects: get(&progress.planned_objects), bytes: get(&progress.planned_bytes) },
            ended: Count { objects: get(&progress.ended_objects), bytes: get(&progress.ended_bytes) },
            in_flight: get(&progress.in_flight),
            failed: get(&progress.failed),
            unknown: get(&progress.unknown),
            gone: get(&progress.gone),
            silent,
            trouble: progress.trouble(),
        }
    }
}
