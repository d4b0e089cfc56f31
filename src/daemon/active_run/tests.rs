//! What a journal makes of a claim.

use std::fs;

use tokio::task::yield_now;

use super::*;
use crate::daemon::scheduler::RunRequest;
use crate::journal::{Journal, Watermark};
use crate::report::{RunInfo, StopReason, Trigger};
use crate::run::Task;
use crate::warm::StopSignal;
use model::config::{self, Source};

fn request(info: RunInfo, resumed_with: Option<Count>) -> ActiveRun {
    let text = "[endpoint.e]\ncache_url = \"http://cache.test\"\nregion = \"r\"\n\
                [profile.p]\nobjects = [\"s3://b/**\"]\nmax_bytes = \"1 GiB\"\n";
    let source = Source::trusted("hotset.toml", text.to_owned(), 0);
    let config = config::load_sources(vec![source]).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
    let profile = config.profiles["p"].clone();
    let fingerprint = config.fingerprint(&profile);
    ActiveRun::new(Arc::new(RunRequest {
        task: Task { profile, fingerprint },
        info,
        resumed_with,
        rewarm: false,
        deadline: Duration::from_secs(60),
        watermark: Watermark { at: info.started, timetable: "daily".to_owned() },
        stop: StopSignal::default(),
    }))
}

fn scheduled() -> RunInfo {
    let now = clock::now();
    RunInfo { due: Some(now), ..RunInfo::new(Trigger::Schedule, now) }
}

async fn claim(journal: &FailoverJournal, info: RunInfo) -> Result<Box<(Pass, Claim)>, Denied> {
    match request(info, (info.resumes > 0).then(Count::default)).claim(journal.clone(), async {}).await {
        Step::Granted(granted) => Ok(granted),
        Step::Denied(denied) => Err(denied),
        Step::Ended(_) => panic!("a claim is no run"),
    }
}

#[tokio::test]
async fn a_profile_is_granted_one_run_at_a_time_and_each_fire_once() {
    let journal = FailoverJournal::open(None).unwrap();
    let first = scheduled();
    let Ok(granted) = claim(&journal, first).await else { panic!("it is free") };
    let state = &journal.journal().profiles().unwrap()["p"];
    assert_eq!(
        (state.last_due, state.watermark),
        (first.due.map(ms), Some(ms(first.started))),
        "written with the claim"
    );
    let other = RunInfo { due: None, ..scheduled() };
    let denied = claim(&journal, other).await.err();
    assert!(matches!(denied, Some(Denied::AlreadyRunning { id, .. }) if id == first.id.to_string()));
    drop(granted);
    let again = RunInfo { id: other.id, ..first };
    let denied = claim(&journal, again).await.err();
    assert!(matches!(denied, Some(Denied::AlreadyDone { id }) if id == first.id.to_string()));
}

/// As a journal keeps it.
fn ms(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap()
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_grants_new_and_resumed_runs_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("state");
    fs::write(&dir, "in the way").unwrap();
    let journal = FailoverJournal::open(Some(&dir)).unwrap();
    let granted = claim(&journal, RunInfo { resumes: 1, ..scheduled() }).await;
    let Ok(granted) = granted else { panic!("only the disk knows the run that is resumed") };
    let (pass, _claim) = *granted;
    assert!(pass.degraded && pass.journal.as_ref().is_some_and(Journal::is_in_memory));
    assert!(claim(&journal, scheduled()).await.is_err(), "and it holds the profile there");
}

#[tokio::test(start_paused = true)]
async fn a_claim_waits_for_what_was_to_be_written_before_it_and_keeps_what_the_run_was_told() {
    let journal = FailoverJournal::open(None).unwrap();
    let active = request(scheduled(), None);
    let (written, earlier) = tokio::sync::oneshot::channel::<()>();
    let claiming = tokio::spawn(active.claim(journal.clone(), async move { earlier.await.unwrap() }));
    yield_now().await;
    assert!(journal.journal().profiles().unwrap().is_empty());
    active.request.stop.stop(StopReason::Paused);
    written.send(()).unwrap();
    let Step::Granted(granted) = claiming.await.unwrap() else { panic!("nothing is in its way") };
    assert_eq!(
        (granted.0.stop.reason(), active.view().progress.stopping.as_deref()),
        (Some(StopReason::Paused), Some(StopReason::Paused.as_str()))
    );
}
