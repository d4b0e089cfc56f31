//! A daemon at a [`Desk`], and what it says of itself.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::cli::{Desk, Ran};
use crate::patience::{PATIENCE, seen};

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

    /// A daemon that is too busy to answer is asked again; `None` where it answers anything but 200, or nothing.
    pub fn get(&self, path: &str) -> Option<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            match ureq::get(format!("{}{path}", self.url)).call() {
                Err(ureq::Error::StatusCode(503)) if path != "/readyz" && Instant::now() < until => {}
                answer => {
                    let body = answer.ok()?.body_mut().read_to_string().ok()?;
                    return Some(serde_json::from_str(&body).unwrap_or(Value::String(body)));
                }
            }
        }
    }

    pub fn status(&self) -> Value {
        self.get("/api/v1/status").expect("a daemon that answers")
    }

    /// Begins a run of `nightly`, and names it.
    pub fn begin(&self) -> String {
        let started = ureq::post(format!("{}/api/v1/profiles/nightly/run", self.url)).send("{}").unwrap();
        let started: Value = serde_json::from_str(&started.into_body().read_to_string().unwrap()).unwrap();
        started["run"].as_str().unwrap().to_owned()
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
        seen(what, || {
            is(self).or_else(|| {
                assert!(self.child.try_wait().unwrap().is_none(), "it ended before {what}: {}", self.said());
                None
            })
        })
        .await
    }

    /// Until the run in progress has a request open.
    pub async fn sends(&mut self) {
        self.until("it sends", |daemon| {
            (daemon.status()["runs"][0]["progress"]["in_flight"].as_u64()? > 0).then_some(())
        })
        .await;
    }

    /// Until the run in progress is told to stop.
    pub async fn stops(&mut self) {
        self.until("a run stops", |daemon| daemon.status()["runs"][0]["progress"]["stopping"].as_str().map(drop)).await;
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
        seen("it ends", || self.child.try_wait().unwrap()).await
    }
}
