//! Who asks for something that changes something, and what is kept of it: in the log, and in the journal.

use std::net::SocketAddr;
use std::sync::Arc;

use super::refusal::Refusal;
use super::route::App;
use crate::clock;
use crate::daemon::handle::CommandError;
use crate::journal::AuditEntry;

/// Bytes of a path that are kept.
const LONGEST: usize = 200;

/// The other end of a connection; a proxy's, where there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// Whoever may do what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// What the token is called; never the token.
    token: &'static str,
    /// Whose profiles it is for; `None`: all.
    pub team: Option<Arc<str>>,
    address: Option<SocketAddr>,
}

impl Caller {
    pub(super) fn new(token: &'static str, team: Option<Arc<str>>, address: Option<SocketAddr>) -> Self {
        Self { token, team, address }
    }

    fn named(&self) -> String {
        let Self { token, team, .. } = self;
        team.as_ref().map_or_else(|| (*token).to_owned(), |team| format!("{token} of team {team}"))
    }
}

fn shown(address: Option<SocketAddr>) -> Option<String> {
    address.map(|address| address.to_string())
}

impl App {
    /// Keeps who asked for what, and what came of it.
    pub(super) async fn audit<T>(&self, caller: &Caller, (act, of): (&str, &str), came: &Result<T, CommandError>) {
        let result = came.as_ref().map_or_else(|error| format!("refused: {error}"), |_| "done".to_owned());
        let entry = AuditEntry {
            at: clock::now(),
            act: act.to_owned(),
            of: of.chars().take(LONGEST).collect(),
            by: caller.named(),
            address: shown(caller.address),
            result,
            times: 1,
        };
        let (by, from) = (&entry.by, entry.address.as_deref().unwrap_or_default());
        tracing::info!(act, of = entry.of, by, from, result = entry.result, "asked for over HTTP");
        self.handle.audit(entry).await;
    }

    /// Keeps that somebody was not let in, a few times a minute at most.
    pub(super) async fn audit_refusal(&self, path: &str, address: Option<SocketAddr>, refusal: &Refusal) {
        let Some(times) = self.door.refused() else { return };
        let entry = AuditEntry {
            at: clock::now(),
            act: "access".to_owned(),
            of: path.chars().take(LONGEST).collect(),
            by: "unknown".to_owned(),
            address: shown(address),
            result: format!("refused: {}", refusal.message),
            times,
        };
        let from = entry.address.as_deref().unwrap_or_default();
        tracing::warn!(path = entry.of, from, times, result = entry.result, "a request over HTTP was not let in");
        self.handle.audit(entry).await;
    }
}
