//! What is kept of whoever asked for something that changes something, or was not let in: in the log, and in the journal.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep};

use super::caller::Caller;
use super::refusal::Refusal;
use super::route::App;
use crate::clock;
use crate::daemon::handle::CommandError;
use crate::sync;
use model::api::AuditEntry;

/// Characters of a path that are kept.
const MAX_PATH_CHARS: usize = 200;
/// The refusals of one caller are said this far apart, with how many there were.
const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(10);

impl App {
    /// Keeps who asked for what, and what came of it.
    pub(super) async fn audit<T>(&self, caller: &Caller, (act, of): (&str, &str), came: &Result<T, CommandError>) {
        let result = came.as_ref().map_or_else(|error| format!("refused: {error}"), |_| "done".to_owned());
        let entry = entry((act, of), caller.name(), caller.address, result);
        if matches!(came, Err(CommandError::OtherTeam(_))) {
            return self.audit_refused(entry).await;
        }
        let (by, from) = (&entry.by, entry.address.as_deref().unwrap_or_default());
        tracing::info!(act, of = entry.of, by, from, result = entry.result, "asked for over HTTP");
        self.handle.audit(entry).await;
    }

    /// Keeps that somebody was not let in: the first at once, and those of the next few seconds together when these are over.
    pub(super) async fn audit_refusal(&self, path: &str, by: String, address: Option<SocketAddr>, refusal: &Refusal) {
        let result = format!("refused: {}", refusal.message);
        self.audit_refused(entry(("access", path), by, address, result)).await;
    }

    async fn audit_refused(&self, entry: AuditEntry) {
        if let Some(entry) = self.auth.refusals().add(entry) {
            log(&entry);
            self.handle.audit(entry).await;
        }
    }

    /// Says the refusals that wait, whenever their time is over; for ever.
    pub(super) async fn say_late_refusals(&self) {
        loop {
            self.auth.refusals().wait.notified().await;
            sleep(REFUSAL_LOG_INTERVAL).await;
            self.say_refusals().await;
        }
    }

    /// Says the refusals that wait.
    pub(super) async fn say_refusals(&self) {
        let entries = self.auth.refusals().take();
        entries.iter().for_each(log);
        for entry in entries {
            self.handle.audit(entry).await;
        }
    }
}

fn log(refused: &AuditEntry) {
    let AuditEntry { of: path, by, result, times, .. } = refused;
    let from = refused.address.as_deref().unwrap_or_default();
    tracing::warn!(path, by, from, times, result, "a request over HTTP was not let in");
}

fn entry((act, of): (&str, &str), by: String, address: Option<SocketAddr>, result: String) -> AuditEntry {
    let of = of.chars().take(MAX_PATH_CHARS).collect();
    AuditEntry {
        at: clock::now(),
        act: act.to_owned(),
        of,
        by,
        address: address.map(|address| address.to_string()),
        result,
        times: 1,
    }
}

/// Refused requests by who made them and what they asked for, so that a guesser fills neither log nor journal, nor hides anybody else.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by: Mutex<BTreeMap<(String, String), Refused>>,
    /// Some are to be said later.
    wait: Notify,
}

#[derive(Debug)]
struct Refused {
    said: Instant,
    /// The last one since then, with how many there were.
    waits: Option<AuditEntry>,
}

impl Refusals {
    /// What is to be said at once; else it waits for those that may come.
    fn add(&self, mut entry: AuditEntry) -> Option<AuditEntry> {
        let now = Instant::now();
        let mut by = sync::lock(&self.by);
        by.retain(|_, refused| refused.waits.is_some() || now < refused.said + REFUSAL_LOG_INTERVAL);
        let who = (entry.by.clone(), entry.act.clone());
        let Some(refused) = by.get_mut(&who) else {
            by.insert(who, Refused { said: now, waits: None });
            return Some(entry);
        };
        entry.times += refused.waits.take().map_or(0, |waits| waits.times);
        refused.waits = Some(entry);
        self.wait.notify_one();
        None
    }

    fn take(&self) -> Vec<AuditEntry> {
        let now = Instant::now();
        let mut by = sync::lock(&self.by);
        let waiting = by.values_mut().filter_map(|refused| {
            let entry = refused.waits.take()?;
            refused.said = now;
            Some(entry)
        });
        waiting.collect()
    }
}
