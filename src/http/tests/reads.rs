//! What is shown: probes, status, profiles, runs, readiness.

use chrono::TimeDelta;
use serde_json::json;
use tokio::sync::mpsc;

use super::fake::{Answer, Asked, Fake, Prepared, send};
use super::views::{ODD_KEY, at, busy, count, ended, failure, fresh, id, now, profile, run};
use crate::daemon::handle::Handle;
use crate::http::auth::Auth;
use crate::http::route;
use crate::http::tokens::TokenFiles;
use crate::report::{Outcome, Ratio, RunInfo, Trigger};
use model::api::{EndedRun, Pause, Profile, RunLine, Status};

/// Asks a loop that never answers (its queue is held open), or has gone.
async fn ask_nobody(path: &str, gone: bool) -> Answer {
    let (commands, queue) = mpsc::channel(4);
    let _held = (!gone).then_some(queue);
    let auth = Auth::new("127.0.0.1:9464".parse().unwrap(), TokenFiles::default());
    send(route::router(Handle(commands), auth), Asked::new("GET", path)).await
}

#[tokio::test(start_paused = true)]
async fn health_is_an_answer_of_the_loop_within_two_seconds() {
    assert_eq!(Fake::new(fresh()).get("/healthz").await.status, 200);
    let start = tokio::time::Instant::now();
    let answer = ask_nobody("/healthz", false).await;
    assert_eq!((answer.status.as_u16(), start.elapsed().as_secs()), (503, 2));
    assert_eq!(answer.error(), "the daemon did not answer in time");
    assert_eq!(ask_nobody("/healthz", true).await.error(), "the daemon is stopping");
    for path in ["/", "/metrics", "/api/v1/status", "/api/v1/profiles", "/api/v1/runs", "/readyz"] {
        assert_eq!(ask_nobody(path, false).await.status, 503, "{path}");
    }
}

#[tokio::test]
async fn readiness_is_a_configuration_in_force() {
    let bad = |last_good: bool, succeeded| {
        let mut view = fresh();
        view.reload.error = Some("no".to_owned());
        (view.reload.last_good, view.reload.succeeded) = (last_good, succeeded);
        view
    };
    let stopping = Status { stopping: true, ..fresh() };
    for (view, status, state) in [
        (fresh(), 200, "the configuration of the files is in force"),
        (bad(false, Some(now())), 200, "the last reload was refused; the configuration before it is in force"),
        (bad(true, Some(now())), 200, "the files are bad; the last good configuration from the journal is in force"),
        (bad(false, None), 503, "no configuration is in force"),
        (stopping, 503, "the daemon is stopping"),
    ] {
        let error = view.reload.error.clone();
        let answer = Fake::new(view).get("/readyz").await;
        assert_eq!(answer.status, status, "{state}");
        assert_eq!(answer.json(), json!({ "v": 1, "ready": status == 200, "state": state, "error": error }));
    }
}

#[tokio::test]
async fn the_status_is_everything() {
    let answer = Fake::new(busy()).get("/api/v1/status").await;
    let mut status = answer.json();
    status["version"] = "VERSION".into();
    // The profiles have a test of their own.
    status["profiles"] = json!(status["profiles"].as_array().unwrap().len());
    insta::assert_json_snapshot!(status);
}

#[tokio::test]
async fn a_profile_has_its_configuration_its_past_and_its_run() {
    let fake = Fake::new(busy());
    let all = fake.get("/api/v1/profiles").await.json();
    let llama = all["profiles"][1].clone();
    insta::assert_json_snapshot!(llama);
    assert_eq!(all["v"], 1);
    assert_eq!(all["endpoints"][1]["silent_s"], 95.0);
    assert_eq!(all["profiles"][3]["paused"], json!({ "by_configuration": false, "until": "2026-03-09T18:00:00Z" }));
    let mut one = fake.get("/api/v1/profiles/latest-llama").await.json();
    assert_eq!(one.as_object_mut().unwrap().remove("v"), Some(json!(1)));
    assert_eq!(one, llama);
    let answer = fake.get("/api/v1/profiles/latest-lama").await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.error(),
        "no profile is named `latest-lama`; did you mean `latest-llama`?; the files were refused at the last reload, and it \
         may stand in them: `hotset status` shows why"
    );
}

fn recorded(profile: &str, n: u128, outcome: Outcome) -> RunLine {
    let hours = 100 - i64::try_from(n).unwrap();
    let running = outcome == Outcome::Running;
    let started = at("2026-03-09T14:00:00Z") - TimeDelta::hours(if running { 0 } else { hours });
    let info = RunInfo { id: id(n), ..RunInfo::new(Trigger::Schedule, started) };
    RunLine {
        ended: (!running).then(|| at("2026-03-09T14:06:30Z")),
        outcome,
        matched: count(900, 9),
        wanted: count(880, 8),
        planned: count(880, 8),
        warmed: count(500, 5),
        fresh: count(40, 4),
        warm_ratio: Ratio { objects: 0.96, bytes: 0.95 },
        ..RunLine::begun(profile, "lota", &format!("fp-{profile}"), info)
    }
}

/// Run 11 goes on and is recorded, run 12 goes on and is not, run 5 has ended.
fn runs() -> Fake {
    let recorded = vec![
        recorded("latest-llama", 11, Outcome::Running),
        recorded("latest-llama", 5, Outcome::Partial),
        recorded("weights", 3, Outcome::Failed),
    ];
    Fake::new(Prepared { recorded, ..busy().into() })
}

#[tokio::test]
async fn a_run_in_progress_shows_its_live_figures() {
    let mut run = runs().get(&format!("/api/v1/runs/{}", id(11))).await.json();
    run["version"] = "VERSION".into();
    insta::assert_json_snapshot!(run);
}

#[tokio::test]
async fn a_run_that_the_journal_does_not_know_has_every_field_of_the_contract() {
    let unknown = runs().get(&format!("/api/v1/runs/{}", id(12))).await.json();
    let known = serde_json::to_value(recorded("a", 11, Outcome::Running)).unwrap();
    for field in known.as_object().unwrap().keys() {
        assert!(unknown.get(field).is_some(), "{field}: {unknown}");
    }
    assert_eq!((&unknown["outcome"], &unknown["planned"]["objects"]), (&json!("running"), &json!(840)));
}

#[tokio::test]
async fn a_run_that_has_ended_is_as_the_journal_has_it_with_its_failures() {
    let fake = runs();
    let run = fake.get(&format!("/api/v1/runs/{}", id(5))).await.json();
    assert_eq!((&run["outcome"], &run["warmed"]["objects"]), (&json!("partial"), &json!(500)));
    assert_eq!(run.get("progress"), None);
    assert_eq!(
        run["failures"],
        json!([
            { "class": "denied", "bucket": "b", "key": ODD_KEY, "message": "403" },
            { "class": "denied", "bucket": "b", "key_b64": "/w==", "message": "403" },
        ])
    );
    for path in [format!("/api/v1/runs/{}", id(99)), "/api/v1/runs/nightly".to_owned()] {
        assert_eq!(fake.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn runs_are_found_by_profile_time_and_number() {
    let fake = runs();
    for (query, expected) in [
        ("", vec![12, 11, 5, 3]),
        ("?profile=latest-llama", vec![11, 5]),
        ("?profile=eval-suite", vec![12]),
        ("?profile=absent", vec![]),
        ("?limit=2", vec![12, 11]),
        ("?since=2026-03-06T00:00:00Z", vec![12, 11]),
        ("?since=2026-03-05T16:00:00%2B02:00&limit=9", vec![12, 11, 5]),
        ("?since=100y", vec![12, 11, 5, 3]),
    ] {
        let answer = fake.get(&format!("/api/v1/runs{query}")).await.json();
        let found: Vec<&str> =
            answer["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap()).collect();
        let expected: Vec<String> = expected.into_iter().map(|n| id(n).to_string()).collect();
        assert_eq!(found, expected, "{query}");
    }
    for (query, error) in [
        ("?limit=0", "`limit`: a number from 1 to 1000 is expected"),
        ("?limit=1001", "`limit`: a number from 1 to 1000 is expected"),
        ("?since=yesterday", "`since`: "),
        ("?profil=x", "unknown field `profil`"),
        ("?limit=1&limit=2", "duplicate field `limit`"),
    ] {
        let answer = fake.get(&format!("/api/v1/runs{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.error().contains(error), "{query}: {}", answer.text);
    }
}

fn with(last: Option<EndedRun>, last_complete: Option<EndedRun>) -> Status {
    Status { profiles: vec![Profile { last, last_complete, ..profile("p") }], ..fresh() }
}

#[tokio::test]
async fn a_profile_is_ready_when_its_latest_good_run_is_young_enough() {
    let complete = ended("p", 1, Outcome::Complete);
    let partial = ended("p", 2, Outcome::Partial);
    let enough = EndedRun { warm_ratio: Ratio { objects: 0.5, bytes: 0.9 }, ..complete.clone() };
    let tomorrow = EndedRun { ended: fresh().now + TimeDelta::days(1), ..complete.clone() };
    let older = EndedRun { fingerprint: "of before".to_owned(), ..complete.clone() };
    let both = |one: &EndedRun| (Some(one.clone()), Some(one.clone()));
    for (sentence, (last, good), query, status, reason) in [
        ("complete an hour ago", both(&complete), "", 200, "its run ended complete 1h ago"),
        ("and two are allowed", both(&complete), "?within=2h", 200, "its run ended complete 1h ago"),
        ("but half of one is", both(&complete), "?within=30m", 503, "1h ago, which is more than 30m"),
        ("nothing has run", (None, None), "", 503, "no run of this configuration has ended"),
        ("that was another configuration", (Some(older), None), "", 503, "no run of this configuration has ended"),
        ("partial is not complete", (Some(partial.clone()), None), "", 503, "partial: 3 objects failed: throttled"),
        ("but nearly", (Some(partial.clone()), None), "?min_warm=99%25", 200, "its run ended partial 1h ago"),
        (
            "not by bytes",
            (Some(partial.clone()), None),
            "?min_warm=99.5%25",
            503,
            "99% of what is wanted is warm after the latest run, less than 99.5%",
        ),
        ("complete before it", (Some(partial), Some(complete.clone())), "", 200, "its run ended complete 1h ago"),
        ("complete by a min_warm of its own", both(&enough), "", 200, "its run ended complete 1h ago"),
        ("by a clock that was ahead", both(&tomorrow), "", 503, "the clock was set back"),
        ("which hides nothing", (Some(tomorrow), Some(complete.clone())), "", 200, "its run ended complete 1h ago"),
        ("which is too little", both(&enough), "?min_warm=90%25", 503, "less than 90%"),
    ] {
        let answer = Fake::new(with(last, good)).get(&format!("/api/v1/profiles/p/ready{query}")).await;
        let json = answer.json();
        assert_eq!((answer.status.as_u16(), json["ready"] == true), (status, status == 200), "{sentence}: {json}");
        assert!(json["reason"].as_str().unwrap().contains(reason), "{sentence}: {json}");
    }
    let answer = Fake::new(with(Some(ended("p", 1, Outcome::Complete)), None)).get("/api/v1/profiles/p/ready").await;
    insta::assert_json_snapshot!(answer.json());
}

#[tokio::test]
async fn who_waits_is_told_when_that_may_change() {
    let now = fresh().now;
    let pause = |by_configuration, until| Some(Pause { by_configuration, until });
    let of = |paused, next_due| Profile { paused, next_due, ..profile("p") };
    let soon = Some(now + TimeDelta::minutes(90));
    for (view, told) in [
        (of(None, soon), "; the next run is due in 1h 30m"),
        (of(None, None), "; no run is due"),
        (of(pause(true, None), None), "; it is paused in the configuration"),
        (of(pause(false, None), None), "; it is paused by hand"),
        (of(pause(false, soon), None), "; it is paused by hand until "),
        (Profile { running: Some(run("p", 1)), ..of(None, soon) }, "no run of this configuration has ended"),
    ] {
        let answer = Fake::new(Status { profiles: vec![view], ..fresh() }).get("/api/v1/profiles/p/ready").await.json();
        let reason = answer["reason"].as_str().unwrap();
        assert!(reason.contains(told) && (told.starts_with(';') || reason == told), "{told}: {reason}");
    }
}

#[tokio::test]
async fn a_run_before_the_latest_may_have_reached_min_warm() {
    let worse = EndedRun { warm_ratio: Ratio::NONE, ..ended("p", 9, Outcome::Failed) };
    let recorded = vec![
        recorded("p", 9, Outcome::Failed),
        recorded("p", 8, Outcome::Running),
        recorded("p", 7, Outcome::Partial),
        recorded("q", 6, Outcome::Complete),
    ];
    let recorded = recorded.into_iter().map(|run| match run.outcome {
        Outcome::Failed => RunLine { warm_ratio: Ratio { objects: 0.96, bytes: 0.1 }, ..run },
        _ => run,
    });
    let fake = Fake::new(Prepared { recorded: recorded.collect(), ..with(Some(worse), None).into() });
    let answer = fake.get("/api/v1/profiles/p/ready?min_warm=95%25").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["run"]), (200, &json!(id(7).to_string())));
    assert_eq!(fake.get("/api/v1/profiles/p/ready?min_warm=96%25").await.status, 503);
}

#[tokio::test]
async fn readiness_is_asked_for_in_the_words_of_the_configuration() {
    let fake = Fake::new(fresh());
    for (path, status, error) in [
        ("x/ready", 404, "no profile is named `x`"),
        ("nightly-imagenet/ready?within=2", 400, "`within`: a length of time needs a unit"),
        ("nightly-imagenet/ready?within=0s", 400, "`within`: must be longer than 0s"),
        ("nightly-imagenet/ready?min_warm=0.99", 400, "`min_warm`: a share is written in percent"),
        ("nightly-imagenet/ready?min_warm=101%25", 400, "`min_warm`: must be more than 0% and at most 100%"),
        ("nightly-imagenet/ready?min-warm=99%25", 400, "unknown field `min-warm`"),
    ] {
        let answer = fake.get(&format!("/api/v1/profiles/{path}")).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.error().contains(error), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn every_answer_is_of_this_instant_and_for_this_site() {
    let fake = Fake::new(Status { failures: vec![failure("p", "c", "k", "m")], ..fresh() });
    for path in ["/", "/metrics", "/api/v1/status", "/nowhere"] {
        let headers = fake.get(path).await.headers;
        for (name, value) in
            [("cache-control", "no-store"), ("x-content-type-options", "nosniff"), ("x-frame-options", "DENY")]
        {
            assert_eq!(headers[name], value, "{path}");
        }
        assert!(!headers.contains_key("access-control-allow-origin"), "{path}");
    }
}
