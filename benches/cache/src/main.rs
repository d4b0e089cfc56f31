//! The simulator on one thread, for suites and benchmarks, with an account of what it saw.
//!
//!     bench-cache STAGE [KEYS]
//!
//! STAGE is JSON (see `stage.rs`). KEYS is a file that is written with what there is: a bucket, a tab and a key a line. Prints
//! one line of JSON when it serves. For every line on its standard input it prints its account so far, as one line of JSON. It
//! ends when its standard input does.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead as _, BufWriter, Write};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

mod account;
mod stage;

use account::{Account, Sample};
use sim::Sim;
use stage::{Stage, Then};

const SAMPLED_EVERY: Duration = Duration::from_millis(100);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let stage: Stage = serde_json::from_str(&arguments.next().ok_or("a stage is missing")?)?;
    if let Some(path) = arguments.next() {
        write_keys(&stage, &path)?;
    }
    let sim = stage.start().await?;
    let sum = stage.sum(&sim);
    tell(&serde_json::json!({
        "list_url": sim.list_url(), "cache_url": sim.cache_url(),
        "objects": sum.objects, "bytes": u64::try_from(sum.bytes)?, "largest": sum.largest,
    }))?;
    let mut questions = questions();
    let mut samples = Vec::new();
    let mut ticks = interval(SAMPLED_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let change = change(&sim, stage.then);
    tokio::pin!(change);
    let mut changed = false;
    loop {
        tokio::select! {
            now = ticks.tick() => samples.extend(Sample::of(&sim.counters(), now)),
            () = &mut change, if !changed => changed = true,
            asked = questions.recv() => match asked {
                Some(()) => tell(&Account::of(&sim, stage.keys, samples.clone()))?,
                None => return Ok(()),
            },
        }
    }
}

/// Changes the bandwidth in its time.
async fn change(sim: &Sim, then: Option<Then>) {
    let Some(Then { after_s, bandwidth }) = then else { return };
    let first = loop {
        match sim.counters().cache.first_arrival {
            Some(first) => break first,
            None => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let at: Instant = first + Duration::from_secs_f64(after_s);
    sleep_until(at).await;
    sim.set_cache(|lota| lota.bandwidth = Some(bandwidth));
}

fn write_keys(stage: &Stage, path: &str) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for (bucket, key) in stage.keys() {
        file.write_all(bucket.as_bytes())?;
        file.write_all(b"\t")?;
        file.write_all(&key)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// The lines of standard input; closed at its end.
fn questions() -> mpsc::Receiver<()> {
    let (asked, questions) = mpsc::channel(1);
    std::thread::spawn(move || {
        for _ in io::stdin().lock().lines() {
            if asked.blocking_send(()).is_err() {
                return;
            }
        }
    });
    questions
}

fn tell(what: &impl serde::Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, what)?;
    out.write_all(b"\n")?;
    out.flush()
}
