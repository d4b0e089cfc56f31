//! A daemon at a [`Desk`], and what it says of itself.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use sim::{Lota, Sim};
use tokio::time::{sleep, timeout};

use crate::cli::{Desk, Ran, shards};

/// Longer than anything here takes, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A desk with `n` shards behind a cache that takes its time with each.
pub async fn slow(n: u64, floor: Duration) -> Desk {
    let cache = Lota { floor, ..Lota::default() };
    Desk::start(Sim::builder().bucket("training", shards(n)).cache(cache)).await
}

/// The tables of a daemon, and of one profile of all shards that no schedule starts.
pub fn tables(profile: &str) -> String {
    format!(
        "[daemon]\nlisten = \"127.0.0.1:0\"\nstate_dir = \"state\"\n\
         [profile.nightly]\nobjects = [\"s3://training/d/**\"]\nmax_bytes = \"1 GiB\"\n{profile}"
    )
}

/// A running daemon. Dropped, it is killed.
pub struct Daemon {
    child: Child,
    pub log: std::path::PathBuf,
    pub url: String,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Desk {
    /// Starts a daemon, and waits until it is ready.
    pub async fn daemon(&self, flags: &str) -> Daemon {
        let log = self.path("daemon.log");
        let mut command = self.command(&format!("daemon {flags}"));
        let child = command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut daemon = Daemon { child, log, url: String::new() };
        daemon
            .until("it serves", |daemon| {
                let said = daemon.said();
                let address = said.split_once("127.0.0.1:")?.1;
                let port: String = address.chars().take_while(char::is_ascii_digit).collect();
                daemon.url = format!("http://127.0.0.1:{port}");
                daemon.get("/readyz").map(drop)
            })
            .await;
        daemon
    }

    /// A verb that speaks to the daemon.
    pub fn ask(&self, daemon: &Daemon, line: &str) -> Ran {
        let mut command = self.command(line);
        command.env("HOTSET_URL", &daemon.url);
        Ran::new(line, command.output().unwrap())
    }
}

impl Daemon {
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn get(&self, path: &str) -> Option<Value> {
        let body = ureq::get(format!("{}{path}", self.url)).call().ok()?.body_mut().read_to_string().ok()?;
        Some(serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    pub fn status(&self) -> Value {
        self.get("/api/v1/status").expect("a daemon that answers")
    }

    /// The value of one metric without labels, or with these.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let Some(Value::String(text)) = self.get("/metrics") else { panic!("no metrics") };
        let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    pub fn send(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as an out-of-memory killer does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub async fn until<T>(&mut self, what: &str, mut is: impl FnMut(&mut Self) -> Option<T>) -> T {
        let seen = async {
            loop {
                if let Some(seen) = is(self) {
                    return seen;
                }
                assert!(self.child.try_wait().unwrap().is_none(), "it ended before {what}: {}", self.said());
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("not in time: {what}"))
    }

    /// The latest run of `nightly` that ended as `outcome`.
    pub async fn ended(&mut self, outcome: &str) -> Value {
        self.until(&format!("a run is {outcome}"), |daemon| {
            let last = daemon.status()["profiles"][0]["last"].clone();
            (last["outcome"] == outcome).then_some(last)
        })
        .await
    }

    pub async fn exits(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("it ends in time")
    }
}
