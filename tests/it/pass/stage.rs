//! A simulator, a configuration for it, and passes of its profiles.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hotset::report::{Progress, Report};
use hotset::run::{self, Connections, Pass, Task};
use hotset::warm::StopSignal;
use model::api::{PlanLine, RunLine};
use model::config::{self, Config, Source};
use model::object::Count;
use model::select::plan::Plan;
use sim::{Bucket, Builder, Entry, Fault, Kind, Rule, Sim};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub struct Stage {
    pub sim: Sim,
    pub config: Config,
    pub stop: StopSignal,
    pub deadline: Duration,
    pub progress: Arc<Progress>,
    /// Connections are closed while idle: what is sent into one never arrives.
    pub lossy: bool,
    _keys: TempDir,
}

/// A simulator that checks signatures.
pub fn builder() -> Builder {
    Sim::builder().credentials("AK", "SK").log(10_000)
}

/// `n` objects `KEY-00` of 1,000 bytes.
pub fn bucket(prefix: &str, n: usize) -> Bucket {
    (0..n).fold(Bucket::new(), |bucket, n| bucket.object(format!("{prefix}{n:02}"), Entry::sized(1000)))
}

/// The simulator as the endpoint `cache`, with more lines for its table, and further tables.
pub async fn stage(builder: Builder, endpoint: &str, tables: &str) -> Stage {
    let sim = builder.start().await.unwrap();
    let keys = tempfile::tempdir().unwrap();
    let path = |name: &str| keys.path().join(name).display().to_string();
    std::fs::write(path("id"), "AK").unwrap();
    std::fs::write(path("secret"), "SK").unwrap();
    let text = format!(
        "[endpoint.cache]\n\
         cache_url = \"{}\"\nlist_url = \"{}\"\nregion = \"us-east-1\"\ncredentials = \"files\"\n{endpoint}\n\
         [credentials.files]\naccess_key_id_file = \"{}\"\nsecret_access_key_file = \"{}\"\n{tables}",
        sim.cache_url(),
        sim.list_url(),
        path("id"),
        path("secret"),
    );
    let source = Source::trusted("hotset.toml", text, 0);
    let config = config::load_sources(vec![source]).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
    let deadline = Duration::from_hours(1);
    Stage { sim, config, stop: StopSignal::default(), deadline, progress: Arc::default(), lossy: false, _keys: keys }
}

/// One profile `p` of these objects, with more lines.
pub fn profile(objects: &str, lines: &str) -> String {
    format!("[profile.p]\nobjects = [{objects}]\nmax_bytes = \"1 TiB\"\n{lines}\n")
}

impl Stage {
    pub fn task(&self, name: &str) -> Task {
        let profile = self.config.profiles[name].clone();
        Task { fingerprint: self.config.fingerprint(&profile), profile }
    }

    pub async fn plan(&self, name: &str) -> Plan {
        let task = self.task(name);
        let connection = Connections::default().open(&task.profile).await;
        run::plan(&task, &connection, &self.progress, &self.stop).await
    }

    pub async fn warm(&self, name: &str) -> Report {
        let task = self.task(name);
        let connection = Connections::default().open(&task.profile).await;
        let pass = Pass { deadline: self.deadline, ..Pass::once(&task, self.stop.clone(), self.progress.clone()) };
        let report = run::pass(&task, &connection, pass).await;
        self.check(&report);
        report
    }

    /// What holds of every pass.
    fn check(&self, report: &Report) {
        let (totals, counters) = (&report.totals, self.sim.counters());
        assert!(totals.ended().objects <= totals.planned.objects, "{totals:?}");
        let arrived = counters.cache.count(Kind::RangedHead);
        assert!(totals.sends == arrived || self.lossy && totals.sends > arrived, "{} of {arrived}", totals.sends);
        assert_eq!(counters.cache.total(), counters.cache.count(Kind::RangedHead), "the cache gets nothing else");
        assert_eq!(counters.list.count(Kind::RangedHead), 0, "only the cache gets ranged HEADs");
        let in_parts = self.config.profiles.values().any(|profile| profile.manifest.is_some());
        assert!(counters.list.ranges.is_empty() || in_parts, "{:?}", counters.list.ranges);
        assert!(counters.cache.ranges.keys().all(|range| range == "bytes=0-0"), "{:?}", counters.cache.ranges);
        assert!(counters.cache.most_open_one_key <= 1, "never two open requests for one object");
        assert_eq!(self.progress.ended_objects.load(Ordering::Relaxed), totals.ended().objects);
    }

    /// Objects in the cache; one without bytes is nowhere.
    pub fn warm_keys(&self) -> usize {
        let keys = self.sim.keys();
        let has_bytes = |bucket: &str, key: &[u8]| self.sim.get(bucket, key).is_some_and(|entry| entry.size > 0);
        keys.keys().filter(|(bucket, key)| has_bytes(bucket, key) && self.sim.is_warm(bucket, key)).count()
    }

    /// Holds what the rule strikes until what is returned is cancelled.
    pub fn hold(&self, strikes: impl FnOnce(Rule) -> Rule) -> CancellationToken {
        let release = CancellationToken::new();
        self.sim.faults().push(strikes(Rule::new(Fault::Held(release.clone()))));
        release
    }

    pub fn progress(&self, of: impl FnOnce(&Progress) -> &AtomicU64) -> u64 {
        of(&self.progress).load(Ordering::Relaxed)
    }

    pub fn heads(&self) -> u64 {
        self.sim.counters().cache.total()
    }

    pub fn lists(&self) -> u64 {
        self.sim.counters().list.count(Kind::List)
    }
}

pub fn count(objects: u64) -> Count {
    Count { objects, bytes: objects * 1000 }
}

/// Objects planned, warmed, gone, failed, unknown.
pub fn ends(report: &Report) -> [u64; 5] {
    let totals = &report.totals;
    [totals.planned, totals.warmed, totals.gone, totals.failed, totals.unknown].map(|count| count.objects)
}

pub fn classes(report: &Report) -> Vec<(&'static str, u64)> {
    report.totals.errors.iter().map(|(class, errors)| (*class, errors.count)).collect()
}

/// The line of `warm --json`, for reading.
pub fn run_json(report: &Report) -> String {
    serde_json::to_string_pretty(&RunLine::from(report)).unwrap()
}

/// The line of `plan --json`, for reading.
pub fn plan_json(plan: &Plan) -> String {
    serde_json::to_string_pretty(&PlanLine::from(plan)).unwrap()
}

/// Compares with the stored snapshot; what differs from run to run is named instead.
pub fn snapshot(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "../../snapshots/pass", prepend_module_to_snapshot => false, omit_expression => true,
        filters => vec![
            (r#"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"#, "[time]"),
            (r#""run": "[0-9A-Z]{26}""#, r#""run": "[ulid]""#),
            (r#""fingerprint": "[0-9a-f]+""#, r#""fingerprint": "[hash]""#),
            (r#""version": "[^"]+""#, r#""version": "[version]""#),
        ],
    }, {
        insta::assert_snapshot!(name, text);
    });
}
