//! A fixed pool, as shell loops have it: WORKERS workers take the keys in their order and send unsigned ranged HEADs over
//! pooled connections. `pool WORKERS CACHE_URL KEYS`, with a bucket, a tab and a key a line in KEYS.
//!
//! A worker that is told 503 sleeps as the SDKs' standard mode does, with full jitter from 1 s doubling to 20 s, and tries
//! again until it is served, where a shell loop would leave the object cold after some tries.

use std::env;
use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio::time::sleep;

type Failure = Box<dyn Error + Send + Sync>;

const LONGEST: Duration = Duration::from_secs(20);

struct Work {
    client: Client<HttpConnector, Empty<&'static [u8]>>,
    /// After `http://localhost`.
    port: String,
    keys: String,
    /// Where each line begins and ends.
    lines: Vec<(usize, usize)>,
    next: AtomicUsize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().collect();
    let workers = arguments[1].parse::<usize>()?;
    let keys = fs::read_to_string(&arguments[3])?;
    let start = keys.as_ptr() as usize;
    let lines = keys.lines().map(|line| (line.as_ptr() as usize - start, line.as_ptr() as usize - start + line.len()));
    let work = Arc::new(Work {
        client: Client::builder(TokioExecutor::new()).build_http(),
        port: arguments[2].rsplit(':').next().unwrap_or_default().to_owned(),
        lines: lines.collect(),
        keys,
        next: AtomicUsize::new(0),
    });
    let mut pool: JoinSet<Result<(), Failure>> = (0..workers).map(|_| work.clone().work()).collect();
    while let Some(ended) = pool.join_next().await {
        ended??;
    }
    Ok(())
}

impl Work {
    async fn work(self: Arc<Self>) -> Result<(), Failure> {
        while let Some((from, to)) = self.lines.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let (bucket, key) = self.keys[*from..*to].split_once('\t').ok_or("a line without a tab")?;
            let mut tries = 0;
            while self.send(bucket, key).await? == 503 {
                sleep(back_off(tries)).await;
                tries += 1;
            }
        }
        Ok(())
    }

    async fn send(&self, bucket: &str, key: &str) -> Result<u16, Failure> {
        let request = http::Request::head(format!("http://127.0.0.1:{}/{key}", self.port))
            .header("host", format!("{bucket}.localhost:{}", self.port))
            .header("range", "bytes=0-0")
            .body(Empty::new())?;
        let status = self.client.request(request).await?.status().as_u16();
        if matches!(status, 200 | 206 | 503) { Ok(status) } else { Err(format!("{key}: {status}").into()) }
    }
}

fn back_off(tries: u32) -> Duration {
    let ceiling = Duration::from_secs(1).saturating_mul(1 << tries.min(16)).min(LONGEST);
    rand::rng().random_range(Duration::ZERO..=ceiling)
}
