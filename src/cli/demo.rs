//! `hotset demo`: the main job on a simulator. Needs no credentials and no network, and leaves nothing behind.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;

use super::text::iec;
use super::{Context, plan, warm};
use crate::clock;
use crate::exit;
use crate::report::Progress;
use crate::run::{self, Connections, Pass, Task};
use model::config::endpoint::{CredentialSource, Credentials};
use model::config::profile::Profile;
use model::config::{self, Config, Source};
use sim::{Bucket, Entry, Lota, Reading, Series, Sim};

/// The configuration that the demo runs.
const PROFILES: &str = include_str!("../../config/demo.toml");
const BUCKET: &str = "training";
const MIB: u64 = 1 << 20;
/// The objects that are read cold and warm.
const READ: [&str; 3] =
    ["datasets/imagenet/train-000000.tar", "datasets/imagenet/train-000017.tar", "datasets/imagenet/train-000039.tar"];

pub(super) async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let sim = Sim::builder().bucket(BUCKET, bucket()).cache(cache()).start().await.context("start the simulator")?;
    let config = configure(&sim)?;
    let mut out = io::stdout();
    writeln!(out, "A simulated object store serves the bucket `{BUCKET}` at {}", sim.list_url())?;
    writeln!(out, "and a simulated LOTA cache stands in front of it at {}.\n", sim.cache_url())?;

    writeln!(out, "Three shards as a training job reads them now:")?;
    let cold = read_all(&sim).await?;
    for (key, reading) in READ.iter().zip(&cold) {
        writeln!(out, "  {key}  {}  {:>6.0} ms", iec(reading.bytes), millis(reading.took))?;
        // Reading has filled the cache; the demo is about what a warm does.
        sim.evict(BUCKET, key);
    }

    let before = sim.counters().fills;
    let connections = Connections::default();
    let mut ends = Vec::new();
    for profile in config.profiles.values() {
        let task = task(&config, profile);
        let connection = connections.open(&task.profile).await;
        writeln!(out, "\n$ hotset plan {}", profile.name)?;
        let planned = run::plan(&task, &connection, &Arc::new(Progress::default()), &context.stop).await;
        plan::write_text(&planned, profile, &mut out)?;
        writeln!(out, "\n$ hotset warm {}", profile.name)?;
        let progress = Arc::new(Progress::default());
        let pass =
            Pass { deadline: Duration::from_secs(60), ..Pass::once(&task, context.stop.clone(), progress.clone()) };
        let running = run::pass(&task, &connection, pass);
        let report = context.screen.watch(&profile.name, &progress, running).await;
        warm::write_text(&report, profile, &mut out)?;
        ends.push((report.outcome, report.did_something()));
        if let Some(code) = context.received.exit_code() {
            return Ok(ExitCode::from(code));
        }
    }

    writeln!(out, "\nThe same shards after it:")?;
    let warm = read_all(&sim).await?;
    for ((key, before), after) in READ.iter().zip(&cold).zip(&warm) {
        let times = before.took.as_secs_f64() / after.took.as_secs_f64().max(1e-6);
        let (bytes, took) = (iec(after.bytes), millis(after.took));
        writeln!(out, "  {key}  {bytes}  {took:>6.0} ms, {times:.1} times as fast")?;
    }
    let now = sim.counters().fills;
    let (objects, bytes) = (now.fills - before.fills, now.fill_bytes - before.fill_bytes);
    writeln!(out, "\nThe warms filled the cache with {objects} objects, {}.", iec(bytes))?;
    writeln!(
        out,
        "Next: write your own hotset.toml (`hotset config --reference` shows every key), then `hotset check`."
    )?;
    sim.shutdown().await;
    Ok(ExitCode::from(exit::of_several(&ends)))
}

/// A small training bucket, with the odds and ends that real ones have.
fn bucket() -> Bucket {
    let now = clock::now();
    let days = |days| now - TimeDelta::days(days);
    let shards = Series::new("datasets/imagenet/train-", 40, ".tar").width(6).size(64 * MIB);
    let bucket = Bucket::new()
        .series(shards.modified(days(20), TimeDelta::seconds(30)))
        .object("datasets/imagenet/", Entry::sized(0).modified(days(21)))
        .object("datasets/imagenet/_SUCCESS", Entry::sized(0).modified(days(20)))
        .object("datasets/imagenet/_tmp/part-0", Entry::sized(64 * MIB).modified(days(20)))
        .object("datasets/imagenet/original.tar", Entry::sized(900 * MIB).modified(days(90)).class("GLACIER"));
    let bucket = checkpoint(bucket, (500, TimeDelta::hours(2)), usize::MAX);
    let bucket = checkpoint(bucket, (1000, TimeDelta::hours(1)), usize::MAX);
    // The trainer is still at it.
    checkpoint(bucket, (1500, TimeDelta::seconds(5)), 3)
}

/// The first files of a checkpoint, in the order in which a trainer writes them, so long ago.
fn checkpoint(bucket: Bucket, (step, ago): (u32, TimeDelta), files: usize) -> Bucket {
    const FILES: [(&str, u64); 6] = [
        ("config.json", MIB / 512),
        ("model-00001-of-00002.safetensors", 160 * MIB),
        ("model-00002-of-00002.safetensors", 96 * MIB),
        ("model.safetensors.index.json", MIB / 32),
        ("optimizer.pt", 512 * MIB),
        ("trainer_state.json", MIB / 256),
    ];
    FILES.into_iter().take(files).fold(bucket, |bucket, (name, size)| {
        let key = format!("checkpoints/llama/checkpoint-{step}/{name}");
        bucket.object(key, Entry::sized(size).modified(clock::now() - ago))
    })
}

/// Slow enough to watch, quick enough to wait for.
fn cache() -> Lota {
    Lota {
        floor: Duration::from_millis(8),
        fill_rate: Some(128 * MIB),
        bandwidth: Some(768 * MIB),
        capacity: Some(20 << 30),
        ..Lota::default()
    }
}

fn configure(sim: &Sim) -> anyhow::Result<Config> {
    let urls = format!("cache_url = {:?}\nlist_url = {:?}\n", sim.cache_url(), sim.list_url());
    let sources = vec![
        Source::trusted("config/demo.toml", PROFILES, 0),
        Source::trusted("demo", format!("[override.endpoint.lota]\n{urls}"), 1),
    ];
    Ok(config::load_sources(sources)?)
}

/// The profile with keys of its own: the simulator takes any, and the machine may have none.
fn task(config: &Config, profile: &Arc<Profile>) -> Task {
    let source = CredentialSource::Fixed { access_key_id: "demo".to_owned(), secret_access_key: "demo".to_owned() };
    let credentials = Credentials { name: Some("demo".into()), source, buckets: None };
    let fingerprint = config.fingerprint(profile);
    Task { profile: Arc::new(Profile { credentials: Some(Arc::new(credentials)), ..(**profile).clone() }), fingerprint }
}

async fn read_all(sim: &Sim) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for key in READ {
        readings.push(sim.read(BUCKET, key).await?);
    }
    Ok(readings)
}

fn millis(took: Duration) -> f64 {
    1000.0 * took.as_secs_f64()
}
