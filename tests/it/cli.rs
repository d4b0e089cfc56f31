//! What a user sees: the real binary against a simulator, what it prints, and the codes it exits with.
//!
//! A [`Desk`] is a folder with a configuration in it, a simulator beside it, and no environment but what a test gives.

mod against;
mod check;
mod checkpoints;
mod configuration;
mod contact;
mod daemon;
mod hostile;
mod journal;
mod logs;
mod manifests;
mod manual;
mod plan;
mod shell;
mod signals;
mod teams;
mod terminal;
mod warm;
mod zones;

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sim::{Bucket, Builder, Entry, Fault, Kind, Rule, Sim};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI-is-secret";
const MIB: u64 = 1 << 20;
/// For the table of an endpoint: what the simulator holds is waited for.
const PATIENT: &str = "base_timeout = \"1d\"\n";
/// Limits for what runs out of time, and has to get somewhere before.
const LIMITS: [&str; 4] = ["500ms", "5s", "1m", "10m"];

struct Desk {
    sim: Sim,
    dir: TempDir,
}

/// A bucket of shards of 8 MiB and more, no two of one size, so that their order is known.
fn shards(n: u64) -> Bucket {
    (0..n).fold(Bucket::new(), |bucket, i| {
        let etag = format!("{:032x}-2", i + 1);
        bucket.object(format!("d/{i:02}.tar"), Entry::sized((8 + i) * MIB).etag(&etag))
    })
}

impl Desk {
    /// A desk whose bucket `training` holds `n` shards.
    async fn with_shards(n: u64) -> Self {
        Self::start(Sim::builder().bucket("training", shards(n))).await
    }

    async fn start(sim: Builder) -> Self {
        let sim = sim.credentials(ACCESS_KEY, SECRET_KEY).start().await.unwrap();
        let desk = Self { sim, dir: TempDir::new().unwrap() };
        desk.write("id", ACCESS_KEY);
        desk.write("secret", SECRET_KEY);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes `hotset.toml`: the simulator as the endpoint `lota` with `more` keys, then the profiles.
    fn configure(&self, more: &str, profiles: &str) {
        self.write("hotset.toml", &format!("{}{more}\n{profiles}", self.endpoint()));
    }

    /// Impatient, since nothing here is far away, and with one request at a time, so that their order is known.
    fn endpoint(&self) -> String {
        format!(
            "[credentials.files]\naccess_key_id_file = \"{0}/id\"\nsecret_access_key_file = \"{0}/secret\"\n\n\
             [endpoint.lota]\ncache_url = \"{1}\"\nlist_url = \"{2}\"\nregion = \"us-east-1\"\ncredentials = \"files\"\n\
             outage_wait = \"1s\"\nretries = 1\nstart_in_flight = 1\nmax_in_flight = 1\n",
            self.dir.path().display(),
            self.sim.cache_url(),
            self.sim.list_url()
        )
    }

    /// The profile `nightly`, of all shards.
    fn nightly(&self, more: &str) {
        self.configure(
            "",
            &format!("[profile.nightly]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n{more}"),
        );
    }

    /// `hotset` with arguments that hold no spaces. Nothing is remembered but in a folder that the line names.
    fn command(&self, line: &str) -> Command {
        let _ = fs::remove_dir_all(self.path(".local"));
        hotset(self.dir.path(), line.split_whitespace())
    }

    fn run(&self, line: &str) -> Ran {
        Ran::new(line, self.command(line).output().unwrap())
    }

    /// The JSON lines of a run that ends with `code`. On standard error stands a line for each that is not complete, and
    /// nothing else.
    fn json(&self, line: &str, code: i32) -> Vec<Value> {
        let ran = self.run(line);
        let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |line: &Value| match (&line["outcome"], &line["profile"], &line["reason"]) {
            (Value::String(outcome), Value::String(profile), Value::String(reason)) if outcome != "complete" => {
                Some(format!("error: {profile}: {outcome}: {reason}\n"))
            }
            _ => None,
        };
        assert_eq!((ran.code, ran.err.as_str()), (code, &*lines.iter().filter_map(of).collect::<String>()), "{ran}");
        lines
    }

    fn ranged_heads(&self) -> u64 {
        self.sim.counters().cache.count(Kind::RangedHead)
    }

    /// Holds the ranged HEAD after the next `free`, and with it those behind it, as one is sent at a time. Cancelling what is
    /// returned has it answered.
    fn hold_after(&self, free: u64) -> CancellationToken {
        let release = CancellationToken::new();
        self.sim.faults().push(Rule::new(Fault::Held(release.clone())).on(Kind::RangedHead).nth(free + 1));
        release
    }
}

/// The binary in `dir`, with an environment of its own, zone rules included.
fn hotset<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotset"));
    command.args(args).current_dir(dir).env_clear().env("HOME", dir).env("TZDIR", zones::of(dir)).stdin(Stdio::null());
    command
}

/// What a run printed, and how it ended.
#[derive(Clone)]
struct Ran {
    line: String,
    out: String,
    err: String,
    /// -1 where a signal ended it.
    code: i32,
}

impl Ran {
    fn new(line: &str, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Self {
            line: line.to_owned(),
            out: text(output.stdout),
            err: text(output.stderr),
            code: output.status.code().unwrap_or(-1),
        };
        let said = format!("{}{}", ran.out, ran.err);
        assert!(!said.contains("panicked"), "{ran}");
        assert!(!said.contains(SECRET_KEY), "{ran}");
        assert!(!said.lines().any(|line| line.ends_with(' ')), "a line ends with a space: {ran}");
        ran
    }
}

/// What runs out of time, under the first of the limits that lets it get where it should before. It is shown as under the first
/// of all, so that every machine shows the same.
fn out_of_time(run: impl Fn(&str) -> Ran, got_there: impl Fn(&Ran) -> bool) -> Ran {
    let tried = LIMITS.iter().map(|limit| (*limit, run(limit))).find(|(_, ran)| got_there(ran));
    let (limit, mut ran) = tried.expect("the last limit is enough");
    for text in [&mut ran.line, &mut ran.out, &mut ran.err] {
        *text = text.replace(limit, LIMITS[0]);
    }
    ran
}

/// As on a terminal: what was typed, what came of it, and on standard error behind a bar.
impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ hotset {}", self.line)?;
        f.write_str(&self.out)?;
        self.err.lines().try_for_each(|line| writeln!(f, "| {line}"))?;
        writeln!(f, "[{}]", self.code)
    }
}

/// The names of an object's fields, sorted.
fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// Runs the closure with everything that differs between two runs of a test blanked.
fn blanked(assert: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/cli");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, blank) in [
        (r"localhost(:|&#58;)\d+", "localhost${1}PORT"),
        (r"/tmp/\.tmp\w+/zoneinfo", "/usr/share/zoneinfo"),
        (r"/tmp/\.tmp\w+", "DIR"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)", "TIME"),
        (r"01[0-9A-HJKMNP-TV-Z]{24}", "ULID"),
        (r"after \d[\w. ]*, run", "after 12ms, run"),
        (r"complete \d+m?s ago", "complete 12ms ago"),
        (r"TIME, \d[\w. ]* ago", "TIME, 12ms ago"),
        (r"(refused|began) \d+[smhd]( \d+[smhd])? ago", "$1 1s ago"),
        (r" +TOOK +OUTCOME", "  TOOK  OUTCOME"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d[\d.]*m?s ", "2026-03-07 22:30:00  12ms "),
        (r"\b[0-9a-f]{20}\b", "FINGERPRINT"),
    ] {
        settings.add_filter(pattern, blank);
    }
    settings.bind(assert);
}

/// Holds runs to the snapshot of this name.
fn shows(name: &str, runs: &[Ran]) {
    let text: Vec<_> = runs.iter().map(ToString::to_string).collect();
    blanked(|| insta::assert_snapshot!(name, text.join("\n")));
}
