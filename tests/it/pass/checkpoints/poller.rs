//! Checkpoints in buckets, and a profile that is polled again and again.

use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use hotset::clock;
use hotset::journal::Journal;
use hotset::report::{Progress, Report, RunInfo, Trigger};
use hotset::run::{self, Connections, Pass, Task};
use hotset::warm::StopSignal;
use sim::{Bucket, Builder, Entry, Kind};

use crate::pass::stage::{Stage, stage};

/// The members of a checkpoint that [`saved`] makes: 1,000 bytes each. By these names, shards need no index.
pub const MEMBERS: [&str; 4] = [
    "model-part-00001-of-00002.safetensors",
    "model-part-00002-of-00002.safetensors",
    "optimizer.pt",
    "trainer_state.json",
];

/// So many minutes ago.
pub fn ago(minutes: i64) -> DateTime<Utc> {
    clock::now() - TimeDelta::minutes(minutes)
}

/// An object of 1,000 bytes.
pub fn entry(minutes: i64) -> Entry {
    Entry::sized(1000).modified(ago(minutes))
}

/// A complete checkpoint of the trainer that writes `checkpoint-N`, so many minutes old.
pub fn saved(bucket: Bucket, folder: &str, minutes: i64) -> Bucket {
    MEMBERS.iter().fold(bucket, |bucket, name| bucket.object(format!("{folder}/{name}"), entry(minutes)))
}

/// The run `run` with these steps, each an hour old or more, the larger the younger.
pub fn steps(steps: &[i64]) -> Bucket {
    run_of(Bucket::new(), "run", steps)
}

/// The same beside others.
pub fn run_of(bucket: Bucket, run: &str, steps: &[i64]) -> Bucket {
    let newest = steps.iter().copied().max().unwrap_or_default();
    steps.iter().fold(bucket, |bucket, step| saved(bucket, &format!("{run}/checkpoint-{step}"), 60 + newest - step))
}

/// The profile `p` of these objects with `checkpoint = { layout = "hf-trainer", … }`, and more lines.
pub fn profile(objects: &str, checkpoint: &str, lines: &str) -> String {
    format!(
        "[profile.p]\nobjects = [{objects}]\nmax_bytes = \"1 TiB\"\n\
         checkpoint = {{ layout = \"hf-trainer\"{checkpoint} }}\n{lines}\n"
    )
}

/// One request at a time, so that the log of the simulator has them in the order in which they were begun.
pub const ONE_AT_A_TIME: &str = "start_in_flight = 1\nmax_in_flight = 1";

/// With more lines for the endpoint. A request is tried once.
pub async fn poller(builder: Builder, endpoint: &str, tables: &str) -> Poller {
    let stage = stage(builder, &format!("retries = 0\n{endpoint}"), tables).await;
    Poller { stage, journal: Journal::memory(10_000).unwrap() }
}

/// A stage with a journal, as a daemon has it.
pub struct Poller {
    pub stage: Stage,
    pub journal: Journal,
}

/// One poll, and what the simulator counted meanwhile.
pub struct Poll {
    pub report: Report,
    /// Keys that the cache was asked for, sorted.
    pub heads: Vec<String>,
    pub lists: u64,
}

impl Poller {
    pub async fn poll(&self) -> Poll {
        self.pass(|pass| pass).await
    }

    /// One pass of `p` with a stop of its own, changed in some way.
    pub async fn pass(&self, change: impl FnOnce(Pass) -> Pass) -> Poll {
        let (task, sim) = (self.stage.task("p"), &self.stage.sim);
        let connection = Connections::default().open(&task.profile).await;
        sim.reset_counters();
        let pass = change(self.scheduled(&task));
        let progress = pass.progress.clone();
        let again = pass.resumed_with.is_some();
        let report = run::pass(&task, &connection, pass).await;
        check(&self.stage, &report, (&progress, again));
        let asked = sim.keys().into_iter().filter(|(_, counters)| counters.ranged_heads > 0);
        let heads = asked.map(|((_, key), _)| String::from_utf8(key).unwrap()).collect();
        Poll { report, heads, lists: self.stage.lists() }
    }

    fn scheduled(&self, task: &Task) -> Pass {
        Pass {
            info: RunInfo::new(Trigger::Schedule, clock::now()),
            deadline: self.stage.deadline,
            journal: Some(self.journal.clone()),
            ..Pass::once(task, StopSignal::default(), Progress::default().into())
        }
    }
}

/// What holds of every pass, whatever it met.
fn check(stage: &Stage, report: &Report, (progress, again): (&Progress, bool)) {
    let (totals, counters) = (&report.totals, stage.sim.counters());
    assert_eq!(totals.sends, counters.cache.count(Kind::RangedHead), "{totals:?}");
    assert_eq!(counters.cache.total(), totals.sends, "the cache gets nothing but ranged HEADs");
    assert_eq!(counters.list.count(Kind::RangedHead), 0, "only the cache gets them");
    assert!(counters.cache.most_open_one_key <= 1, "never two open requests for one object");
    assert!(totals.ended().objects <= totals.planned.objects, "{totals:?}");
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let ended = totals.ended().objects - totals.fresh.objects;
    assert!(again || load(&progress.ended_objects) == ended, "what is fresh by the ledger is not shown as ended");
    assert!(load(&progress.planned_objects) >= load(&progress.ended_objects));
    assert_eq!(load(&progress.in_flight), 0);
}

impl Poller {
    /// The folders that the cache was asked for in the last pass, in the order of the requests.
    pub fn folders(&self) -> Vec<String> {
        let log = self.stage.sim.log();
        let heads = log.iter().filter(|logged| logged.kind == Kind::RangedHead);
        let folder = |target: &str| target.rsplit_once('/').unwrap().0.trim_start_matches('/').to_owned();
        let mut folders: Vec<String> = heads.map(|logged| folder(&logged.target)).collect();
        folders.dedup();
        folders
    }
}

impl Poll {
    /// Planned, warmed, fresh, gone, failed.
    pub fn counts(&self) -> [u64; 5] {
        let totals = &self.report.totals;
        [totals.planned, totals.warmed, totals.fresh, totals.gone, totals.failed].map(|count| count.objects)
    }

    pub fn reason(&self) -> &str {
        self.report.reason.as_deref().unwrap_or_default()
    }

    /// The names of the chosen checkpoints with their runs, as the report has them.
    pub fn chosen(&self) -> Vec<String> {
        let groups = self.report.plan.selection.groups.iter();
        let chosen = groups.filter(|group| group.state == model::select::group::State::Chosen);
        chosen.map(|group| format!("{}/{}", group.run, group.name)).collect()
    }
}

/// The keys of all members of a checkpoint, sorted.
pub fn members(folder: &str) -> Vec<String> {
    MEMBERS.iter().map(|name| format!("{folder}/{name}")).collect()
}
