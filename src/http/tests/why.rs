//! Why a profile is not warm.

use chrono::TimeDelta;
use serde_json::Value;

use super::fake::Fake;
use super::views::{at, busy, ended, endpoint, fresh, id, now, profile, run, silent};
use crate::report::{Outcome, ReasonClass, Trigger};
use model::api::{EndedRun, Pause, Profile, Status, Waiting};

/// What is said of the one profile of a view.
async fn why(view: Status) -> Value {
    let name = view.profiles[0].name.clone();
    Fake::new(view).get(&format!("/api/v1/profiles/{name}/why")).await.json()
}

fn one(of: impl FnOnce(&mut Profile)) -> Status {
    let mut view = fresh();
    view.profiles = vec![profile("p")];
    of(&mut view.profiles[0]);
    view
}

/// The first cause, and what to do about it.
async fn first(view: Status) -> (String, String) {
    let answer = why(view).await;
    assert_eq!(answer["warm"], false, "{answer}");
    let text = |key: &str| answer["causes"][0][key].as_str().unwrap_or_default().to_owned();
    (text("cause"), text("do"))
}

#[tokio::test]
async fn a_warm_profile_has_no_causes() {
    let complete = ended("p", 7, Outcome::Complete);
    let view = one(|p| (p.last, p.last_complete) = (Some(complete.clone()), Some(complete)));
    let answer = why(view).await;
    assert_eq!((&answer["warm"], &answer["causes"]), (&true.into(), &Value::Array(Vec::new())), "{answer}");
    assert_eq!(answer["reason"], "its run ended complete 1h ago");
}

#[tokio::test]
async fn the_cause_that_is_put_right_first_comes_first() {
    let paused = |by_configuration| Pause { by_configuration, until: None };
    let waiting =
        Waiting { trigger: Trigger::Reload, due: None, why: "its window opens at 2026-03-10 01:00 EDT".to_owned() };
    let away = || Status { endpoints: vec![silent("lota")], ..one(|p| p.paused = Some(paused(false))) };
    let expired = || {
        let mut keys = endpoint("lota");
        keys.credentials_expiry = Some(now() - TimeDelta::hours(2));
        Status { endpoints: vec![keys], ..one(|_| {}) }
    };
    let refused = || {
        let mut view = one(|p| p.paused = Some(paused(false)));
        view.reload.error = Some("hotset.toml:3:1: profile.p.objets: unknown key\n  more".to_owned());
        view
    };
    let old = EndedRun { ended: now() - TimeDelta::hours(30), ..ended("p", 7, Outcome::Complete) };
    let other = EndedRun { fingerprint: "before".to_owned(), ..ended("p", 7, Outcome::Complete) };
    let ahead = EndedRun { ended: now() + TimeDelta::hours(1), ..ended("p", 7, Outcome::Complete) };
    for (view, cause, todo, sentence) in [
        (one(|_| {}), "not_due", "`hotset wait p --start`", "it was never run"),
        (one(|p| (p.schedules, p.next_due) = (Vec::new(), None)), "no_schedule", "--start", "nothing starts it"),
        (one(|p| p.next_due = None), "no_schedule", "--start", "it fires no more"),
        (one(|p| p.paused = Some(paused(false))), "paused", "`hotset resume p`", "paused by hand"),
        (one(|p| p.paused = Some(paused(true))), "paused", "`paused = true`", "paused in the file"),
        (one(|p| p.waiting = Some(waiting.clone())), "waiting", "whatever its window", "its window is closed"),
        (Status { stopping: true, ..one(|_| {}) }, "stopping", "start it again", "the daemon ends"),
        (refused(), "files_refused", "`hotset check`", "the files come before the pause"),
        (away(), "endpoint", "http://cwlota.com answers", "the cache is away"),
        (expired(), "keys_expired", "renew", "the keys are of yesterday"),
        (
            one(|p| (p.last, p.last_complete) = (Some(old.clone()), Some(old))),
            "too_old",
            "`rewarm_after`",
            "it is not fresh",
        ),
        (one(|p| p.last = Some(other)), "changed", "--start", "its table was changed"),
        (one(|p| p.last = Some(ahead)), "clock", "set the clock", "the clock was set back"),
    ] {
        let (said, r#do) = first(view).await;
        assert_eq!(said, cause, "{sentence}");
        assert!(r#do.contains(todo), "{sentence}: {do}");
    }
}

#[tokio::test]
async fn what_to_do_about_the_latest_run_follows_from_the_class_of_its_reason() {
    use Outcome::{Failed, Interrupted, Partial, Refused};
    let no_class = format!("`hotset runs {}`", id(7));
    for (outcome, class, todo) in [
        (Interrupted, Some(ReasonClass::Cancelled), "`hotset wait p --start`"),
        (Partial, Some(ReasonClass::WindowClosed), "widen its `window`"),
        (Refused, Some(ReasonClass::NoKeys), "names where it looked"),
        (Refused, Some(ReasonClass::Denied), "s3:ListBucket"),
        (Failed, Some(ReasonClass::OtherCache), "something else answers"),
        (Failed, Some(ReasonClass::Unanswered), "answer where the daemon runs"),
        (Partial, Some(ReasonClass::Throttled), "`max_in_flight`"),
        (Partial, Some(ReasonClass::OverCap), "raise its caps"),
        (Refused, Some(ReasonClass::NothingMatched), "`hotset plan p`"),
        (Refused, Some(ReasonClass::Checkpoint), "each checkpoint"),
        (Partial, Some(ReasonClass::Deadline), "raise its `deadline`"),
        (Refused, Some(ReasonClass::NotFound), "names of its buckets"),
        (Partial, None, &*no_class),
    ] {
        let last = EndedRun { reason_class: class, ..ended("p", 7, outcome) };
        let (cause, said) = first(one(|p| p.last = Some(last))).await;
        assert_eq!(cause, "latest_run", "{class:?}");
        assert!(said.contains(todo), "{class:?}: {said}");
    }
}

#[tokio::test]
async fn all_that_is_in_the_way_is_said() {
    let mut view = busy();
    view.profiles.retain(|profile| &*profile.name == "latest-llama");
    insta::assert_json_snapshot!(why(view).await);
    let listing = |stopping| {
        let mut run = run("p", 11);
        (run.progress.planned, run.progress.stopping) = (super::views::count(0, 0), stopping);
        run.info.started = at("2026-03-09T14:06:00Z");
        one(|p| p.running = Some(run))
    };
    let answer = why(listing(None)).await;
    assert_eq!(answer["causes"][0]["why"], format!("run {} began 1m 30s ago: listing, 11,840 objects so far", id(11)));
    let answer = why(listing(Some("the profile was paused".to_owned()))).await;
    let said = format!("run {} began 1m 30s ago, and is being stopped: the profile was paused", id(11));
    assert_eq!(answer["causes"][0]["why"], said);
    assert_eq!(answer["causes"].as_array().unwrap().len(), 1, "what starts the next one is no matter now");
    assert_eq!(Fake::new(fresh()).get("/api/v1/profiles/nightly/why").await.status, 404);
}
