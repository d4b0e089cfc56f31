//! One pass: list, select, plan, warm, report. The only implementation of it.

mod account;
mod connection;
pub mod probe;
mod survey;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use account::Account;
pub use connection::{Connection, Connections};
use survey::{Survey, survey};

use crate::clock;
use crate::config::profile::Profile;
use crate::journal::{Freshness, Journal};
use crate::object::Count;
use crate::report::{Cut, Identity, Outcome, Progress, Report, Totals};
use crate::select::Selection;
use crate::select::estimate::{self, Cost};
use crate::select::plan::{Plan, Verdict};
use crate::warm::{Ended, Stop, Warming, warm, warming_order};

/// A run's deadline beyond what the clock can tell.
const FAR: Duration = Duration::from_secs(10 * 365 * 86_400);

/// How long a pass by hand, or a plan, may take where the profile does not say.
pub const ONE_SHOT_DEADLINE: Duration = Duration::from_secs(6 * 3600);
const TOO_LATE: &str = "the run's deadline came before the listing was done";

/// A profile with the fingerprint that its configuration gives it.
#[derive(Clone, Debug)]
pub struct Task {
    pub profile: Arc<Profile>,
    pub fingerprint: String,
}

/// What a pass is run with, beside the profile.
pub struct Pass {
    pub identity: Identity,
    /// From now.
    pub deadline: Duration,
    /// Overrides the profile's.
    pub min_warm: Option<f64>,
    pub stop: Stop,
    pub progress: Arc<Progress>,
    /// Without one nothing is fresh, and nothing is recorded.
    pub journal: Option<Journal>,
    /// No two live runs of one journal hold the same claim.
    pub claim: String,
    /// Warm what is fresh, too.
    pub rewarm: bool,
}

/// List and select, no HEAD.
pub async fn plan(task: &Task, connection: &Connection, progress: &Arc<Progress>, stop: &Stop) -> Plan {
    let plans = plan_together(std::slice::from_ref(task), connection, progress, stop).await;
    plans.into_iter().next().unwrap_or_else(|| unreachable!("one task gives one plan"))
}

/// Plans several tasks over one listing of all that any of them asks for.
pub async fn plan_together(
    tasks: &[Task],
    connection: &Connection,
    progress: &Arc<Progress>,
    stop: &Stop,
) -> Vec<Plan> {
    let unbuilt: Vec<_> = tasks.iter().map(|task| unbuilt(&task.profile)).collect();
    let built = tasks.iter().zip(&unbuilt).filter(|(_, unbuilt)| unbuilt.is_none());
    let rules: Vec<_> = built.map(|(task, _)| Arc::new(task.profile.rules.clone())).collect();
    let deadlines = tasks.iter().map(|task| task.profile.deadline.unwrap_or(ONE_SHOT_DEADLINE));
    let until = over(stop, deadlines.max().unwrap_or(ONE_SHOT_DEADLINE));
    let survey = if rules.is_empty() { nothing_listed() } else { survey(connection, &rules, progress, until).await };
    let Survey { selections, verdict, at, list_requests } = survey;
    let mut selections = selections.into_iter();
    let with = |(task, unbuilt): (&Task, Option<String>)| {
        let selection = if unbuilt.is_some() { None } else { selections.next() }.unwrap_or_default();
        let refused = selection.refused.as_ref().map(|why| Verdict::Refused(why.to_string()));
        let verdict = match (unbuilt, &verdict) {
            (Some(why), _) => Verdict::Refused(why),
            (None, Verdict::Ready) => refused.unwrap_or(Verdict::Ready),
            (None, other) => other.clone(),
        };
        make(task, selection, verdict, at, list_requests)
    };
    tasks.iter().zip(unbuilt).map(with).collect()
}

/// Why a listing ends before it is done.
async fn over(stop: &Stop, deadline: Duration) -> Verdict {
    tokio::select! {
        biased;
        () = stop.told() => cut_short(stop.why()),
        () = tokio::time::sleep(deadline) => Verdict::Failed(TOO_LATE.to_owned()),
    }
}

/// A window that closes is no interruption, and nothing was warmed.
fn cut_short(cut: Cut) -> Verdict {
    let why = format!("{} while listing", cut.as_str());
    if cut == Cut::Window { Verdict::Failed(why) } else { Verdict::Interrupted(why) }
}

/// What hotset understands and does not do yet; ignoring it would warm the wrong objects.
fn unbuilt(profile: &Profile) -> Option<String> {
    let key = match (&profile.checkpoint, &profile.manifest) {
        (Some(_), _) => "checkpoint",
        (None, Some(_)) => "manifest",
        (None, None) => return None,
    };
    Some(format!("`{key}` is not built yet in this version; the profile is refused rather than warmed without it"))
}

fn nothing_listed() -> Survey {
    Survey { selections: Vec::new(), verdict: Verdict::Ready, at: clock::now(), list_requests: 0 }
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
        warnings: estimate::warnings(&selection.selected, endpoint.capacity),
        selection,
        list_requests,
    }
}

/// Which of the plan's objects are fresh, in their order; the plan counts them. When the ledger cannot be read, that is
/// logged, and nothing is fresh.
pub async fn mark_fresh(plan: &mut Plan, task: &Task, journal: &Journal) -> Vec<bool> {
    if plan.verdict != Verdict::Ready {
        return Vec::new();
    }
    let endpoint = &task.profile.endpoint;
    let rules = Freshness {
        cache_url: endpoint.cache.0.url.to_string(),
        rewarm_after: task.profile.rewarm_after,
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
    for (object, _) in plan.selection.selected.iter().zip(&fresh).filter(|(_, fresh)| **fresh) {
        plan.fresh.add(object.size);
    }
    fresh
}

/// Plans and warms one profile, and keeps an account of it in the journal.
pub async fn pass(task: &Task, connection: &Connection, pass: Pass) -> Report {
    let started = clock::now();
    let unplanned = Verdict::Interrupted("the process ended before the plan was made".to_owned());
    let mut report = Report {
        identity: pass.identity,
        ended: None,
        outcome: Outcome::Running,
        reason: None,
        plan: make(task, Selection::default(), unplanned, started, 0),
        totals: Totals::default(),
    };
    let now = Instant::now();
    let deadline = now.checked_add(pass.deadline).unwrap_or(now + FAR);
    match account::open(&pass, &report).await {
        Ok(account) => {
            carry_out(&mut report, task, connection, &Going { pass, deadline, account: account.as_ref() }).await;
            report.ended = Some(clock::now());
            if let Some(account) = account {
                account.close(&report).await;
            }
        }
        Err(why) => {
            report.plan.verdict = Verdict::Refused(why.clone());
            (report.outcome, report.reason, report.ended) = (Outcome::Refused, Some(why), Some(clock::now()));
        }
    }
    report
}

/// A pass under way.
struct Going<'a> {
    pass: Pass,
    deadline: Instant,
    account: Option<&'a Account>,
}

async fn carry_out(report: &mut Report, task: &Task, connection: &Connection, going: &Going<'_>) {
    let Going { pass, deadline, account } = going;
    let planned = tokio::time::timeout_at(*deadline, plan(task, connection, &pass.progress, &pass.stop)).await;
    report.plan = planned.unwrap_or_else(|_| {
        let why = Verdict::Failed(TOO_LATE.to_owned());
        make(task, Selection::default(), why, clock::now(), pass.progress.list_requests.load(Ordering::Relaxed))
    });
    let (outcome, reason) = Outcome::of_plan(&report.plan.verdict);
    if outcome != Outcome::Complete {
        (report.outcome, report.reason) = (outcome, reason.map(str::to_owned));
        return;
    }
    let fresh = match account {
        Some(account) if !pass.rewarm => mark_fresh(&mut report.plan, task, account.journal()).await,
        _ => Vec::new(),
    };
    let (planned, fresh_count) = (report.plan.selected, report.plan.fresh);
    report.totals = Totals { planned, fresh: fresh_count, ..Totals::default() };
    let mut fresh = fresh.into_iter();
    let mut objects: Vec<_> = std::mem::take(&mut report.plan.selection.selected);
    objects.retain(|_| !fresh.next().unwrap_or(false));
    warming_order(&mut objects);
    let to_warm = report.plan.to_warm();
    pass.progress.planned_objects.store(to_warm.objects, Ordering::Relaxed);
    pass.progress.planned_bytes.store(to_warm.bytes, Ordering::Relaxed);
    let recording = match account {
        Some(account) => Some(account.record(report, task).await),
        None => None,
    };
    let (completions, recorder) = recording.unzip();
    let warming = Warming {
        wire: connection.wire.clone(),
        limit: connection.limit.clone(),
        flights: connection.flights.clone(),
        priority: task.profile.priority,
        deadline: *deadline,
        stop: pass.stop.clone(),
        progress: pass.progress.clone(),
        completions,
    };
    let (totals, ended): (Totals, Ended) = warm(objects, warming).await;
    if let Some(recorder) = recorder {
        recorder.finish().await;
    }
    report.totals = Totals { planned, fresh: fresh_count + totals.fresh, ..totals };
    let min_warm = pass.min_warm.or(task.profile.min_warm);
    (report.outcome, report.reason) = verdict::judge(&report.totals, &ended, report.plan.wanted(), min_warm);
}
