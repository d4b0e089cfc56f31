//! Console blocks: a session at a desk with a simulator, a page long.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hotset::clock;
use regex::Regex;
use sim::{Bucket, Entry, Fault, Kind, Rule, Sim};
use tokio::time::{sleep, timeout};

use super::commands;
use super::configurations::completed;
use super::page::{Block, Page};
use crate::cli::{ACCESS_KEY, Desk, MIB, SECRET_KEY, zones};
use crate::patience::{PATIENCE, seen};

/// The endpoints that pages write, and the simulator's stand for.
const CACHE: &str = "http://cwlota.com";
const LIST: &str = "https://cwobject.com";
const LISTEN: &str = "127.0.0.1:9464";
const ZONES: &str = "/usr/share/zoneinfo";

/// What is not the same twice, and what stands for it.
const DIFFERS: [(&str, &str); 6] = [
    (r"01[0-9A-HJKMNP-TV-Z]{24}", "ULID"),
    (r"\b\d{4}[a-z]\b", "RELEASE"),
    (
        r"((Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?( ?(UTC|Z|E[SD]T|[+-]\d\d:\d\d)\b)?",
        "TIME",
    ),
    (r"\b\d+(\.\d+)?(ms|[smhdwMy])( \d+(ms|[smhdw]))*\b", "SPAN"),
    (r"\b[0-9a-f]{16,20}\b", "HASH"),
    (r"[ \t]+", " "),
];

/// What of a page's console blocks does not print what stands there.
pub async fn faults(page: &Page) -> Vec<String> {
    let runs = |block: &Block| block.kind == "console" && !block.has("norun");
    if !page.blocks.iter().any(runs) {
        return Vec::new();
    }
    let mut session = Session::start().await;
    let mut faults = Vec::new();
    for block in &page.blocks {
        if block.kind == "toml" {
            session.configure(block);
        } else if runs(block) {
            for step in steps(block) {
                let printed = session.run(&step.command).await;
                faults.extend(step.fault(&printed).map(|fault| format!("{}: {fault}", page.at(step.line))));
            }
        }
    }
    faults
}

/// A command, and what it prints.
struct Step {
    line: usize,
    command: String,
    prints: Vec<String>,
}

fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (line, text) in commands::joined(block) {
        match (text.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { line, command: command.to_owned(), prints: Vec::new() }),
            (None, Some(step)) => step.prints.push(text),
            (None, None) => panic!("line {line}: a console block begins with a command: {text}"),
        }
    }
    steps
}

impl Step {
    fn fault(&self, printed: &str) -> Option<String> {
        let mut pattern = String::from("^");
        for line in self.prints.iter().map(|line| blanked(line)) {
            let line = line.trim_end();
            pattern += &match line.trim() {
                "…" => "(?:.*\n)*?".to_owned(),
                _ => format!("{}\n", regex::escape(line).replace('…', ".*")),
            };
        }
        let lines: String = blanked(printed).lines().map(|line| format!("{}\n", line.trim_end())).collect();
        let is_so = Regex::new(&format!("{pattern}$")).unwrap().is_match(&lines);
        let shown = self.prints.join("\n");
        (!is_so).then(|| format!("$ {}\nthe page has\n{shown}\nand it printed\n{printed}", self.command))
    }
}

fn blanked(text: &str) -> String {
    DIFFERS.iter().fold(text.to_owned(), |text, (pattern, blank)| {
        Regex::new(pattern).unwrap().replace_all(&text, *blank).into_owned()
    })
}

struct Session {
    desk: Desk,
    /// Where the page's daemon listens.
    listen: String,
    daemon: Option<Child>,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            // It may have ended already.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

impl Session {
    async fn start() -> Self {
        // One instant for all: what is of the same age is ranked by its key.
        let now = clock::now();
        let old = now - TimeDelta::days(3);
        let sim = Sim::builder()
            .bucket("training", training(old))
            .bucket("ckpt-llama", llama(now))
            .bucket("busy", numbered("data/part", 1, (16 * MIB, old)));
        let desk = Desk::start(sim).await;
        let faults = desk.sim.faults();
        faults.push(Rule::new(Fault::status(503, "SlowDown")).on(Kind::RangedHead).bucket("busy"));
        fs::create_dir(desk.path("bin")).unwrap();
        symlink(env!("CARGO_BIN_EXE_hotset"), desk.path("bin/hotset")).unwrap();
        symlink(super::root().join("examples"), desk.path("examples")).unwrap();
        // What a training job would do is not ours to test.
        desk.write("bin/python", "#!/bin/sh\n");
        fs::set_permissions(desk.path("bin/python"), fs::Permissions::from_mode(0o755)).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { desk, listen: format!("127.0.0.1:{port}"), daemon: None }
    }

    /// Writes the block as `hotset.toml`, or as the file that its first line names.
    fn configure(&self, block: &Block) {
        let first = block.text.lines().next().unwrap_or_default().trim_start_matches("# ");
        let is_file = block.text.starts_with("# ") && first.ends_with(".toml") && !first.contains(' ');
        let text = if block.has("fragment") && !is_file { completed(&block.text) } else { block.text.clone() };
        // What is refused is refused for what it says.
        let mut text = match block.has("refused") {
            true => text,
            false => self.as_run(&text),
        };
        if !is_file && !block.has("refused") && !text.contains("[daemon]") {
            text += &format!("\n[daemon]\nlisten = \"{}\"\n", self.listen);
        }
        self.desk.write(if is_file { first } else { "hotset.toml" }, &text);
    }

    /// What a command prints, to both, as the page would show it.
    async fn run(&mut self, line: &str) -> String {
        if line.starts_with("hotset daemon") {
            return self.start_daemon(line).await;
        }
        let printed = self.printed(line).await;
        // A slow machine needs longer to hear of the daemon; how long it was is no matter.
        match printed.contains("nothing was heard of the daemon") {
            true => self.printed(&line.replace("--timeout 1s", "--timeout 2m")).await,
            false => printed,
        }
    }

    async fn printed(&self, line: &str) -> String {
        let printed = self.desk.path("printed");
        let output = || Stdio::from(File::options().append(true).open(&printed).unwrap());
        fs::write(&printed, "").unwrap();
        let mut child = self.shell(line).process_group(0).stdout(output()).stderr(output()).spawn().unwrap();
        let in_time = ended(&mut child).await;
        let printed = self.as_shown(&fs::read_to_string(&printed).unwrap());
        if in_time { printed } else { format!("{printed}(killed: it did not end)\n") }
    }

    /// Starts it beside the page, and prints nothing once it is ready; of one that ends, what it logged.
    async fn start_daemon(&mut self, line: &str) -> String {
        let path = self.desk.path("daemon.log");
        let line = format!("exec {}", line.trim_end_matches('&'));
        let log = File::create(&path).unwrap();
        let child = self.daemon.insert(self.shell(&line).stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let ready = format!("http://{}/readyz", self.listen);
        let is_ready = seen("it is ready", || match child.try_wait().unwrap() {
            Some(_) => Some(false),
            None => ureq::get(&ready).call().is_ok().then_some(true),
        });
        if is_ready.await { String::new() } else { self.as_shown(&fs::read_to_string(&path).unwrap()) }
    }

    fn shell(&self, line: &str) -> Command {
        let path = format!("{}:{}", self.desk.path("bin").display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.desk.dir.path()).stdin(Stdio::null()).env_clear();
        shell.env("PATH", path).env("HOME", self.desk.dir.path()).env("TZDIR", zones::of(self.desk.dir.path()));
        shell.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        shell
    }

    fn as_run(&self, text: &str) -> String {
        text.replace(&format!("\"{CACHE}\""), &format!("\"{}\"", self.desk.sim.cache_url()))
            .replace(&format!("\"{LIST}\""), &format!("\"{}\"", self.desk.sim.list_url()))
            .replace(LISTEN, &self.listen)
    }

    fn as_shown(&self, printed: &str) -> String {
        printed
            .replace(&self.desk.sim.cache_url(), CACHE)
            .replace(&self.desk.sim.list_url(), LIST)
            .replace(&self.listen, LISTEN)
            .replace(&*zones::of(self.desk.dir.path()).to_string_lossy(), ZONES)
            .replace(&format!("{}/", self.desk.dir.path().display()), "")
    }
}

/// Whether it ends in time; if not, all that it started is killed.
async fn ended(child: &mut Child) -> bool {
    let ended = async {
        while child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = timeout(PATIENCE, ended).await.is_ok();
    if !in_time {
        let group = format!("-{}", child.id());
        assert!(Command::new("kill").args(["-KILL", "--", &group]).status().unwrap().success());
        child.wait().unwrap();
    }
    in_time
}

/// Objects of one size and time, in parts.
fn numbered(prefix: &str, count: u64, (size, at): (u64, DateTime<Utc>)) -> Bucket {
    (0..count).fold(Bucket::new(), |bucket, n| bucket.object(format!("{prefix}-{n:06}.tar"), parted(n, size, at)))
}

fn parted(n: u64, size: u64, at: DateTime<Utc>) -> Entry {
    Entry::sized(size).etag(&format!("{:032x}-8", n + 1)).modified(at)
}

/// 200 shards, what a crashed writer left, and small files.
fn training(at: DateTime<Utc>) -> Bucket {
    numbered("datasets/imagenet/train", 200, (64 * MIB, at))
        .object("datasets/imagenet/_tmp/train-000200.tar", parted(901, 64 * MIB, at))
        .object("datasets/imagenet/index.json", parted(902, 48 << 10, at))
        .object("datasets/imagenet/_SUCCESS", parted(903, 0, at))
}

/// Three checkpoints of Megatron, of which the last is being written.
fn llama(now: DateTime<Utc>) -> Bucket {
    let hours_ago = |hours| now - TimeDelta::hours(hours) - TimeDelta::minutes(5);
    let mut bucket = Bucket::new();
    for (step, hours, is_whole) in [(500, 50, true), (1000, 25, true), (1500, 0, false)] {
        let folder = format!("70b/iter_{step:07}");
        for n in 0..if is_whole { 8 } else { 3 } {
            let etag = format!("{:032x}-64", 100 * step + n);
            let entry = Entry::sized(512 * MIB).etag(&etag).modified(hours_ago(hours));
            bucket = bucket.object(format!("{folder}/__{n}_0.distcp"), entry);
        }
        for name in [".metadata", "common.pt", "metadata.json"].into_iter().filter(|_| is_whole) {
            let entry = Entry::sized(MIB).etag(&format!("{:032x}", 100 * step + 50)).modified(hours_ago(hours));
            bucket = bucket.object(format!("{folder}/{name}"), entry);
        }
    }
    bucket.object("70b/latest_checkpointed_iteration.txt", Entry::bytes("1000").modified(hours_ago(25)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_block_does_not_print_is_found() {
    let toml = "```toml,fragment\n[profile.nightly]\nobjects = [\"s3://training/datasets/imagenet/*.tar\"]\n```\n";
    for (lines, is_so) in [
        ("$ hotset check\nprofile nightly on lota\n…\nthe configuration is valid: …", true),
        ("$ hotset check\nprofile nigthly on lota\n…", false),
        ("$ hotset check\nprofile nightly on lota", false),
        ("$ hotset plan nightly\n…\n  selected   200  12.5 GiB  within max_bytes = 1 TiB\n…", true),
        ("$ hotset plan nightly\n…\n  selected   201  12.5 GiB  within max_bytes = 1 TiB\n…", false),
        ("$ hotset plan nope; echo $?\nerror: there is no profile `nope`; …\n2", true),
        ("$ hotset plan nope; echo $?\nerror: there is no profile `nope`; …\n4", false),
    ] {
        let found = faults(&Page::parse("p", &format!("{toml}```console\n{lines}\n```"))).await;
        assert_eq!(found.is_empty(), is_so, "{lines}\n{}", found.join("\n"));
    }
}
