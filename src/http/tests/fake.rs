//! A loop that answers from a prepared view, and a client that speaks to the routes without a wire.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tower_service::Service as _;

use crate::daemon::handle::{Command, CommandError, Handle, Reloaded, Started};
use crate::http::auth::Auth;
use crate::http::caller::Peer;
use crate::http::route;
use crate::http::tokens::TokenFiles;
use model::api::{AuditEntry, Failure, ObjectName, RunLine, Status};
use model::object::{Bucket, Key};

use super::views::id;

/// What the loop answers with. Profiles: `paused` is paused, `ending` has a run that is being stopped, those of the view start.
pub(crate) struct Prepared {
    pub view: Status,
    pub recorded: Vec<RunLine>,
    pub reload: Option<String>,
    pub audited: Arc<Mutex<Vec<AuditEntry>>>,
}

impl From<Status> for Prepared {
    fn from(view: Status) -> Self {
        Self { view, recorded: Vec::new(), reload: None, audited: Arc::default() }
    }
}

impl Prepared {
    fn answer(&self, command: Command) {
        match command {
            Command::View(reply) => drop(reply.send(self.view.clone())),
            Command::Start { profile, rewarm, team, reply } => drop(reply.send(match team {
                Some(team) if profile != "of-team" => Err(CommandError::OtherTeam(team)),
                _ => self.start(&profile, rewarm),
            })),
            Command::Audit(entry) => self.audited.lock().unwrap().push(entry),
            Command::Pause { profile, reply, .. } => drop(reply.send(self.known(&profile))),
            Command::Resume { profile, reply } => drop(reply.send(match &*profile {
                "configured" => Err(CommandError::PausedByConfiguration("configured".into())),
                name => self.known(name),
            })),
            Command::Cancel { run, reply } => {
                let live = self.view.runs.iter().any(|live| live.info.id == run);
                drop(reply.send(if live { Ok(()) } else { Err(CommandError::no_run(run, [])) }));
            }
            Command::Reload(reply) => drop(reply.send(Reloaded {
                error: self.reload.clone(),
                added: vec!["new".into()],
                changed: Vec::new(),
                removed: vec!["old".into()],
            })),
            Command::Runs { filter, limit, reply } => {
                let wanted = self.recorded.iter().filter(|run| {
                    filter.profile.as_ref().is_none_or(|profile| *profile == run.profile)
                        && filter.since.is_none_or(|since| run.info.started >= since)
                });
                drop(reply.send(Ok(wanted.take(limit).cloned().collect())));
            }
            Command::Run { run, reply } => {
                let found = self.recorded.iter().find(|recorded| recorded.info.id == run).cloned();
                drop(reply.send(Ok(found.map(|run| (run, failures())))));
            }
        }
    }

    fn known(&self, name: &str) -> Result<(), CommandError> {
        let known = self.view.profiles.iter().any(|profile| &*profile.name == name);
        let names = self.view.profiles.iter().map(|profile| &*profile.name);
        if known { Ok(()) } else { Err(CommandError::no_profile(name, names)) }
    }

    fn start(&self, name: &str, rewarm: bool) -> Result<Started, CommandError> {
        match name {
            "paused" => Err(CommandError::Paused("paused".into())),
            "ending" => Err(CommandError::Ending { profile: "ending".into(), run: id(9) }),
            _ => self.known(name).map(|()| Started { run: id(if rewarm { 200 } else { 100 }), joined: !rewarm }),
        }
    }
}

fn failures() -> Vec<Failure> {
    let failure = |key: Key| Failure::new("denied", ObjectName::new(&Bucket::new("b"), &key), "403");
    vec![failure(Key::from(super::views::ODD_KEY)), failure(Key::from_bytes(&b"\xff"[..]))]
}

/// The loop ends when it is dropped.
pub(crate) struct Fake {
    pub handle: Handle,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub(crate) fn new(prepared: impl Into<Prepared>) -> Self {
        let prepared = prepared.into();
        let (commands, mut queue) = mpsc::channel(4);
        let task = tokio::spawn(async move {
            while let Some(command) = queue.recv().await {
                prepared.answer(command);
            }
        });
        Self { handle: Handle(commands), task }
    }

    pub(crate) fn router(&self, listen: &str, tokens: TokenFiles) -> Router {
        route::router(self.handle.clone(), Auth::new(listen.parse().unwrap(), tokens))
    }

    /// Asks over a loopback bind without tokens.
    pub(crate) async fn ask(&self, request: Asked<'_>) -> Answer {
        send(self.router("127.0.0.1:9464", TokenFiles::default()), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Asked::new("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(Asked { body, ..Asked::new("POST", path) }).await
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a str,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, headers: &[("host", "localhost:9464")], body: "" }
    }
}

pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The sentence of a refusal, which is JSON whatever the fault.
    pub(crate) fn error(&self) -> String {
        let json = self.json();
        assert_eq!(json["v"], 1, "{json}");
        json["error"].as_str().unwrap_or_else(|| panic!("no error in {json}")).to_owned()
    }
}

pub(crate) async fn send(router: Router, asked: Asked<'_>) -> Answer {
    answered(router, asked, None).await
}

/// As from another machine.
pub(crate) async fn send_from(router: Router, asked: Asked<'_>, peer: Peer) -> Answer {
    answered(router, asked, Some(peer)).await
}

async fn answered(mut router: Router, asked: Asked<'_>, peer: Option<Peer>) -> Answer {
    let mut request = Request::builder().method(asked.method).uri(asked.path);
    for (name, value) in asked.headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::from(asked.body.to_owned())).unwrap();
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    let (head, body) = router.call(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: head.status, headers: head.headers, text: String::from_utf8(body.to_vec()).unwrap() }
}
