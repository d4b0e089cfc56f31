//! What the daemon may be told, and what it answers.

use serde_json::json;

use super::fake::{Asked, Fake, Prepared};
use super::views::{busy, fresh, id, profile};

#[tokio::test]
async fn a_run_is_started_or_joined() {
    let fake = Fake::new(fresh());
    for (body, expected) in [
        ("", json!({ "v": 1, "run": id(100).to_string(), "joined": true })),
        ("{}", json!({ "v": 1, "run": id(100).to_string(), "joined": true })),
        (r#"{"rewarm":true}"#, json!({ "v": 1, "run": id(200).to_string(), "joined": false })),
    ] {
        let answer = fake.post("/api/v1/profiles/nightly-imagenet/run", body).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (202, expected), "{body}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let mut view = busy();
    view.profiles.push(profile("configured"));
    let fake = Fake::new(view);
    let absent = format!("/api/v1/runs/{}/cancel", id(77));
    for (sentence, path, body, status, error) in [
        ("an unknown profile", "/api/v1/profiles/x/run", "", 404, "no profile is named `x`"),
        ("a paused profile", "/api/v1/profiles/paused/run", "", 409, "the profile `paused` is paused"),
        ("a run that is being stopped", "/api/v1/profiles/ending/run", "", 409, "is being stopped; ask again"),
        ("an unknown field", "/api/v1/profiles/weights/run", r#"{"rewrm":true}"#, 400, "unknown field `rewrm`"),
        ("a wrong type", "/api/v1/profiles/weights/run", r#"{"rewarm":1}"#, 400, "expected a boolean"),
        ("no object", "/api/v1/profiles/weights/run", "rewarm", 400, "the body: "),
        ("a pause of an unknown profile", "/api/v1/profiles/x/pause", "", 404, "no profile is named `x`"),
        ("a pause without a unit", "/api/v1/profiles/weights/pause", r#"{"for":"4"}"#, 400, "needs a unit"),
        ("a pause of no time", "/api/v1/profiles/weights/pause", r#"{"for":"0s"}"#, 400, "must be longer than 0s"),
        ("paused in the file", "/api/v1/profiles/configured/resume", "", 409, "paused in the configuration"),
        (
            "a body where none is known",
            "/api/v1/profiles/weights/resume",
            r#"{"for":"4h"}"#,
            400,
            "unknown field `for`",
        ),
        ("a run that has ended", absent.as_str(), "", 404, "is in progress"),
        ("no id of a run", "/api/v1/runs/last/cancel", "", 404, "`last` is not the id of a run"),
        ("a name that is no text", "/api/v1/profiles/%ff/run", "", 400, "Invalid UTF-8"),
    ] {
        let answer = fake.post(path, body).await;
        assert_eq!(answer.status, status, "{sentence}: {}", answer.text);
        assert!(answer.error().contains(error), "{sentence}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_profile_is_paused_for_a_while_or_until_it_is_resumed() {
    let fake = Fake::new(busy());
    let answer = fake.post("/api/v1/profiles/weights/pause", "").await.json();
    assert_eq!(answer, json!({ "v": 1, "profile": "weights", "paused": true, "until": null }));
    let answer = fake.post("/api/v1/profiles/weights/pause", r#"{"for":"4h 30m"}"#).await.json();
    let until: chrono::DateTime<chrono::Utc> = answer["until"].as_str().unwrap().parse().unwrap();
    let left = (until - crate::clock::now()).num_minutes();
    assert!((268..=270).contains(&left), "{left} min");
    let answer = fake.post("/api/v1/profiles/weights/resume", "").await.json();
    assert_eq!(answer, json!({ "v": 1, "profile": "weights", "paused": false }));
}

#[tokio::test]
async fn a_run_in_progress_is_cancelled() {
    let answer = Fake::new(busy()).post(&format!("/api/v1/runs/{}/cancel", id(11)), "").await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({ "v": 1, "run": id(11).to_string(), "cancelled": true }));
}

#[tokio::test]
async fn a_reload_says_what_it_changed_or_why_it_changed_nothing() {
    let answer = Fake::new(fresh()).post("/-/reload", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({ "v": 1, "ok": true, "added": ["new"], "changed": [], "removed": ["old"] }));
    let error = "error: unknown key `schedul`\n  --> hotset.toml:14:1";
    let fake = Fake::new(Prepared { reload: Some(error.to_owned()), ..fresh().into() });
    let answer = fake.post("/-/reload", "").await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json(), json!({ "v": 1, "ok": false, "error": error }));
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_json_too() {
    let fake = Fake::new(fresh());
    for (method, path, status, error) in [
        ("GET", "/api/v2/status", 404, "there is no /api/v2/status"),
        ("GET", "/-/reload", 405, "GET is not for /-/reload"),
        ("DELETE", "/api/v1/runs", 405, "DELETE is not for /api/v1/runs"),
        ("POST", "/metrics", 405, "POST is not for /metrics"),
    ] {
        let answer = fake.ask(Asked::new(method, path)).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (status, error));
    }
}
