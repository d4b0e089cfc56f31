//! One pass of a profile: list, select, plan, warm, report. There is no other implementation of it.
//!
//! [`plan`] stops before the first HEAD; [`pass`] does all of it. Candidates come from a listing (`list_and_select`), from
//! checkpoints (`resolve`) or from a manifest (`manifest_source`). `execute` warms the whole plan, `stream` begins while the
//! listing goes on. `outcome` judges the result, and `run_record` writes it into the journal.

mod connection;
mod execute;
mod folder_pruning;
mod fresh;
mod list_and_select;
mod manifest_source;
mod outcome;
pub mod probe;
mod reselect;
mod resolve;
mod run_record;
mod scopes;
mod spill;
mod stream;
mod stream_channel;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

pub use connection::{Connection, Connections};
use execute::Execution;
pub use fresh::mark_fresh;
use list_and_select::{Selections, list_and_select};
pub use manifest_source::named_buckets;
use manifest_source::read;
use resolve::resolve;
use run_record::RunRecord;
pub use run_record::{Denied, new_run};

use crate::clock;
use crate::journal::{Journal, Watermark};
use crate::report::{Outcome, Progress, ReasonClass, Report, RunInfo, StopReason, Totals, Trigger};
use crate::warm::StopSignal;
use model::config::profile::Profile;
use model::manifest;
use model::object::Count;
use model::select::estimate::{self, Cost};
use model::select::plan::{Plan, Verdict, Why};
use model::select::{Rules, Selection};

/// Ten years: stands for a deadline beyond what the clock can hold.
const FAR: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The deadline of a pass by hand, or of a plan, where the profile has none.
pub const ONE_SHOT_DEADLINE: Duration = Duration::from_secs(6 * 3600);

/// A profile with the fingerprint that its configuration gives it.
#[derive(Clone, Debug)]
pub struct Task {
    pub profile: Arc<Profile>,
    pub fingerprint: String,
}

/// What a pass is run with, beside the profile.
pub struct Pass {
    pub info: RunInfo,
    /// From now.
    pub deadline: Duration,
    /// Overrides the profile's.
    pub min_warm: Option<f64>,
    pub stop: StopSignal,
    pub progress: Arc<Progress>,
    /// Without one nothing is fresh, and nothing is recorded.
    pub journal: Option<Journal>,
    /// The journal stands in for one that cannot be written: scheduled runs beyond its bound are refused.
    pub degraded: bool,
    /// No two live runs of one journal hold the same claim.
    pub claim: String,
    /// Warm what is fresh, too.
    pub rewarm: bool,
    /// It was interrupted, and is taken up again: what was warmed of it by then.
    pub resumed_with: Option<Count>,
    /// Kept with the run: the profile's place in time.
    pub watermark: Option<Watermark>,
}

impl Pass {
    /// By hand, once, without a journal.
    pub fn once(task: &Task, stop: StopSignal, progress: Arc<Progress>) -> Self {
        Self {
            info: RunInfo::new(Trigger::Cli, clock::now()),
            deadline: task.profile.deadline.unwrap_or(ONE_SHOT_DEADLINE),
            min_warm: None,
            stop,
            progress,
            journal: None,
            degraded: false,
            claim: task.profile.name.to_string(),
            rewarm: false,
            resumed_with: None,
            watermark: None,
        }
    }
}

/// List and select, no HEAD.
pub async fn plan(task: &Task, connection: &Connection, progress: &Arc<Progress>, stop: &StopSignal) -> Plan {
    let plans = plan_together(std::slice::from_ref(task), connection, progress, stop).await;
    plans.into_iter().next().unwrap_or_else(|| unreachable!("one task gives one plan"))
}

/// Plans several tasks over one listing of all that any of them asks for.
pub async fn plan_together(
    tasks: &[Task],
    connection: &Connection,
    progress: &Arc<Progress>,
    stop: &StopSignal,
) -> Vec<Plan> {
    let deadlines = tasks.iter().map(|task| task.profile.deadline.unwrap_or(ONE_SHOT_DEADLINE));
    let wait = deadlines.max().unwrap_or(ONE_SHOT_DEADLINE);
    let deadline = after(wait);
    let mut found: Vec<(Source, Selections)> = Vec::new();
    for source in tasks.iter().map(Source::of) {
        if found.iter().any(|(known, _)| *known == source) {
            continue;
        }
        let until = over(stop, deadline);
        let of_source: Vec<&Task> = tasks.iter().filter(|task| Source::of(task) == source).collect();
        let selections = match &source {
            Source::Listing => list_and_select((connection, None), &all_rules(&of_source), progress, until).await,
            Source::Manifest(place) => read(connection, (place, &all_rules(&of_source)), progress, until).await,
            Source::Checkpoints => {
                let checkpoint = |task: &&Task| Some((rules(task), Arc::new(task.profile.checkpoint.clone()?)));
                let wanted: Vec<_> = of_source.iter().filter_map(checkpoint).collect();
                resolve(connection, &wanted, progress, until).await
            }
        };
        found.push((source, selections));
    }
    let with = |task: &Task| {
        let source = Source::of(task);
        let found = found.iter_mut().find(|(known, _)| *known == source);
        let (_, found) = found.unwrap_or_else(|| unreachable!("every task's source was listed"));
        let mut plan = found.plan(task);
        fail_if_lost(&mut plan, connection);
        plan
    };
    tasks.iter().map(with).collect()
}

/// Fails a plan of which something was put on a disk that cannot be read any more.
pub fn fail_if_lost(plan: &mut Plan, connection: &Connection) {
    if let Some(why) = connection.lost() {
        plan.verdict = Verdict::Failed(why.to_owned().into());
    }
}

/// Where the candidates of a task come from. Tasks with one source share one listing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Listing,
    Checkpoints,
    Manifest(manifest::Place),
}

impl Source {
    fn of(task: &Task) -> Self {
        match (&task.profile.manifest, &task.profile.checkpoint) {
            (Some(manifest), _) => Self::Manifest(manifest.place.clone()),
            (None, Some(_)) => Self::Checkpoints,
            (None, None) => Self::Listing,
        }
    }
}

fn all_rules(tasks: &[&Task]) -> Vec<Arc<Rules>> {
    tasks.iter().map(|task| rules(task)).collect()
}

fn rules(task: &Task) -> Arc<Rules> {
    Arc::new(task.profile.rules.clone())
}

impl Selections {
    /// The next selection as a plan.
    fn plan(&mut self, task: &Task) -> Plan {
        let selection = self.selections.next().unwrap_or_default();
        let refused = selection.refused.as_ref().map(|refusal| Verdict::Refused(refusal.into()));
        let verdict = match &self.verdict {
            Verdict::Ready => refused.unwrap_or(Verdict::Ready),
            other => other.clone(),
        };
        let mut plan = make(task, selection, verdict, self.at, self.list_requests);
        plan.read_from(self.manifest.clone());
        plan
    }
}

fn after(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now + FAR)
}

/// Waits for what ends a listing early, and says why.
async fn over(stop: &StopSignal, deadline: Instant) -> Verdict {
    tokio::select! {
        biased;
        () = stop.told() => cut_short(stop.reason().unwrap_or(StopReason::Told)),
        () = tokio::time::sleep_until(deadline) => too_late(),
    }
}

fn too_late() -> Verdict {
    Verdict::Failed(Why::new(ReasonClass::Deadline, "the run's deadline came before the listing was done"))
}

/// A window that closes is no interruption, and nothing was warmed.
fn cut_short(reason: StopReason) -> Verdict {
    let why = Why::new(reason.class(), format!("{} while listing", reason.as_str()));
    if reason == StopReason::Window { Verdict::Failed(why) } else { Verdict::Interrupted(why) }
}

fn make(task: &Task, selection: Selection, verdict: Verdict, at: DateTime<Utc>, list_requests: u64) -> Plan {
    let endpoint = &task.profile.endpoint;
    let selected = selection.kept();
    Plan {
        profile: task.profile.name.clone(),
        endpoint: endpoint.name.clone(),
        fingerprint: task.fingerprint.clone(),
        at,
        verdict,
        selected,
        fresh: Count::default(),
        max_bytes: task.profile.rules.max_bytes,
        share: endpoint.capacity.and_then(|capacity| estimate::share(selected.bytes, capacity)),
        cost: endpoint.prices.as_ref().map(|prices| Cost::of(selected.bytes, prices)),
        warnings: estimate::warnings_of(&selection, endpoint.capacity),
        selection,
        list_requests,
        manifest: None,
    }
}

/// A run that the journal has granted.
pub struct Claim {
    report: Report,
    /// `None`: there is no journal, or none that works.
    record: Option<RunRecord>,
}

/// Asks the journal for a run.
///
/// # Errors
/// The run must not be executed. The report says so.
pub async fn claim(task: &Task, pass: &Pass) -> Result<Claim, (Denied, Box<Report>)> {
    let unplanned = Verdict::Interrupted("the process ended before the plan was made".to_owned().into());
    let mut report = Report {
        info: pass.info,
        ended: None,
        outcome: Outcome::Running,
        reason: None,
        reason_class: None,
        plan: make(task, Selection::default(), unplanned, clock::now(), 0),
        totals: Totals { warmed: pass.resumed_with.unwrap_or_default(), ..Totals::default() },
    };
    match run_record::claim(pass, &report).await {
        Ok(record) => Ok(Claim { report, record }),
        Err(denied) => {
            let why = denied.to_string();
            report.plan.verdict = Verdict::Refused(why.clone().into());
            (report.outcome, report.reason, report.ended) = (Outcome::Refused, Some(why), Some(clock::now()));
            Err((denied, Box::new(report)))
        }
    }
}

/// Plans and warms one profile, and keeps a record of it in the journal.
pub async fn execute(task: &Task, connection: &Connection, pass: Pass, claim: Claim) -> Report {
    let Claim { mut report, record } = claim;
    let deadline = after(pass.deadline);
    Execution { pass: &pass, task, connection, deadline, record: record.as_ref() }.execute(&mut report).await;
    report.ended = Some(clock::now());
    let resumable = report.outcome == Outcome::Interrupted && pass.stop.reason().is_some_and(StopReason::resumes);
    if let Some(record) = record {
        record.close(&report, resumable).await;
    }
    report
}

/// Claims a run and executes it. One that is denied is refused.
pub async fn pass(task: &Task, connection: &Connection, pass: Pass) -> Report {
    match claim(task, &pass).await {
        Ok(claim) => Box::pin(execute(task, connection, pass, claim)).await,
        Err((_, refused)) => *refused,
    }
}

/// A fire that passes without a run.
pub fn skipped(task: &Task, info: RunInfo, reason: String) -> Report {
    let plan = make(task, Selection::default(), Verdict::Refused(reason.clone().into()), info.started, 0);
    let ended = Some(info.started);
    let totals = Totals::default();
    let (outcome, reason) = (Outcome::Skipped, Some(reason));
    Report { info, ended, outcome, reason, reason_class: None, plan, totals }
}
