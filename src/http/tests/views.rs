//! What a daemon shows: one that has just been started, and one in the middle of its work.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ulid::Ulid;

use crate::report::{Outcome, Ratio, ReasonClass, RunInfo, Trigger};
use model::api::{
    ActiveRun, Counters, EndedObjects, EndedRun, Endpoint, Failure, GroupField, JournalState, ObjectName, Pause,
    Profile, Progress, Reload, ReloadedBy, Status, Team, V, Waiting, ZoneRules,
};
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

fn zone_rules() -> ZoneRules {
    let zones = Zones::default();
    ZoneRules { version: zones.version().map(str::to_owned), origin: zones.origin(), released: zones.released() }
}

/// Started a moment ago: nothing was ever due.
pub(crate) fn fresh() -> Status {
    Status {
        v: V,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: now(),
        started: now(),
        stopping: false,
        reload: Reload {
            at: now(),
            by: ReloadedBy::Start,
            ok: true,
            error: None,
            succeeded: Some(now()),
            last_good: false,
            warnings: Vec::new(),
            paths: vec!["/etc/hotset/hotset.toml".into()],
        },
        zone_rules: zone_rules(),
        journal: JournalState {
            path: Some("/var/lib/hotset/journal.db".to_owned()),
            writable: true,
            error: None,
            bytes: 40_960,
        },
        heartbeat_fallbacks: 0,
        endpoints: vec![endpoint("lota")],
        profiles: vec![profile("nightly-imagenet")],
        teams: Vec::new(),
        runs: Vec::new(),
        failures: Vec::new(),
        counters: Counters::default(),
    }
}

pub(crate) fn endpoint(name: &str) -> Endpoint {
    Endpoint {
        name: name.to_owned(),
        cache_url: "http://cwlota.com".to_owned(),
        limit: 32,
        max_in_flight: 300,
        in_flight: 0,
        in_flight_bytes: 0,
        holds: "idle".to_owned(),
        state: "nothing waits".to_owned(),
        retries_wait: false,
        requests: 0,
        throttled: 0,
        circuit_open: false,
        silent_s: None,
        capacity: Some(30 * TIB),
        committed: Some(8 * TIB),
        credentials_expiry: None,
        ended: EndedObjects::default(),
    }
}

/// An endpoint whose circuit has been open for 95 s.
pub(crate) fn silent(name: &str) -> Endpoint {
    Endpoint {
        limit: 1,
        in_flight: 1,
        in_flight_bytes: GIB,
        holds: "circuit".to_owned(),
        state: "waiting: no answer for 95 s".to_owned(),
        circuit_open: true,
        silent_s: Some(95.0),
        ..endpoint(name)
    }
}

pub(crate) fn profile(name: &str) -> Profile {
    Profile {
        name: name.into(),
        team: None,
        endpoint: "lota".into(),
        fingerprint: format!("fp-{name}"),
        schedules: vec!["30 1 * * *".to_owned()],
        zone: "America/New_York".to_owned(),
        zone_rules: Some(Zone::built_in("America/New_York").unwrap()),
        window: None,
        priority: 0,
        max_bytes: Some(8 * TIB),
        rewarm_after_s: 12.0 * 3600.0,
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
pub(crate) fn ended(profile: &str, n: u128, outcome: Outcome) -> EndedRun {
    let complete = outcome == Outcome::Complete;
    EndedRun {
        info: info(n, "2026-03-09T12:30:00Z", "2026-03-09T12:30:01Z"),
        fingerprint: format!("fp-{profile}"),
        ended: at("2026-03-09T13:07:30Z"),
        outcome,
        reason: (!complete).then(|| "3 objects failed: throttled".to_owned()),
        reason_class: (!complete).then_some(ReasonClass::Throttled),
        planned: count(10_000, 7 * TIB),
        warmed: count(9_500, 6 * TIB),
        fresh: count(497, GIB),
        over_cap: count(0, 0),
        warm_ratio: if complete { Ratio { objects: 1.0, bytes: 1.0 } } else { Ratio { objects: 0.9997, bytes: 0.99 } },
        groups: Vec::new(),
        more_groups: 0,
    }
}

fn info(n: u128, due: &str, started: &str) -> RunInfo {
    RunInfo { id: id(n), due: Some(at(due)), ..RunInfo::new(Trigger::Schedule, at(started)) }
}

pub(crate) fn run(profile: &str, n: u128) -> ActiveRun {
    ActiveRun {
        info: info(n, "2026-03-09T14:00:00Z", "2026-03-09T14:00:00Z"),
        profile: profile.into(),
        endpoint: "lota".into(),
        fingerprint: format!("fp-{profile}"),
        progress: Progress {
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
            silent_s: None,
            trouble: None,
        },
    }
}

/// A run that its endpoint keeps waiting.
fn waiting() -> ActiveRun {
    let run = run("eval-suite", 12);
    ActiveRun {
        endpoint: "lota-eu".to_owned(),
        info: RunInfo { resumes: 1, trigger: Trigger::Resume, ..run.info },
        progress: Progress {
            silent_s: Some(95.0),
            ended: count(8, 40 * GIB),
            in_flight: 1,
            failed: 0,
            unknown: 5,
            gone: 0,
            ..run.progress
        },
        ..run
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
        last_modified: Some(at(if whole { "2026-03-08T14:05:30Z" } else { "2026-03-09T14:05:30Z" })),
        state,
        why: (!whole).then(|| "`.metadata` is missing".to_owned()),
    }
}

/// Of everything something, good and bad.
pub(crate) fn busy() -> Status {
    let complete = ended("nightly-imagenet", 1, Outcome::Complete);
    let groups =
        [("iter_0000500", State::Incomplete), ("iter_0000400", State::Chosen), ("iter_0000300", State::OverCap)];
    let groups = groups.map(|(name, state)| group(name, state)).into();
    let partial =
        EndedRun { over_cap: count(120, TIB), groups, more_groups: 7, ..ended("latest-llama", 2, Outcome::Partial) };
    let since = |text| Some(at(text));
    Status {
        started: at("2026-03-06T10:00:00Z"),
        reload: Reload {
            at: at("2026-03-09T13:58:00Z"),
            by: ReloadedBy::Sighup,
            ok: false,
            error: Some(BAD_FILE.to_owned()),
            succeeded: since("2026-03-06T10:00:00Z"),
            last_good: false,
            warnings: vec!["profile `latest-llama`: `rewarm_after` is above 0.8 × the gap between fires".to_owned()],
            ..fresh().reload
        },
        journal: JournalState {
            writable: false,
            error: Some("cannot write to /var/lib/hotset/journal.db: no space left on device".to_owned()),
            bytes: 88_604_672,
            ..fresh().journal
        },
        heartbeat_fallbacks: 3,
        endpoints: vec![
            Endpoint {
                limit: 128,
                in_flight: 96,
                in_flight_bytes: 23 * GIB,
                holds: "throttled".to_owned(),
                state: "holding: throttled 12 s ago at 131".to_owned(),
                retries_wait: true,
                committed: Some(22 * TIB),
                credentials_expiry: since("2026-03-09T19:40:00Z"),
                ended: counters().objects["lota"],
                ..endpoint("lota")
            },
            Endpoint {
                cache_url: "http://cwlota-eu.example:8080".to_owned(),
                capacity: None,
                committed: None,
                ended: counters().objects["lota-eu"],
                ..silent("lota-eu")
            },
        ],
        profiles: vec![
            Profile {
                endpoint: "lota-eu".into(),
                schedules: vec!["@every 10m".to_owned()],
                zone: "UTC".to_owned(),
                zone_rules: Some(Zone::utc()),
                running: Some(waiting()),
                next_due: since("2026-03-09T14:10:00Z"),
                last_due: since("2026-03-09T14:00:00Z"),
                max_bytes: None,
                ..profile("eval-suite")
            },
            Profile {
                schedules: vec!["*/5 * * * *".to_owned()],
                zone: "UTC".to_owned(),
                zone_rules: Some(Zone::utc()),
                running: Some(run("latest-llama", 11)),
                next_due: since("2026-03-09T14:10:00Z"),
                last_due: since("2026-03-09T14:05:00Z"),
                last_complete_due: since("2026-03-09T11:05:00Z"),
                last: Some(partial),
                ..profile("latest-llama")
            },
            Profile {
                team: Some("vision".into()),
                window: Some("Mon-Fri 01:00-06:00".to_owned()),
                last_due: since("2026-03-09T12:30:00Z"),
                last_complete_due: since("2026-03-09T12:30:00Z"),
                last: Some(complete.clone()),
                last_complete: Some(complete),
                waiting: Some(Waiting {
                    trigger: Trigger::Reload,
                    due: None,
                    why: "its window opens at 01:00 America/New_York".to_owned(),
                }),
                ..profile("nightly-imagenet")
            },
            Profile {
                schedules: Vec::new(),
                next_due: None,
                paused: Some(Pause { by_configuration: false, until: since("2026-03-09T18:00:00Z") }),
                last: Some(EndedRun {
                    reason: Some("nothing matched `s3://weights/<old>/**`".to_owned()),
                    warm_ratio: Ratio::NONE,
                    warmed: count(0, 0),
                    fresh: count(0, 0),
                    ..ended("weights", 3, Outcome::Refused)
                }),
                ..profile("weights")
            },
        ],
        teams: vec![Team {
            name: "vision".into(),
            endpoints: vec!["lota".into()],
            buckets: vec!["training".to_owned(), "vision-*".to_owned()],
            profiles: 1,
            committed: 8 * TIB,
            budget: 10 * TIB,
        }],
        runs: vec![run("latest-llama", 11), waiting()],
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

pub(crate) fn failure(profile: &str, class: &str, key: &str, message: &str) -> Failure {
    Failure {
        run: Some(id(2)),
        profile: Some(profile.to_owned()),
        at: Some(at("2026-03-09T13:07:30Z")),
        ..Failure::new(class, ObjectName::new(&Bucket::new("ckpt-llama"), &Key::from(key)), message)
    }
}

fn counters() -> Counters {
    use Outcome::{Complete, Partial};
    let name = str::to_owned;
    Counters {
        reloads_succeeded: 2,
        reloads_failed: 1,
        runs: BTreeMap::from([
            (name("latest-llama"), BTreeMap::from([(Partial, 3), (Complete, 860)])),
            (name("nightly-imagenet"), BTreeMap::from([(Complete, 3)])),
        ]),
        missed: BTreeMap::from([(name("latest-llama"), 4)]),
        objects: BTreeMap::from([
            (name("lota"), EndedObjects { warmed: count(81_204, 19 * TIB), gone: 4, failed: 2, unknown: 1 }),
            (name("lota-eu"), EndedObjects { warmed: count(3, 15 * GIB), gone: 0, failed: 0, unknown: 5 }),
        ]),
    }
}
