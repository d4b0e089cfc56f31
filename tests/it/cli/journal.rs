//! What `warm` remembers, what it then leaves alone, and what `runs` and `explain` say of it.

use std::collections::HashMap;
use std::process::{Child, Stdio};
use std::time::Duration;

use hotset::clock;
use hotset::journal::{Freshness, Journal, Written};
use hotset::report::Outcome;
use model::object::{self, ETag, Key, Object};
use rand::RngExt as _;
use serde_json::Value;
use sim::{Bucket, Entry, Fault, Kind, Lota, Rule, Side, Sim};

use super::{Desk, MIB, PATIENT, shows};
use crate::patience::seen;

impl Desk {
    /// How many ranged HEADs a run of this line makes the cache get.
    fn heads_of(&self, line: &str) -> u64 {
        let before = self.ranged_heads();
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{ran}");
        self.ranged_heads() - before
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_was_warmed_lately_is_left_alone_until_it_changes() {
    let desk = Desk::with_shards(5).await;
    desk.nightly("");
    let warm = "warm --state-dir state";
    assert_eq!(desk.heads_of(warm), 5, "nothing is known");
    assert_eq!(desk.heads_of(warm), 0, "all is fresh");
    desk.sim.overwrite("training", "d/03.tar");
    shows("journal_fresh", &[desk.run("plan --state-dir state"), desk.run(warm)]);
    assert_eq!(desk.sim.key_counters("training", "d/03.tar").ranged_heads, 2, "it alone was sent again");
    let plan = desk.json("plan --json --state-dir state", 0).remove(0);
    assert_eq!((&plan["fresh"]["objects"], &plan["to_warm"]["objects"]), (&5.into(), &0.into()));
    let run = desk.json(&format!("{warm} --json"), 0).remove(0);
    assert_eq!(run["fresh"], serde_json::json!({"objects": 5, "bytes": 50 * MIB}));
    assert_eq!((&run["outcome"], &run["warm_ratio"]["bytes"]), (&"complete".into(), &1.0.into()));
    assert_eq!(desk.heads_of(&format!("{warm} --rewarm")), 5, "the ledger is not asked");
    assert_eq!(desk.heads_of("warm --state-dir other"), 5, "another folder knows nothing");
    assert_eq!(desk.heads_of("warm --state-dir none"), 5, "no folder, no ledger");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_failed_is_not_fresh() {
    let desk = Desk::with_shards(3).await;
    desk.nightly("");
    desk.sim.faults().push(Rule::new(Fault::status(500, "InternalError")).on(Kind::RangedHead).key("d/01.tar"));
    assert_eq!(desk.run("warm --state-dir state").code, 3);
    desk.sim.faults().clear();
    assert_eq!(desk.heads_of("warm --state-dir state"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_cache_that_was_filled_over_again_is_not_believed() {
    let desk = Desk::with_shards(4).await;
    let profile = |name: &str, key: &str| {
        format!("[profile.{name}]\nobjects = [\"s3://training/d/{key}.tar\"]\nmax_bytes = \"1 GiB\"\n")
    };
    desk.configure("capacity = \"20 MiB\"\n", &format!("{}{}", profile("first", "00"), profile("others", "0[1-3]")));
    assert_eq!(desk.heads_of("warm first -q --state-dir state"), 1);
    assert_eq!(desk.heads_of("warm first -q --state-dir state"), 0);
    assert_eq!(desk.heads_of("warm others -q --state-dir state"), 3);
    let explained = desk.run("explain s3://training/d/00.tar -q --state-dir state");
    assert!(explained.out.contains("more than its capacity of 20 MiB: likely evicted"), "{explained}");
    assert_eq!(desk.heads_of("warm first -q --state-dir state"), 1, "30 MiB went through 20 since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn past_runs_and_their_failures_are_shown() {
    let desk = Desk::with_shards(3).await;
    desk.nightly("");
    let runs =
        ["", " --profile nightly", " --profile nigthly"].map(|flag| desk.run(&format!("runs --state-dir state{flag}")));
    shows("journal_none", &[&runs[..], &[desk.run("runs --state-dir none")]].concat());
    assert!(!desk.path("state").exists(), "reading makes nothing");
    desk.sim.faults().push(Rule::new(Fault::status(403, "AccessDenied")).side(Side::Cache).key("d/01.tar"));
    let failed = desk.json_of("warm --json -q --state-dir state");
    desk.sim.faults().clear();
    let complete = desk.json_of("warm --json --state-dir state");
    let id = failed["run"].as_str().unwrap().to_owned();
    let one = desk.run(&format!("runs {id} --state-dir state"));
    shows(
        "journal_runs",
        &[
            desk.run("runs --state-dir state"),
            one,
            desk.run("runs --profile nigthly --state-dir state"),
            desk.run("runs --profile other --since 1h --json --state-dir state"),
            desk.run("runs --since 1d --profile nightly --state-dir state"),
            desk.run("runs 01ARZ3NDEKTSV4RRFFQ69G5FAV --state-dir state"),
            desk.run("runs nightly --state-dir state"),
        ],
    );
    let lines = |line: &str| -> Vec<Value> {
        desk.run(line).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(lines(&format!("runs {id} --json --state-dir state")), std::slice::from_ref(&failed));
    assert_eq!(lines("runs --json --state-dir state"), [complete, failed], "the lines of `warm --json`");
}

impl Desk {
    /// The one JSON line of a run, however it ends.
    fn json_of(&self, line: &str) -> Value {
        serde_json::from_str(self.run(line).out.trim_end()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_object_is_explained() {
    let desk = Desk::with_shards(2).await;
    desk.configure(
        "capacity = \"1 TiB\"\n",
        "[defaults]\nmax_bytes = \"1 GiB\"\n\
         [profile.all]\nobjects = [\"s3://training/d/**\"]\nnewer_than = \"30d\"\nmin_size = \"1 MiB\"\nmax_objects = 7\n\
         [profile.but-one]\nobjects = [\"s3://training/**\"]\nexclude = [\"s3://training/d/01*\"]\n\
         [profile.elsewhere]\nobjects = [\"s3://other/**\"]\npaused = true\n",
    );
    let before = desk.run("explain s3://training/d/01.tar -q --state-dir state");
    let after = desk.run("warm but-one -q --state-dir state");
    assert_eq!(after.code, 0, "{after}");
    shows(
        "journal_explain",
        &[
            before,
            desk.run("explain s3://training/d/00.tar -q --state-dir state"),
            desk.run("explain training/d/00.tar -q"),
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_a_journal_that_works_everything_is_warmed_and_that_is_said() {
    let desk = Desk::with_shards(2).await;
    desk.nightly("");
    let ran = [desk.run("warm --state-dir hotset.toml/state"), desk.run("warm --state-dir hotset.toml/state --json")];
    assert_eq!(desk.ranged_heads(), 4);
    shows("journal_degraded", &ran[..1]);
    assert_eq!(ran[1].err.lines().count(), 1, "{}", ran[1]);
    desk.write("state/journal.db", "this is no database, and was one once");
    let ran = desk.run("warm --state-dir state");
    assert!(ran.err.contains("journal.db is damaged; it was moved to state/journal.db.corrupt-"), "{ran}");
    assert_eq!((ran.code, desk.heads_of("warm --state-dir state")), (0, 0), "the new one works");
}

fn start(desk: &Desk, line: &str) -> Child {
    desk.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the cache got so many ranged HEADs, or the child is over.
async fn sent(desk: &Desk, least: u64, child: &mut Child) {
    let enough = || (desk.ranged_heads() >= least || child.try_wait().unwrap().is_some()).then_some(());
    seen("as many requests", enough).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_profile_that_is_being_warmed_is_refused() {
    let desk = Desk::with_shards(8).await;
    let release = desk.hold_after(0);
    let profile = |name: &str| format!("[profile.{name}]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n");
    desk.configure(PATIENT, &format!("{}{}", profile("nightly"), profile("other")));
    let mut child = start(&desk, "warm nightly --json --state-dir state");
    sent(&desk, 1, &mut child).await;
    let refused = desk.run("warm nightly -q --state-dir state");
    let going = desk.run("runs --state-dir state");
    let other = desk.run("warm other --state-dir state");
    release.cancel();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(refused.code, 4, "{refused}");
    let id = line["run"].as_str().unwrap();
    assert!(refused.out.contains("refused") && refused.out.contains(&format!("run {id}")), "{refused}");
    assert!(going.out.contains(id) && going.out.contains("running"), "{going}");
    assert_eq!(other.code, 0, "another profile may run: {other}");
}

/// Small objects, many of them.
fn many(n: u64) -> Bucket {
    (0..n).fold(Bucket::new(), |bucket, i| bucket.object(format!("d/{i:04}"), Entry::sized(4096)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_little_and_nothing_recorded_is_sent_again() {
    const OBJECTS: u64 = 4_000;
    let cache = Lota { floor: Duration::from_millis(1), ..Lota::default() };
    let desk = Desk::start(Sim::builder().bucket("training", many(OBJECTS)).cache(cache)).await;
    desk.nightly("");
    let objects: Vec<Object> = (0..OBJECTS).map(|n| listed(&desk, &format!("d/{n:04}"))).collect();
    let mut recorded: HashMap<usize, u64> = HashMap::new();
    let mut known: Vec<u64> = vec![0; objects.len()];
    let rounds = if std::env::var_os("HOTSET_NIGHT").is_some() { 12 } else { 4 };
    for round in 0..rounds {
        let before = desk.ranged_heads();
        let mut child = start(&desk, "warm -q --state-dir state");
        let some = rand::rng().random_range(1..1_200);
        // It does not come to its end before it is killed, however long that takes.
        desk.hold_after(some + 300);
        sent(&desk, before + some, &mut child).await;
        child.kill().unwrap();
        child.wait().unwrap();
        desk.sim.faults().clear();
        let counters = desk.sim.keys();
        let heads = |n: usize| {
            let name = ("training".to_owned(), objects[n].key.as_bytes().to_vec());
            counters.get(&name).map_or(0, |counters| counters.ranged_heads)
        };
        for (n, then) in &recorded {
            assert_eq!(heads(*n), *then, "round {round}: {} was recorded and sent again", objects[*n].key);
        }
        let journal = Journal::open(&desk.path("state")).unwrap();
        let fresh = journal.fresh(&objects.clone().into(), &rules(&desk), &Written::default()).unwrap();
        let warm: Vec<bool> =
            objects.iter().map(|object| desk.sim.is_warm("training", object.key.as_bytes())).collect();
        assert!(fresh.iter().zip(&warm).all(|(fresh, warm)| !fresh || *warm), "round {round}: fresh is warm");
        let lost = (0..objects.len()).filter(|n| heads(*n) > known[*n] && warm[*n] && !fresh[*n]).count();
        assert!(lost <= 1_000 + 1, "round {round}: {lost} were warmed and are not recorded, with one in flight");
        known = (0..objects.len()).map(heads).collect();
        recorded.extend(fresh.iter().enumerate().filter(|(_, fresh)| **fresh).map(|(n, _)| (n, heads(n))));
    }
    let ran = desk.run("warm -q --state-dir state");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(objects.iter().all(|object| desk.sim.is_warm("training", object.key.as_bytes())), "nothing was skipped");
    let runs = Journal::read(&desk.path("state")).unwrap().unwrap().runs(&Default::default()).unwrap();
    assert_eq!(runs[0].outcome, Outcome::Complete);
    assert!(runs.iter().all(|run| [Outcome::Complete, Outcome::Interrupted].contains(&run.outcome)), "{runs:?}");
    assert!(runs.iter().filter(|run| run.outcome == Outcome::Interrupted).count() >= 2, "most kills found a run");
}

/// The object as a listing shows it.
fn listed(desk: &Desk, key: &str) -> Object {
    let entry = desk.sim.get("training", key).unwrap();
    Object {
        bucket: object::Bucket::new("training"),
        key: Key::from(key),
        size: entry.size,
        etag: Some(ETag::new(&entry.etag)),
        last_modified: entry.last_modified,
        storage_class: None,
    }
}

fn rules(desk: &Desk) -> Freshness {
    Freshness {
        cache_url: format!("{}/", desk.sim.cache_url()),
        rewarm_after: Duration::from_secs(12 * 3600),
        capacity: None,
        now: clock::now(),
    }
}
