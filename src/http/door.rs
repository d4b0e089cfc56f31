//! Who may change something: by a bearer token, or without one from this machine only.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use sha2::{Digest as _, Sha256};

use super::access::{Access, read};
use super::refusal::Refusal;

/// What a request wants to do.
/// What names the files of tokens in the configuration.
const KEYS: [&str; 2] = ["token_file", "run_token_file"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Start a run.
    Run,
    /// Anything else that changes something.
    Change,
}

/// Decides about every request that changes something. Clones decide alike.
#[derive(Clone, Debug)]
pub struct Door(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Bound to an address that only this machine reaches.
    loopback: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    access: Access,
    /// What was last said of each file that is of no use, so that it is said once: the full token's, the run token's.
    complaints: [Option<String>; 2],
}

impl Door {
    pub(super) fn new(local: SocketAddr, access: Access) -> Self {
        let state = Mutex::new(State { access, complaints: [None, None] });
        Self(Arc::new(Inner { loopback: local.ip().to_canonical().is_loopback(), state }))
    }

    /// Holds for the requests that come from now on. Tokens are read anew at each of them anyway.
    pub fn renew(&self, access: Access) {
        let mut state = self.state();
        if state.access != access {
            *state = State { access, complaints: [None, None] };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request through, or says why not.
    pub(super) async fn admit(&self, act: Act, request: &Parts) -> Result<(), Refusal> {
        let access = self.state().access.clone();
        if access == Access::default() {
            return self.admit_local(request);
        }
        let Some(presented) = bearer(request) else {
            return Err(Refusal::unauthorized("a bearer token is needed"));
        };
        let full = self.opens(0, access.token_file.as_deref(), presented).await;
        if full == Opens::Yes {
            return Ok(());
        }
        let run = self.opens(1, access.run_token_file.as_deref(), presented).await;
        match (run, act) {
            (Opens::Yes, Act::Run) => Ok(()),
            (Opens::Yes, Act::Change) => Err(Refusal::forbidden("this token may only start runs")),
            _ if full == Opens::Unknown || run == Opens::Unknown => {
                Err(Refusal::unavailable("a token file cannot be used; the daemon's log says why"))
            }
            _ => Err(Refusal::unauthorized("this token is not valid")),
        }
    }

    async fn opens(&self, which: usize, path: Option<&Path>, presented: &[u8]) -> Opens {
        let Some(path) = path else { return Opens::No };
        let token = read(KEYS[which], path).await;
        self.complain(which, token.as_ref().err());
        match token {
            Ok(token) if same(token.as_bytes(), presented) => Opens::Yes,
            Ok(_) => Opens::No,
            Err(_) => Opens::Unknown,
        }
    }

    /// Logs what is wrong with a token file, once until it changes.
    fn complain(&self, which: usize, error: Option<&String>) {
        let mut state = self.state();
        let Some(last) = state.complaints.get_mut(which).filter(|last| last.as_ref() != error) else { return };
        *last = error.cloned();
        drop(state);
        match error {
            Some(error) => tracing::error!("a token file cannot be used, so its token opens nothing: {error}"),
            None => tracing::info!("{} can be used again", KEYS[which]),
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

/// Takes the same time wherever the two differ, and however long they are.
fn same(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (Sha256::digest(a), Sha256::digest(b));
    let difference = a.iter().zip(b.iter()).fold(0, |difference, (a, b)| difference | (a ^ b));
    std::hint::black_box(difference) == 0
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
