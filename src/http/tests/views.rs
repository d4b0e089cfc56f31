//! What a daemon shows: one that has just been started, and one in the middle of its work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ulid::Ulid;

use crate::daemon::view::{
    Counters, Ended, EndedView, EndpointView, FailureView, JournalView, PauseView, ProfileView, ReloadView, ReloadedBy,
    RunView, TeamView, View, WaitingView,
};
use crate::limit::{Cause, Reason, Snapshot};
use crate::report::groups::GroupField;
use crate::report::{Outcome, Ratio, RunInfo, Trigger};
use model::config::Zones;
use model::object::{Bucket, Count, Key};
use model::schedule::Zone;
use model::select::group::State;

pub(crate) const TIB: u64 = 1 << 40;
pub(crate) const GIB: u64 = 1 << 30;

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn now() -> DateTime<Utc> {
    at("2026-03-09T14:07:30Z")
}

pub(crate) fn id(n: u128) -> Ulid {
    Ulid::from_parts(u64::try_from(now().timestamp_millis()).unwrap(), n)
}

pub(crate) fn count(objects: u64, bytes: u64) -> Count {
    Count { objects, bytes }
}

/// Started a moment ago: nothing was ever due.
pub(crate) fn fresh() -> View {
    View {
        now: now(),
        started: now(),
        stopping: false,
        reload: ReloadView {
            at: now(),
            by: ReloadedBy::Start,
            error: None,
            succeeded: Some(now()),
            last_good: false,
            warnings: Vec::new(),
            paths: vec!["/etc/hotset/hotset.toml".into()],
        },
        zone_rules: Zones::built_in(),
        journal: JournalView { path: Some("/var/lib/hotset/journal.db".into()), unwritable: None, bytes: 40_960 },
        heartbeat_fallbacks: 0,
        endpoints: vec![endpoint("lota")],
        profiles: vec![profile("nightly-imagenet")],
        teams: Vec::new(),
        runs: Vec::new(),
        failures: Vec::new(),
        counters: Counters::default(),
    }
}

pub(crate) fn endpoint(name: &str) -> EndpointView {
    EndpointView {
        name: name.into(),
        cache_url: "http://cwlota.com".to_owned(),
        limit: Snapshot {
            reason: Reason::Idle,
            retries_wait: false,
            allowed: 32,
            in_flight: 0,
            bytes_in_flight: 0,
            circuit_open: false,
            max: 300,
            requests_total: 0,
            throttled_total: 0,
        },
        max_in_flight: 300,
        silent: None,
        capacity: Some(30 * TIB),
        committed: Some(8 * TIB),
        credentials_expiry: None,
    }
}

pub(crate) fn profile(name: &str) -> ProfileView {
    ProfileView {
        name: name.into(),
        team: None,
        endpoint: "lota".into(),
        fingerprint: format!("fp-{name}"),
        schedules: vec!["30 1 * * *".to_owned()],
        zone: Zone::built_in("America/New_York").unwrap(),
        window: None,
        priority: 0,
        max_bytes: Some(8 * TIB),
        rewarm_after: Duration::from_secs(12 * 3600),
        min_warm: None,
        paused: None,
        running: None,
        waiting: None,
        next_due: Some(at("2026-03-10T05:30:00Z")),
        last_due: None,
        last_complete_due: None,
        last: None,
        last_complete: None,
    }
}

/// A run of the configuration in force that ended an hour ago.
pub(crate) fn ended(profile: &str, n: u128, outcome: Outcome) -> EndedView {
    let complete = outcome == Outcome::Complete;
    EndedView {
        info: info(n, "2026-03-09T12:30:00Z", "2026-03-09T12:30:01Z"),
        fingerprint: format!("fp-{profile}"),
        ended: at("2026-03-09T13:07:30Z"),
        outcome,
        reason: (!complete).then(|| "3 objects failed: throttled".to_owned()),
        planned: count(10_000, 7 * TIB),
        warmed: count(9_500, 6 * TIB),
        fresh: count(497, GIB),
        over_cap: count(0, 0),
        warm_ratio: if complete { Ratio { objects: 1.0, bytes: 1.0 } } else { Ratio { objects: 0.9997, bytes: 0.99 } },
        groups: Arc::default(),
        more_groups: 0,
    }
}

fn info(n: u128, due: &str, started: &str) -> RunInfo {
    RunInfo { id: id(n), due: Some(at(due)), ..RunInfo::new(Trigger::Schedule, at(started)) }
}

pub(crate) fn run(profile: &str, n: u128) -> RunView {
    RunView {
        info: info(n, "2026-03-09T14:00:00Z", "2026-03-09T14:00:00Z"),
        profile: profile.into(),
        endpoint: "lota".into(),
        fingerprint: format!("fp-{profile}"),
        deadline: at("2026-03-10T14:00:00Z"),
        stopping: None,
        list_requests: 12,
        listed: 11_840,
        listed_share: Some(0.625),
        planned: count(840, 2 * TIB),
        ended: count(512, TIB + 300 * GIB),
        in_flight: 96,
        failed: 2,
        unknown: 1,
        gone: 4,
        silent: None,
        trouble: None,
    }
}

/// Written two minutes ago, or a day before.
fn group(name: &str, state: State) -> GroupField {
    let whole = state != State::Incomplete;
    GroupField {
        bucket: "ckpt".to_owned(),
        run: "llama".to_owned(),
        name: name.to_owned(),
        step: name.trim_start_matches("iter_").parse().ok(),
        objects: Some(if whole { 640 } else { 12 }),
        bytes: Some(if whole { TIB } else { GIB }),
        age_s: Some(if whole { 83_749 } else { 1 }),
        last_modified: Some(if whole { "2026-03-08T14:05:30Z" } else { "2026-03-09T14:05:30Z" }.to_owned()),
        state,
        why: (!whole).then(|| "`.metadata` is missing".to_owned()),
    }
}

/// Of everything something, good and bad.
pub(crate) fn busy() -> View {
    let complete = ended("nightly-imagenet", 1, Outcome::Complete);
    let groups =
        [("iter_0000500", State::Incomplete), ("iter_0000400", State::Chosen), ("iter_0000300", State::OverCap)];
    let groups = groups.map(|(name, state)| group(name, state)).into();
    let partial =
        EndedView { over_cap: count(120, TIB), groups, more_groups: 7, ..ended("latest-llama", 2, Outcome::Partial) };
    let since = |text| Some(at(text));
    View {
        started: at("2026-03-06T10:00:00Z"),
        reload: ReloadView {
            at: at("2026-03-09T13:58:00Z"),
            by: ReloadedBy::Sighup,
            error: Some(BAD_FILE.to_owned()),
            succeeded: since("2026-03-06T10:00:00Z"),
            last_good: false,
            warnings: vec!["profile `latest-llama`: `rewarm_after` is above 0.8 × the gap between fires".to_owned()],
            ..fresh().reload
        },
        zone_rules: Zones::built_in(),
        journal: JournalView {
            unwritable: Some("cannot write to /var/lib/hotset/journal.db: no space left on device".to_owned()),
            bytes: 88_604_672,
            ..fresh().journal
        },
        heartbeat_fallbacks: 3,
        endpoints: vec![
            EndpointView {
                limit: Snapshot {
                    reason: Reason::Throttled { at: 131, ago: Duration::from_secs(12) },
                    retries_wait: true,
                    allowed: 128,
                    in_flight: 96,
                    bytes_in_flight: 23 * GIB,
                    circuit_open: false,
                    max: 300,
                    requests_total: 0,
                    throttled_total: 0,
                },
                committed: Some(22 * TIB),
                credentials_expiry: since("2026-03-09T19:40:00Z"),
                ..endpoint("lota")
            },
            EndpointView {
                cache_url: "http://cwlota-eu.example:8080".to_owned(),
                limit: Snapshot {
                    reason: Reason::Circuit { since: Duration::from_secs(95), cause: Cause::Silence },
                    retries_wait: false,
                    allowed: 1,
                    in_flight: 1,
                    bytes_in_flight: GIB,
                    circuit_open: true,
                    max: 300,
                    requests_total: 0,
                    throttled_total: 0,
                },
                silent: Some(Duration::from_secs(95)),
                capacity: None,
                committed: None,
                ..endpoint("lota-eu")
            },
        ],
        profiles: vec![
            ProfileView {
                endpoint: "lota-eu".into(),
                schedules: vec!["@every 10m".to_owned()],
                zone: Zone::utc(),
                running: Some(id(12)),
                next_due: since("2026-03-09T14:10:00Z"),
                last_due: since("2026-03-09T14:00:00Z"),
                max_bytes: None,
                ..profile("eval-suite")
            },
            ProfileView {
                schedules: vec!["*/5 * * * *".to_owned()],
                zone: Zone::utc(),
                running: Some(id(11)),
                next_due: since("2026-03-09T14:10:00Z"),
                last_due: since("2026-03-09T14:05:00Z"),
                last_complete_due: since("2026-03-09T11:05:00Z"),
                last: Some(partial),
                ..profile("latest-llama")
            },
            ProfileView {
                team: Some("vision".into()),
                window: Some("Mon-Fri 01:00-06:00".to_owned()),
                last_due: since("2026-03-09T12:30:00Z"),
                last_complete_due: since("2026-03-09T12:30:00Z"),
                last: Some(complete.clone()),
                last_complete: Some(complete),
                waiting: Some(WaitingView {
                    trigger: Trigger::Reload,
                    due: None,
                    why: "its window opens at 01:00 America/New_York".to_owned(),
                }),
                ..profile("nightly-imagenet")
            },
            ProfileView {
                schedules: Vec::new(),
                next_due: None,
                paused: Some(PauseView { by_configuration: false, until: since("2026-03-09T18:00:00Z") }),
                last: Some(EndedView {
                    reason: Some("nothing matched `s3://weights/<old>/**`".to_owned()),
                    warm_ratio: Ratio::NONE,
                    warmed: count(0, 0),
                    fresh: count(0, 0),
                    ..ended("weights", 3, Outcome::Refused)
                }),
                ..profile("weights")
            },
        ],
        teams: vec![TeamView {
            name: "vision".into(),
            endpoints: vec!["lota".into()],
            buckets: vec!["training".to_owned(), "vision-*".to_owned()],
            profiles: 1,
            committed: 8 * TIB,
            budget: 10 * TIB,
        }],
        runs: vec![
            run("latest-llama", 11),
            RunView {
                endpoint: "lota-eu".into(),
                silent: Some(Duration::from_secs(95)),
                info: RunInfo { resumes: 1, trigger: Trigger::Resume, ..run("eval-suite", 12).info },
                ended: count(8, 40 * GIB),
                in_flight: 1,
                failed: 0,
                unknown: 5,
                gone: 0,
                ..run("eval-suite", 12)
            },
        ],
        failures: vec![
            failure("latest-llama", "throttled", "checkpoints/step-0120/shard-00017.distcp", "503 SlowDown, 5 sends"),
            failure("latest-llama", "denied", ODD_KEY, "403 <Code>AccessDenied</Code>\u{1b}[2J"),
        ],
        counters: counters(),
        ..fresh()
    }
}

/// A key that would run in a browser, and disturb a terminal.
pub(crate) const ODD_KEY: &str = "a/<script>alert(1)</script>\n\u{202e}gpj.exe";

const BAD_FILE: &str = "\
error: unknown key `schedul`
  --> /etc/hotset/hotset.toml:14:1
   |
14 | schedul = \"30 1 * * *\"
   | ^^^^^^^ there is no such key in a profile
   |
   = help: did you mean `schedule`?";

pub(crate) fn failure(profile: &str, class: &str, key: &str, message: &str) -> FailureView {
    FailureView {
        run: id(2),
        profile: profile.into(),
        at: at("2026-03-09T13:07:30Z"),
        class: class.to_owned(),
        bucket: Bucket::new("ckpt-llama"),
        key: Key::from(key),
        message: message.to_owned(),
    }
}

fn counters() -> Counters {
    let name = |name: &str| Arc::<str>::from(name);
    Counters {
        reloads_succeeded: 2,
        reloads_failed: 1,
        runs: BTreeMap::from([
            ((name("latest-llama"), Outcome::Partial), 3),
            ((name("latest-llama"), Outcome::Complete), 860),
            ((name("nightly-imagenet"), Outcome::Complete), 3),
        ]),
        missed: BTreeMap::from([(name("latest-llama"), 4)]),
        objects: BTreeMap::from([
            (name("lota"), Ended { warmed: count(81_204, 19 * TIB), gone: 4, failed: 2, unknown: 1 }),
            (name("lota-eu"), Ended { warmed: count(3, 15 * GIB), gone: 0, failed: 0, unknown: 5 }),
        ]),
    }
}
