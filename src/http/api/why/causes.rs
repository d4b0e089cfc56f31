//! What keeps a profile from being warm, in the order in which it is put right: what holds for the whole daemon, what is in the
//! profile's way now, what came of its latest run, and what starts the next one.

use chrono::{DateTime, Utc};

use crate::http::text::{count, length};
use crate::report::{Outcome, ReasonClass};
use model::api::{Cause, EndedRun, Pause, Profile, Progress, Status};

/// `name` is a word for scripts.
fn cause(name: &str, why: impl Into<String>, todo: impl Into<String>) -> Cause {
    Cause { cause: name.to_owned(), why: why.into(), r#do: todo.into() }
}

pub(super) fn causes(view: &Status, profile: &Profile) -> Vec<Cause> {
    let of_daemon = [stopping(view), files_refused(view), journal(view), endpoint(view, profile), keys(view, profile)];
    let now = [paused(profile), running(view, profile), waiting(profile)];
    let is_under_way = now.iter().any(Option::is_some);
    let mut causes: Vec<Cause> = of_daemon.into_iter().chain(now).flatten().collect();
    causes.extend(latest(view, profile));
    if !is_under_way {
        causes.push(start(view, profile));
    }
    causes
}

fn stopping(view: &Status) -> Option<Cause> {
    let why = "the daemon is being stopped: nothing begins any more";
    view.stopping.then(|| cause("stopping", why, "start it again: what was interrupted is taken up"))
}

fn files_refused(view: &Status) -> Option<Cause> {
    let error = view.reload.error.as_deref()?;
    let since = ago(view, view.reload.at);
    let mut lines = error.lines();
    let first = lines.next().unwrap_or_default().trim_start_matches("error: ");
    let place = lines.next().and_then(|line| line.trim_start().strip_prefix("--> "));
    let place = place.map_or_else(String::new, |place| format!("{place}: "));
    let why = format!("the files were refused {since}, and the configuration before them is in force: {place}{first}");
    Some(cause("files_refused", why, "put right what `hotset check` shows, then `hotset reload`"))
}

fn journal(view: &Status) -> Option<Cause> {
    let why = view.journal.error.as_deref()?;
    let why = format!("the journal cannot be written, and runs beyond what fits into memory are refused: {why}");
    Some(cause("journal", why, "make room, or let the daemon's user write there"))
}

fn endpoint(view: &Status, profile: &Profile) -> Option<Cause> {
    let endpoint = view.endpoints.iter().find(|endpoint| endpoint.name == profile.endpoint)?;
    endpoint.silent_s?;
    let why = format!("endpoint {}: {}", endpoint.name, endpoint.state);
    let todo = format!("see whether {} answers where the daemon runs: `hotset check --online`", endpoint.cache_url);
    Some(cause("endpoint", why, todo))
}

fn keys(view: &Status, profile: &Profile) -> Option<Cause> {
    let endpoint = view.endpoints.iter().find(|endpoint| endpoint.name == profile.endpoint)?;
    let expired = endpoint.credentials_expiry.filter(|expiry| *expiry <= view.now)?;
    let why = format!("the keys of endpoint {} expired {}", endpoint.name, ago(view, expired));
    Some(cause("keys_expired", why, "renew what they are read from: they are read again by themselves"))
}

fn paused(profile: &Profile) -> Option<Cause> {
    let pause = profile.paused.as_ref()?;
    let remedy = match pause.by_configuration {
        true => "take `paused = true` out of its table".to_owned(),
        false => format!("`hotset resume {}`", profile.name),
    };
    Some(cause("paused", pause_text(pause), remedy))
}

fn running(view: &Status, profile: &Profile) -> Option<Cause> {
    let run = profile.running.as_ref()?;
    let began = format!("run {} began {}", run.info.id, ago(view, run.info.started));
    Some(match &run.progress.stopping {
        Some(why) => {
            let why = format!("{began}, and is being stopped: {why}");
            cause("running", why, "wait until it has ended")
        }
        None => {
            let todo = format!("`hotset wait {}` ends when it is warm", profile.name);
            cause("running", format!("{began}: {}", progress(&run.progress)), todo)
        }
    })
}

fn progress(run: &Progress) -> String {
    if let Some(trouble) = &run.trouble {
        return trouble.clone();
    }
    if run.planned.objects == 0 {
        return format!("listing, {} objects so far", count(run.listed));
    }
    format!("{} of {} objects", count(run.ended.objects), count(run.planned.objects))
}

fn waiting(profile: &Profile) -> Option<Cause> {
    let waiting = profile.waiting.as_ref().filter(|_| profile.paused.is_none() && profile.running.is_none())?;
    let todo = format!("`hotset wait {} --start` runs it now, whatever its window", profile.name);
    Some(cause("waiting", format!("a run ({}) waits: {}", waiting.trigger.as_str(), waiting.why), todo))
}

/// What came of the latest run, which did not warm the profile as it is configured now.
fn latest(view: &Status, profile: &Profile) -> Option<Cause> {
    let last = profile.last.as_ref()?;
    if last.ended > view.now {
        let why = "the clock was set back: the latest run ended after now";
        return Some(cause("clock", why, "set the clock of the daemon's machine"));
    }
    let ended = format!("run {} ended {} {}", last.info.id, last.outcome, ago(view, last.ended));
    if last.fingerprint != profile.fingerprint {
        let why = format!("{ended}, of another configuration than the one in force");
        return Some(cause("changed", why, format!("`hotset wait {} --start` runs this one", profile.name)));
    }
    if last.outcome == Outcome::Complete {
        let why = format!("{ended}, and a run counts for {} (`rewarm_after`)", length(profile.rewarm_after()));
        return Some(cause("too_old", why, "let it run more often, or raise `rewarm_after`"));
    }
    let reason = last.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    Some(cause("latest_run", format!("{ended}{reason}"), advice(profile, last)))
}

/// What starts the next run.
fn start(view: &Status, profile: &Profile) -> Cause {
    let by_hand = format!("`hotset wait {} --start` runs it now", profile.name);
    match (profile.schedules.as_slice(), profile.next_due) {
        ([], _) => cause("no_schedule", "it has no schedule: nothing starts it by itself", by_hand),
        (_, None) => cause("no_schedule", "its schedule never fires again", by_hand),
        (_, Some(due)) => {
            let left = length((due - view.now).to_std().unwrap_or_default());
            cause("not_due", format!("its next run is due in {left}, at {}", instant(due)), by_hand)
        }
    }
}

/// What to do about a reason of this class.
fn advice(profile: &Profile, last: &EndedRun) -> String {
    use ReasonClass as Class;
    let Some(class) = last.reason_class else {
        return format!("`hotset runs {}` has what failed, object by object", last.info.id);
    };
    let advice = match class {
        Class::Cancelled => "`hotset wait NAME --start` begins another",
        Class::WindowClosed => "widen its `window`, or start it earlier in it",
        Class::Replaced => "let it run less often, or `on_overlap = \"skip\"`",
        Class::NoKeys => "give the daemon keys: `hotset check --online` names where it looked",
        Class::ClockSkew => "set the clock of the daemon's machine",
        Class::Denied => {
            "let the keys list (s3:ListBucket) and read (s3:GetObject): `hotset check --online` tries both"
        }
        Class::TwoStores => "look whether `cache_url` and `list_url` are of one store",
        Class::OtherCache => "look at `cache_url`: something else answers there",
        Class::Malformed => "look at `cache_url` and `list_url`: something else answers there",
        Class::Unanswered => "see whether the addresses answer where the daemon runs: `hotset check --online`",
        Class::Throttled => "ask for less: lower `max_in_flight`, or set `max_requests_per_second`",
        Class::OverCap => "raise its caps: `hotset plan NAME` shows what did not fit",
        Class::NothingMatched => "`hotset plan NAME` shows what is listed, and why it is left out",
        Class::Checkpoint => "`hotset plan NAME` shows each checkpoint, and what is missing in it",
        Class::Deadline => "raise its `deadline`, or what its endpoint may have in flight",
        Class::NotFound => "look at the names of its buckets: `hotset check --online`",
        Class::Rejected => "look at `region` and `addressing` of its endpoint: `hotset check --online`",
    };
    advice.replace("NAME", &profile.name)
}

fn ago(view: &Status, then: DateTime<Utc>) -> String {
    format!("{} ago", length((view.now - then).to_std().unwrap_or_default()))
}

pub(crate) fn pause_text(pause: &Pause) -> String {
    match (pause.by_configuration, pause.until) {
        (true, _) => "it is paused in the configuration".to_owned(),
        (false, Some(until)) => format!("it is paused by hand until {}", instant(until)),
        (false, None) => "it is paused by hand".to_owned(),
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
