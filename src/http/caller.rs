//! Who asks for something that changes something.

use std::net::SocketAddr;
use std::sync::Arc;

use super::auth::Act;
use super::refusal::Refusal;

/// The other end of a connection; a proxy's, where there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// Whoever has shown a token that is valid, or needs none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// What the token is called; never the token.
    token: &'static str,
    /// Whether it is for starting runs alone.
    only_runs: bool,
    /// Whose profiles it is for; `None`: all.
    pub team: Option<Arc<str>>,
    pub address: Option<SocketAddr>,
}

impl Caller {
    /// Whoever may do everything.
    pub(super) fn full(token: &'static str, address: Option<SocketAddr>) -> Self {
        Self { token, only_runs: false, team: None, address }
    }

    /// Whoever may start runs, a team's or all.
    pub(super) fn of_run_token(team: Option<Arc<str>>, address: Option<SocketAddr>) -> Self {
        Self { token: "the run token", only_runs: true, team, address }
    }

    pub(super) fn may(&self, act: Act) -> Result<(), Refusal> {
        match act {
            Act::Change if self.only_runs => Err(Refusal::forbidden("this token may only start runs")),
            Act::Run | Act::Change => Ok(()),
        }
    }

    /// How the audit names it.
    pub(super) fn name(&self) -> String {
        let Self { token, team, .. } = self;
        team.as_ref().map_or_else(|| (*token).to_owned(), |team| format!("{token} of team {team}"))
    }
}
