//! `hotset sim`: the simulator as a server.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::Context as _;
use bytesize::ByteSize;

use model::object::Count;
use sim::{Bucket, BucketSpec, Counters, HeadForm, Listing, Lota, SideCounters, Sim, Throttle};

/// Serve made-up buckets and a cache in front of them on this machine.
#[derive(Clone, Debug, clap::Args)]
pub struct SimArgs {
    /// Objects to make up, with numeric ranges and a size each; repeatable [example: data=d/s-{000..099}.tar:500MiB]
    #[arg(
        long = "bucket",
        value_name = "NAME[=KEY[:SIZE]]",
        default_value = "training=datasets/shard-{000000..000099}.tar:500MiB"
    )]
    pub buckets: Vec<BucketSpec>,
    /// Address to listen on
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub listen: IpAddr,
    /// Port of the list endpoint; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub list_port: u16,
    /// Port of the cache endpoint; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub cache_port: u16,
    /// Buckets are hosts below this name
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    pub base_domain: String,
    /// Requests must be signed with this pair; without it anybody is served
    #[arg(long, value_name = "ACCESS_KEY:SECRET_KEY", env = "HOTSET_SIM_CREDENTIALS", hide_env_values = true)]
    pub credentials: Option<String>,
    #[command(flatten)]
    pub cache: CacheArgs,
    /// What a page of a listing takes
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = humantime::parse_duration)]
    pub page_delay: Duration,
}

#[derive(Clone, Debug, clap::Args)]
pub struct CacheArgs {
    /// What every request to the cache takes, warm or cold
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = humantime::parse_duration)]
    pub floor: Duration,
    /// Bytes a second that all fills share; unlimited by default
    #[arg(long, value_name = "SIZE/s", value_parser = rate)]
    pub bandwidth: Option<u64>,
    /// Bytes a second of one fill; unlimited by default
    #[arg(long, value_name = "SIZE/s", value_parser = rate)]
    pub fill_rate: Option<u64>,
    /// Bytes the cache holds; unlimited by default
    #[arg(long, value_name = "SIZE", value_parser = rate)]
    pub capacity: Option<u64>,
    /// Requests a second above which the cache answers 503
    #[arg(long, value_name = "N")]
    pub max_rate: Option<u32>,
    /// Requests in flight above which the cache answers 503
    #[arg(long, value_name = "N")]
    pub max_in_flight: Option<usize>,
    /// Status of the answer to a HEAD with a Range: 200 with the whole length, or 206
    #[arg(long, value_name = "STATUS", default_value = "200", value_parser = ["200", "206"])]
    pub head_status: String,
}

impl CacheArgs {
    fn lota(&self) -> Lota {
        let partial = self.head_status == "206";
        Lota {
            floor: self.floor,
            bandwidth: self.bandwidth,
            fill_rate: self.fill_rate,
            capacity: self.capacity,
            ranged_head: if partial { HeadForm::Partial } else { HeadForm::Whole },
            throttle: Throttle { per_second: self.max_rate, in_flight: self.max_in_flight, ..Throttle::default() },
            ..Lota::default()
        }
    }
}

/// `2GiB`, `2 GiB/s` or a number of bytes.
fn rate(text: &str) -> Result<u64, String> {
    let size = text.strip_suffix("/s").unwrap_or(text).trim();
    size.parse::<ByteSize>().map(|size| size.as_u64()).map_err(|_| "not a size; write for example 2GiB".to_owned())
}

/// Serves until `shutdown` completes; then prints what was asked and answered.
///
/// # Errors
///
/// A port that cannot be had, credentials without a colon, or an output that cannot be written.
pub async fn serve(args: SimArgs, out: &mut impl Write, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut buckets: BTreeMap<&str, (Bucket, Count)> = BTreeMap::new();
    for spec in &args.buckets {
        let (bucket, count) = buckets.entry(&spec.bucket).or_default();
        *bucket = spec.fill(std::mem::take(bucket));
        *count = *count + spec.count;
    }
    let listing = Listing { page_delay: args.page_delay, ..Listing::default() };
    let mut builder = Sim::builder()
        .cache(args.cache.lota())
        .listing(listing)
        .base_domain(&args.base_domain)
        .listen(args.listen, args.list_port, args.cache_port)
        .without_keys();
    if let Some(pair) = &args.credentials {
        let (access_key, secret_key) = pair.split_once(':').context("--credentials: write ACCESS_KEY:SECRET_KEY")?;
        builder = builder.credentials(access_key, secret_key);
    }
    let holds: Vec<String> =
        buckets.iter().map(|(name, (_, count))| format!("bucket {name}: {}\n", amount(*count))).collect();
    for (name, (bucket, _)) in buckets {
        builder = builder.bucket(name, bucket);
    }
    let sim = builder.start().await.with_context(|| format!("cannot listen on {}", args.listen))?;
    write!(out, "{}list_url  {}\ncache_url {}\nready\n", holds.concat(), sim.list_url(), sim.cache_url())?;
    out.flush()?;
    shutdown.await;
    write!(out, "{}", summary(&sim.counters()))?;
    sim.shutdown().await;
    Ok(())
}

fn amount(count: Count) -> String {
    format!("{} objects, {}", count.objects, ByteSize(count.bytes))
}

fn summary(counters: &Counters) -> String {
    let side = |name: &str, side: &SideCounters| {
        let by = |parts: Vec<String>| if parts.is_empty() { "none".to_owned() } else { parts.join(", ") };
        let kinds = by(side.requests.iter().map(|(kind, n)| format!("{n} {kind}")).collect());
        let statuses = by(side.statuses.iter().map(|(status, n)| format!("{n} × {status}")).collect());
        let unanswered = side.unanswered;
        format!(
            "{name} requests: {kinds}\n{name} answers:  {statuses}; {unanswered} unanswered; {} open at most\n",
            side.most_open
        )
    };
    let fills = &counters.fills;
    format!(
        "{}{}cache fills:    {}, {}; {} hits, {} misses, {} parts evicted, {} resident\n",
        side("list ", &counters.list),
        side("cache", &counters.cache),
        fills.fills,
        ByteSize(fills.fill_bytes),
        fills.hits,
        fills.misses,
        fills.evictions,
        ByteSize(fills.resident_bytes),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use clap::Parser;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: SimArgs,
    }

    fn typed(line: &str) -> Result<SimArgs, clap::Error> {
        Typed::try_parse_from(line.split(' ')).map(|typed| typed.args)
    }

    /// What was printed, also while more is to come.
    #[derive(Clone, Default)]
    struct Printed(Arc<Mutex<Vec<u8>>>);

    impl Printed {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Write::write(&mut *self.0.lock().unwrap(), bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    async fn warm(port: u16, key: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let head = format!("HEAD /{key} HTTP/1.1\r\nHost: training.localhost:{port}\r\nRange: bytes=0-0\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
    }

    #[tokio::test]
    async fn prints_where_it_serves_and_at_the_end_what_it_served() {
        let line = "sim --bucket training=a/{00..19}:10MiB --bucket training=b:1GiB --bucket other --floor 0ms";
        let printed = Printed::default();
        let so_far = printed.clone();
        let until_asked = async move {
            let text = so_far.text();
            assert!(text.ends_with("ready\n"), "{text}");
            let port = text.lines().find_map(|line| line.strip_prefix("cache_url http://localhost:")).unwrap();
            for key in ["a/07", "a/07", "a/99"] {
                warm(port.parse().unwrap(), key).await;
            }
        };
        serve(typed(line).unwrap(), &mut printed.clone(), until_asked).await.unwrap();
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"localhost:\d+", "localhost:PORT");
        settings.bind(|| insta::assert_snapshot!(printed.text()));
    }

    #[test]
    fn a_wrong_option_is_told_what_to_write() {
        for (line, hint) in [
            ("sim --bucket training=a{9..0}", "a range counts upwards"),
            ("sim --bandwidth fast", "write for example 2GiB"),
            ("sim --floor 5", "time unit needed"),
            ("sim --head-status 201", "[possible values: 200, 206]"),
        ] {
            let error = typed(line).unwrap_err().to_string();
            assert!(error.contains(hint), "{line}: {error}");
        }
        assert_eq!(typed("sim --bandwidth 2GiB/s").unwrap().cache.bandwidth, Some(2 << 30));
    }
}
