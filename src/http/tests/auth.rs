//! Who may change something.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::fake::{Answer, Asked, Fake, Prepared, send, send_from};
use super::views::fresh;
use crate::http::auth::Auth;
use crate::http::caller::Peer;
use crate::http::route::{self, App};
use crate::http::tokens::TokenFiles;

const RUN: &str = "/api/v1/profiles/nightly-imagenet/run";
const PAUSE: &str = "/api/v1/profiles/nightly-imagenet/pause";

/// Everything that changes something; what a token for runs only may do comes first.
const POSTS: [&str; 5] = [
    RUN,
    PAUSE,
    "/api/v1/profiles/nightly-imagenet/resume",
    "/api/v1/runs/01KK9ES96G000000000000000B/cancel",
    "/-/reload",
];

const LOOPBACK: &str = "127.0.0.1:9464";
const ANYWHERE: &str = "0.0.0.0:9464";

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write("full", "all-the-power\n");
        files.write("run", "  only-runs\r\n");
        files.write("vision", "runs-of-vision\n");
        files.write("speech", "runs-of-speech\n");
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `full`, `run` or both.
    fn tokens(&self, which: &str) -> TokenFiles {
        let path = |name: &str| which.contains(name).then(|| self.path(name));
        let teams = ["vision", "speech"].into_iter();
        let team_token_files = teams.filter_map(|team| Some((team.into(), path(team)?))).collect();
        TokenFiles { token_file: path("full"), run_token_file: path("run"), team_token_files }
    }
}

async fn post(fake: &Fake, at: (&str, TokenFiles), path: &str, headers: &[(&str, &str)]) -> Answer {
    send(fake.router(at.0, at.1), Asked { headers, ..Asked::new("POST", path) }).await
}

#[tokio::test]
async fn a_token_opens_what_it_is_for() {
    let (files, fake) = (Files::new(), Fake::new(fresh()));
    let full = &[("host", "hotset.example"), ("authorization", "Bearer all-the-power")][..];
    let run = &[("host", "hotset.example"), ("authorization", "bearer only-runs")][..];
    for (sentence, configured, path, headers, status) in [
        ("the full token starts runs", "full", RUN, full, 202),
        ("the full token pauses", "full", PAUSE, full, 200),
        ("the full token pauses where there is another for runs", "full run", PAUSE, full, 200),
        ("the token for runs starts them", "full run", RUN, run, 202),
        ("the token for runs may do nothing else", "full run", PAUSE, run, 403),
        ("the token for runs is nothing where it is not configured", "full", RUN, run, 401),
        ("a token for runs alone is enough to start them", "run", RUN, run, 202),
        ("without a full token nothing else can be done", "run", PAUSE, run, 403),
        ("no token is not the full one", "run", PAUSE, full, 401),
        ("a token is needed", "full run", RUN, &[("host", "localhost")], 401),
        ("a wrong token is none", "full run", RUN, &[("authorization", "Bearer all-the-powe")], 401),
        ("an empty token is none", "full run", RUN, &[("authorization", "Bearer ")], 401),
        ("another scheme is no token", "full run", RUN, &[("authorization", "Basic all-the-power")], 401),
        ("a token without its scheme is none", "full run", RUN, &[("authorization", "all-the-power")], 401),
        (
            "two tokens are none",
            "full run",
            RUN,
            &[("authorization", "Bearer all-the-power"), ("authorization", "Bearer all-the-power")],
            401,
        ),
    ] {
        for listen in [LOOPBACK, ANYWHERE] {
            let answer = post(&fake, (listen, files.tokens(configured)), path, headers).await;
            assert_eq!(answer.status, status, "{sentence}, on {listen}: {}", answer.text);
            assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401, "{sentence}");
        }
    }
}

#[tokio::test]
async fn without_a_token_only_this_machine_may_change_something() {
    let fake = Fake::new(fresh());
    let host = |host| vec![("host", host)];
    let from = |origin| vec![("host", "localhost:9464"), ("origin", origin)];
    for (sentence, listen, headers, status) in [
        ("by name", LOOPBACK, host("localhost:9464"), 202),
        ("by name, however it is written", LOOPBACK, host("LocalHost:9464"), 202),
        ("by address", LOOPBACK, host("127.0.0.1:9464"), 202),
        ("by any address of the loopback", LOOPBACK, host("127.1.2.3:9464"), 202),
        ("by the address of version 6", "[::1]:9464", host("[::1]:9464"), 202),
        ("by a mapped address", "[::ffff:127.0.0.1]:9464", host("127.0.0.1:9464"), 202),
        ("through a forwarded port", LOOPBACK, host("localhost:8080"), 202),
        ("from a page of its own", LOOPBACK, from("http://localhost:9464"), 202),
        ("a name that points here is another site's (DNS rebinding)", LOOPBACK, host("evil.example:9464"), 403),
        ("a name that only begins so", LOOPBACK, host("localhost.evil.example"), 403),
        ("a name behind a user", LOOPBACK, host("localhost@evil.example"), 403),
        ("a user before the name", LOOPBACK, host("evil@localhost"), 403),
        ("an address of elsewhere", LOOPBACK, host("10.0.0.1:9464"), 403),
        ("no Host at all", LOOPBACK, vec![], 403),
        ("two Hosts", LOOPBACK, vec![("host", "localhost"), ("host", "localhost")], 403),
        ("a page of another site", LOOPBACK, from("http://evil.example"), 403),
        ("a page of another port", LOOPBACK, from("http://localhost:3000"), 403),
        ("a page of another scheme", LOOPBACK, from("https://localhost:9464"), 403),
        ("a page without an origin that it could name", LOOPBACK, from("null"), 403),
        ("a bind that others reach", ANYWHERE, host("localhost:9464"), 403),
        ("a bind that others reach, version 6", "[::]:9464", host("localhost:9464"), 403),
    ] {
        let answer = post(&fake, (listen, TokenFiles::default()), RUN, &headers).await;
        assert_eq!(answer.status, status, "{sentence}: {}", answer.text);
    }
    let target = Asked { headers: &[("host", "localhost")], ..Asked::new("POST", "http://evil.example/-/reload") };
    assert_eq!(fake.ask(target).await.status, 403, "a target that names another host");
}

#[tokio::test]
async fn everything_that_changes_something_asks_for_the_token() {
    let (files, fake) = (Files::new(), Fake::new(fresh()));
    for path in POSTS {
        let refused = post(&fake, (LOOPBACK, files.tokens("full")), path, &[("host", "localhost")]).await;
        assert_eq!((refused.status.as_u16(), refused.error().as_str()), (401, "a bearer token is needed"), "{path}");
        let refused = post(&fake, (ANYWHERE, TokenFiles::default()), path, &[("host", "localhost")]).await;
        assert_eq!(refused.status, 403, "{path}");
        let run_only = &[("authorization", "Bearer only-runs")];
        let refused = post(&fake, (LOOPBACK, files.tokens("full run")), path, run_only).await;
        assert_eq!(refused.status, if path == RUN { 202 } else { 403 }, "{path}");
    }
}

#[tokio::test]
async fn nothing_that_only_reads_asks_for_a_token() {
    let (files, fake) = (Files::new(), Fake::new(fresh()));
    for path in ["/", "/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/profiles", "/api/v1/runs"] {
        let asked = Asked { headers: &[("host", "anything.example")], ..Asked::new("GET", path) };
        assert_eq!(send(fake.router(ANYWHERE, files.tokens("full")), asked).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_token_file_that_cannot_be_used_opens_nothing() {
    let (files, fake) = (Files::new(), Fake::new(fresh()));
    for (name, text) in [("empty", ""), ("blank", " \n"), ("words", "two words"), ("large", &"x".repeat(5000))] {
        files.write(name, text);
        let tokens = TokenFiles { token_file: Some(files.path(name)), ..TokenFiles::default() };
        let presented = format!("Bearer {}", text.trim());
        let answer =
            post(&fake, (LOOPBACK, tokens), PAUSE, &[("host", "localhost"), ("authorization", &presented)]).await;
        assert!([401, 503].contains(&answer.status.as_u16()), "{name}: {}", answer.text);
        let answer = post(
            &fake,
            (LOOPBACK, TokenFiles { token_file: Some(files.path(name)), ..TokenFiles::default() }),
            PAUSE,
            &[("authorization", "Bearer x")],
        );
        assert_eq!(answer.await.error(), "a token file cannot be used; the daemon's log says why", "{name}");
    }
    for path in [files.path("absent"), files.0.path().to_owned()] {
        let tokens =
            TokenFiles { token_file: Some(path), run_token_file: Some(files.path("run")), ..TokenFiles::default() };
        let answer = post(&fake, (LOOPBACK, tokens.clone()), PAUSE, &[("authorization", "Bearer x")]).await;
        assert_eq!(answer.status, 503);
        let answer = post(&fake, (LOOPBACK, tokens), RUN, &[("authorization", "Bearer only-runs")]).await;
        assert_eq!(answer.status, 202, "the other file still opens what it is for");
    }
}

#[tokio::test]
async fn a_token_counts_as_soon_as_it_is_written() {
    let (files, fake) = (Files::new(), Fake::new(fresh()));
    let router = fake.router(LOOPBACK, files.tokens("full"));
    let asked = Asked { headers: &[("authorization", "Bearer renewed")], ..Asked::new("POST", PAUSE) };
    assert_eq!(send(router.clone(), asked).await.status, 401);
    files.write("full", "renewed");
    assert_eq!(send(router, asked).await.status, 200);
}

#[tokio::test]
async fn a_reload_may_name_other_token_files() {
    let (files, fake) = (Files::new(), Fake::new(fresh()));
    let auth = Auth::new(LOOPBACK.parse().unwrap(), TokenFiles::default());
    let router = route::router(fake.handle.clone(), auth.clone());
    assert_eq!(send(router.clone(), Asked::new("POST", PAUSE)).await.status, 200);
    auth.renew(files.tokens("full"));
    assert_eq!(send(router.clone(), Asked::new("POST", PAUSE)).await.status, 401);
    let asked = Asked { headers: &[("authorization", "Bearer all-the-power")], ..Asked::new("POST", PAUSE) };
    assert_eq!(send(router, asked).await.status, 200);
}

#[tokio::test]
async fn no_answer_and_no_debug_text_holds_a_token() {
    let (files, fake) = (Files::new(), Fake::new(fresh()));
    let auth = Auth::new(LOOPBACK.parse().unwrap(), files.tokens("full run"));
    let router = route::router(fake.handle.clone(), auth.clone());
    let asked = Asked { headers: &[("authorization", "Bearer guess-9")], ..Asked::new("POST", PAUSE) };
    let shown = format!("{auth:?} {}", send(router, asked).await.text);
    assert!(!["all-the-power", "only-runs", "guess-9"].iter().any(|secret| shown.contains(secret)), "{shown}");
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_token_file_is_complained_of_once_until_it_changes() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (files, fake) = (Files::new(), Fake::new(fresh()));
    let router = fake.router(LOOPBACK, files.tokens("full"));
    let asked = Asked { headers: &[("authorization", "Bearer guess-9")], ..Asked::new("POST", PAUSE) };
    for text in ["", " ", "two words", "two other words", "fine"] {
        files.write("full", text);
        send(router.clone(), asked).await;
        send(router.clone(), asked).await;
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let count = |what: &str| log.matches(what).count();
    assert_eq!((count("it is empty"), count("one word"), count("can be used again")), (1, 1, 1), "{log}");
    assert!(!["guess-9", "two words", "fine"].iter().any(|secret| log.contains(secret)), "{log}");
}

#[tokio::test]
async fn a_teams_token_starts_the_runs_of_its_profiles_and_nothing_else() {
    let mut view = fresh();
    view.profiles.push(super::views::profile("of-team"));
    let (files, fake) = (Files::new(), Fake::new(view));
    let (own, pause) = ("/api/v1/profiles/of-team/run", "/api/v1/profiles/of-team/pause");
    for (sentence, configured, path, token, status) in [
        ("a profile of its team", "full vision", own, "runs-of-vision", 202),
        ("a profile of nobody's team", "full vision", RUN, "runs-of-vision", 403),
        ("a profile that is not there", "full vision", "/api/v1/profiles/no/run", "runs-of-vision", 403),
        ("a pause, even of its own", "full vision", pause, "runs-of-vision", 403),
        ("a reload", "full vision", "/-/reload", "runs-of-vision", 403),
        ("a team whose token is not configured", "full vision", own, "runs-of-speech", 401),
        ("each of several teams has its own", "full vision speech", own, "runs-of-speech", 202),
        ("the token for all runs starts any", "full run vision", RUN, "only-runs", 202),
        ("no other token", "vision", own, "all-the-power", 401),
    ] {
        let bearer = format!("Bearer {token}");
        let headers = [("host", "hotset.example"), ("authorization", &*bearer)];
        let answer = post(&fake, (ANYWHERE, files.tokens(configured)), path, &headers).await;
        assert_eq!(answer.status, status, "{sentence}: {}", answer.text);
    }
}

#[tokio::test]
async fn on_loopback_a_reader_is_of_this_machine_too() {
    let (files, fake) = (Files::new(), Fake::new(fresh()));
    for (sentence, listen, headers, status) in [
        ("by name", LOOPBACK, vec![("host", "localhost:9464")], 200),
        ("by address", LOOPBACK, vec![("host", "127.0.0.1:9464")], 200),
        ("through a forwarded port", LOOPBACK, vec![("host", "localhost:8080")], 200),
        ("no Host is no browser", LOOPBACK, vec![], 200),
        ("a name that points here is another site's (DNS rebinding)", LOOPBACK, vec![("host", "evil.example")], 403),
        ("a name that only begins so", LOOPBACK, vec![("host", "localhost.evil.example")], 403),
        ("two Hosts", LOOPBACK, vec![("host", "localhost"), ("host", "localhost")], 403),
        ("a bind that others reach has names of its own", ANYWHERE, vec![("host", "hotset.example")], 200),
    ] {
        for path in ["/", "/healthz", "/metrics", "/api/v1/status", "/api/v1/runs", "/nothing"] {
            for configured in ["", "full"] {
                let asked = Asked { headers: &headers, ..Asked::new("GET", path) };
                let answer = send(fake.router(listen, files.tokens(configured)), asked).await;
                let status = if status == 200 && path == "/nothing" { 404 } else { status };
                assert_eq!(answer.status, status, "{sentence}, {path}: {}", answer.text);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_asked_for_what_is_kept_and_a_guesser_does_not_fill_it() {
    let files = Files::new();
    let prepared = Prepared::from(fresh());
    let audited = prepared.audited.clone();
    let fake = Fake::new(prepared);
    let app = App {
        handle: fake.handle.clone(),
        auth: Auth::new(LOOPBACK.parse().unwrap(), files.tokens("full run vision")),
    };
    let router = route::router(app.handle.clone(), app.auth.clone());
    let mut teller = JoinSet::new();
    teller.spawn(async move { app.say_late_refusals().await });
    let with = |token: &'static str, path: &'static str| {
        let router = router.clone();
        async move {
            let peer = Peer("10.0.0.9:4711".parse().unwrap());
            let headers = [("host", "localhost"), ("authorization", token)];
            send_from(router, Asked { headers: &headers, ..Asked::new("POST", path) }, peer).await
        }
    };
    with("Bearer only-runs", RUN).await;
    with("Bearer all-the-power", "/api/v1/profiles/no/pause").await;
    with("Bearer all-the-power", "/-/reload").await;
    for _ in 0..50 {
        with("Bearer guess-9", PAUSE).await;
    }
    with("Bearer only-runs", PAUSE).await;
    for _ in 0..20 {
        with("Bearer runs-of-vision", RUN).await;
    }
    // What is left of a burst is said though nobody comes again.
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    // The loop has taken what came before its next answer.
    fake.handle.view().await.unwrap();
    let shown: Vec<String> = audited
        .lock()
        .unwrap()
        .iter()
        .map(|entry| {
            let address = entry.address.as_deref().unwrap_or_default();
            format!("{} {} by {} from {address}: {}, {}", entry.act, entry.of, entry.by, entry.result, entry.times)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "run nightly-imagenet by the run token from 10.0.0.9:4711: done, 1",
            "pause no by the token from 10.0.0.9:4711: refused: no profile is named `no`; the only one is `nightly-imagenet`, 1",
            "reload  by the token from 10.0.0.9:4711: done, 1",
            "access /api/v1/profiles/nightly-imagenet/pause by unknown from 10.0.0.9:4711: refused: this token is not valid, 1",
            "access /api/v1/profiles/nightly-imagenet/pause by the run token from 10.0.0.9:4711: refused: this token may only start runs, 1",
            "run nightly-imagenet by the run token of team vision from 10.0.0.9:4711: refused: this token may only start runs of the profiles of team `vision`, 1",
            "run nightly-imagenet by the run token of team vision from 10.0.0.9:4711: refused: this token may only start runs of the profiles of team `vision`, 19",
            "access /api/v1/profiles/nightly-imagenet/pause by unknown from 10.0.0.9:4711: refused: this token is not valid, 49",
        ]
    );
    assert!(!shown.join(" ").contains("guess"), "no token is kept, right or wrong");
}
