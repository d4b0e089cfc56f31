//! Who may change something: by a bearer token, or without one from this machine only.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::audit::Refusals;
use super::caller::{Caller, Peer};
use super::refusal::Refusal;
use super::tokens::{TokenFiles, read};
use crate::sync;

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Start a run.
    Run,
    /// Anything else that changes something.
    Change,
}

/// Decides about every request that changes something. Clones decide alike.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Bound to an address that only this machine reaches.
    loopback: bool,
    state: Mutex<State>,
    refusals: Refusals,
}

#[derive(Debug)]
struct State {
    tokens: TokenFiles,
    /// What was last said of each key whose file is of no use, so that it is said once.
    complaints: BTreeMap<String, String>,
}

impl From<TokenFiles> for State {
    fn from(tokens: TokenFiles) -> Self {
        Self { tokens, complaints: BTreeMap::new() }
    }
}

impl Auth {
    pub(super) fn new(local: SocketAddr, tokens: TokenFiles) -> Self {
        let state = Mutex::new(State::from(tokens));
        let loopback = local.ip().to_canonical().is_loopback();
        Self(Arc::new(Inner { loopback, state, refusals: Refusals::default() }))
    }

    /// Holds for the requests that come from now on. Tokens are read anew at each of them anyway.
    pub fn renew(&self, tokens: TokenFiles) {
        let mut state = self.state();
        if state.tokens != tokens {
            *state = State::from(tokens);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        sync::lock(&self.0.state)
    }

    /// The requests that were not let in.
    pub(super) fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// Who makes a request, or why nobody is let in with it.
    pub(super) async fn caller(&self, request: &Parts) -> Result<Caller, Refusal> {
        let tokens = self.state().tokens.clone();
        let address = request.extensions.get::<Peer>().map(|peer| peer.0);
        if tokens == TokenFiles::default() {
            return self.admit_local(request).map(|()| Caller::full("no token", address));
        }
        let Some(presented) = bearer(request) else {
            return Err(Refusal::unauthorized("a bearer token is needed"));
        };
        let full = self.opens("token_file", tokens.token_file.as_deref(), presented).await;
        if full == Opens::Yes {
            return Ok(Caller::full("the token", address));
        }
        let run = self.opens("run_token_file", tokens.run_token_file.as_deref(), presented).await;
        if run == Opens::Yes {
            return Ok(Caller::of_run_token(None, address));
        }
        let mut is_unknown = full == Opens::Unknown || run == Opens::Unknown;
        for (team, path) in &tokens.team_token_files {
            match self.opens(&format!("team.{team}.run_token_file"), Some(path.as_path()), presented).await {
                Opens::Yes => return Ok(Caller::of_run_token(Some(team.clone()), address)),
                Opens::Unknown => is_unknown = true,
                Opens::No => {}
            }
        }
        if is_unknown {
            return Err(Refusal::unavailable("a token file cannot be used; the daemon's log says why"));
        }
        Err(Refusal::unauthorized("this token is not valid"))
    }

    /// On a loopback address also what only reads is for this machine: a web page can point a name of its own at it, and
    /// read as if it were that name's. Without a Host it is no browser.
    pub(super) fn admit_read(&self, request: &Parts) -> Result<(), Refusal> {
        let is_named = request.headers.contains_key(HOST) || request.uri.authority().is_some();
        if !self.0.loopback || !is_named || host(request).as_ref().is_some_and(is_local) {
            return Ok(());
        }
        Err(Refusal::forbidden("`listen` is a loopback address, so the Host must be localhost or one too"))
    }

    async fn opens(&self, key: &str, path: Option<&Path>, presented: &[u8]) -> Opens {
        let Some(path) = path else { return Opens::No };
        let token = read(key, path).await;
        self.complain(key, token.as_ref().err());
        match token {
            Ok(token) if same(token.as_str().as_bytes(), presented) => Opens::Yes,
            Ok(_) => Opens::No,
            Err(_) => Opens::Unknown,
        }
    }

    /// Logs what is wrong with a token file, once until it changes.
    fn complain(&self, key: &str, error: Option<&String>) {
        let mut state = self.state();
        if state.complaints.get(key) == error {
            return;
        }
        match error {
            Some(error) => state.complaints.insert(key.to_owned(), error.clone()),
            None => state.complaints.remove(key),
        };
        drop(state);
        match error {
            Some(error) => tracing::error!("a token file cannot be used, so its token opens nothing: {error}"),
            None => tracing::info!("{key} can be used again"),
        }
    }

    /// Without tokens: from this machine, and not by a web page that a browser on it shows. Such a page can send a request
    /// here, also under a name of its own that it points at this address; it cannot choose `Host` and `Origin`.
    fn admit_local(&self, request: &Parts) -> Result<(), Refusal> {
        if !self.0.loopback {
            return Err(Refusal::forbidden(
                "without a `token_file` nothing can be changed over HTTP, unless `listen` is a loopback address",
            ));
        }
        let Some(host) = host(request).filter(is_local) else {
            return Err(Refusal::forbidden("without a `token_file` the Host must be localhost or a loopback address"));
        };
        let mut origins = request.headers.get_all(ORIGIN).iter();
        let same = |origin: &[u8]| origin.eq_ignore_ascii_case(format!("http://{host}").as_bytes());
        if !origins.all(|origin| same(origin.as_bytes())) {
            return Err(Refusal::forbidden("without a `token_file` requests of web pages are refused"));
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opens {
    Yes,
    No,
    /// The token cannot be read.
    Unknown,
}

/// The one bearer token of a request.
fn bearer(request: &Parts) -> Option<&[u8]> {
    let mut all = request.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return None };
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

/// Compares in constant time. The digests are of one length, so the lengths of the texts do not show, either.
fn same(a: &[u8], b: &[u8]) -> bool {
    Sha256::digest(a)[..].ct_eq(&Sha256::digest(b)[..]).into()
}

/// The one host that a request names, with its port.
fn host(request: &Parts) -> Option<Authority> {
    let mut all = request.headers.get_all(HOST).iter();
    let (Some(host), None) = (all.next(), all.next()) else { return None };
    let host: Authority = host.to_str().ok()?.parse().ok()?;
    let target = request.uri.authority();
    target.is_none_or(|target| *target == host).then_some(host)
}

fn is_local(host: &Authority) -> bool {
    let name = host.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let loopback = |address: IpAddr| address.to_canonical().is_loopback();
    !host.as_str().contains('@') && (name.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(loopback))
}
